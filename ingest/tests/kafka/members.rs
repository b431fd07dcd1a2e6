//! Several members in one group.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{Member, Store, broker, create, numbers, options, send};

/// Scenario: a second member joins while records come, and leaves again. Guarantees: what is given away was drained: with
/// one store between them every record comes once; each partition has one owner at a time.
#[test]
fn a_second_member() {
    let topic = "members";
    create(topic, 6);
    let store = Store::default();
    let mut first = Member::start(options(broker(), topic, &[topic]), &store);
    first.until("all partitions", |member| member.assigned.len() == 6);
    send(broker(), topic, 6, 0..600);
    first.until("some records", |member| member.rows.len() >= 100);
    let mut second = Member::start(options(broker(), topic, &[topic]), &store);
    for part in 1..40 {
        send(broker(), topic, 6, part * 600..part * 600 + 60);
        first.during(Duration::from_millis(50));
        second.during(Duration::from_millis(50));
        let both: BTreeSet<_> =
            first.assigned.keys().filter(|key| second.assigned.contains_key(*key)).collect();
        assert!(both.is_empty(), "{both:?} have two owners");
        if second.assigned.len() == 3 && first.assigned.len() == 3 && part > 10 {
            break;
        }
    }
    assert_eq!((first.assigned.len(), second.assigned.len()), (3, 3));
    assert!(!first.revoked.is_empty() && first.fenced.is_empty());
    send(broker(), topic, 6, 50_000..50_600);
    second.during(Duration::from_millis(500));
    let Member { source, rows: of_second, .. } = second;
    source.stop();
    first.until("all partitions again", |member| member.assigned.len() == 6);
    send(broker(), topic, 6, 60_000..60_060);
    first.until("the last records", |member| {
        numbers(&member.rows).iter().filter(|number| **number >= 60_000).count() == 60
    });
    first.during(Duration::from_millis(300));
    let (mut seen, of_second) = (numbers(&first.rows), numbers(&of_second));
    assert!(!of_second.is_empty());
    seen.extend(of_second);
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    // What the second had read and not stored when it left comes again; it stores at once.
    assert_eq!(seen.len(), all, "records came twice");
    let sent: BTreeSet<usize> = seen.iter().copied().collect();
    assert!((0..600).chain(50_000..50_600).chain(60_000..60_060).all(|number| sent.contains(&number)));
    first.source.stop();
}

/// Scenario: partitions are to be given away and the taker never says that it is done. Guarantees: after the time for that
/// they are fenced, and the other member has them; nothing of theirs is delivered here any more.
#[test]
fn who_does_not_release_is_fenced() {
    let topic = "fenced";
    create(topic, 2);
    let store = Store::default();
    let mut first = Member::start(options(broker(), topic, &[topic]), &store);
    first.keeps = false;
    first.until("all partitions", |member| member.assigned.len() == 2);
    send(broker(), topic, 2, 0..100);
    first.until("its records", |member| member.rows.len() >= 100);
    let mut second = Member::start(options(broker(), topic, &[topic]), &store);
    first.until("the wish to have one back", |member| !member.revoked.is_empty());
    second.during(Duration::from_millis(300));
    assert!(second.assigned.is_empty(), "it is not drained yet");
    first.until("its fence", |member| member.fenced.len() == 1);
    assert_eq!(first.fenced[0], first.revoked[0].0);
    // It begins where the store says: nothing was stored.
    second.until("the other's records", |member| member.assigned.len() == 1 && member.rows.len() >= 50);
    send(broker(), topic, 2, 100..200);
    second.until("new records", |member| member.rows.len() >= 100);
    first.until("its own new records", |member| member.rows.len() >= 150);
    first.during(Duration::from_millis(200));
    assert_eq!(first.rows.len(), 150, "none of the partition that was given away");
    second.source.stop();
    first.source.stop();
}
