//! More than a stream can take, for long: memory stays within its bound, and everything is read in the end.
//!
//! Long form in docs/reliability.md: `OFFBOUND_EVENTS` and `OFFBOUND_OVERLOAD_SECS`.

use std::time::{Duration, Instant};

use offbound_store::Store;

use super::feed::PARTITIONS;
use super::operator::{get, metric};
use super::{
    Running, assert_same, broker, comparable, conclusions, eventually_within, feed, replayed, setting,
    stream, stream_to_end,
};
use crate::scratch;

/// Memory that a stream may take where nothing is configured, in KiB.
const MEMORY_KIB: u64 = 512 << 10;
/// Longest time that the backlog may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Scenario: a backlog of everything at once, which is more than any stream takes at a time, while it runs. Guarantees:
/// resident memory stays within the default bound; health answers meanwhile; in the end everything is durable, with the
/// findings and incidents of a replay.
#[test]
fn a_backlog_is_taken_in_bounded_memory() {
    let lines = setting("OFFBOUND_EVENTS", 8_000);
    let logs = feed::generated(lines);
    let (topic, folder) = ("overload-logs", scratch());
    let records = feed::records_of(logs.path());
    feed::fill(broker(), topic, &records, 59);
    let environment = logs.path().join("environment.toml").display().to_string();
    let options = ["--env", environment.as_str(), "--listen", "127.0.0.1:0"];
    let running = Running::start(stream(folder.path(), topic, &options));
    let (address, began) = (running.address(), Instant::now());
    let consumed = || metric(&address, "offbound_consumed_records_total").unwrap_or_default();
    let mut queued: f64 = 0.0;
    eventually_within(PATIENCE, "everything is read", || {
        queued = queued.max(metric(&address, "offbound_queue_bytes").unwrap_or_default());
        assert_eq!(get(&address, "/healthz").0, 200);
        consumed() >= records.len() as f64
    });
    let seconds = began.elapsed().as_secs_f64();
    let store = || Store::open(&folder.path().join("store")).and_then(|store| store.offsets());
    let ends: i64 =
        (0..PARTITIONS).map(|it| broker().offsets(topic, it).expect("the topic is there").1).sum();
    eventually_within(PATIENCE, "everything is durable", || {
        store().is_ok_and(|offsets| offsets.iter().map(|at| at.next).sum::<i64>() >= ends)
    });
    let (_, highest) = running.memory_kib();
    println!(
        "{} records in {seconds:.1} s, {:.0} a second; at most {} MiB resident, {:.1} MiB queued; facts {:.1} MiB",
        records.len(),
        records.len() as f64 / seconds,
        highest / 1024,
        queued / 1_048_576.0,
        metric(&address, "offbound_facts_bytes").unwrap_or_default() / 1_048_576.0,
    );
    assert!(highest <= MEMORY_KIB, "{highest} KiB");
    assert_eq!(running.stop().code(), Some(0));
    stream_to_end(folder.path(), topic, &["--env", &environment]);
    let replayed = replayed(logs.path());
    let (found, expected) = (conclusions(folder.path()), conclusions(replayed.path()));
    assert_same("after the backlog", &comparable(&found), &comparable(&expected));
}
