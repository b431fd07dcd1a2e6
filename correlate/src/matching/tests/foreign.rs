//! The comparison where an address may be somebody else's: reused, claimed twice, outside, spoofed, relayed.
//!
//! In: cases over the world of the module above. Out: the same answers.
//! Law MATCH-1: only evidence that excludes the credential's own place makes a mismatch.

use super::{GATEWAY, NAT, NO_WAY_OUT, OFF_CLOCK, OPEN, PROXY, REALM, case, check, compared};
use offbound_schemas::vocabulary::Match::{Match as Fits, Mismatch, Undetermined};

/// Scenario: an address that changes hands, and clocks that are off. Guarantees: inside the clocks' error nobody
/// owns it; outside, whoever was there does.
#[test]
fn addresses_change_hands() {
    const REUSED: &str = "placements: host=n1; pod_uid=web-1; end=10:00:00
        placements: workload=scratch; host=n3; pod_uid=scratch-7; addresses=10.1.0.7; start=10:00:00\n";
    let use_at = |time: &str| {
        format!(
            "{REUSED}identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.7; event_time={time}"
        )
    };
    for (name, environment, time, expected, trace) in [
        ("just before, inside", REALM, "09:59:59", OPEN, "within the clocks' error"),
        ("just after, inside", REALM, "10:00:01", OPEN, "within the clocks' error"),
        ("well before", REALM, "09:59:50", [Fits, Fits, Fits], "it is where it belongs"),
        ("well after", REALM, "10:00:10", [Mismatch; 3], "belonged to pod scratch-7 on n3"),
        (
            "B8: well after by a clock that may be off by more",
            OFF_CLOCK,
            "10:00:45",
            OPEN,
            "within the clocks' error",
        ),
        (
            "beyond what that clock may be off",
            OFF_CLOCK,
            "10:01:10",
            [Mismatch; 3],
            "belonged to pod scratch-7 on n3",
        ),
    ] {
        let found = compared(environment, &use_at(time));
        let levels = [found.place_match, found.host_match, found.pod_match];
        assert_eq!(levels, expected, "{name}: {:?}", found.trace);
        assert!(found.trace.iter().any(|step| step.contains(trace)), "{name}: {:?}", found.trace);
    }
}

/// Scenario: one address claimed by two pods at once. Guarantees: neither is taken for its owner, though one fits.
#[test]
fn ambiguous_owners() {
    check(&[
        case(
            "two pods, one of them the credential's own",
            REALM,
            "placements: workload=scratch; host=n3; pod_uid=twin; addresses=10.1.0.7
             identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.7; event_time=10:00:00",
            OPEN,
            "more than one workload may have owned it",
        ),
        case(
            "two pods of the host network on two hosts",
            REALM,
            "placements: workload=edge; host=n1; pod_uid=edge-1; addresses=10.0.7.7; shared=true
             placements: workload=edge; host=n3; pod_uid=edge-3; addresses=10.0.7.7; shared=true
             identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.0.7.7; event_time=10:00:00",
            OPEN,
            "more than one workload may have owned it",
        ),
    ]);
}

/// Scenario: uses from outside every address space. Guarantees: they are off their place only where every way out
/// of the credential's own space is declared, and this is none of them.
#[test]
fn outside_every_address_space() {
    const THIEF: &str = "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=203.0.113.7";
    check(&[
        case("nothing leaves translated", NO_WAY_OUT, THIEF, [Mismatch, Mismatch, Undetermined], "none of the declared ways out"),
        case("another way out is declared", NAT, THIEF, [Mismatch, Mismatch, Undetermined], "none of the declared ways out"),
        case("ways out are not declared", REALM, THIEF, OPEN, "is not declared"),
        case("address spaces are not declared", "", THIEF, OPEN, "no address space is declared"),
        case(
            "ways out of another part only",
            NAT,
            "placements: workload=db; host=n3; pod_uid=db-1; addresses=10.2.0.1
             identity_assertions: phase=issue; credential_id=JTI=db-1; subject=db; bound_pod_uid=db-1
             identity_assertions: credential_id=JTI=db-1; subject=db; src_addr=203.0.113.7",
            OPEN,
            "is not declared",
        ),
        case(
            "only its first use is known",
            NO_WAY_OUT,
            "identity_assertions: credential_id=AKIAEXAMPLE; subject=batch; src_addr=203.0.113.1; event_time=09:30:00
             identity_assertions: credential_id=AKIAEXAMPLE; subject=batch; src_addr=203.0.113.7; event_time=10:30:00",
            OPEN,
            "Only its first use is known; 203.0.113.7 was not seen with it then",
        ),
    ]);
}

