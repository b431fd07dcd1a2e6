//! The whole file: every value of a full example, what is left out, and text cut or changed anywhere.

use offbound_schemas::vocabulary::{Control, Enforcement};
use offbound_schemas::{EventTime, parse_duration_nanos};
use proptest::prelude::*;

use super::*;

const FULL: &str = r#"
version = 1

[realm.east]
cidrs = ["10.20.0.0/16", "fd00:20::/64"]
environment = "prod"
sources = ["k8s-audit:east"]
trust_domains = ["east.example"]

[[egress]]
realm = "east"
from = ["10.20.0.0/16"]
seen_as = ["203.0.113.5/32"]

[[proxy]]
addresses = ["10.20.250.1"]
trust_forwarded = true

[[delegation]]
presenter = "spiffe://east.example/ns/edge/sa/ingress"
subjects = ["spiffe://east.example/ns/store/sa/*"]
destinations = ["*"]

[[workload]]
id = "spiffe://east.example/ns/store/sa/front"
aliases = ["system:serviceaccount:store:front"]
owner = "team-store"
baseline = ["lsm", "seccomp"]
credential_readers = ["/usr/bin/node"]
sensitive = false

[[destination]]
name = "ledger"
match = ["ledger.store.svc*", "10.20.9.9:8443"]
sensitive = true
enforcement = "enforced"
identity_log = true
audiences = ["https://ledger.example"]

[[allow]]
subjects = ["spiffe://east.example/ns/store/sa/front"]
destinations = ["ledger"]
actions = ["*"]
effective_from = 2026-02-01T00:00:00Z

[policy]
rego = ["policy/*.rego"]

[credential_class.k8s-token]
max_ttl = "1h"
static = "deny"

[[exception]]
rule = "CT-305"
subject = "night-batch"
reason = "the vendor cannot federate yet"
expires = 2026-11-30

[learning]
min_history = "24h"
dormant_after = "30d"

[completeness]
"k8s-audit:east" = { complete = true, max_delay = "30s" }
"spire-server" = { complete = false }

[clock]
default_error = "1s"
"host:n7" = "60s"
"#;

fn full() -> Environment {
    Environment::parse(FULL, "env.toml").expect("the full example is good")
}

fn range(text: &str) -> Cidr {
    Cidr::parse(text).expect("a good range")
}

fn time(text: &str) -> EventTime {
    EventTime::parse(text).expect("a good time")
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(text)).collect()
}

/// Scenario: a file with every section; the parts on addresses. Guarantees: every value arrives in its field.
#[test]
fn address_sections_are_read() {
    let environment = full();
    assert_eq!(environment.version, Some(1));
    let realm = Realm {
        name: "east".to_owned(),
        cidrs: vec![range("10.20.0.0/16"), range("fd00:20::/64")],
        environment: Some("prod".to_owned()),
        sources: vec!["k8s-audit:east".to_owned()],
        trust_domains: vec!["east.example".to_owned()],
    };
    assert_eq!(environment.realms, [realm]);
    let egress = EgressEntry {
        realm: "east".to_owned(),
        from: vec![range("10.20.0.0/16")],
        seen_as: vec![range("203.0.113.5/32")],
    };
    assert_eq!(environment.egress, [egress]);
    let proxy = Proxy { addresses: vec![range("10.20.250.1")], trust_forwarded: true };
    assert_eq!(environment.proxies, [proxy]);
}

/// Scenario: a file with every section; the parts on names. Guarantees: every value arrives in its field.
#[test]
fn name_sections_are_read() {
    let environment = full();
    let delegation = Delegation {
        presenter: Pattern::new("spiffe://east.example/ns/edge/sa/ingress"),
        subjects: patterns(&["spiffe://east.example/ns/store/sa/*"]),
        destinations: patterns(&["*"]),
    };
    assert_eq!(environment.delegations, [delegation]);
    let workload = WorkloadInfo {
        id: "spiffe://east.example/ns/store/sa/front".to_owned(),
        aliases: vec!["system:serviceaccount:store:front".to_owned()],
        owner: Some("team-store".to_owned()),
        baseline: vec![Control::Lsm, Control::Seccomp],
        credential_readers: Some(vec!["/usr/bin/node".to_owned()]),
        sensitive: false,
        host_sensor: true,
    };
    assert_eq!(environment.workloads, [workload]);
    let destination = DestinationInfo {
        name: "ledger".to_owned(),
        patterns: patterns(&["ledger.store.svc*", "10.20.9.9:8443"]),
        sensitive: true,
        enforcement: Enforcement::Enforced,
        identity_log: Some(true),
        audiences: Some(vec!["https://ledger.example".to_owned()]),
    };
    assert_eq!(environment.destinations, [destination]);
    let allow = Allow {
        subjects: patterns(&["spiffe://east.example/ns/store/sa/front"]),
        destinations: patterns(&["ledger"]),
        actions: patterns(&["*"]),
        effective_from: Some(time("2026-02-01T00:00:00Z")),
    };
    assert_eq!(environment.allows, [allow]);
}

