//! Verdicts: small worlds of which every judgement is known beforehand.
//!
//! In: a few events, as sensors and logs would tell them. Out: the incident that the engine makes of them.
//! Owns: what must follow from what; leaves to the laws that it follows in any order.

mod claims;
mod forged;
mod unwatched;
mod world;

use offbound_correlate::Judgement;
use offbound_schemas::record::Incident;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{
    Action, AddrQuality, ContainmentOutcome, Control, ControlMode, Decision, Enforcement, HostControl,
    LayerVerdict, Outcome, Phase, Severity, Strength,
};
use world::{HOUR, TOKEN, World, at};

const DAY: i64 = 24 * HOUR;

/// The only incident of a world.
#[allow(clippy::panic, reason = "a test without its incident cannot go on")]
fn only(world: &World) -> Incident {
    let judged = world.judge();
    let rules: Vec<&str> = judged.findings.iter().map(|finding| finding.rule.as_str()).collect();
    let [incident] = judged.incidents.as_slice() else {
        panic!("{} incidents of findings {rules:?}", judged.incidents.len())
    };
    incident.clone()
}

fn verdicts(incident: &Incident) -> (LayerVerdict, LayerVerdict, ContainmentOutcome, Strength) {
    (incident.host_layer.verdict, incident.identity_layer.verdict, incident.outcome, incident.strength)
}

fn host_verdict(incident: &Incident, control: Control) -> Option<LayerVerdict> {
    let controls = &incident.host_layer.controls;
    controls.iter().find(|judged| judged.control == control).map(|judged| judged.verdict)
}

/// Scenario: a shell under a server wants to read a token, AppArmor refuses; no baseline is declared.
/// Guarantees: the confidentiality of credentials, which is everybody's baseline, held.
#[test]
fn refused_theft_is_held() {
    let mut world = World::new();
    world.hear(0);
    world.shell(0);
    world.host(1, |row| {
        (row.action, row.outcome) = (Action::CredRead, Outcome::Denied);
        (row.control, row.mode) = (HostControl::AppArmor, ControlMode::Enforcing);
        row.target_path = Some(TOKEN.to_owned());
    });
    world.shell(2);
    let incident = only(&world);
    assert_eq!(host_verdict(&incident, Control::CredentialConfidentiality), Some(LayerVerdict::Held));
    let expected = (
        LayerVerdict::Held,
        LayerVerdict::NotChallenged,
        ContainmentOutcome::ContainedByHost,
        Strength::Proven,
    );
    assert_eq!(verdicts(&incident), expected);
}

/// Scenario: a shell under a server reads a token; the sensor names what its policy does about it, and not whether the
/// policy was in force (Tetragon of 1.4 and later). Guarantees: neither held nor bypassed: nobody saw.
#[test]
fn a_control_of_unknown_mode_decides_nothing() {
    let mut world = World::new();
    world.hear(0);
    world.shell(0);
    world.host(1, |row| {
        (row.action, row.outcome) = (Action::CredRead, Outcome::Unknown);
        row.control = HostControl::Tetragon;
        row.target_path = Some(TOKEN.to_owned());
    });
    world.shell(2);
    let incident = only(&world);
    assert_eq!(host_verdict(&incident, Control::CredentialConfidentiality), Some(LayerVerdict::Blind));
    assert_eq!(incident.host_layer.verdict, LayerVerdict::Blind);
    assert_eq!(incident.outcome, ContainmentOutcome::Unknown);
}

/// A key without end, which nothing binds to a place.
fn with_key(row: &mut IdentityAssertion) {
    (row.bound_pod_uid, row.bound_host, row.iat, row.exp) = (None, None, None, None);
    (row.credential_id, row.credential_kind) = (Some("AKIA1".to_owned()), Some("aws-key".to_owned()));
    row.subject = Some("arn:aws:iam::111122223333:user/batch".to_owned());
}

