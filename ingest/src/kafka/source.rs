//! The source itself: its thread, and the other end of its queue.
//!
//! In: [`SourceOptions`] and the store's offsets. Out: [`Notice`]s, one after the other.

use std::time::Duration;

use crate::kafka::connection::KafkaError;
use crate::kafka::notice::{Notice, PartitionOffset};
use crate::kafka::options::{Offsets, SourceOptions};

/// A member of a consumer group.
#[derive(Debug)]
pub struct KafkaSource {}

impl KafkaSource {
    /// Joins the group and begins to read.
    ///
    /// # Errors
    /// When the options cannot be used. That no broker answers is told later, as a notice.
    pub fn start(options: SourceOptions, offsets: Box<dyn Offsets>) -> Result<Self, KafkaError> {
        drop(offsets);
        options.connection.client_config()?;
        Err(KafkaError::Client("reading is not there yet".to_owned()))
    }

    /// The next notice, waited for so long at most.
    pub fn next(&mut self, wait: Duration) -> Option<Notice> {
        std::thread::sleep(wait);
        None
    }

    /// Tells the brokers how far partitions are committed. Advisory: the store's own offsets decide.
    pub fn commit(&self, _offsets: &[PartitionOffset]) {}

    /// Says that everything that was delivered of the partitions of a revocation is committed, or thrown away.
    pub fn release(&self, _epoch: u64) {}

    /// Leaves the group.
    pub fn stop(self) {}
}
