//! Held batches: the rows that wait, in few and compact batches.
//!
//! In: batches, many of them of a few rows each where events come live. Out: each row, wherever it is by now. Owns: the
//! merging of small batches, of which every sixteen become one: a batch of 150 columns takes tens of kilobytes, however
//! few rows it has. Law: merging changes no row; what is held has the columns that folding reads, and no others.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventBatch, EventBuilder};

use super::Waiting;
use crate::fact::columns::folded_columns;
use crate::keyed::HashMap;

/// How many batches of about the same size become one.
const MERGED: usize = 16;
/// Rows up to which batches are of about the same size; larger ones than the last stay as they are.
const SIZES: [usize; 2] = [64, 1_024];

/// A batch, and how many of its rows still wait.
#[derive(Debug)]
struct Held {
    batch: EventBatch,
    waiting: usize,
    /// The batches that it was made of.
    parts: Vec<usize>,
}

/// Where the rows of a batch went.
#[derive(Debug, Clone, Copy)]
struct Moved {
    to: usize,
    /// By table, the place of its first row.
    from: [usize; 3],
}

/// Batches whose rows wait.
#[derive(Debug, Default)]
pub(super) struct Batches {
    held: BTreeMap<usize, Held>,
    moved: HashMap<usize, Moved>,
    /// Small batches that are not merged yet, by size. Bound: [`MERGED`] each.
    small: [Vec<usize>; SIZES.len()],
    next: usize,
    /// Rows without any value, for columns that nobody reads.
    absent: Option<EventBatch>,
}

impl Batches {
    /// The number that the next batch will have.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    /// Holds a batch of which so many rows wait, with the columns that folding reads: the others are most of it.
    pub(super) fn hold(&mut self, batch: &EventBatch, waiting: usize) {
        let absent = self.absent(batch.num_rows());
        let batch = of_tables(|table, names| folded(table(batch), table(absent), names));
        self.insert(Held { batch, waiting, parts: Vec::new() });
        for size in 0..SIZES.len() {
            if self.small.get(size).is_some_and(|small| small.len() >= MERGED) {
                self.merge(size);
            }
        }
    }

    fn insert(&mut self, held: Held) {
        let number = self.next;
        self.next += 1;
        let rows = held.batch.num_rows();
        if let Some(size) = SIZES.iter().position(|most| rows <= *most)
            && let Some(small) = self.small.get_mut(size)
        {
            small.push(number);
        }
        self.held.insert(number, held);
    }

    /// Makes one batch of the small ones of a size.
    fn merge(&mut self, size: usize) {
        let numbers = self.small.get_mut(size).map(std::mem::take).unwrap_or_default();
        let there: Vec<(usize, Held)> =
            numbers.into_iter().filter_map(|number| Some((number, self.held.remove(&number)?))).collect();
        let batches: Vec<&EventBatch> = there.iter().map(|(_, held)| &held.batch).collect();
        let batch = self.merged(&batches);
        let to = self.next;
        let (mut from, mut waiting, mut parts) = ([0; 3], 0, Vec::new());
        for (number, held) in there {
            self.moved.insert(number, Moved { to, from });
            let rows = tables(&held.batch).map(RecordBatch::num_rows);
            from.iter_mut().zip(rows).for_each(|(from, rows)| *from += rows);
            waiting += held.waiting;
            parts.extend(held.parts);
            parts.push(number);
        }
        self.insert(Held { batch, waiting, parts });
    }

    fn merged(&mut self, batches: &[&EventBatch]) -> EventBatch {
        let absent = self.absent(batches.iter().map(|batch| batch.num_rows()).sum());
        of_tables(|table, names| {
            let parts: Vec<&RecordBatch> =
                batches.iter().map(|batch| table(batch)).filter(|batch| batch.num_rows() > 0).collect();
            one(&parts, table(absent), names)
        })
    }

    /// At least so many rows without any value.
    fn absent(&mut self, rows: usize) -> &EventBatch {
        let known = self.absent.take().filter(|absent| absent.host_events.num_rows() >= rows);
        self.absent.insert(known.unwrap_or_else(|| absent_rows(rows)))
    }

    /// Where a row is: the number of its batch, the batch, and its place in its table there.
    pub(super) fn find(&self, row: &Waiting) -> Option<(usize, &EventBatch, usize)> {
        let (mut number, mut place) = (row.batch, row.row);
        while let Some(Moved { to, from }) = self.moved.get(&number) {
            place += from.get(row.table as usize).copied().unwrap_or_default();
            number = *to;
        }
        self.held.get(&number).map(|held| (number, &held.batch, place))
    }

    /// One row of a batch waits no more.
    pub(super) fn release(&mut self, mut number: usize) {
        while let Some(moved) = self.moved.get(&number) {
            number = moved.to;
        }
        let Some(held) = self.held.get_mut(&number) else { return };
        held.waiting = held.waiting.saturating_sub(1);
        if held.waiting == 0
            && let Some(held) = self.held.remove(&number)
        {
            for part in &held.parts {
                self.moved.remove(part);
            }
            self.small.iter_mut().for_each(|small| small.retain(|other| *other != number));
        }
    }
}

/// The tables of a batch, in the order of [`EventTable`].
fn tables(batch: &EventBatch) -> [&RecordBatch; 3] {
    let EventBatch { host_events, identity_assertions, placements } = batch;
    [host_events, identity_assertions, placements]
}

/// Which table of a batch.
type Table = fn(&EventBatch) -> &RecordBatch;