/// Scenario: a shell reads a credential where a key is in use that never ends and that nothing binds to a place; then the key
/// comes from a machine that never showed it; or from one that always did, or nothing was read, or little is known of the past.
/// Guarantees: what came from a new place after the theft is probably the thief's, and the key is in other hands for good; the
/// rest is not.
#[test]
fn a_stolen_key_at_a_new_place() {
    let told = |is_read: bool, is_known: bool, hours: i64| {
        let mut world = World::new();
        world.hear(0);
        world.place_dev_host();
        let elsewhere = |row: &mut IdentityAssertion| {
            with_key(row);
            row.src_addr = Some("10.9.0.1".to_owned());
        };
        for hour in -hours..0 {
            world.used(hour * HOUR, with_key);
            if is_known {
                world.used(hour * HOUR + 60, elsewhere);
            }
        }
        world.shell(0);
        if is_read {
            world.host(1, |row| {
                row.action = Action::CredRead;
                row.target_path = Some("/root/.aws/credentials".to_owned());
            });
        }
        world.shell(2);
        world.used(30, with_key);
        world.used(600, elsewhere);
        let incident = only(&world);
        let reached = incident.blast_radius.reached.iter().map(|reach| reach.count).sum::<u64>();
        (
            incident.outcome,
            reached,
            incident.residual_exposure.iter().map(|left| left.reason.clone()).collect::<Vec<_>>(),
        )
    };
    let stolen = (ContainmentOutcome::NotContained, 1, vec!["static".to_owned()]);
    assert_eq!(told(true, false, 48), stolen);
    for (is_read, is_known, hours) in [(true, true, 48), (false, false, 48), (true, false, 2)] {
        let (_, reached, left) = told(is_read, is_known, hours);
        assert_eq!((reached, left), (0, Vec::new()), "{is_read} {is_known} {hours}");
    }
}

/// Scenario: a bot's certificate is renewed on two machines, and its issuer refuses the older generation; then it is let in
/// from the second machine, too. Guarantees: the copy was taken where it was issued, though nobody saw how, and the issuer held;
/// the finding needs the two places.
#[test]
fn a_forked_renewal() {
    let told = |is_elsewhere: bool| {
        let mut world = World::new();
        world.place_dev_host();
        let of_bot = |row: &mut IdentityAssertion| {
            (row.bound_pod_uid, row.bound_host, row.iat, row.exp) = (None, None, None, None);
            (row.credential_id, row.subject) = (Some("b1".to_owned()), Some("bot-app".to_owned()));
            row.credential_kind = Some("teleport-bot".to_owned());
        };
        world.used(0, of_bot);
        if is_elsewhere {
            world.used(60, |row| {
                of_bot(row);
                (row.src_addr, row.decision) = (Some("10.9.0.1".to_owned()), Decision::Deny);
            });
        }
        world.used(120, |row| {
            of_bot(row);
            (row.src_addr, row.addr_quality) = (None, AddrQuality::None);
            (row.decision, row.action) = (Decision::Deny, Some("cert.generation_mismatch".to_owned()));
        });
        world
    };
    let incident = only(&told(true));
    assert_eq!(
        (incident.host_layer.verdict, incident.host_layer.inferred, incident.identity_layer.verdict),
        (LayerVerdict::Bypassed, true, LayerVerdict::Held)
    );
    assert_eq!(incident.outcome, ContainmentOutcome::ContainedByIdentity);
    let judged = told(false).judge();
    assert_eq!(found(&judged), [("CT-110", Severity::Low)]);
    assert!(judged.incidents.is_empty());
}

/// Scenario: the same with a refusal of something else. Guarantees: no control is said to have held that is not
/// required, whatever the file is called.
#[test]
fn other_refusals_say_nothing_of_credentials() {
    let mut world = World::new();
    world.hear(0);
    world.shell(0);
    world.host(1, |row| {
        (row.action, row.outcome) = (Action::FileRead, Outcome::Denied);
        (row.control, row.mode) = (HostControl::AppArmor, ControlMode::Enforcing);
        row.target_path = Some("/srv/credential-forms/index.html".to_owned());
    });
    let incident = only(&world);
    assert_eq!(incident.host_layer.verdict, LayerVerdict::NotChallenged);
    assert_eq!((incident.outcome, incident.strength), (ContainmentOutcome::Contained, Strength::Unproven));
}

/// Scenario: a workload is refused at three places, then let in where it never was.
/// Guarantees: what was let in counts: it was not contained.
#[test]
fn probing_that_is_let_in_is_not_contained() {
    let mut world = World::new();
    world.past();
    world.hear(0);
    for (secs, destination) in [(0, "orders"), (10, "billing"), (20, "ledger")] {
        world.used(secs, |row| (row.dst, row.decision) = (Some(destination.to_owned()), Decision::Deny));
    }
    let refused = only(&world);
    assert_eq!(refused.outcome, ContainmentOutcome::ContainedByIdentity);
    world.used(60, |row| row.dst = Some("vault".to_owned()));
    let incident = only(&world);
    assert_eq!((incident.outcome, incident.strength), (ContainmentOutcome::NotContained, Strength::Unproven));
    let reached = incident.blast_radius.reached.iter().map(|reach| reach.destination.as_str());
    assert_eq!(reached.collect::<Vec<_>>(), ["vault"]);
}

