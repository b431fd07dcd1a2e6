//! Identities that are used on hosts that nobody watches.
//!
//! In: uses on two hosts, with sensors that are heard or not. Out: the findings.
//! Owns: what counts as silence.

use offbound_schemas::vocabulary::{LayerVerdict, Severity};

use crate::found;
use crate::world::{HOUR, World};

/// Uses of the first pod's tokens every half hour, for six hours.
fn used_for_hours(world: &mut World, subject: &str) {
    for half in 0..12 {
        world.used(half * HOUR / 2, |row| {
            row.subject = Some(subject.to_owned());
            row.credential_id = Some(format!("JTI={half}"));
        });
    }
}

/// Scenario: a pod uses its token for six hours; its host is heard all the time, for two hours in the middle, or never; or nobody
/// can put a sensor there. Guarantees: a silence of more than three hours is told once, by itself no incident; a shorter one,
/// and one where nothing can be heard, is not.
#[test]
fn silent_hosts_are_told_of() {
    let told = |heard: &[i64], subject: &'static str| {
        let mut world = World::new();
        for hour in heard {
            world.hear(hour * HOUR);
        }
        used_for_hours(&mut world, subject);
        let judged = world.judge_watched();
        assert!(judged.incidents.is_empty(), "{:?}", judged.incidents);
        found(&judged)
            .into_iter()
            .filter(|(rule, _)| *rule == "CT-401")
            .map(|(_, how)| how)
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&[], "shop/web"), [Severity::Low]);
    assert_eq!(told(&[3], "shop/web"), []);
    assert_eq!(told(&[0], "shop/web"), [Severity::Low]);
    assert_eq!(told(&[0, 2, 4, 6], "shop/web"), []);
    assert_eq!(told(&[], "shop/managed"), []);
}

/// Scenario: a token is shown from outside, and no sensor is on the host where it belongs. Guarantees: that nobody saw how it
/// was taken goes with the incident.
#[test]
fn nobody_saw_it_go() {
    let mut world = World::new();
    used_for_hours(&mut world, "shop/web");
    world.used(2 * HOUR, |row| row.src_addr = Some("203.0.113.9".to_owned()));
    let judged = world.judge_watched();
    let incident = judged.incidents.first().expect("there is an incident");
    let own = judged.findings.iter().find(|finding| finding.rule == "CT-401");
    assert_eq!(own.map(|finding| finding.severity), Some(Severity::Medium));
    assert!(own.is_some_and(|finding| incident.findings.contains(&finding.id)));
    assert_eq!(incident.identity_layer.verdict, LayerVerdict::Bypassed);
}
