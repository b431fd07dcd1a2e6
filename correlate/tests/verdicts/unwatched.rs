//! Identities that are used on hosts that nobody watches.
//!
//! In: uses on two hosts, with sensors that are heard or not. Out: the findings.
//! Owns: what counts as silence.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{ContainmentOutcome, IdKind, LayerVerdict, Severity, Strength};

use crate::world::{HOUR, World, at};
use crate::{DAY, found, verdicts};

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

/// Scenario: a machine without a sensor has a certificate of a year; its key is used from another machine, and let in.
/// Guarantees: three findings and one incident: the use off its host, the long life, the silence; how it was taken is inferred and
/// said not to have been seen, the identity layer let it in, and it stays good for months.
#[test]
fn a_copied_key_of_a_machine_that_nobody_watches() {
    let mut world = World::new();
    world.machine();
    world.place_dev_host();
    let certificate = |row: &mut IdentityAssertion| {
        (row.credential_id, row.id_kind) = (Some("X509SERIAL=7f".to_owned()), IdKind::Serial);
        (row.credential_kind, row.subject) = (Some("x509".to_owned()), Some("shop/ledger".to_owned()));
        (row.bound_pod_uid, row.bound_host) = (None, Some("h0".to_owned()));
        (row.iat, row.exp) = (Some(at(-DAY)), Some(at(364 * DAY)));
        row.src_addr = Some("10.0.0.9".to_owned());
    };
    for half in 0..12 {
        world.used(half * HOUR / 2, certificate);
    }
    world.used(3 * HOUR, |row| {
        certificate(row);
        row.src_addr = Some("10.9.0.1".to_owned());
    });
    let judged = world.judge_watched();
    let rules: Vec<&str> = found(&judged).into_iter().map(|(rule, _)| rule).collect();
    for expected in ["CT-101", "CT-305", "CT-401"] {
        assert!(rules.contains(&expected), "{rules:?}");
    }
    let [incident] = judged.incidents.as_slice() else { unreachable!("it is one incident: {rules:?}") };
    let expected =
        (LayerVerdict::Bypassed, LayerVerdict::Bypassed, ContainmentOutcome::NotContained, Strength::Proven);
    assert_eq!(verdicts(incident), expected, "{}", incident.reason);
    assert!(incident.host_layer.inferred);
    assert_eq!(incident.missing_sources, ["host events of the incident's own hosts"]);
    assert!(incident.reason.contains("nobody saw how it was taken"), "{}", incident.reason);
    assert_eq!(incident.findings.len(), judged.findings.len(), "all of them belong to it: {rules:?}");
    let [left] = incident.residual_exposure.as_slice() else { unreachable!("one credential is exposed") };
    assert!(left.reason == "expires" && left.seconds > Some(363 * DAY), "{left:?}");
}