/// Scenario: probing by a workload whose credential no issuer binds to a host, while a sensor on its host is heard.
/// Guarantees: the host layer was seen, and not challenged; its host is named.
#[test]
fn hosts_are_known_by_where_their_own_is_seen() {
    let mut world = World::new();
    world.past();
    world.hear(0);
    for (secs, destination) in [(0, "orders"), (10, "billing"), (20, "ledger")] {
        world.used(secs, |row| {
            row.dst = Some(destination.to_owned());
            row.decision = Decision::Deny;
            (row.bound_pod_uid, row.bound_host) = (None, None);
            row.credential_id = Some("X509SERIAL=a1".to_owned());
        });
    }
    let incident = only(&world);
    assert_eq!(incident.host_layer.verdict, LayerVerdict::NotChallenged);
    assert_eq!(
        (incident.hosts.as_slice(), incident.missing_sources.len()),
        (["h0".to_owned()].as_slice(), 0)
    );
}

/// Scenario: a credential that no issuer binds to a host goes back and forth between two hosts of its workload.
/// Guarantees: one of the two is not its owner, so that it was not contained; which one is not claimed to be proven.
#[test]
fn two_holders_are_not_contained() {
    let mut world = World::new();
    world.hear(0);
    for secs in 0..6 {
        world.used(secs * 60, |row| {
            (row.bound_pod_uid, row.bound_host) = (None, None);
            row.credential_id = Some("X509SERIAL=a1".to_owned());
            row.src_addr = Some(if secs % 2 == 0 { "10.0.0.1" } else { "10.0.1.1" }.to_owned());
        });
    }
    let incident = only(&world);
    assert_eq!(incident.identity_layer.verdict, LayerVerdict::Bypassed);
    assert_eq!((incident.outcome, incident.strength), (ContainmentOutcome::NotContained, Strength::Unproven));
    let count: u64 = incident.blast_radius.reached.iter().map(|reach| reach.count).sum();
    assert_eq!((count, incident.residual_exposure.len()), (3, 1));
    assert_eq!(incident.hosts, ["h0", "h1"]);
}

/// Scenario: a token is used from another host; its own host's sensor was heard all the time, or never.
/// Guarantees: host events are only called missing where they are.
#[test]
fn what_is_there_is_not_missing() {
    for heard in [true, false] {
        let mut world = World::new();
        if heard {
            world.hear(0);
        }
        world.used(0, |row| row.src_addr = Some("10.0.1.1".to_owned()));
        let incident = only(&world);
        assert!(incident.host_layer.inferred);
        assert_eq!(incident.missing_sources.is_empty(), heard, "{:?}", incident.missing_sources);
    }
}

/// Scenario: a shell under a server; then its pod, where nothing but its release could have changed since days, calls what it
/// never called, with its own token from its own address. Guarantees: it is suspected, no more; what was reached counts, unproven.
#[test]
fn use_in_place_is_suspected() {
    let mut world = World::new();
    world.past();
    world.hear(0);
    world.shell(0);
    world.used(20, |row| row.dst = Some("vault".to_owned()));
    let judged = world.judge();
    let rules: Vec<_> = judged.findings.iter().map(|it| (it.rule.as_str(), it.severity)).collect();
    for expected in [("CT-203", Severity::High), ("CT-208", Severity::Medium), ("CT-302", Severity::Medium)] {
        assert!(rules.contains(&expected), "{rules:?}");
    }
    let incident = only(&world);
    assert_eq!((incident.outcome, incident.strength), (ContainmentOutcome::NotContained, Strength::Unproven));
    assert!(incident.reason.contains("probably the attacker's were allowed"), "{}", incident.reason);
}

/// Scenario: a workload is used on some days, then not for longer than facts are kept, then again; another one is used all the
/// while, or its log is silent for three days. Guarantees: who slept is seen to awake, beyond what facts are kept for, and only
/// where the log shows that it slept; a monthly job awakes nobody in its third period.
#[test]
fn sleepers_are_seen_to_awake() {
    let daily: Vec<i64> = (-60..-45).collect();
    for (days, silent, expected) in [
        (daily.clone(), 0..0, vec![Severity::Medium]),
        (daily, -20..-17, vec![]),
        (vec![-62, -31], 0..0, vec![]),
    ] {
        let mut world = World::new();
        for day in -62..1 {
            if !silent.contains(&day) {
                world.used(day * DAY, |row| {
                    (row.subject, row.credential_id) =
                        (Some("clock".to_owned()), Some(format!("JTI=c{day}")));
                });
            }
        }
        for day in days.iter().copied().chain([0]) {
            world.used(day * DAY, |row| row.credential_id = Some(format!("JTI={day}")));
        }
        let judged = world.judge();
        let awoken = judged.findings.iter().filter(|finding| finding.rule == "CT-307");
        assert_eq!(
            awoken.map(|finding| finding.severity).collect::<Vec<_>>(),
            expected,
            "{days:?} {silent:?}"
        );
        assert!(judged.incidents.is_empty(), "{days:?}");
    }
}

