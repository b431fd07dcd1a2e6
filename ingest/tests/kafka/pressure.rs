//! A taker that is slow, and memory that stays bounded.

use std::sync::Arc;
use std::time::Duration;

use crate::{Member, Store, broker, create, numbers, options, send};

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
