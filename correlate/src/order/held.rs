//! Held batches: the rows that wait, in few and compact batches.
//!
//! In: batches, many of them of a few rows each where events come live. Out: each row, wherever it is by now. Owns: the
//! merging of small batches, once, when they are enough: a batch of 150 columns takes tens of kilobytes, however few rows
//! it has; and which batches are packed, when many rows wait. Law: neither merging nor packing changes a row; what is held
//! has the columns that folding reads, and no others.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat;
use arrow::error::ArrowError;
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventBatch, EventBuilder, compact};

use super::Waiting;
use super::packed::Packed;
use crate::fact::columns::folded_columns;
use crate::keyed::HashMap;

/// A batch of so many rows stays as it is, and smaller ones become one when they have as many together …
const ENOUGH_ROWS: usize = 1_024;
/// … or when there are so many of them.
const MOST_SMALL: usize = 64;

/// A batch, and how many of its rows still wait.
#[derive(Debug)]
struct Held {
    /// As it came; none while it is only there in packed form.
    loose: Option<EventBatch>,
    packed: Option<Packed>,
    rows: usize,
    waiting: usize,
    /// The small ones that it was made of.
    parts: Vec<usize>,
}

/// Where the rows of a batch went.
#[derive(Debug, Clone, Copy)]
struct Moved {
    to: usize,
    /// By table, the place of its first row.
    from: [usize; 3],
}

impl Held {
    fn of(batch: EventBatch, waiting: usize, parts: Vec<usize>) -> Self {
        Self { rows: batch.num_rows(), loose: Some(batch), packed: None, waiting, parts }
    }

    /// How many of its rows are there as they came.
    fn loose_rows(&self) -> usize {
        if self.loose.is_some() { self.rows } else { 0 }
    }
}

/// Batches whose rows wait.
#[derive(Debug)]
pub(super) struct Batches {
    /// How many rows may be there as they came: batches that come when there are more are packed.
    most_loose: usize,
    loose_rows: usize,
    /// Batches that came when there were enough, until they are packed.
    too_many: Vec<usize>,
    held: BTreeMap<usize, Held>,
    moved: HashMap<usize, Moved>,
    /// Small batches that are not merged yet, and the rows that they had when they came. Bound: [`MOST_SMALL`].
    small: Vec<usize>,
    small_rows: usize,
    next: usize,
    /// Rows without any value, for columns that nobody reads.
    absent: Option<EventBatch>,
}

impl Batches {
    /// None yet; of those that come, so many rows stay as they are.
    pub(super) fn new(most_loose: usize) -> Self {
        let (too_many, held, moved, small) = Default::default();
        Self { most_loose, loose_rows: 0, too_many, held, moved, small, small_rows: 0, next: 0, absent: None }
    }

    /// The number that the next batch will have.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    /// Holds a batch of which so many rows wait, with the columns that folding reads: the others are most of it.
    pub(super) fn hold(&mut self, batch: &EventBatch, waiting: usize) {
        let absent = self.absent(batch.num_rows());
        let batch = of_tables(|table, names| folded(table(batch), table(absent), names));
        let (rows, held) = (batch.num_rows(), Held::of(batch, waiting, Vec::new()));
        if rows >= ENOUGH_ROWS || self.most_loose == 0 {
            self.insert_large(held);
            return;
        }
        let number = self.insert(held);
        self.small.push(number);
        self.small_rows += rows;
        if self.small_rows >= ENOUGH_ROWS || self.small.len() >= MOST_SMALL {
            self.merge();
        }
    }

    fn insert(&mut self, held: Held) -> usize {
        let number = self.next;
        self.next += 1;
        self.loose_rows += held.rows;
        self.held.insert(number, held);
        number
    }

    /// Inserts a batch that is not merged with others, or no more.
    fn insert_large(&mut self, held: Held) {
        let is_enough = self.loose_rows >= self.most_loose;
        let number = self.insert(held);
        if is_enough {
            self.too_many.push(number);
        }
    }

    /// Packs the batches that came when there were enough.
    pub(super) fn pack(&mut self) {
        for number in std::mem::take(&mut self.too_many) {
            let Some(held) = self.held.get_mut(&number) else { continue };
            // One that cannot be packed stays as it is.
            held.packed = held.loose.as_ref().and_then(|batch| Packed::of(batch).ok());
            if held.packed.is_some() {
                held.loose = None;
                self.loose_rows = self.loose_rows.saturating_sub(held.rows);
            }
        }
    }

    /// Makes sure that the batches of these rows can be read.
    pub(super) fn open(&mut self, rows: &[Waiting]) -> Result<(), ArrowError> {
        if self.held.values().all(|held| held.loose.is_some()) {
            return Ok(());
        }
        let mut last = None;
        for row in rows {
            let (number, _) = self.place(row);
            if last.replace(number) == Some(number) {
                continue;
            }
            let packed = self.held.get(&number).filter(|held| held.loose.is_none());
            if let Some(rows) = packed.map(|held| held.rows) {
                self.unpack(number, rows)?;
            }
        }
        Ok(())
    }

    fn unpack(&mut self, number: usize, rows: usize) -> Result<(), ArrowError> {
        self.absent(rows);
        let Self { held, absent, loose_rows, .. } = self;
        let Some((held, absent)) = held.get_mut(&number).zip(absent.as_ref()) else { return Ok(()) };
        held.loose = held.packed.as_ref().map(|packed| packed.batch(absent)).transpose()?;
        *loose_rows += held.loose_rows();
        Ok(())
    }