/// Scenario: a process leaves its container; then the identity of the node does what it never did, from the node's own address,
/// and is let in or refused. Guarantees: isolation was got past; the node's credential and those of the pods there are exposed;
/// what was let in counts as reached.
#[test]
fn whoever_leaves_a_container_has_its_host() {
    for (decision, outcome) in [
        (Decision::Allow, ContainmentOutcome::NotContained),
        (Decision::Deny, ContainmentOutcome::ContainedByIdentity),
    ] {
        let mut world = World::new();
        world.hear(0);
        world.machine();
        let by_node = |row: &mut IdentityAssertion| {
            (row.subject, row.credential_kind) = (Some("system:node:h0".to_owned()), Some("x509".to_owned()));
            (row.credential_id, row.bound_pod_uid) = (Some("X509SHA256=aa".to_owned()), None);
            row.src_addr = Some("10.0.0.9".to_owned());
        };
        for hours in -48..-1 {
            world.used(hours * HOUR, by_node);
        }
        world.used(-60, |_| {});
        world.host(0, |row| {
            row.action = Action::FileWrite;
            row.target_path = Some("/sys/fs/cgroup/rdma/release_agent".to_owned());
        });
        world.used(20, |row| {
            by_node(row);
            (row.action, row.decision) = (Some("list secrets".to_owned()), decision);
        });
        let incident = only(&world);
        assert_eq!(host_verdict(&incident, Control::Isolation), Some(LayerVerdict::Bypassed));
        assert_eq!(incident.outcome, outcome, "{decision}");
        assert_eq!(incident.credentials, ["JTI=one", "X509SHA256=aa"], "{decision}");
        let reached = incident.blast_radius.reached.iter().map(|reach| reach.count).sum::<u64>();
        assert_eq!(reached, u64::from(decision == Decision::Allow));
    }
}

/// Scenario: a pod's process calls the metadata service of its machine, a shell's or one of its own; then the machine's
/// session is used from outside. Guarantees: the confidentiality of credentials was got past on that host, by that call; what
/// was handed out is exposed; it is one incident.
#[test]
fn what_a_machine_hands_out_was_taken_there() {
    for exe in ["/usr/bin/curl", "/opt/renderer"] {
        let mut world = World::new();
        world.hear(0);
        world.machine();
        if exe == "/usr/bin/curl" {
            world.shell(0);
        }
        world.host(1, |row| {
            (row.action, row.dst_addr) = (Action::ImdsAccess, Some("169.254.169.254".to_owned()));
            (row.exe, row.parent_exe) = (Some(exe.to_owned()), Some("/bin/sh".to_owned()));
        });
        world.used(HOUR, |row| {
            (row.credential_id, row.credential_kind) =
                (Some("ASIA1".to_owned()), Some("aws-session".to_owned()));
            (row.subject, row.bound_instance) = (Some("role/node/i-0".to_owned()), Some("i-0".to_owned()));
            (row.bound_pod_uid, row.bound_host, row.exp) = (None, None, None);
            row.src_addr = Some("203.0.113.9".to_owned());
        });
        let incident = only(&world);
        let expected = Some(LayerVerdict::Bypassed);
        assert_eq!(host_verdict(&incident, Control::CredentialConfidentiality), expected, "{exe}");
        assert!(!incident.host_layer.inferred, "{exe}");
        assert_eq!(incident.first_failed, [Control::CredentialConfidentiality], "{exe}");
        assert_eq!(incident.outcome, ContainmentOutcome::NotContained, "{exe}");
        assert_eq!(incident.credentials, ["ASIA1"], "{exe}");
        assert_eq!(incident.severity, Severity::Critical, "{exe}");
    }
}

/// Scenario: a process in a container writes the file that makes the host run a program, which decoders call a change
/// of namespaces. Guarantees: it is an escape, and got past isolation although no baseline requires that.
#[test]
fn written_escapes_are_escapes() {
    for (action, path) in [
        (Action::NsChange, "/sys/fs/cgroup/rdma/release_agent"),
        (Action::FileWrite, "/proc/sys/kernel/core_pattern"),
        (Action::FileWrite, "/proc/sys/fs/binfmt_misc/register"),
    ] {
        let mut world = World::new();
        world.log(0, ("api-log", "catalog"));
        world.host(0, |row| (row.action, row.target_path) = (action, Some(path.to_owned())));
        let incident = only(&world);
        assert_eq!(host_verdict(&incident, Control::Isolation), Some(LayerVerdict::Bypassed), "{path}");
        assert_eq!(incident.first_failed, [Control::Isolation], "{path}");
        assert_eq!(incident.outcome, ContainmentOutcome::NotContained, "{path}");
    }
}

