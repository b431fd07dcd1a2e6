//! Events, from the store's segments.
//!
//! In: columns and a narrowing. Out: rows of one event table, each once, by (event time, event id) where order is asked
//! for. Owns: how a large scan is shared among threads. Leaves to `store` what can be left unread.
//! Law: every scan, and every part of one, sees the same moment, also while somebody writes.

use offbound_schemas::EventTime;
use offbound_store::{EventTable, RowOrder, ScanFilter, Snapshot};

use super::{Rows, Take};
use crate::exit::Failure;
use crate::hunt::pushdown::Narrowing;
use crate::hunt::session;

/// Fewest rows of a table that are worth a second thread.
const ROWS_OF_A_PART: u64 = 100_000;

/// One event table of a store.
#[derive(Debug)]
pub(super) struct Events {
    table: EventTable,
    snapshot: Snapshot,
    rows: u64,
    /// Earliest and latest event.
    span: Option<(EventTime, EventTime)>,
}

impl Events {
    pub(super) fn new(table: EventTable, snapshot: &Snapshot) -> Self {
        let contents = snapshot.contents().into_iter().find(|contents| contents.table == table);
        let (rows, span) = contents.map_or((0, None), |contents| (contents.rows, contents.span));
        Self { table, snapshot: snapshot.clone(), rows, span }
    }
}

impl Rows for Events {
    /// Equal stretches of time, one for each thread. Where values are looked for, little is read, and one is enough.
    fn parts(&self, narrowing: &Narrowing) -> Vec<Narrowing> {
        let threads =
            session::threads().min(usize::try_from(self.rows / ROWS_OF_A_PART).unwrap_or(usize::MAX));
        match self.span {
            Some((first, last)) if threads > 1 && narrowing.equals.is_empty() => {
                let first = narrowing.from.map_or(first, |from| from.max(first));
                let last = narrowing.until.map_or(last, |until| until.min(last));
                cut(narrowing, first, last, threads)
            }
            _ => vec![narrowing.clone()],
        }
    }

    fn read(
        &self,
        columns: &[&str],
        narrowing: &Narrowing,
        order: RowOrder,
        take: Take<'_>,
    ) -> Result<(), Failure> {
        let Narrowing { from, until, equals } = narrowing.clone();
        let filter = ScanFilter { from, to: until, equals };
        self.snapshot.scan_table(self.table, columns, &filter, order, take)?;
        Ok(())
    }
}

/// The narrowing in so many parts of equal length, the first and the last of them open where it is.
fn cut(narrowing: &Narrowing, first: EventTime, last: EventTime, parts: usize) -> Vec<Narrowing> {
    let count = i64::try_from(parts).unwrap_or(1).max(1);
    let step = (last.nanos_since(first) / count).max(1);
    let edges: Vec<EventTime> = (1..count).map(|part| first.plus_nanos(step.saturating_mul(part))).collect();
    let starts = std::iter::once(narrowing.from).chain(edges.iter().copied().map(Some));
    let ends = edges.iter().copied().map(Some).chain(std::iter::once(narrowing.until));
    starts.zip(ends).map(|(from, until)| Narrowing { from, until, equals: Vec::new() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: spans of time, with and without bounds, in several parts. Guarantees: the parts touch, share no moment,
    /// and end where the whole does.
    #[test]
    fn parts_make_the_whole() {
        let time = |nanos: i64| Some(EventTime(nanos));
        for (from, until, parts) in
            [(None, None, 3), (time(10), time(90), 4), (time(50), None, 2), (None, time(3), 3)]
        {
            let narrowing = Narrowing { from, until, equals: Vec::new() };
            let found = cut(&narrowing, from.unwrap_or(EventTime(0)), until.unwrap_or(EventTime(100)), parts);
            assert_eq!(found.len(), parts);
            assert_eq!((found[0].from, found[parts - 1].until), (from, until));
            for pair in found.windows(2) {
                assert!(pair[0].until == pair[1].from && pair[0].until.is_some(), "{found:?}");
                assert!(pair[0].from <= pair[0].until, "{found:?}");
            }
        }
    }
}
