//! What a verdict may not claim: that a layer held which nobody saw, or which was tried by nobody; that it is over when it is not.
//!
//! In: worlds in which something is missing that a claim would need. Out: the judgement.
//! Owns: what evidence each claim takes.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{
    Action, ContainmentOutcome, Control, ControlMode, Decision, HostControl, LayerVerdict, Outcome, Phase,
    Strength,
};

use crate::world::{HOUR, TOKEN, World, at};
use crate::{host_verdict, only, verdicts};

/// A shell under a server, and a program to which AppArmor refuses the token a second later.
fn refused_theft(world: &mut World, exe: &str) {
    world.shell(0);
    world.host(1, |row| {
        (row.action, row.outcome) = (Action::CredRead, Outcome::Denied);
        (row.control, row.mode) = (HostControl::AppArmor, ControlMode::Enforcing);
        (row.exe, row.target_path) = (Some(exe.to_owned()), Some(TOKEN.to_owned()));
    });
    world.shell(2);
}

/// Scenario: the host refuses a theft, and no identity log is there at all; or one is, and is heard; or it ended before.
/// Guarantees: that no identity was misused is said only where somebody would have told; what is missing is named.
#[test]
fn without_identity_logs_nobody_knows() {
    for heard in [None, Some(-4 * HOUR), Some(0)] {
        let mut world = World::new();
        world.watch(0);
        if let Some(secs) = heard {
            world.log(secs, ("api-log", "catalog"));
        }
        refused_theft(&mut world, "/bin/cat");
        let incident = only(&world);
        let expected = match heard {
            Some(0) => (
                LayerVerdict::Held,
                LayerVerdict::NotChallenged,
                ContainmentOutcome::ContainedByHost,
                Strength::Proven,
            ),
            _ => (LayerVerdict::Held, LayerVerdict::Blind, ContainmentOutcome::Unknown, Strength::Unproven),
        };
        assert_eq!(verdicts(&incident), expected, "{heard:?}: {}", incident.reason);
        let missing: &[&str] = if heard == Some(0) { &[] } else { &["identity log of any destination"] };
        assert_eq!(incident.missing_sources, missing, "{heard:?}");
    }
}