/// Scenario: somebody asks for a stolen token to be revoked, and is refused, fails, or succeeds.
/// Guarantees: only what was revoked is.
#[test]
fn refused_revocations_end_nothing() {
    for (decision, reason) in
        [(Decision::Deny, "expires"), (Decision::Error, "expires"), (Decision::Allow, "revoked")]
    {
        let mut world = World::new();
        world.used(0, |row| row.src_addr = Some("10.0.1.1".to_owned()));
        world.used(60, |row| {
            (row.phase, row.decision, row.src_addr, row.dst) = (Phase::Revoke, decision, None, None);
        });
        let incident = only(&world);
        assert_eq!(incident.residual_exposure[0].reason, reason, "{decision}");
    }
}

/// What a judgement found, by rule and severity.
fn found(judged: &Judgement) -> Vec<(&str, Severity)> {
    let mut found: Vec<_> =
        judged.findings.iter().map(|finding| (finding.rule.as_str(), finding.severity)).collect();
    found.sort_unstable();
    found
}

/// Scenario: a pod is deleted, and twenty minutes later its token is accepted from outside by a verifier that looks at the
/// token alone. Guarantees: both are found, the deletion is in evidence; the credential left its pod, nobody checked
/// where it came from and whether its pod lives, and it was not contained.
#[test]
fn a_token_outlives_its_pod() {
    let mut world = World::new();
    world.used(-600, |_| ());
    world.gone(0, |_| ());
    world.used(20 * 60, |row| {
        (row.source, row.dst) = ("cloudtrail".to_owned(), Some("sts.amazonaws.com".to_owned()));
        row.src_addr = Some("203.0.113.9".to_owned());
    });
    let judged = world.judge();
    assert_eq!(found(&judged), [("CT-101", Severity::Medium), ("CT-106", Severity::High)]);
    let late = judged.findings.iter().find(|finding| finding.rule == "CT-106").expect("it was found");
    assert!(late.evidence.iter().any(|record| record.role == "end" && record.time == at(0)), "{late:?}");
    let [incident] = judged.incidents.as_slice() else { unreachable!("it is one incident") };
    assert_eq!((incident.outcome, incident.strength), (ContainmentOutcome::NotContained, Strength::Proven));
    assert_eq!(incident.first_absent, [Control::BindingCheck, Control::Revocation]);
    assert_eq!(incident.first_failed, [Control::CredentialConfidentiality, Control::Authorization]);
    assert!(incident.host_layer.inferred);
    assert_eq!(incident.residual_exposure[0].reason, "expires");
}

/// Scenario: the same, where nothing tells whose the address is; at the API server; within the grace of the pod; while only
/// the wish to delete it is recorded; by a cloud service on behalf of whoever had asked; refused. Guarantees: found where
/// it is known to be wrong, the graver the better the verifier could know, and nowhere else.
#[test]
fn uses_after_the_end() {
    type Other = fn(&mut IdentityAssertion);
    let api: Other = |row| row.source = "k8s-audit:prod".to_owned();
    for (secs, goes_on, other, severity) in [
        (20 * 60, false, (|_| ()) as Other, Some(Severity::High)),
        (20 * 60, false, api, Some(Severity::Critical)),
        (20 * 60, true, api, None),
        (2 * 60, false, api, None),
        (20 * 60, false, |row| row.addr_quality = AddrQuality::Service, None),
        (20 * 60, false, |row| row.decision = Decision::Deny, None),
    ] {
        let mut world = World::new();
        world.gone(0, |row| row.may_go_on = goes_on);
        world.used(secs, |row| {
            row.src_addr = Some("10.0.0.77".to_owned());
            other(row);
        });
        let judged = world.judge();
        let expected: Vec<_> = severity.into_iter().map(|severity| ("CT-106", severity)).collect();
        assert_eq!(found(&judged), expected);
        let outcomes: Vec<_> = judged.incidents.iter().map(|incident| incident.outcome).collect();
        let expected: Vec<_> = severity.into_iter().map(|_| ContainmentOutcome::NotContained).collect();
        assert_eq!(outcomes, expected);
    }
}

