//! The queue between the thread that reads and whoever takes.
//!
//! In: notices. Out: the same, in order. Owns: the bound in bytes: where it is reached there is no room, and the reading
//! thread leaves messages with librdkafka, which stops fetching; it goes on serving the group meanwhile.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::kafka::notice::Notice;

/// Most notices that wait: deliveries may be small.
const MAX_NOTICES: usize = 4_096;

#[derive(Debug, Default)]
struct Waiting {
    notices: VecDeque<Notice>,
    bytes: u64,
    is_closed: bool,
}

#[derive(Debug)]
pub(super) struct HandOver {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    most_bytes: u64,
}

fn bytes_of(notice: &Notice) -> u64 {
    match notice {
        Notice::Delivery(delivery) => delivery.bytes,
        _ => 0,
    }
}

impl HandOver {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), most_bytes: most_bytes as u64 }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a notice, whether there is room or not.
    pub(super) fn push(&self, notice: Notice) {
        let mut waiting = self.lock();
        waiting.bytes += bytes_of(&notice);
        waiting.notices.push_back(notice);
        drop(waiting);
        self.changed.notify_one();
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        let waiting = self.lock();
        waiting.bytes < self.most_bytes && waiting.notices.len() < MAX_NOTICES
    }

    /// Whether nothing waits: then even a small delivery is welcome.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().notices.is_empty()
    }

    /// Bytes of messages that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// No notice will come any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// The next notice, waited for so long at most.
    pub(super) fn next(&self, wait: Duration) -> Option<Notice> {
        let end = Instant::now() + wait;
        let mut waiting = self.lock();
        loop {
            if let Some(notice) = waiting.notices.pop_front() {
                waiting.bytes -= bytes_of(&notice);
                return Some(notice);
            }
            let left = end.saturating_duration_since(Instant::now());
            if waiting.is_closed || left.is_zero() {
                return None;
            }
            waiting = self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
