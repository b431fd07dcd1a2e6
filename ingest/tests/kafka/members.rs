//! Several members in one group.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::{LONGEST, Member, Store, broker, create, numbers, options, send};

/// Partitions of the topic whose members come and go.
const PARTITIONS: i32 = 12;
/// Most members at a time.
const MEMBERS: usize = 3;
/// Records that are sent at a time.
const SENT: usize = 60;

/// How long members come and go, in seconds; the long form is in docs/reliability.md.
fn rebalance_time() -> Duration {
    let asked = std::env::var("OFFBOUND_REBALANCE_SECS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(15))
}

/// Time until a member comes or goes: two to five seconds, another each time.
fn until_next(change: usize) -> Duration {
    Duration::from_millis(2_000 + (change as u64 * 1_237) % 3_001)
}

/// Scenario: three members of a group, of which one leaves, or a new one comes, every two to five seconds while records
/// come. Guarantees: with one store between them every record comes once, whoever has its partition; no partition has two
/// owners.
#[test]
fn members_come_and_go() {
    let topic = "come-and-go";
    create(topic, PARTITIONS);
    let store = Store::default();
    let start = || {
        // Members take turns here: one that waits for its turn on a busy machine is not to be fenced for it.
        let mut patient = options(broker(), topic, &[topic]);
        (patient.drain_time, patient.session_timeout) = (Duration::from_secs(30), Duration::from_secs(30));
        Member::start(patient, &store)
    };
    let mut members: Vec<Member> = (0..MEMBERS).map(|_| start()).collect();
    let (began, mut changed, mut changes, mut sent) = (Instant::now(), Instant::now(), 0, 0);
    let (mut seen, mut revoked) = (Vec::new(), 0);
    let mut leave = |member: Member| {
        assert!(member.fenced.is_empty(), "{:?}", member.fenced);
        revoked += member.revoked.len();
        seen.extend(numbers(&member.rows));
        member.source.stop();
    };
    while began.elapsed() < rebalance_time() {
        send(broker(), topic, PARTITIONS, sent..sent + SENT);
        sent += SENT;
        members.iter_mut().for_each(|member| member.during(Duration::from_millis(30)));
        let owned: Vec<_> = members.iter().flat_map(|member| member.assigned.keys()).collect();
        assert_eq!(owned.iter().collect::<BTreeSet<_>>().len(), owned.len(), "two owners: {owned:?}");
        if changed.elapsed() >= until_next(changes) {
            if members.len() == MEMBERS {
                leave(members.remove(0))
            } else {
                members.push(start())
            }
            (changed, changes) = (Instant::now(), changes + 1);
        }
    }
    let ended = Instant::now();
    let is_read =
        || (0..PARTITIONS).all(|at| store.get(topic, at) == Some(sent as i64 / i64::from(PARTITIONS)));
    while !is_read() {
        assert!(ended.elapsed() < LONGEST, "not everything came");
        members.iter_mut().for_each(|member| member.during(Duration::from_millis(30)));
    }
    members.into_iter().for_each(&mut leave);
    seen.sort_unstable();
    assert_eq!(seen, (0..sent).collect::<Vec<_>>(), "every record comes once");
    // Changes that come while the group settles are settled as one.
    assert!(revoked > 0 && changes > 0, "{changes} changes, and {revoked} revocations");
    println!("{sent} records over {changes} changes of members and {revoked} revocations: each came once");
}

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