/// Scenario: a token for one service is stolen and tried at the API server, which refuses it, and at another service, which
/// lets it in; or it is shown there from its own place, with and without an intruder. Guarantees: the audience check is said
/// to be missing where the attacker got through, and to have held where not; an owner's mistake is nobody's attack.
#[test]
fn tokens_for_somebody_else() {
    let token = |row: &mut IdentityAssertion, destination: &str, audience: &str| {
        (row.dst, row.audience) = (Some(destination.to_owned()), vec![audience.to_owned()]);
    };
    let theft = |world: &mut World| {
        world.host(0, |row| (row.action, row.target_path) = (Action::CredRead, Some(TOKEN.to_owned())));
    };
    let identity = |incident: &Incident, control: Control| {
        let controls = &incident.identity_layer.controls;
        controls.iter().find(|judged| judged.control == control).map(|judged| judged.verdict)
    };
    let misused = |judged: &Judgement| -> Vec<Severity> {
        found(judged)
            .into_iter()
            .filter(|(rule, _)| *rule == "CT-108")
            .map(|(_, severity)| severity)
            .collect()
    };
    for (destination, decision, severity, verdict) in [
        ("api-server", Decision::Deny, Severity::Medium, LayerVerdict::Held),
        ("mail", Decision::Allow, Severity::High, LayerVerdict::NotEnforced),
    ] {
        let mut world = World::new();
        theft(&mut world);
        world.used(20, |row| {
            token(row, destination, "vault");
            (row.decision, row.src_addr) = (decision, Some("10.0.1.1".to_owned()));
        });
        assert_eq!(misused(&world.judge()), [severity]);
        let incident = only(&world);
        assert_eq!(identity(&incident, Control::AudienceCheck), Some(verdict));
        assert_eq!(incident.outcome == ContainmentOutcome::NotContained, decision == Decision::Allow);
    }
    for (is_stolen, outcome) in
        [(true, ContainmentOutcome::NotContained), (false, ContainmentOutcome::Contained)]
    {
        let mut world = World::new();
        world.hear(0);
        if is_stolen {
            theft(&mut world);
        }
        world.used(20, |row| token(row, "mail", "vault"));
        assert_eq!((misused(&world.judge()), only(&world).outcome), (vec![Severity::High], outcome));
    }
    for (destination, audience) in [("mail", "smtp"), ("elsewhere", "vault")] {
        let mut world = World::new();
        world.used(0, |row| token(row, destination, audience));
        assert_eq!(misused(&world.judge()), []);
    }
}

/// Scenario: a pod asks for a token of an hour, of a day, for a day that its issuer extends, and is refused one; before and
/// after a shell ran in it. Guarantees: found where it was asked for too long, graver where an intruder asked, with the
/// record in evidence; then it goes with the intruder's incident, and makes none by itself.
#[test]
fn tokens_for_too_long() {
    let asked = |world: &mut World, (secs, hours): (i64, i64), warned: Option<i64>, decision: Decision| {
        let id = format!("hvs.{secs}");
        world.used(secs, |row| {
            (row.phase, row.src_addr, row.decision) = (Phase::Issue, None, decision);
            (row.credential_id, row.credential_kind) = (Some(id), Some("vault-token".to_owned()));
            row.parent_id = Some("JTI=one".to_owned());
            (row.iat, row.exp) = (Some(at(secs)), Some(at(secs + hours * HOUR)));
            row.warn_after = warned.map(|secs| at(secs + HOUR));
            (row.bound_pod_uid, row.bound_host) = (None, None);
        });
    };
    let mut world = World::new();
    world.used(-600, |_| ());
    asked(&mut world, (-500, 1), None, Decision::Allow);
    asked(&mut world, (-400, 8_760), Some(-400), Decision::Allow);
    asked(&mut world, (-300, 24), None, Decision::Deny);
    assert_eq!(found(&world.judge()), []);
    asked(&mut world, (-200, 24), None, Decision::Allow);
    asked(&mut world, (-100, 25), None, Decision::Allow);
    let judged = world.judge();
    assert_eq!(found(&judged), [("CT-306", Severity::Low)]);
    assert_eq!((judged.findings[0].count, judged.findings[0].evidence.len()), (2, 2));
    assert_eq!(judged.findings[0].credential.as_ref().map(|credential| &*credential.id), Some("hvs.-200"));
    assert_eq!(judged.incidents.len(), 0);
    world.shell(0);
    asked(&mut world, (60, 24), None, Decision::Allow);
    let judged = world.judge();
    let minted: Vec<_> = judged.findings.iter().filter(|finding| finding.rule == "CT-306").collect();
    assert_eq!(
        minted.iter().map(|finding| finding.severity).collect::<Vec<_>>(),
        [Severity::Low, Severity::High]
    );
    assert_eq!(minted.iter().map(|finding| finding.incident.is_some()).collect::<Vec<_>>(), [false, true]);
}

