//! The comparison over invented placements and environments: benign twins, thieves, and what stays open.
//!
//! In: rows as text, folded as the engine folds them; the last assertion is the use that is compared.
//! Out: the answer at the level of place, host and pod, and a sentence of the trace.
//! Law MATCH-1: each case that lacks a source or a declaration is undetermined, never a mismatch.

mod foreign;

use offbound_schemas::table::{Use, identity_assertions, placements};
use offbound_schemas::vocabulary::Match::{self, Match as Fits, Mismatch, Undetermined};

use crate::environment::Environment;
use crate::examples::text::Tables;
use crate::fact::Facts;
use crate::scene::{Scene, uses};

const DEFAULTS: &str = "
placements: event_id=p{n}; source=places; location=places:{n}; kind=pod; start=09:00:00
identity_assertions: event_id=a{n}; source=api; location=api:{n}; phase=present; decision=allow; dst=api; addr_quality=direct
";

/// Two workloads and a spare pod on three hosts; one token per pod of the first, bound by its issuer.
const WORLD: &str = "
placements: kind=host; host=n1; host_uid=uid-n1; addresses=10.0.0.1
placements: kind=host; host=n3; host_uid=uid-n3; addresses=10.0.0.3
placements: workload=web; host=n1; pod=shop/web-1; pod_uid=web-1; addresses=10.1.0.7
placements: workload=pay; host=n1; pod=shop/pay-1; pod_uid=pay-1; addresses=10.1.0.8
placements: workload=web; host=n3; pod=shop/web-2; pod_uid=web-2; addresses=10.1.0.20
placements: workload=scratch; host=n3; pod=lab/scratch; pod_uid=scratch; addresses=10.1.0.9
identity_assertions: phase=issue; credential_id=JTI=web-1; subject=web; bound_pod_uid=web-1; bound_host=n1; event_time=09:01:00
";

const REALM: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n";
const NO_WAY_OUT: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[[egress]]\nrealm = \"one\"\nfrom = [\"10.0.0.0/8\"]\nseen_as = []\n";
const NAT: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[[egress]]\nrealm = \"one\"\nfrom = [\"10.1.0.0/16\"]\n\
                   seen_as = [\"198.51.100.9/32\"]\n";
const PROXY: &str =
    "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[[proxy]]\naddresses = [\"10.0.9.1\"]\ntrust_forwarded = true\n";
