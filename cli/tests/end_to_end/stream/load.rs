//! Logs of the generator for a topic, and what has to come of them.
//!
//! In: how many lines. Out: messages, in any order or as their events happened. Owns: the replay that a stream is
//! compared with.

use std::collections::BTreeMap;
use std::path::Path;

use offbound_schemas::EventTime;
use offbound_schemas::record::Summary;
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_store::{Columns, SCAN_ROWS, Store, StoreError};
use offbound_testbed::Message;

use super::{assert_same, assert_same_events, comparable, conclusions, feed, replayed};

/// Records, and what a replay makes of them.
pub(super) struct Load {
    logs: tempfile::TempDir,
    expected: tempfile::TempDir,
    pub(super) records: Vec<feed::Record>,
}

impl Load {
    pub(super) fn of(lines: u64) -> Self {
        let logs = feed::generated(lines);
        let expected = replayed(logs.path());
        let records = feed::records_of(logs.path());
        Self { logs, expected, records }
    }

    pub(super) fn environment(&self) -> String {
        self.logs.path().join("environment.toml").display().to_string()
    }

    /// The records in any order. A stream has to be `patient` with them.
    pub(super) fn in_any_order(&self, seed: u64) -> Vec<Message<'_>> {
        feed::interleaved(&self.records, seed)
    }

    /// The records about as their events happened, each up to `feed::LATE` later, in any partition.
    pub(super) fn in_time(&self, seed: u64) -> Vec<Message<'_>> {
        feed::in_time(&self.records, &times(self.expected.path()), seed)
    }

    /// Events, findings, incidents and counts are those of an undisturbed replay.
    pub(super) fn check(&self, what: &str, streamed: &Path) {
        assert_same_events(what, self.expected.path(), streamed);
        let (expected, found) = (conclusions(self.expected.path()), conclusions(streamed));
        assert!(!expected.findings.is_empty() && !expected.incidents.is_empty());
        assert_eq!(
            found.summary.as_ref().map(|it| it.late),
            Some(0),
            "{what}: later than this test lets it be"
        );
        assert_same(what, &comparable(&found), &comparable(&expected));
        // How many of a record's lines were decoded together depends on when they came.
        let counts = |summary: Option<Summary>| summary.map(|it| (it.read, it.from, it.to));
        assert_eq!(counts(found.summary), counts(expected.summary), "each record is counted once");
    }
}

/// When the events of each line of each file happened, the earliest of them.
fn times(replayed: &Path) -> BTreeMap<(String, usize), EventTime> {
    let store = Store::open(&replayed.join("store")).expect("a store");
    let mut times = BTreeMap::new();
    let mut add = |location: &str, time: EventTime| {
        let (path, line) = location.rsplit_once(':').expect("path:line");
        let file = path.rsplit('/').next().unwrap_or(path);
        let line = line.parse().expect("a line's number");
        let known = times.entry((file.to_owned(), line)).or_insert(time);
        *known = time.min(*known);
    };
    let all = store.scan_in_order(&Columns::without_text(), SCAN_ROWS, |batch| -> Result<(), StoreError> {
        let hosts = host_events::View::new(&batch.host_events).expect("the table's shape");
        let uses = identity_assertions::View::new(&batch.identity_assertions).expect("the table's shape");
        (0..hosts.len()).for_each(|row| add(hosts.location(row), hosts.event_time(row)));
        let places = placements::View::new(&batch.placements).expect("the table's shape");
        (0..uses.len()).for_each(|row| add(uses.location(row), uses.event_time(row)));
        (0..places.len()).for_each(|row| add(places.location(row), places.event_time(row)));
        Ok(())
    });
    all.expect("a sound store");
    times
}