/// Scenario: a key is deleted, or switched off, or switched off and on again, and used ten minutes later. Guarantees: a
/// deleted key is dead, whoever accepts it, and what it is good for goes on; that nobody switched the other on again is
/// not believed of a log that is not declared complete.
#[test]
fn keys_after_their_end() {
    for (calls, severity) in [
        (["DeleteAccessKey", ""], Some(Severity::Critical)),
        (["UpdateAccessKey", "DeleteAccessKey"], Some(Severity::Critical)),
        (["UpdateAccessKey", ""], None),
        (["lock.created", ""], None),
    ] {
        let mut world = World::new();
        let key = |row: &mut IdentityAssertion| {
            (row.credential_id, row.credential_kind) = (Some("AKIA1".to_owned()), Some("aws-key".to_owned()));
            (row.bound_pod_uid, row.bound_host, row.exp) = (None, None, None);
            row.source = "key-log".to_owned();
        };
        for (secs, call) in (0..).zip(calls.into_iter().filter(|call| !call.is_empty())) {
            world.used(secs, |row| {
                key(row);
                (row.phase, row.src_addr, row.action) = (Phase::Revoke, None, Some(call.to_owned()));
            });
        }
        world.used(10 * 60, key);
        let judged = world.judge();
        let of_end = |finding: &&offbound_schemas::record::Finding| finding.rule == "CT-106";
        let graves: Vec<_> = judged.findings.iter().filter(of_end).map(|finding| finding.severity).collect();
        assert_eq!(graves, severity.into_iter().collect::<Vec<_>>(), "{calls:?}");
        let Some(incident) = judged.incidents.first() else { continue };
        assert_eq!(incident.first_absent, [Control::Revocation, Control::Authorization]);
        let residual = incident.residual_exposure.iter().map(|left| (left.reason.as_str(), left.seconds));
        assert_eq!(residual.collect::<Vec<_>>(), [("static", None)], "it is let in as before");
    }
}

/// Scenario: a token without end and one with an end, used off their place. Guarantees: with nothing to check, nothing
/// was bypassed: it was not enforced.
#[test]
fn nothing_is_enforced_of_credentials_without_end() {
    for (kind, expected) in
        [("k8s-token", LayerVerdict::Bypassed), ("k8s-legacy-token", LayerVerdict::NotEnforced)]
    {
        let mut world = World::new();
        world.used(0, |row| {
            row.src_addr = Some("10.0.1.1".to_owned());
            row.credential_id = Some("JTI=other".to_owned());
            (row.credential_kind, row.exp) = (Some(kind.to_owned()), None);
        });
        let incident = only(&world);
        assert_eq!(
            (incident.identity_layer.verdict, incident.outcome),
            (expected, ContainmentOutcome::NotContained)
        );
    }
}

/// Scenario: a shell five days ago; today a theft and a sensitive request from the same pod.
/// Guarantees: today's is an incident of its own, as grave as if the old sign had not been.
#[test]
fn old_signs_do_not_hide_new_ones() {
    let mut world = World::new();
    world.shell(-5 * DAY);
    world.shell(0);
    world.host(1, |row| (row.action, row.target_path) = (Action::CredRead, Some(TOKEN.to_owned())));
    world.used(20, |row| row.action = Some("list secrets".to_owned()));
    let judged = world.judge();
    let severities = |rule: &str| -> Vec<Severity> {
        judged
            .findings
            .iter()
            .filter(|finding| finding.rule == rule)
            .map(|finding| finding.severity)
            .collect()
    };
    assert_eq!(severities("CT-203"), [Severity::Medium, Severity::High]);
    assert_eq!(severities("CT-201"), [Severity::Medium]);
    let onsets: Vec<_> = judged.incidents.iter().map(|incident| incident.onset).collect();
    assert_eq!(onsets, [at(-5 * DAY), at(0)]);
}

/// Scenario: a shell five days ago, and nothing since but the use of a credential that belongs there from elsewhere.
/// Guarantees: the old sign is named and weighs.
#[test]
fn old_signs_still_weigh() {
    let mut world = World::new();
    world.shell(-5 * DAY);
    world.used(0, |row| row.src_addr = Some("10.0.1.1".to_owned()));
    let judged = world.judge();
    let off = judged.findings.iter().find(|finding| finding.rule == "CT-101").expect("it is off its host");
    assert_eq!((off.severity, off.count), (Severity::Critical, 1));
}

/// Scenario: a sensor takes an execution for an attack, or only notes it. Guarantees: its gravest words are heard
/// whatever the act was.
#[test]
fn grave_alerts_are_heard() {
    for (priority, incidents) in [("critical", 1), ("notice", 0)] {
        let mut world = World::new();
        world.host(0, |row| {
            (row.action, row.exe) = (Action::Exec, Some("/opt/app/tool".to_owned()));
            row.rule = Some("Dropped program executed".to_owned());
            row.priority = Some(priority.to_owned());
        });
        assert_eq!(world.judge().incidents.len(), incidents, "{priority}");
    }
}