const DISTRUSTED: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[[proxy]]\naddresses = [\"10.0.9.1\"]\n";
const GATEWAY: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[[delegation]]\npresenter = \"pay\"\nsubjects = [\"web\"]\n\
                       destinations = [\"api\"]\n";
const OFF_CLOCK: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[clock]\n\"api\" = \"60s\"\n";

struct Case {
    name: &'static str,
    environment: &'static str,
    /// What this case adds to the world; the last line is the use.
    rows: &'static str,
    /// At the level of place, host and pod.
    expected: [Match; 3],
    /// A part of the trace.
    trace: &'static str,
}

const fn case(
    name: &'static str,
    environment: &'static str,
    rows: &'static str,
    expected: [Match; 3],
    trace: &'static str,
) -> Case {
    Case { name, environment, rows, expected, trace }
}

const OPEN: [Match; 3] = [Undetermined; 3];

fn compared(environment: &str, rows: &str) -> Use {
    let environment = Environment::parse(environment, "case.toml").expect("the environment is sound");
    let mut tables = Tables::with_defaults(DEFAULTS).expect("the defaults are rows");
    tables.add(WORLD).expect("the world is rows");
    tables.add(rows).expect("the case is rows");
    let places = tables.batch(placements::NAME).expect("the rows fit the table");
    let assertions = tables.batch(identity_assertions::NAME).expect("the rows fit the table");
    let places = placements::View::new(&places).expect("it is that table");
    let assertions = identity_assertions::View::new(&assertions).expect("it is that table");
    let mut facts = Facts::default();
    (0..places.len()).for_each(|row| facts.placement(&places, row));
    (0..assertions.len()).for_each(|row| facts.assertion(&environment, &assertions, row));
    let scene = Scene::new(&environment, &facts, None);
    let usage = facts.uses.iter().last().expect("the last assertion is a use");
    uses::rows(&scene, &usage).pop().expect("a use has a row")
}

fn check(cases: &[Case]) {
    for Case { name, environment, rows, expected, trace } in cases {
        let found = compared(environment, rows);
        let levels = [found.place_match, found.host_match, found.pod_match];
        assert_eq!(levels, *expected, "{name}: place, host, pod; {:?}", found.trace);
        let said = found.trace.iter().any(|step| step.contains(trace));
        assert!(said, "{name}: {trace:?} is not in {:?}", found.trace);
    }
}

/// Scenario: a token used where it belongs, and by others inside. Guarantees: each level is decided by its own
/// evidence: the pod by its address, the host by who is placed there.
#[test]
fn inside_the_address_space() {
    check(&[
        case(
            "its own pod",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.7",
            [Fits, Fits, Fits],
            "it is where it belongs",
        ),
        case(
            "its own pod, without any environment",
            "",
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.7",
            [Fits, Fits, Fits],
            "10.1.0.7 belonged to pod shop/web-1 on n1",
        ),
        case(
            "a foreign pod on its host",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.8",
            [Mismatch, Fits, Mismatch],
            "10.1.0.8 belonged to pod shop/pay-1 on n1",
        ),
        case(
            "another replica elsewhere",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.20",
            [Mismatch, Mismatch, Mismatch],
            "it is not where it belongs",
        ),
        case(
            "a foreign host's own address",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.0.0.3",
            [Mismatch, Mismatch, Undetermined],
            "10.0.0.3 belonged to host n3",
        ),
        case(
            "a host credential from a foreign host",
            REALM,
            "identity_assertions: credential_id=KEY=n1; subject=agent; bound_host=n1; src_addr=10.0.0.3",
            [Mismatch, Mismatch, Undetermined],
            "The credential belongs to host n1: it is not where it belongs",
        ),
        case(
            "an address that no placement source knows",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.1.0.99",
            OPEN,
            "no placement source says whose it was",
        ),
    ]);
}

/// Scenario: a mesh identity from the address of a pod that runs under its service account, and of another one's; what says
/// that it is that account: SPIRE's entries, the trust domain of the realm, an alias, or nothing; entries that disagree,
/// a realm of another trust domain. Guarantees: only what is told counts, and only a foreign account is a mismatch.
#[test]
fn service_accounts_of_meshes() {
    const PODS: &str = "placements: workload=system:serviceaccount:shop:till; host=n1; pod=shop/till-1; pod_uid=till-1; addresses=10.1.0.40
        placements: workload=system:serviceaccount:shop:oven; host=n3; pod=shop/oven-1; pod_uid=oven-1; addresses=10.1.0.41\n";
    const ENTRY: &str = "placements: kind=entry; native_id=e1; workload=spiffe://one/ns/shop/sa/till; parent=spiffe://one/agent; selectors=k8s:ns:shop,k8s:sa:till\n";
    const SECOND: &str = "placements: kind=entry; native_id=e2; workload=spiffe://one/ns/shop/sa/till; parent=spiffe://one/agent; selectors=unix:uid:0\n";
    const DOMAIN: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\ntrust_domains = [\"one\"]\n";
    const OTHER: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[realm.two]\ncidrs = [\"172.16.0.0/12\"]\ntrust_domains = [\"one\"]\n";
    const ALIAS: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\ntrust_domains = [\"one\"]\n[[workload]]\nid = \"spiffe://one/ns/shop/sa/till\"\n\
                         aliases = [\"system:serviceaccount:shop:till\"]\n";
    let (home, away) = ("10.1.0.40", "10.1.0.41");
    for (name, environment, entries, address, expected) in [
        ("nothing says so", REALM, "", away, Undetermined),
        ("an entry, at home", REALM, ENTRY, home, Undetermined),
        ("an entry, away", REALM, ENTRY, away, Mismatch),
        ("entries that disagree", DOMAIN, &*format!("{ENTRY}{SECOND}"), away, Undetermined),
        ("the trust domain, at home", DOMAIN, "", home, Undetermined),
        ("the trust domain, away", DOMAIN, "", away, Mismatch),
        ("the trust domain of another realm", OTHER, "", away, Undetermined),
        ("an alias beside it, away", ALIAS, "", away, Mismatch),
        ("an alias beside it, at home", ALIAS, "", home, Undetermined),
    ] {
        let rows = format!(
            "{PODS}{entries}identity_assertions: subject=spiffe://one/ns/shop/sa/till; src_addr={address}"
        );
        let found = compared(environment, &rows);
        assert_eq!(found.place_match, expected, "{name}: {:?}", found.trace);
    }
}

/// Scenario: a certificate that SPIRE issued to an agent of which only the machine's id is known (as `agent list` prints it,
/// and as ids of AWS instances are), from its host and another one; and an agent of a machine that nobody places.
/// Guarantees: the host is found by that id; a machine that is not placed decides nothing.
#[test]
fn agents_known_by_their_machine() {
    for (machine, address, expected) in [
        ("uid-n1", "10.0.0.1", [Fits, Fits, Undetermined]),
        ("uid-n1", "10.0.0.3", [Mismatch, Mismatch, Undetermined]),
        ("uid-n9", "10.0.0.3", OPEN),
    ] {
        let rows = format!(
            "placements: kind=agent; workload=spiffe://one/spire/agent/k8s_psat/c/{machine}; host_uid={machine}
             identity_assertions: phase=issue; credential_id=X509SERIAL=ab; subject=spiffe://one/db; presenter=spiffe://one/spire/agent/k8s_psat/c/{machine}; event_time=09:30:00
             identity_assertions: credential_id=X509SERIAL=ab; subject=spiffe://one/db; src_addr={address}"
        );
        let found = compared(REALM, &rows);
        let levels = [found.place_match, found.host_match, found.pod_match];
        assert_eq!(levels, expected, "{machine} {address}: {:?}", found.trace);
    }
}

/// Scenario: honest deployments that look like theft. Guarantees: none is a mismatch, and what is declared fits.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases, one check")]
fn benign_twins() {
    check(&[
        case(
            "B1: NAT, with its map",
            NAT,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=198.51.100.9",
            [Fits, Undetermined, Undetermined],
            "is declared as the way out of the credential's own address space",
        ),
        case(
            "B2: a declared proxy that says whom it serves",
            PROXY,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.0.9.1; addr_chain=10.1.0.7",
            [Fits, Fits, Fits],
            "10.0.9.1 is a declared proxy; it saw 10.1.0.7",
        ),
        case(
            "B2: a declared proxy that is not believed",
            DISTRUSTED,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=10.0.9.1; addr_chain=10.1.0.9",
            OPEN,
            "is a declared proxy, and whom it served is not recorded",
        ),
        case(
            "B3: NAT, the map absent",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=198.51.100.9",
            OPEN,
            "whether the credential's own address space is translated to it is not declared",
        ),
        case(
            "B3: no environment at all",
            "",
            "identity_assertions: credential_id=JTI=web-1; subject=web; src_addr=198.51.100.9",
            OPEN,
            "no address space is declared",
        ),
        case(
            "B6: drained, and a new token for the new pod",
            REALM,
            "placements: host=n1; pod_uid=web-1; end=09:30:00
             placements: workload=web; host=n3; pod_uid=web-9; addresses=10.1.0.30; start=09:31:00
             identity_assertions: phase=issue; credential_id=JTI=web-9; subject=web; bound_pod_uid=web-9; bound_host=n3
             identity_assertions: credential_id=JTI=web-9; subject=web; src_addr=10.1.0.30",
            [Fits, Fits, Fits],
            "belongs to pod web-9 on n3: it is where it belongs",
        ),
        case(
            "B13: host network",
            REALM,
            "placements: workload=edge; host=n1; pod_uid=edge-1; addresses=10.0.0.1; shared=true
             identity_assertions: phase=issue; credential_id=JTI=edge-1; subject=edge; bound_pod_uid=edge-1; bound_host=n1
             identity_assertions: credential_id=JTI=edge-1; subject=edge; src_addr=10.0.0.1",
            [Undetermined, Fits, Undetermined],
            "the host fits, the pod cannot be told from a shared address",
        ),
        case(
            "B23: a service acts on the caller's behalf",
            REALM,
            "identity_assertions: credential_id=JTI=web-1; subject=web; addr_quality=service",
            OPEN,
            "A service acted on the caller's behalf",
        ),
        case(
            "B26: one certificate for every pod of the workload on a host",
            REALM,
            "placements: kind=agent; workload=agent-1; host=n1
             identity_assertions: phase=issue; credential_id=X509SERIAL=1; credential_kind=x509-svid; subject=web; presenter=agent-1
             placements: workload=web; host=n1; pod_uid=web-3; addresses=10.1.0.31
             identity_assertions: credential_id=X509SERIAL=1; subject=web; src_addr=10.1.0.31",
            [Fits, Fits, Undetermined],
            "The credential belongs to host n1: it is where it belongs",
        ),
        case(
            "B33: a login of a build job, which nothing places",
            NO_WAY_OUT,
            "identity_assertions: credential_id=JTI=build; subject=build; src_addr=203.0.113.50; decision=none",
            OPEN,
            "Nothing says where this credential belongs",
        ),
    ]);
}

/// Scenario: one host under names of two worlds. Guarantees: names are only compared where a placement source knows
/// both; a host's own aliases are one host.
#[test]
fn names_of_hosts() {
    check(&[
        case(
            "an instance that no placement source knows",
            REALM,
            "identity_assertions: credential_id=ASIAEXAMPLE; subject=role; bound_instance=i-0001; src_addr=10.0.0.1",
            OPEN,
            "the evidence does not decide",
        ),
        case(
            "the same, once a placement says that they are one",
            REALM,
            "placements: kind=host; host=n5; host_uid=i-0001; addresses=10.0.0.5
             identity_assertions: credential_id=ASIAEXAMPLE; subject=role; bound_instance=i-0001; src_addr=10.0.0.5",
            [Fits, Fits, Undetermined],
            "The credential belongs to host n5: it is where it belongs",
        ),
        case(
            "the uid of another host",
            REALM,
            "placements: kind=host; host=n5; host_uid=i-0001; addresses=10.0.0.5
             identity_assertions: credential_id=ASIAEXAMPLE; subject=role; bound_instance=i-0001; src_addr=10.0.0.1",
            [Mismatch, Mismatch, Undetermined],
            "The credential belongs to host n5: it is not where it belongs",
        ),
    ]);
}

/// Scenario: credentials of which only the workload is known. Guarantees: a foreign workload decides, another
/// replica does not.
#[test]
fn by_workload_alone() {
    check(&[
        case(
            "a foreign workload",
            REALM,
            "identity_assertions: subject=pay; src_addr=10.1.0.9",
            [Mismatch, Undetermined, Undetermined],
            "The credential belongs to pay: it is not where it belongs",
        ),
        case(
            "B11: its own workload, by a sidecar that logs no credential",
            REALM,
            "identity_assertions: subject=pay; src_addr=10.1.0.8",
            OPEN,
            "The credential belongs to pay: the evidence does not decide",
        ),
        case(
            "a workload that no placement knows",
            REALM,
            "identity_assertions: subject=ghost; src_addr=10.1.0.9",
            OPEN,
            "Nothing says where this credential belongs",
        ),
    ]);
}

/// Scenario: the recorder looked the peer up and found another workload than its certificate names. Guarantees: that is
/// told beside the comparison of places, which it does not change; not of the subject itself under another name, nor of
/// who is declared to present it, nor where the recorder says no such thing.
#[test]
fn the_recorders_own_lookup() {
    const ALIAS: &str =
        "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[[workload]]\nid = \"web\"\naliases = [\"lab/scratch\"]\n";
    const BROKER: &str = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\n[[delegation]]\npresenter = \"lab/*\"\nsubjects = [\"web\"]\n";
    const SEEN: &str = "identity_assertions: subject=web; src_addr=10.1.0.7; observed_workload=lab/scratch";
    let remark = format!("{SEEN}; trust_flags=lookup-or-claim,identity-disagrees-with-lookup");
    for (environment, row, expected) in [
        (REALM, remark.as_str(), Some("lab/scratch")),
        (ALIAS, remark.as_str(), None),
        (BROKER, remark.as_str(), None),
        (REALM, SEEN, None),
    ] {
        let found = compared(environment, row);
        assert_eq!(found.lookup_workload.as_deref(), expected, "{environment}");
        assert_eq!(found.place_match, compared(environment, SEEN).place_match, "{environment}");
    }
}

/// Scenario: an account of which nothing says where it belongs, from a pod, from a gateway's pod that may present it, and
/// through a proxy; two realms, each of an environment. Guarantees: where it was is told, with the environment, unless
/// somebody stands between; and that decides nothing.
#[test]
fn what_is_bound_nowhere_was_somewhere() {
    let realms = "[realm.one]\ncidrs = [\"10.0.0.0/8\"]\nenvironment = \"prod\"\n[realm.two]\ncidrs = [\"10.2.0.0/16\"]\n\
                  environment = \"dev\"\n";
    let gateway = format!(
        "{realms}[[delegation]]\npresenter = \"pay\"\nsubjects = [\"ops\"]\ndestinations = [\"api\"]\n"
    );
    let proxy = format!("{realms}[[proxy]]\naddresses = [\"10.0.9.1\"]\ntrust_forwarded = true\n");
    let dev = "placements: kind=host; host=dev; addresses=10.2.0.1\n";
    for (environment, from, host, told) in [
        (realms, "src_addr=10.1.0.9", Some("n3"), Some("prod")),
        (realms, "src_addr=10.2.0.1", Some("dev"), Some("dev")),
        (realms, "src_addr=10.2.0.2", None, None),
        (realms, "src_addr=203.0.113.5", None, None),
        (&gateway, "src_addr=10.1.0.8", None, None),
        (&gateway, "src_addr=10.1.0.9", Some("n3"), Some("prod")),
        (&proxy, "src_addr=10.0.9.1; addr_chain=10.1.0.9", Some("n3"), None),
        ("", "src_addr=10.1.0.9", Some("n3"), None),
    ] {
        let row = compared(environment, &format!("{dev}identity_assertions: subject=ops; {from}"));
        assert_eq!((row.place_match, row.binding_grade), (Undetermined, 0), "{from}");
        assert_eq!(
            (row.observed_host.as_deref(), row.observed_environment.as_deref()),
            (host, told),
            "{from}"
        );
    }
}
