//! A sink that keeps everything, and the law of counts, for the tests of this folder.

use std::io::Read;
use std::ops::ControlFlow;

use offbound_ingest::{CHUNK_ROWS, FingerprintKey, IngestOptions, IngestSink, SourceRead, read_bytes};
use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;
use offbound_schemas::{EventBatch, EventId, EventRows};

/// Everything that came out of one input.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Collector {
    pub(crate) rows: EventRows,
    pub(crate) letters: Vec<DeadLetter>,
}

impl IngestSink for Collector {
    fn rows(&mut self, batch: EventBatch) -> ControlFlow<()> {
        assert!(batch.num_rows() <= CHUNK_ROWS, "a chunk of {} rows", batch.num_rows());
        let rows = batch.to_rows().expect("batches have the shape of their tables");
        self.rows.host_events.extend(rows.host_events);
        self.rows.identity_assertions.extend(rows.identity_assertions);
        self.rows.placements.extend(rows.placements);
        ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        self.letters.push(letter);
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

impl Collector {
    /// Identities of all rows, table by table.
    #[allow(dead_code, reason = "not every test file asks for identities")]
    pub(crate) fn event_ids(&self) -> Vec<EventId> {
        let EventRows { host_events, identity_assertions, placements } = &self.rows;
        let ids = host_events.iter().map(|row| row.event_id);
        let ids = ids.chain(identity_assertions.iter().map(|row| row.event_id));
        ids.chain(placements.iter().map(|row| row.event_id)).collect()
    }
}

/// Default options with a fixed key.
pub(crate) fn options() -> IngestOptions {
    IngestOptions { sources: Vec::new(), key: FingerprintKey::for_tests() }
}

#[allow(dead_code, reason = "the corpus is read from files")]
/// Reads bytes, and checks that the counts add up (law FLOW-1).
pub(crate) fn read(name: &str, bytes: impl Read) -> (SourceRead, Collector) {
    let mut collector = Collector::default();
    let read = read_bytes(name, bytes, &options(), &mut collector).expect("bytes in memory can be read");
    check_count(&read.count, &collector);
    (read, collector)
}

/// Law FLOW-1, and one dead letter per record that is counted as one.
pub(crate) fn check_count(count: &SourceCount, collector: &Collector) {
    let skipped: u64 = count.skipped.values().sum();
    let dead: u64 = count.dead_lettered.values().sum();
    assert_eq!(count.read, count.decoded + skipped + dead, "{count:?}");
    assert_eq!(dead, collector.letters.len() as u64, "{count:?}");
}