/// A batch of tables that are made each in the same way, with the names of the columns that folding reads of them.
fn of_tables(make: impl Fn(Table, &[&str]) -> RecordBatch) -> EventBatch {
    EventBatch {
        host_events: make(|batch| &batch.host_events, folded_columns(host_events::NAME)),
        identity_assertions: make(
            |batch| &batch.identity_assertions,
            folded_columns(identity_assertions::NAME),
        ),
        placements: make(|batch| &batch.placements, folded_columns(placements::NAME)),
    }
}

/// So many rows of each table without any value.
fn absent_rows(rows: usize) -> EventBatch {
    let mut builder = EventBuilder::default();
    for _ in 0..rows {
        builder.host_events.end_row();
        builder.identity_assertions.end_row();
        builder.placements.end_row();
    }
    builder.finish()
}

/// A batch with the columns of these names that have any value; others take no room.
fn folded(batch: &RecordBatch, absent: &RecordBatch, names: &[&str]) -> RecordBatch {
    let (schema, rows) = (batch.schema(), batch.num_rows());
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        let is_read = names.contains(&field.name().as_str()) && column.null_count() < rows;
        let nothing = absent.column_by_name(field.name()).filter(|_| !is_read);
        nothing.map_or_else(|| Arc::clone(column), |nothing| nothing.slice(0, rows))
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect())
        .expect("columns of this schema, of as many rows as the batch has")
}

/// One batch of several, with the columns of these names; others have no value.
fn one(parts: &[&RecordBatch], absent: &RecordBatch, names: &[&str]) -> RecordBatch {
    let rows = parts.iter().map(|part| part.num_rows()).sum();
    let schema = absent.schema();
    let columns = schema.fields().iter().zip(absent.columns()).map(|(field, nothing)| {
        let values = parts.iter().filter_map(|part| part.column_by_name(field.name()).map(AsRef::as_ref));
        let values: Vec<&dyn Array> = values.collect();
        let has_none = values.iter().all(|values| values.null_count() == values.len());
        if has_none || !names.contains(&field.name().as_str()) {
            return nothing.slice(0, rows);
        }
        compact(concat(&values).expect("each part was viewed as a batch of this table"))
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect())
        .expect("columns of this schema, of as many rows as all parts have")
}

/// The same values, and none of the memory around them.
fn compact(column: ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()),
        DataType::List(item) if *item.data_type() == DataType::Utf8View => {
            let list = column.as_list::<i32>();
            let texts = Arc::new(list.values().as_string_view().gc());
            Arc::new(ListArray::new(Arc::clone(item), list.offsets().clone(), texts, list.nulls().cloned()))
        }
        _ => column,
    }
}

#[cfg(test)]
mod tests {
    use offbound_schemas::table::{HostEvent, IdentityAssertion};
    use offbound_schemas::{EventId, EventRows, EventTime};

    use super::super::EventTable;
    use super::*;

    fn rows(number: usize) -> EventRows {
        let text = |what: &str| format!("{what} {number}, with more of it than a view holds itself");
        let assertion = IdentityAssertion {
            event_id: EventId::of(&[b"assertion", &number.to_le_bytes()]),
            location: text("assertion"),
            subject: number.is_multiple_of(3).then(|| text("subject")),
            trust_flags: (0..number % 4).map(|flag| text(&flag.to_string())).collect(),
            raw: text("raw"),
            ..IdentityAssertion::default()
        };
        let host = HostEvent { location: text("host"), pid: Some(number as u32), ..HostEvent::default() };
        EventRows {
            host_events: vec![host; number % 3],
            identity_assertions: vec![assertion],
            ..EventRows::default()
        }
    }

    /// Scenario: a thousand batches of one to three rows. Guarantees: few are held; each row is found with what folding
    /// reads of it; when no row waits, nothing is left.
    #[test]
    fn small_batches_become_few() {
        let mut batches = Batches::default();
        let mut waiting = Vec::new();
        for number in 0..1_000 {
            let (rows, batch) = (rows(number), batches.next());
            let at = |table, row| Waiting { time: EventTime(0), id: EventId::default(), table, batch, row };
            let hosts = (0..rows.host_events.len()).map(|row| at(EventTable::HostEvents, row));
            waiting.extend(hosts.chain([at(EventTable::IdentityAssertions, 0)]).map(|row| (number, row)));
            batches.hold(&rows.to_batch(), rows.len());
        }
        assert!(batches.held.len() < 3 * MERGED, "{}", batches.held.len());
        for (number, row) in &waiting {
            let (_, batch, place) = batches.find(row).expect("it waits");
            let expected = rows(*number);
            if row.table == EventTable::HostEvents {
                let view = host_events::View::new(&batch.host_events).expect("the table's shape");
                let expected = &expected.host_events[row.row];
                assert_eq!((view.location(place), view.pid(place)), (&*expected.location, expected.pid));
            } else {
                let view =
                    identity_assertions::View::new(&batch.identity_assertions).expect("the table's shape");
                let expected = &expected.identity_assertions[0];
                assert_eq!(view.event_id(place), expected.event_id);
                assert_eq!(view.location(place), expected.location);
                assert_eq!(view.subject(place), expected.subject.as_deref());
                assert_eq!(view.trust_flags(place), expected.trust_flags);
            }
        }
        for (_, row) in &waiting {
            batches.release(row.batch);
        }
        assert!(
            batches.held.is_empty() && batches.moved.is_empty() && batches.small.iter().all(Vec::is_empty)
        );
    }
}