/// Scenario: a thief writes the victim's address into a header. Guarantees: the first element of the chain never
/// counts; the recorder's peer does, or the hop that a trusted proxy saw itself.
#[test]
fn spoofed_headers() {
    check(&[
        case(
            "straight to the recorder",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.9; addr_chain=10.1.0.7",
            [Mismatch; 3],
            "Forwarded addresses (10.1.0.7) are only claims; the peer was 10.1.0.9",
        ),
        case(
            "through a trusted proxy",
            PROXY,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.0.9.1; addr_chain=10.1.0.7,10.1.0.9",
            [Mismatch; 3],
            "10.0.9.1 is a declared proxy; it saw 10.1.0.9",
        ),
        case(
            "from outside",
            NO_WAY_OUT,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=203.0.113.7; addr_chain=10.1.0.7",
            [Mismatch, Mismatch, Undetermined],
            "are only claims; the peer was 203.0.113.7",
        ),
        case(
            "an address that is only somebody's word, and fits",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.7; addr_quality=asserted",
            OPEN,
            "10.1.0.7 is somebody's word",
        ),
        case(
            "an address that is only somebody's word, and does not",
            NO_WAY_OUT,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=203.0.113.7; addr_quality=asserted",
            OPEN,
            "203.0.113.7 is somebody's word",
        ),
        case(
            "a sidecar's loopback",
            NO_WAY_OUT,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=127.0.0.6",
            OPEN,
            "127.0.0.6 is local to the recorder",
        ),
        case(
            "no address",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; addr_quality=none",
            OPEN,
            "No source address is recorded",
        ),
    ]);
}

/// Scenario: entries that name gateway and clients by SPIFFE ID, where placements and tokens name service accounts; what says
/// that the one is the other: SPIRE's entries, the trust domain of the realm, of another realm, or nothing; patterns.
/// Guarantees: what is told counts as declared, what is told otherwise does not, and what nobody tells is left open.
#[test]
fn delegation_by_spiffe_id() {
    const PODS: &str = "placements: workload=system:serviceaccount:edge:gateway; host=n3; pod=edge/gateway-1; pod_uid=gateway-1; addresses=10.1.0.40
        identity_assertions: phase=issue; credential_id=JTI=till; subject=system:serviceaccount:shop:till; bound_pod_uid=web-1; bound_host=n1; event_time=09:01:00\n";
    const USE: &str = "identity_assertions: credential_id=JTI=till; subject=system:serviceaccount:shop:till; src_addr=10.1.0.40";
    const IN_DOMAIN: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\ntrust_domains = [\"one\"]\n";
    const ELSEWHERE: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[realm.two]\ncidrs = [\"172.16.0.0/12\"]\ntrust_domains = [\"one\"]\n";
    const ENTRIES: &str = "placements: kind=entry; native_id=e1; workload=spiffe://one/ns/edge/sa/gateway; parent=spiffe://one/agent; selectors=k8s:ns:edge,k8s:sa:gateway
        placements: kind=entry; native_id=e2; workload=spiffe://one/ns/shop/sa/till; parent=spiffe://one/agent; selectors=k8s:ns:shop,k8s:sa:till\n";
    const OTHERS: &str = "placements: kind=entry; native_id=e1; workload=spiffe://one/ns/edge/sa/gateway; parent=spiffe://one/agent; selectors=k8s:ns:edge,k8s:sa:other\n";
    let (gateway, till) = ("spiffe://one/ns/edge/sa/gateway", "spiffe://one/ns/shop/sa/till");
    let passed = [Fits, Undetermined, Undetermined];
    for (name, realms, entries, (presenter, subject), expected) in [
        ("nothing says so", REALM, "", (gateway, till), OPEN),
        ("the trust domain", IN_DOMAIN, "", (gateway, till), passed),
        (
            "the trust domain, by patterns",
            IN_DOMAIN,
            "",
            ("spiffe://one/ns/edge/*", "spiffe://one/ns/shop/sa/*"),
            passed,
        ),
        ("a pattern of any trust domain", REALM, "", ("spiffe://*/sa/gateway", till), OPEN),
        ("clients by their account", IN_DOMAIN, "", (gateway, "system:serviceaccount:shop:*"), passed),
        ("the trust domain of another realm", ELSEWHERE, "", (gateway, till), [Mismatch; 3]),
        ("entries", REALM, ENTRIES, (gateway, till), passed),
        (
            "entries of another account",
            REALM,
            OTHERS,
            (gateway, "system:serviceaccount:shop:till"),
            [Mismatch; 3],
        ),
        ("another gateway", REALM, "", ("spiffe://one/ns/edge/sa/other", till), [Mismatch; 3]),
        ("other clients", IN_DOMAIN, "", (gateway, "spiffe://one/ns/bank/sa/*"), [Mismatch; 3]),
        ("no service account", REALM, "", ("spiffe://one/gateway", till), [Mismatch; 3]),
    ] {
        let environment =
            format!("{realms}[[delegation]]\npresenter = \"{presenter}\"\nsubjects = [\"{subject}\"]\n");
        let found = compared(&environment, &format!("{PODS}{entries}{USE}"));
        let levels = [found.place_match, found.host_match, found.pod_match];
        assert_eq!(levels, expected, "{name}: {:?}", found.trace);
    }
}

/// Scenario: a gateway presents its clients' credentials. Guarantees: only what is declared is let pass, and only
/// there; it never shows where the client was.
#[test]
fn delegation() {
    const RELAYED: &str = "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.8";
    check(&[
        case(
            "declared",
            GATEWAY,
            RELAYED,
            [Fits, Undetermined, Undetermined],
            "is declared to present credentials",
        ),
        case("not declared", REALM, RELAYED, [Mismatch, Fits, Mismatch], "it is not where it belongs"),
        case(
            "declared for another destination",
            GATEWAY,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.8; dst=vault",
            [Mismatch, Fits, Mismatch],
            "it is not where it belongs",
        ),
        case(
            "somebody else than the declared presenter",
            GATEWAY,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.9",
            [Mismatch; 3],
            "it is not where it belongs",
        ),
    ]);
}