/// Scenario: an account with a password that production uses, and a machine of developers too; a shell under a server on
/// that machine, then the account calls from there what it never called. Guarantees: that it is shared is told as part of
/// the incident, and that the account was off its place is not claimed: nobody knows its place.
#[test]
fn shared_accounts_of_a_tainted_host_are_part_of_its_incident() {
    let mut world = World::new();
    world.place_dev_host();
    let account = |row: &mut offbound_schemas::table::IdentityAssertion, from: &str, called: &str| {
        (row.source, row.subject) = ("db:orders".to_owned(), Some("svc-batch".to_owned()));
        (row.credential_id, row.bound_pod_uid, row.bound_host) = (None, None, None);
        (row.src_addr, row.dst) = (Some(from.to_owned()), Some(called.to_owned()));
    };
    for hours in -48..-1 {
        world.used(hours * HOUR, |row| account(row, "10.0.0.1", "orders"));
        world.used(hours * HOUR + 60, |row| account(row, "10.9.0.1", "orders"));
    }
    world.host(0, |row| {
        row.action = Action::Exec;
        (row.host, row.pod_uid) = (Some("dev-1".to_owned()), None);
        (row.exe, row.parent_exe) = (Some("/bin/sh".to_owned()), Some("/usr/bin/java".to_owned()));
    });
    world.used(60, |row| account(row, "10.9.0.1", "ledger"));
    let judged = world.judge();
    let mut told: Vec<_> =
        judged.findings.iter().map(|finding| (finding.rule.as_str(), finding.severity)).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [("CT-203", Severity::High), ("CT-302", Severity::Medium), ("CT-304", Severity::Medium)]
    );
    let incident = only(&world);
    assert_eq!((incident.findings.len(), incident.hosts.as_slice()), (3, ["dev-1".to_owned()].as_slice()));
    assert_eq!(incident.outcome, ContainmentOutcome::NotContained);
}

/// Scenario: many workloads that are declared to call a place are refused there again and again; at one where that was declared
/// twenty seconds before, too; and a workload of another shop is let in. Guarantees: the first is told once, as what it is and
/// not as probing; a rollout has its time; who is not declared is told by name.
#[test]
fn a_storm_of_retries_is_a_policy_that_drifted() {
    let mut world = World::new();
    for (secs, who) in (0..90).zip(["shop/web", "shop/cart", "shop/till"].into_iter().cycle()) {
        for called in ["depot", "new-depot"] {
            world.used(secs, |row| {
                (row.subject, row.credential_id, row.decision) = (Some(who.to_owned()), None, Decision::Deny);
                (row.bound_pod_uid, row.bound_host, row.src_addr) = (None, None, None);
                row.dst = Some(called.to_owned());
            });
        }
    }
    world.used(100, |row| {
        (row.subject, row.credential_id, row.dst) =
            (Some("bank/web".to_owned()), None, Some("depot".to_owned()));
        (row.bound_pod_uid, row.bound_host, row.src_addr) = (None, None, None);
    });
    let judged = world.judge();
    let told: Vec<_> = judged
        .findings
        .iter()
        .map(|finding| {
            (finding.rule.as_str(), finding.severity, finding.count, finding.destination.as_deref())
        })
        .collect();
    assert_eq!(
        told,
        [("CT-303", Severity::Low, 90, Some("depot")), ("CT-303", Severity::Medium, 1, Some("depot"))]
    );
    assert!(judged.incidents.is_empty(), "{:?}", judged.incidents);
}

/// Scenario: a stolen token is used from another host and refused there: for real; for show; by whoever checks no identity;
/// once for real and once for show. Guarantees: only what was refused for real, each time, by a check of identity has held;
/// what was refused for show was reached, and the reason says so.
#[test]
fn refusals_for_show_hold_nothing() {
    use Enforcement::{DryRun, Enforced, Permissive};
    for (answers, verdict, is_reached) in [
        (vec![Enforced], LayerVerdict::Held, false),
        (vec![DryRun], LayerVerdict::NotEnforced, true),
        (vec![Permissive], LayerVerdict::NotEnforced, true),
        (vec![Enforcement::None], LayerVerdict::NotEnforced, false),
        (vec![Enforced, DryRun], LayerVerdict::NotEnforced, true),
    ] {
        let mut world = World::new();
        for (secs, answer) in (0..).zip(&answers) {
            world.used(secs, |row| {
                row.src_addr = Some("10.0.1.1".to_owned());
                (row.decision, row.enforcement) = (Decision::Deny, *answer);
                row.dst = Some(format!("place-{secs}"));
            });
        }
        // A refused use alone is no more than low: the shell makes it an incident.
        world.shell(-10);
        let incident = only(&world);
        assert_eq!(incident.identity_layer.verdict, verdict, "{answers:?}: {}", incident.reason);
        assert_eq!(!incident.blast_radius.reached.is_empty(), is_reached, "{answers:?}");
        assert_eq!(
            incident.outcome == ContainmentOutcome::NotContained,
            is_reached || verdict != LayerVerdict::Held
        );
        assert_eq!(incident.reason.contains("for show only"), is_reached, "{}", incident.reason);
    }
}