/// Scenario: the workload calls two places every hour; then the host refuses a theft, and the log of one of the two is silent.
/// Guarantees: what a log did not tell that was not there says nothing; the place is named, and no other.
#[test]
fn a_log_that_ended_tells_nothing() {
    for is_heard in [false, true] {
        let mut world = World::new();
        world.hear(0);
        let at_orders = |row: &mut IdentityAssertion| {
            (row.source, row.dst) = ("orders-log".to_owned(), Some("orders".to_owned()));
        };
        world.past();
        for hours in -48..-1 {
            world.used(hours * HOUR, at_orders);
        }
        if is_heard {
            world.log(0, ("orders-log", "orders"));
        }
        refused_theft(&mut world, "/bin/cat");
        let incident = only(&world);
        let (outcome, missing): (_, &[&str]) = match is_heard {
            true => (ContainmentOutcome::ContainedByHost, &[]),
            false => (ContainmentOutcome::Unknown, &["identity log of orders"]),
        };
        assert_eq!(
            (incident.outcome, incident.missing_sources.as_slice()),
            (outcome, &*missing.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        );
    }
}

/// Scenario: beside a shell, AppArmor refuses the token to whoever always reads it, or to a program that never did.
/// Guarantees: only the second is an attempt that a layer can be credited with.
#[test]
fn a_refusal_of_daily_work_holds_nothing() {
    for (exe, verdict, outcome) in [
        ("/usr/bin/java", LayerVerdict::NotChallenged, ContainmentOutcome::Contained),
        ("/bin/cat", LayerVerdict::Held, ContainmentOutcome::ContainedByHost),
    ] {
        let mut world = World::new();
        world.hear(0);
        refused_theft(&mut world, exe);
        let incident = only(&world);
        assert_eq!((incident.host_layer.verdict, incident.outcome), (verdict, outcome), "{exe}");
        let is_proven = verdict == LayerVerdict::Held;
        assert_eq!(incident.strength == Strength::Proven, is_proven, "{exe}");
        // Where nobody refused anything, nothing says when it was over.
        assert_eq!(incident.contained_at, is_proven.then(|| at(1)), "{exe}");
    }
}

/// Scenario: the same theft is refused while a sensor loses records: of the pod, of all that it sees, of another pod.
/// Guarantees: a layer did not hold of which some attempts may not have been recorded.
#[test]
fn lost_records_may_be_attempts() {
    for (is_of_source, pod, verdict) in [
        (false, Some("uid-0"), LayerVerdict::Blind),
        (true, None, LayerVerdict::Blind),
        (false, Some("uid-1"), LayerVerdict::Held),
    ] {
        let mut world = World::new();
        world.hear(0);
        refused_theft(&mut world, "/bin/cat");
        world.host(1, |row| {
            (row.action, row.lost, row.exe) = (Action::TelemetryGap, Some(7), None);
            row.pod_uid = pod.map(str::to_owned);
            row.host = row.host.take().filter(|_| !is_of_source);
        });
        assert_eq!(only(&world).host_layer.verdict, verdict, "{pod:?}");
    }
}

/// Scenario: a process leaves its container; hours later every credential that was on the host has ended, and nothing else
/// happened. Guarantees: what ended is not the intruder's hold on the host.
#[test]
fn lifetimes_do_not_end_an_escape() {
    let mut world = World::new();
    world.hear(0);
    world.machine();
    world.used(-60, |_| {});
    world.host(0, |row| {
        row.action = Action::FileWrite;
        row.target_path = Some("/sys/fs/cgroup/rdma/release_agent".to_owned());
    });
    world.watch(5 * HOUR);
    let incident = only(&world);
    let left: Vec<&str> = incident.residual_exposure.iter().map(|left| left.reason.as_str()).collect();
    assert_eq!(left, ["expired"], "{:?}", world.judge().findings);
    let expected = (ContainmentOutcome::NotContained, None);
    assert_eq!((incident.outcome, incident.contained_at), expected, "{}", incident.reason);
}

/// Scenario: a shell reads a token, which ends an hour later; before, its pod calls with another token what it never called.
/// Guarantees: that the first token ended does not end what is done with the second.
#[test]
fn the_end_of_one_credential_does_not_end_another() {
    let mut world = World::new();
    world.past();
    world.hear(0);
    world.used(-60, |_| {});
    world.shell(0);
    world.host(1, |row| (row.action, row.target_path) = (Action::CredRead, Some(TOKEN.to_owned())));
    world.shell(2);
    world.used(20, |row| {
        (row.credential_id, row.dst) = (Some("hvs.two".to_owned()), Some("vault".to_owned()));
        (row.credential_kind, row.iat, row.exp) = (Some("vault-token".to_owned()), Some(at(10)), None);
    });
    world.watch(5 * HOUR);
    let incident = only(&world);
    assert_eq!((incident.outcome, incident.contained_at), (ContainmentOutcome::NotContained, None));
    assert_eq!(incident.residual_exposure.len(), 1, "{:?}", incident.residual_exposure);
}

/// Scenario: a workload is refused at three places, and nothing happened on its host. Guarantees: it is not said that the host
/// layer did not hold: nobody tried it.
#[test]
fn what_was_not_tried_did_not_fail() {
    let mut world = World::new();
    world.past();
    world.hear(0);
    for (secs, destination) in [(0, "orders"), (10, "billing"), (20, "ledger")] {
        world.used(secs, |row| (row.dst, row.decision) = (Some(destination.to_owned()), Decision::Deny));
    }
    let incident = only(&world);
    assert_eq!(incident.host_layer.verdict, LayerVerdict::NotChallenged);
    assert!(incident.reason.contains("the host layer was not challenged"), "{}", incident.reason);
}

/// Scenario: an intruder's shell switches SELinux off, and nothing else is seen. Guarantees: the control was got past; that
/// is not called untried.
#[test]
fn whoever_switches_a_control_off_got_past_it() {
    let mut world = World::new();
    world.hear(0);
    world.shell(0);
    world.host(1, |row| {
        (row.action, row.control) = (Action::PolicyChange, HostControl::SeLinux);
        (row.exe, row.parent_exe) = (Some("/bin/sh".to_owned()), Some("/usr/bin/java".to_owned()));
        row.target_path = Some("/sys/fs/selinux/enforce".to_owned());
    });
    let incident = only(&world);
    assert_eq!(host_verdict(&incident, Control::Lsm), Some(LayerVerdict::Bypassed));
    assert_eq!(incident.first_failed, [Control::Lsm]);
    assert_eq!(incident.outcome, ContainmentOutcome::NotContained);
}

/// Scenario: a token is used from another host; its own host was watched, or not. Guarantees: what failed first is called the
/// earliest that was observed where something before it may not have been.
#[test]
fn the_first_is_the_earliest_that_was_seen() {
    for is_watched in [true, false] {
        let mut world = World::new();
        world.log(0, ("api-log", "catalog"));
        if is_watched {
            world.watch(0);
        }
        world.used(0, |row| row.src_addr = Some("10.0.1.1".to_owned()));
        let incident = only(&world);
        assert_eq!(incident.first_failed[..1], [Control::CredentialConfidentiality]);
        assert_eq!(
            incident.reason.contains("earliest that was observed"),
            !is_watched,
            "{}",
            incident.reason
        );
    }
}

/// Scenario: a shell reads a token and half a minute later its pod calls a new place, by a log with a good clock and by one with a
/// bad clock; and it reads the token a second before it leaves its container, by one sensor's clock. Guarantees: what the clocks
/// cannot put in order is not put in order, and what one clock tells is.
#[test]
fn what_clocks_cannot_order_stays_together() {
    let told = |log: &'static str| {
        let mut world = World::new();
        world.past();
        world.hear(0);
        world.log(0, (log, "catalog"));
        world.shell(0);
        world.host(1, |row| (row.action, row.target_path) = (Action::CredRead, Some(TOKEN.to_owned())));
        world.used(31, |row| (row.source, row.dst) = (log.to_owned(), Some("vault".to_owned())));
        only(&world).first_failed
    };
    assert_eq!(told("api-log"), [Control::CredentialConfidentiality]);
    assert_eq!(told("slow-log"), [Control::CredentialConfidentiality, Control::Authorization]);
    let mut world = World::new();
    world.hear(0);
    world.shell(0);
    world.host(1, |row| (row.action, row.target_path) = (Action::CredRead, Some(TOKEN.to_owned())));
    world.host(2, |row| {
        row.action = Action::FileWrite;
        row.target_path = Some("/sys/fs/cgroup/rdma/release_agent".to_owned());
    });
    assert_eq!(only(&world).first_failed, [Control::CredentialConfidentiality]);
}