    /// Lets go of what was unpacked, since nobody reads it for now.
    pub(super) fn close(&mut self) {
        let mut closed = 0;
        for held in self.held.values_mut().filter(|held| held.packed.is_some()) {
            closed += held.loose_rows();
            held.loose = None;
        }
        self.loose_rows = self.loose_rows.saturating_sub(closed);
    }

    /// Makes one batch of the small ones.
    fn merge(&mut self) {
        let (numbers, to) = (std::mem::take(&mut self.small), self.next);
        self.small_rows = 0;
        let there: Vec<(usize, Held)> =
            numbers.into_iter().filter_map(|number| Some((number, self.held.remove(&number)?))).collect();
        let batches: Vec<&EventBatch> = there.iter().filter_map(|(_, held)| held.loose.as_ref()).collect();
        let batch = self.merged(&batches);
        let (mut from, mut waiting, mut parts) = ([0; 3], 0, Vec::new());
        for (number, held) in there {
            self.moved.insert(number, Moved { to, from });
            self.loose_rows = self.loose_rows.saturating_sub(held.rows);
            let rows = held.loose.as_ref().map_or([0; 3], |batch| tables(batch).map(RecordBatch::num_rows));
            from.iter_mut().zip(rows).for_each(|(from, rows)| *from += rows);
            waiting += held.waiting;
            parts.push(number);
        }
        self.insert_large(Held::of(batch, waiting, parts));
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

    /// Where a row is: the number of its batch, the batch, which is open, and its place in its table there.
    pub(super) fn find(&self, row: &Waiting) -> Option<(usize, &EventBatch, usize)> {
        let (number, place) = self.place(row);
        let batch = self.held.get(&number)?.loose.as_ref()?;
        Some((number, batch, place))
    }

    /// The number of the batch that a row is in by now, and its place there.
    fn place(&self, row: &Waiting) -> (usize, usize) {
        match self.moved.get(&row.batch) {
            Some(Moved { to, from }) => {
                (*to, row.row + from.get(row.table as usize).copied().unwrap_or_default())
            }
            None => (row.batch, row.row),
        }
    }

    /// One row of a batch waits no more.
    pub(super) fn release(&mut self, number: usize) {
        let number = self.moved.get(&number).map_or(number, |moved| moved.to);
        let Some(held) = self.held.get_mut(&number) else { return };
        held.waiting = held.waiting.saturating_sub(1);
        if held.waiting == 0
            && let Some(held) = self.held.remove(&number)
        {
            self.loose_rows = self.loose_rows.saturating_sub(held.loose_rows());
            for part in &held.parts {
                self.moved.remove(part);
            }
            self.small.retain(|other| *other != number);
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

    /// A thousand batches of one to three rows, and where their rows are.
    fn held(batches: &mut Batches) -> Vec<(usize, Waiting)> {
        let mut waiting = Vec::new();
        for number in 0..1_000 {
            let (rows, batch) = (rows(number), batches.next());
            let at = |table, row| Waiting { time: EventTime(0), id: EventId::default(), table, batch, row };
            let hosts = (0..rows.host_events.len()).map(|row| at(EventTable::HostEvents, row));
            waiting.extend(hosts.chain([at(EventTable::IdentityAssertions, 0)]).map(|row| (number, row)));
            batches.hold(&rows.to_batch(), rows.len());
        }
        waiting
    }

    /// Each row is found, with what folding reads of it.
    fn check(batches: &Batches, waiting: &[(usize, Waiting)]) {
        for (number, row) in waiting {
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
    }

    fn release(batches: &mut Batches, waiting: &[(usize, Waiting)]) {
        for (_, row) in waiting {
            batches.release(row.batch);
        }
    }

    fn is_empty(batches: &Batches) -> bool {
        let Batches { held, moved, small, loose_rows, .. } = batches;
        held.is_empty() && moved.is_empty() && small.is_empty() && *loose_rows == 0
    }

    /// Scenario: a thousand batches of one to three rows. Guarantees: few are held; each row is found with what folding
    /// reads of it; when no row waits, nothing is left.
    #[test]
    fn small_batches_become_few() {
        let mut batches = Batches::new(usize::MAX);
        let waiting = held(&mut batches);
        assert!(batches.held.len() < 2 * MOST_SMALL, "{}", batches.held.len());
        check(&batches, &waiting);
        release(&mut batches, &waiting);
        assert!(is_empty(&batches));
    }

    /// Scenario: the same, while few rows may be loose; some are opened and closed again, then all are opened. Guarantees:
    /// most rows are there in packed form only; once opened, each is found as it was; when no row waits, nothing is left.
    #[test]
    fn many_rows_wait_packed() {
        for most_loose in [0, 500] {
            let mut batches = Batches::new(most_loose);
            let waiting = held(&mut batches);
            let all: Vec<Waiting> = waiting.iter().map(|(_, row)| *row).collect();
            assert_eq!(batches.loose_rows, all.len(), "nothing is packed while somebody may read it");
            batches.pack();
            let loose = batches.loose_rows;
            assert!(loose <= most_loose + MOST_SMALL * 3, "{loose} rows are loose");
            assert!(waiting.iter().any(|(_, row)| batches.find(row).is_none()), "none is packed");
            batches.open(&all[..100]).expect("what was packed here can be unpacked");
            check(&batches, &waiting[..100]);
            batches.close();
            assert_eq!(batches.loose_rows, loose);
            batches.open(&all).expect("what was packed here can be unpacked");
            check(&batches, &waiting);
            assert_eq!(batches.loose_rows, all.len());
            release(&mut batches, &waiting);
            assert!(is_empty(&batches));
        }
    }
}
