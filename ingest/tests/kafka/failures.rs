//! A broker that dies.

use std::time::Duration;

use offbound_testbed::{Broker, BrokerOptions, TestbedError};

use crate::{Member, Store, numbers, options, send};

/// Scenario: the broker is killed while a member reads, and comes back on the same data. Guarantees: it is told once, in
/// words; then that it is over; no record is missing and none comes twice. No partition is silent while nobody can say so.
#[test]
fn the_broker_is_killed() -> Result<(), TestbedError> {
    let broker = Broker::start(BrokerOptions::default())?;
    broker.create_topic("killed", 2, &[])?;
    send(&broker, "killed", 2, 0..100);
    let mut options = options(&broker, "killed", &["killed"]);
    options.idle = Duration::from_secs(3);
    let mut member = Member::start(options, &Store::default());
    member.until("its records", |member| member.rows.len() == 100);
    broker.kill()?;
    member.until("the news", |member| !member.troubles.is_empty());
    member.during(Duration::from_secs(5));
    assert!(member.silent.is_empty(), "{:?}", member.silent);
    assert!(member.troubles.iter().any(|text| text.contains("nothing listens")), "{:?}", member.troubles);
    assert!(member.troubles.len() <= 3, "{:?}", member.troubles);
    broker.restart()?;
    send(&broker, "killed", 2, 100..200);
    member.until("records after the restart", |member| member.rows.len() == 200);
    member.until("the good news", |member| member.recoveries > 0);
    assert_eq!(numbers(&member.rows), (0..200).collect::<Vec<_>>());
    member.until("silence", |member| member.silent.len() == 2);
    assert!(member.silent.iter().all(|(_, rows)| *rows == 200), "{:?}", member.silent);
    // Leaving is possible, too, where nobody hears of it.
    broker.kill()?;
    member.source.stop();
    Ok(())
}