/// Scenario: one sensor sees a shell's program begin to read the token, and another, of the same act, that AppArmor refused it.
/// Guarantees: the act was tried and not done: the layer held, and nothing is exposed, whichever record comes first.
#[test]
fn what_another_sensor_saw_refused_was_not_done() {
    for refused_first in [false, true] {
        let mut world = World::new();
        world.hear(0);
        world.used(-60, |_| {});
        world.shell(0);
        for is_refusal in [refused_first, !refused_first] {
            world.host(1, |row| {
                (row.action, row.target_path) = (Action::CredRead, Some(TOKEN.to_owned()));
                (row.pid, row.parent_exe) = (Some(7), Some("/bin/sh".to_owned()));
                if is_refusal {
                    row.source = "audit".to_owned();
                    (row.outcome, row.process_key) = (Outcome::Denied, None);
                    (row.control, row.mode) = (HostControl::AppArmor, ControlMode::Enforcing);
                } else {
                    row.outcome = Outcome::Attempted;
                }
            });
        }
        world.shell(2);
        let incident = only(&world);
        let expected = (LayerVerdict::Held, ContainmentOutcome::ContainedByHost);
        assert_eq!((incident.host_layer.verdict, incident.outcome), expected, "{}", incident.reason);
        assert!(incident.residual_exposure.is_empty(), "{:?}", incident.residual_exposure);
    }
}

