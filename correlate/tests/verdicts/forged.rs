//! Credentials that nobody issued: who has an issuer's key needs no workload.
//!
//! In: a cluster whose log tells of every token for hours, and a token that it does not tell of. Out: the judgement.
//! Owns: what makes such a token known, and what keeps it unknown.

use offbound_schemas::record::Incident;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{
    ContainmentOutcome, Control, Decision, LayerVerdict, Phase, Severity, Strength,
};

use crate::world::{HOUR, World, at};
use crate::{found, only, verdicts};

/// The log tells of a token every ten minutes, from so many seconds on to others.
fn tells(world: &mut World, from: i64, to: i64, other: impl Fn(&mut IdentityAssertion)) {
    for secs in (from..to).step_by(600) {
        world.used(secs, |row| {
            (row.phase, row.dst, row.src_addr) = (Phase::Issue, None, None);
            row.credential_id = Some(format!("JTI=issued-{secs}"));
            (row.iat, row.exp) = (Some(at(secs)), Some(at(secs + HOUR)));
            other(row);
        });
    }
}

/// A token of the web, which the log does not tell of, is shown from outside.
fn forged(world: &mut World, secs: i64, other: impl Fn(&mut IdentityAssertion)) {
    world.used(secs, |row| {
        row.credential_id = Some("JTI=forged".to_owned());
        (row.bound_pod_uid, row.bound_host, row.iat) = (None, None, None);
        (row.src_addr, row.action) = (Some("203.0.113.9".to_owned()), Some("list secrets".to_owned()));
        other(row);
    });
}

/// What happens in a world.
type Tell = fn(&mut World);

fn in_words(incident: &Incident) -> (Vec<Control>, Vec<&str>) {
    let reasons = incident.residual_exposure.iter().map(|left| left.reason.as_str()).collect();
    (incident.first_failed.clone(), reasons)
}

/// Scenario: somebody has the cluster's signing key, and lists secrets from outside with a token that names the web; with its
/// pod in it, too. Guarantees: the issuing failed first, no host was challenged, nothing was contained, and other tokens can
/// be made as long as the key is good.
#[test]
fn a_stolen_signing_key() {
    for is_bound in [false, true] {
        let mut world = World::new();
        world.hear(0);
        tells(&mut world, -3 * HOUR, HOUR, |_| {});
        forged(&mut world, 0, |row| {
            if is_bound {
                (row.bound_pod_uid, row.bound_host) = (Some("uid-0".to_owned()), Some("h0".to_owned()));
            }
        });
        let judged = world.judge();
        assert!(found(&judged).contains(&("CT-107", Severity::Critical)), "{:?}", found(&judged));
        let incident = only(&world);
        let expected = (
            LayerVerdict::NotChallenged,
            LayerVerdict::Bypassed,
            ContainmentOutcome::NotContained,
            Strength::Proven,
        );
        assert_eq!(verdicts(&incident), expected, "{is_bound}");
        assert_eq!(in_words(&incident), (vec![Control::IssuanceScope], vec!["forged"]), "{is_bound}");
    }
}

/// Scenario: a token of one service account is shown, with its id, for another; for the same one under another name; under an id
/// that is no random one. Guarantees: the first was made by somebody else, and the others are not known to be.
#[test]
fn a_borrowed_id() {
    let told = |id: &str, subject: &str| {
        let mut world = World::new();
        world.hear(0);
        tells(&mut world, -600, 0, |row| {
            row.credential_id = Some(id.to_owned());
            row.subject = Some("system:serviceaccount:shop:till".to_owned());
        });
        forged(&mut world, 0, |row| {
            (row.credential_id, row.subject) = (Some(id.to_owned()), Some(subject.to_owned()));
        });
        let judged = world.judge();
        found(&judged).contains(&("CT-107", Severity::Critical))
    };
    assert!(told("JTI=one", "system:serviceaccount:shop:web"));
    assert!(!told("JTI=one", "system:serviceaccount:shop:till"));
    assert!(!told("JTI=one", "shop/till"));
    assert!(!told("X509SERIAL=1", "system:serviceaccount:shop:web"));
}

/// Scenario: the same where something is missing: the log was silent for a while within the hours in which the token can have
/// been made, began later than that, ended before the token was shown, tells of issuing without ids or of another form of
/// them; the token was issued after all, is of a kind or at a verifier of which no issuer is declared, was refused, or only
/// looked at. Guarantees: nobody is accused.
#[test]
fn what_is_not_known_accuses_nobody() {
    let worlds: [(&str, Tell); 10] = [
        ("a silence", |world| {
            tells(world, -3 * HOUR, -HOUR, |_| {});
            tells(world, -HOUR + 1_200, HOUR, |_| {});
            forged(world, 0, |_| {});
        }),
        ("a log that began later", |world| {
            tells(world, -HOUR, HOUR, |_| {});
            forged(world, 0, |_| {});
        }),
        ("a log that ended before", |world| {
            tells(world, -3 * HOUR, 0, |_| {});
            forged(world, 0, |_| {});
        }),
        ("issuing without ids", |world| {
            tells(world, -3 * HOUR, HOUR, |row| row.credential_id = None);
            forged(world, 0, |_| {});
        }),
        ("ids of another form", |world| {
            tells(world, -3 * HOUR, HOUR, |row| row.credential_id = Some("X509SERIAL=7".to_owned()));
            forged(world, 0, |_| {});
        }),
        ("issued after all", |world| {
            tells(world, -3 * HOUR, HOUR, |_| {});
            tells(world, -600, 0, |row| row.credential_id = Some("JTI=forged".to_owned()));
            forged(world, 0, |_| {});
        }),
        ("another kind", |world| {
            tells(world, -3 * HOUR, HOUR, |_| {});
            forged(world, 0, |row| row.credential_kind = Some("k8s-legacy-token".to_owned()));
        }),
        ("another verifier", |world| {
            tells(world, -3 * HOUR, HOUR, |_| {});
            forged(world, 0, |row| row.source = "vault-log".to_owned());
        }),
        ("refused", |world| {
            tells(world, -3 * HOUR, HOUR, |_| {});
            forged(world, 0, |row| row.decision = Decision::Deny);
        }),
        ("looked at", |world| {
            tells(world, -3 * HOUR, HOUR, |_| {});
            forged(world, 0, |row| row.phase = Phase::Verify);
        }),
    ];
    for (what, tell) in worlds {
        let mut world = World::new();
        tell(&mut world);
        let judged = world.judge();
        assert!(found(&judged).iter().all(|(rule, _)| *rule != "CT-107"), "{what}: {:?}", found(&judged));
    }
}
