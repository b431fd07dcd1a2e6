//! Rows on their way to the sink, as columns.
//!
//! In: rows, or single columns of a row, in the builders of the event tables. Out: batches of at most [`CHUNK_ROWS`]
//! rows to an [`IngestSink`]. Owns: when a batch is full, the span of event times, whether the sink wants more.

use offbound_schemas::{EventBatch, EventBuilder, EventTime};

use crate::pipeline::{CHUNK_ROWS, IngestSink};

/// The batch that is being built.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Its columns; each row that is ended here is told to [`Outbox::added`].
    pub(crate) columns: Box<EventBuilder>,
    /// The sink wants no more rows.
    pub(crate) stopped: bool,
    rows: usize,
    times: Option<(EventTime, EventTime)>,
}

impl Outbox {
    /// Takes notice of a row that was ended, of this moment.
    #[inline]
    pub(crate) fn added(&mut self, time: EventTime, sink: &mut dyn IngestSink) {
        let (from, to) = self.times.unwrap_or((time, time));
        self.times = Some((from.min(time), to.max(time)));
        self.rows += 1;
        if self.rows >= CHUNK_ROWS {
            self.flush(sink);
        }
    }

    /// Sends what there is.
    pub(crate) fn flush(&mut self, sink: &mut dyn IngestSink) {
        if std::mem::take(&mut self.rows) > 0 {
            let batch = self.columns.finish();
            self.stopped |= !self.stopped && sink.rows(batch).is_break();
        }
    }

    /// Gathers rows behind those that others have gathered; used again, gives all of them back.
    #[cfg(feature = "kafka")]
    pub(crate) fn swap(&mut self, (columns, rows): (&mut Box<EventBuilder>, &mut usize)) {
        std::mem::swap(&mut self.columns, columns);
        std::mem::swap(&mut self.rows, rows);
    }

    /// Passes on batches that another outbox has sent, behind the rows that are here, with their times.
    pub(crate) fn pass_on(&mut self, other: &Self, batches: Vec<EventBatch>, sink: &mut dyn IngestSink) {
        self.flush(sink);
        if let Some((from, to)) = other.times {
            let (first, last) = self.times.unwrap_or((from, to));
            self.times = Some((first.min(from), last.max(to)));
        }
        for batch in batches {
            self.stopped |= !self.stopped && sink.rows(batch).is_break();
        }
    }

    /// Earliest and latest event time since the last time that this was asked.
    pub(crate) fn take_times(&mut self) -> (Option<EventTime>, Option<EventTime>) {
        self.times.take().unzip()
    }
}