/// Scenario: a shell reads a token, which its pod goes on to use or does not, or which somebody revokes; it has ended since.
/// Guarantees: what contained it is named; that it was not used is said only where no use was seen at all.
#[test]
fn unused_is_what_nobody_used() {
    for (is_used, is_revoked, said) in [
        (false, false, "its lifetime contained it"),
        (false, true, "was revoked, and no use of it was seen"),
        (true, false, "whether its uses from its own place were an attacker's is not known"),
    ] {
        let mut world = World::new();
        world.past();
        world.hear(0);
        world.used(-60, |_| {});
        world.shell(0);
        world.host(1, |row| (row.action, row.target_path) = (Action::CredRead, Some(TOKEN.to_owned())));
        world.shell(2);
        if is_used {
            world.used(60, |row| row.dst = Some("depot".to_owned()));
        }
        if is_revoked {
            world.used(120, |row| {
                (row.phase, row.src_addr, row.dst) = (Phase::Revoke, None, None);
                row.action = Some("revoke".to_owned());
            });
        }
        world.watch(5 * HOUR);
        let incident = only(&world);
        let expected = (ContainmentOutcome::ContainedByIdentity, Strength::Unproven);
        assert_eq!((incident.outcome, incident.strength), expected, "{}", incident.reason);
        assert!(incident.reason.contains(said), "{said}: {}", incident.reason);
    }
}

/// Scenario: a process leaves its container on a host where a pod of another workload runs, which calls places of its own; one of
/// their logs is heard, or is not. Guarantees: what that workload can reach is in reach, and has to be told of as well.
#[test]
fn whoever_has_a_host_reaches_what_its_pods_reach() {
    for is_heard in [true, false] {
        let mut world = World::new();
        world.hear(0);
        world.machine();
        let neighbour = |row: &mut IdentityAssertion| {
            (row.subject, row.credential_id) = (Some("bank/till".to_owned()), Some("JTI=till".to_owned()));
            (row.bound_pod_uid, row.src_addr) = (Some("uid-9".to_owned()), None);
            (row.source, row.dst) = ("ledger-log".to_owned(), Some("ledger".to_owned()));
        };
        world.used(-2 * HOUR, neighbour);
        world.used(-60, neighbour);
        if is_heard {
            world.log(0, ("ledger-log", "ledger"));
        }
        world.host(0, |row| {
            row.action = Action::FileWrite;
            row.target_path = Some("/sys/fs/cgroup/rdma/release_agent".to_owned());
        });
        world.host(HOUR / 2, |row| {
            row.action = Action::FileWrite;
            row.target_path = Some("/proc/sys/kernel/core_pattern".to_owned());
        });
        let incident = only(&world);
        let reachable: Vec<&str> =
            incident.blast_radius.reachable.iter().map(|reach| reach.destination.as_str()).collect();
        assert!(reachable.contains(&"ledger"), "{reachable:?}");
        assert!(incident.credentials.contains(&"JTI=till".to_owned()), "{:?}", incident.credentials);
        let (outcome, missing): (_, &[&str]) = match is_heard {
            true => (ContainmentOutcome::NotContained, &[]),
            false => (ContainmentOutcome::Unknown, &["identity log of ledger"]),
        };
        assert_eq!(incident.outcome, outcome, "{}", incident.reason);
        assert_eq!(incident.missing_sources, missing);
    }
}
