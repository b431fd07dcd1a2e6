//! Findings as they arrive, and which attack each is about.
//!
//! In: the topic with the findings. Out: per attack the moment at which the first finding of it arrived.
//! Owns: the consumer, on a thread of its own. Law: the moment is taken before anything is done with the message.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::Problem;
use crate::processes::FINDINGS;
use crate::traffic::number_in;

/// Longest wait for a message before the thread looks whether it is to end.
const POLL: Duration = Duration::from_millis(100);

type Arrivals = Arc<Mutex<Vec<Option<Instant>>>>;

/// Takes findings until it is dropped.
pub(crate) struct Findings {
    arrived: Arrivals,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Findings {
    /// Begins to listen.
    pub(crate) fn listen(brokers: &str) -> Result<Self, Problem> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "load")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "100")
            .create()?;
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(FINDINGS, 0, Offset::Beginning)?;
        consumer.assign(&assignment)?;
        let (arrived, is_over) = (Arrivals::default(), Arc::new(AtomicBool::new(false)));
        let (theirs, end) = (Arc::clone(&arrived), Arc::clone(&is_over));
        let listen = move || {
            while !end.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(POLL) else { continue };
                let now = Instant::now();
                let Some(number) = message.payload().and_then(number_in) else { continue };
                let mut arrived = lock(&theirs);
                let place = number as usize;
                if arrived.len() <= place {
                    arrived.resize(place + 1, None);
                }
                if let Some(first) = arrived.get_mut(place) {
                    first.get_or_insert(now);
                }
            }
        };
        let thread = thread::Builder::new().name("findings".to_owned()).spawn(listen)?;
        Ok(Self { arrived, is_over, thread: Some(thread) })
    }

    /// When the first finding of an attack arrived.
    pub(crate) fn of(&self, attack: u32) -> Option<Instant> {
        lock(&self.arrived).get(attack as usize).copied().flatten()
    }

    /// How many of these attacks were found.
    pub(crate) fn found(&self, attacks: impl IntoIterator<Item = u32>) -> usize {
        let arrived = lock(&self.arrived);
        attacks
            .into_iter()
            .filter(|attack| arrived.get(*attack as usize).is_some_and(Option::is_some))
            .count()
    }
}

impl Drop for Findings {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // There is nobody left to tell.
            thread.join().ok();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
