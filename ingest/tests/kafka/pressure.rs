//! A taker that is slow, and memory that stays bounded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use offbound_testbed::Message;

use crate::{LONGEST, Member, STEP, Store, broker, create, done, numbers, options, record, send};

/// Scenario: a backlog of several megabytes and a taker that pauses. Guarantees: what waits is bounded by the queue's
/// bytes and one delivery of each partition; the member stays in its group; then everything comes, each record once.
#[test]
fn a_slow_taker() {
    create("pressure", 4);
    send(broker(), "pressure", 4, 0..12_000);
    let mut slow = options(broker(), "pressure", &["pressure"]);
    slow.queue_bytes = 100_000;
    slow.chunk_bytes = 20_000;
    let most = slow.queue_bytes + 4 * (slow.chunk_bytes + 2_000);
    let mut member = Member::start(slow, &Store::default());
    member.until("its first records", |member| !member.rows.is_empty());
    // Longer than the session: whoever does not serve the group is thrown out.
    std::thread::sleep(Duration::from_secs(8));
    let waiting = member.source.queued_bytes();
    assert!(waiting > 50_000 && waiting <= most as u64, "{waiting} bytes of {most}");
    member.until("all records", |member| member.rows.len() >= 12_000);
    assert_eq!(numbers(&member.rows), (0..12_000).collect::<Vec<_>>());
    assert!(member.revoked.is_empty() && member.fenced.is_empty(), "{:?}", member.revoked);
    member.source.stop();
}

/// Scenario: two partitions of four are held back before anything is read, then no more. Guarantees: the others are read to
/// their ends meanwhile; nothing of those that are held comes; then everything comes, each record once.
#[test]
fn who_is_held_back_waits() {
    create("held", 4);
    send(broker(), "held", 4, 0..400);
    let mut member = Member::start(options(broker(), "held", &["held"]), &Store::default());
    let topic: Arc<str> = Arc::from("held");
    let held = [1, 3].map(|partition| (Arc::clone(&topic), partition));
    member.source.hold_back(Arc::new(held.into_iter().collect()));
    member.until("the ends of the others", |member| member.ends.len() >= 2);
    let read: Vec<i32> = member.ends.keys().map(|(_, partition)| *partition).collect();
    assert_eq!((read, member.rows.len()), (vec![0, 2], 200));
    member.source.hold_back(Arc::default());
    member.until("all records", |member| member.rows.len() >= 400);
    assert_eq!(numbers(&member.rows), (0..400).collect::<Vec<_>>());
    member.source.stop();
}

/// Scenario: two partitions are read to their ends; then one gets more than there is room for, the other some records, and
/// nobody takes anything for longer than the time for silence. Guarantees: the other one is not silent, since it was not
/// read; both are when everything is taken.
#[test]
fn who_is_not_read_is_not_silent() {
    create("unread", 2);
    send(broker(), "unread", 2, 0..20);
    let mut slow = options(broker(), "unread", &["unread"]);
    (slow.queue_bytes, slow.chunk_bytes) = (20_000, 10_000);
    slow.idle = Duration::from_secs(3);
    let most = slow.queue_bytes as u64;
    let mut member = Member::start(slow, &Store::default());
    member.until("the ends", |member| member.ends.len() == 2 && member.rows.len() == 20);
    send(broker(), "unread", 1, 20..220);
    eventually("there is no room", || member.source.queued_bytes() >= most);
    let records: Vec<String> = (220..240).map(record).collect();
    let messages: Vec<Message<'_>> = records.iter().map(|record| Message::to(1, record.as_bytes())).collect();
    done(broker().produce("unread", &messages));
    std::thread::sleep(Duration::from_secs(6));
    member.until("silence", |member| member.silent.len() == 2);
    assert_eq!(numbers(&member.rows), (0..240).collect::<Vec<_>>());
    assert!(member.silent.iter().all(|(_, rows)| *rows == 240), "{:?}", member.silent);
    member.source.stop();
}

/// Waits for what must come of itself.
fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < LONGEST, "waited until {what}");
        std::thread::sleep(STEP);
    }
}