/// Scenario: a file with every section; the parts on policy and time. Guarantees: every value arrives in its field.
#[test]
fn policy_and_time_sections_are_read() {
    let environment = full();
    let nanos = |text| parse_duration_nanos(text);
    assert_eq!(environment.policy.rego, ["policy/*.rego"]);
    assert_eq!(environment.unused(), ["policy"]);
    let class = CredentialClass { max_ttl_nanos: nanos("1h"), static_policy: Some(StaticPolicy::Deny) };
    assert_eq!(environment.class("k8s-token"), Some(&class));
    assert_eq!(environment.class("x509"), None);
    let exception = Exception {
        rule: "CT-305".to_owned(),
        subject: Pattern::new("night-batch"),
        reason: "the vendor cannot federate yet".to_owned(),
        expires: time("2026-12-01T00:00:00Z"),
    };
    assert_eq!(environment.exceptions, [exception]);
    let learning = Learning { min_history_nanos: nanos("24h"), dormant_after_nanos: nanos("30d") };
    assert_eq!(environment.learning, learning);
    let complete = Completeness { complete: true, max_delay_nanos: nanos("30s") };
    assert_eq!(environment.completeness("k8s-audit:east"), Some(&complete));
    let incomplete = Completeness { complete: false, max_delay_nanos: None };
    assert_eq!(environment.completeness("spire-server"), Some(&incomplete));
    assert_eq!(environment.clock.default_error_nanos, nanos("1s"));
    assert_eq!(environment.clock_error_nanos("falco", Some("n7")), 60_000_000_000);
}

/// Scenario: an empty file, and one with a version alone. Guarantees: all is unknown, as without a file.
#[test]
fn nothing_said_is_nothing_known() {
    assert_eq!(Environment::parse("", "env.toml"), Ok(Environment::default()));
    let version = Environment { version: Some(1), ..Environment::default() };
    assert_eq!(Environment::parse("version = 1\n", "env.toml"), Ok(version));
    assert!(Environment::default().unused().is_empty());
}

/// Scenario: keys left out of entries. Guarantees: what is left out is unknown, or not restricted.
#[test]
fn left_out_keys() {
    let text = "[[destination]]\nname = \"a\"\n[[workload]]\nid = \"b\"\n[[delegation]]\npresenter = \"c\"\nsubjects = []\n";
    let environment = Environment::parse(text, "env.toml").expect("a good file");
    let destination = environment.destination(&["a"]).expect("declared");
    assert_eq!((destination.enforcement, destination.identity_log), (Enforcement::Unknown, None));
    assert_eq!(environment.workload("b").expect("declared").credential_readers, None);
    assert_eq!(
        environment.delegations.first().map(|entry| entry.destinations.clone()),
        Some(patterns(&["*"]))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    /// Scenario: the full example with any stretch of it replaced by any text.
    /// Guarantees: reading never panics, and every problem is one line at a place in the file.
    #[test]
    fn damage_is_told_or_harmless(
        from in any::<proptest::sample::Index>(),
        length in 0usize..40,
        junk in "[\\PC\n\"\\[\\]{}=.#,*/é]{0,12}",
    ) {
        let chars: Vec<char> = FULL.chars().collect();
        let from = from.index(chars.len());
        let kept = chars.iter().take(from).chain(junk.chars().collect::<Vec<_>>().iter()).collect::<String>();
        let text = kept + &chars.iter().skip(from + length).collect::<String>();
        if let Err(error) = Environment::parse(&text, "env.toml") {
            prop_assert!(!error.problems.is_empty());
            for problem in &error.problems {
                prop_assert!(!problem.message.contains('\n'), "{}", problem.message);
                prop_assert!((1..=text.matches('\n').count() + 1).contains(&problem.line));
            }
        }
    }
}

/// The page that tells users of the file.
const PAGE: &str = include_str!("../../../docs/environment.md");

/// Scenario: the example of the page on this file. Guarantees: it is sound, and there is something in every section but
/// `policy`, which is only named.
#[test]
fn the_page_is_true() {
    let text = PAGE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let environment = Environment::parse(text, "docs/environment.md").expect("a sound example");
    for section in SECTIONS.iter().map(|section| section.key).filter(|key| *key != "policy") {
        let rest: String = text
            .split("\n\n")
            .filter(|part| !part.contains(&format!("[{section}")) && !part.starts_with(section))
            .collect();
        let without = Environment::parse(&rest, "docs/environment.md");
        assert!(without.as_ref() != Ok(&environment), "the example says nothing in [{section}]");
    }
}
