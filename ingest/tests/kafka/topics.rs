//! Topics and partitions that come and go.

use std::time::Duration;

use crate::{Member, Store, broker, create, done, numbers, options, send};

/// Scenario: a topic gets a partition, a topic comes that fits the pattern, a topic goes, and one is awaited that is not
/// there yet. Guarantees: each is read as soon as it is there; the loss of one does not stop the others, and is told.
#[test]
fn topics_come_and_go() {
    create("come.a", 1);
    send(broker(), "come.a", 1, 0..10);
    let mut member = Member::start(options(broker(), "come", &["^come\\.", "awaited"]), &Store::default());
    member.until("its records", |member| member.rows.len() == 10);
    done(broker().widen_topic("come.a", 2));
    member.until("the new partition", |member| member.assigned.len() == 2);
    send(broker(), "come.a", 2, 10..20);
    member.until("its records", |member| member.rows.len() == 20);

    create("come.b", 1);
    send(broker(), "come.b", 1, 20..30);
    member.until("the new topic's records", |member| member.rows.len() == 30);

    create("awaited", 1);
    send(broker(), "awaited", 1, 30..40);
    member.until("the awaited topic's records", |member| member.rows.len() == 40);

    done(broker().delete_topic("come.b"));
    member.until("the loss of a topic", |member| member.assigned.len() == 3);
    send(broker(), "come.a", 2, 40..50);
    member.until("records of the others", |member| member.rows.len() == 50);
    member.during(Duration::from_millis(100));
    assert_eq!(numbers(&member.rows), (0..50).collect::<Vec<_>>());
    member.source.stop();
}
