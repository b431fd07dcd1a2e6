//! More than a stream can take: memory stays within its bound, the operator sees it, and everything is read in the end.
//!
//! Long form in docs/reliability.md: `OFFBOUND_EVENTS`, `OFFBOUND_AT_A_TIME`.

use std::time::{Duration, Instant};

use offbound_testbed::Message;

use super::feed::PARTITIONS;
use super::load::Load;
use super::operator::metric;
use super::running::MEMORY_KIB;
use super::{
    Running, broker, durable, eventually, eventually_within, punctual, setting, stream, to_end, told,
};
use crate::scratch;

/// Longest time that the backlog may take.
const LONGEST: Duration = Duration::from_secs(3_600);
/// At least so many times as much is sent as a stream takes in that time; how many it were is printed.
const TIMES: f64 = 2.0;
/// Whoever reads for so long has been behind by more than ten seconds for a while.
const LONG: Duration = Duration::from_secs(40);
/// Messages that the producer holds, where nothing says it. One that holds more sends partition by partition, and thereby
/// hours of some before minutes of others.
const AT_A_TIME: u64 = 2_000;

/// Scenario: a stream that reads what comes, then much more than it takes, as fast as the broker stores it.
/// Guarantees: resident memory stays within the default bound; `/metrics` shows how much waits, and the operator is told
/// when it takes long; it recovers by itself: everything is durable in the end, with the findings, incidents and counts of a
/// replay.
#[test]
fn more_comes_than_is_taken() {
    let load = Load::of(setting("OFFBOUND_EVENTS", 6_000));
    let (topic, results, folder) = ("overload-logs", "overload-findings", scratch());
    broker().create_topic(topic, PARTITIONS, &[]).expect("a new topic");
    broker().create_topic(results, 1, &[]).expect("a new topic");
    let environment = load.environment();
    let life = |listen| {
        let options = ["--env", &environment, "--findings-topic", results, "--listen", listen];
        punctual(stream(folder.path(), topic, &options))
    };
    let running = Running::start(life("127.0.0.1:0"));
    let address = running.address();
    let consumed = || metric(&address, "offbound_consumed_records_total").unwrap_or_default();
    let messages = load.in_time(59);
    let (few, many) = messages.split_at(messages.len() / 100);
    broker().produce(topic, few).expect("the broker takes records");
    eventually("it reads", || consumed() >= few.len() as f64);

    let (began, before) = (Instant::now(), consumed());
    flood(topic, many);
    let (sent_in, taken) = (began.elapsed(), consumed() - before);
    let times = many.len() as f64 / taken.max(1.0);
    assert!(times >= TIMES, "{taken} of {} were taken in {sent_in:?}: send more", many.len());
    let mut most: [f64; 2] = [0.0; 2];
    eventually_within(LONGEST, "everything is read", || {
        for (most, name) in most.iter_mut().zip(["offbound_lag_records", "offbound_queue_bytes"]) {
            *most = most.max(metric(&address, name).unwrap_or_default());
        }
        consumed() >= messages.len() as f64
    });
    let read_in = began.elapsed();
    eventually_within(LONGEST, "everything is durable", || {
        durable::is_everything(broker(), topic, folder.path())
    });
    let facts = metric(&address, "offbound_facts_bytes").unwrap_or_default();
    assert_eq!(metric(&address, "offbound_late_events"), Some(0.0));
    let (_, highest) = running.memory_kib();
    println!(
        "{} records, {times:.0} times what it took, sent in {sent_in:?} and read in {read_in:?}; at most {:.0} waited, {:.1} MiB queued; {} MiB resident, facts {:.1} MiB",
        many.len(),
        most[0],
        most[1] / 1_048_576.0,
        highest / 1024,
        facts / 1_048_576.0,
    );
    assert!(most[0] > 0.0, "the operator sees what waits");
    assert!(read_in < LONG || running.has_said("records wait, and"), "{:?}", running.said());
    assert!(highest <= MEMORY_KIB, "{highest} KiB");
    assert_eq!(running.stop().code(), Some(0));
    to_end(life("off"));
    load.check("after the overload", folder.path());
    told::check(broker(), results, folder.path());
}

/// Sends messages as fast as the broker stores them, a few at a time.
fn flood(topic: &str, messages: &[Message<'_>]) {
    let sender = broker().producer(topic).expect("a producer");
    let at_a_time = usize::try_from(setting("OFFBOUND_AT_A_TIME", AT_A_TIME)).unwrap_or(usize::MAX);
    for few in messages.chunks(at_a_time.max(1)) {
        few.iter().for_each(|message| sender.send(message).expect("the producer has room"));
        sender.flush().expect("the broker takes records");
    }
}
