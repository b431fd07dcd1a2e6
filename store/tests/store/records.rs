//! One record, found by its id.

use offbound_schemas::EventId;
use offbound_schemas::table::host_events::column;
use offbound_store::{EventTable, StoreError, Writer};

use crate::rows::{Row, batch, tiny};

/// Scenario: ids that are stored (one of them twice, at two places), and one that is not, over many segments.
/// Guarantees: each stored record is found with its table, place, columns and text; the absent one is not.
#[test]
fn records_are_found_by_id() -> Result<(), StoreError> {
    let table = |id: u16| EventTable::ALL[usize::from(id % 3)];
    let mut rows: Vec<Row> =
        (0..90).map(|id| Row { place: 1, ..Row::new(table(id), i64::from(id), id) }).collect();
    rows.push(Row::new(table(40), 40, 40));
    let mut writer = Writer::temporary(tiny(12, 5))?;
    rows.chunks(31).try_for_each(|rows| writer.append(&batch(rows)))?;
    writer.flush()?;

    for row in [&rows[0], &rows[41], &rows[89], &rows[90]] {
        let id = EventId(row.event_id());
        let found = writer.store().record(id)?.expect("the record is stored");
        assert_eq!((found.event_id, found.event_time.0, found.table), (id, row.time, row.table));
        assert_eq!(found.location, row.location());
        assert!(!found.source.is_empty() && !found.raw.is_empty());
        let text = |name: &str| {
            found.columns.iter().find(|(column, _)| column == name).map(|(_, text)| text.clone())
        };
        assert_eq!(text(column::event_id), Some(id.to_string()));
        assert_eq!(text(column::location), Some(row.location()));
        assert_eq!(text(column::raw), None, "the record's text is beside the columns");
        assert!(found.columns.iter().all(|(_, text)| !text.is_empty()));
    }
    let absent = EventId(Row::new(EventTable::HostEvents, 0, 500).event_id());
    assert_eq!(writer.store().record(absent)?, None);
    let ids: Vec<EventId> = rows.iter().map(|row| EventId(row.event_id())).chain([absent]).collect();
    assert_eq!(writer.store().records(&ids)?.len(), 90);
    assert!(writer.store().records(&[])?.is_empty());
    Ok(())
}
