//! What each kind of mistake in the file is told: place, key or word, and what to do.

use super::*;

fn check(text: &str, expected: &str) {
    let told = Environment::parse(text, "env.toml").map_err(|error| error.to_string());
    assert_eq!(told, Err(expected.to_owned()), "\n{text}");
}

/// Scenario: keys and sections that do not exist. Guarantees: each is named with its place and the nearest known one.
#[test]
fn unknown_keys_are_told() {
    check(
        "relm = 1",
        "env.toml:1:1: unknown section `relm` in the file; the nearest known section is `realm`",
    );
    check(
        "\n[alow]",
        "env.toml:2:2: unknown section `alow` in the file; the nearest known section is `allow`",
    );
    check(
        "[realm.prod]\ncidrs = []\n  source = []",
        "env.toml:3:3: unknown key `source` in [realm.prod]; the nearest known key is `sources`",
    );
    check(
        "[[proxy]]\naddresses = []\ntrust_forwared = true",
        "env.toml:3:1: unknown key `trust_forwared` in [[proxy]]; the nearest known key is `trust_forwarded`",
    );
    check(
        "[completeness]\n\"falco\" = { complete = true, delay = \"1s\" }",
        "env.toml:2:30: unknown key `delay` in `falco` of [completeness]; the nearest known key is `max_delay`",
    );
    check(
        "[clock]\ndefault_eror = \"2s\"",
        "env.toml:2:1: unknown key `default_eror` in [clock]; the nearest known key is `default_error`",
    );
    check(
        "[policy]\n\"re\\ngo\" = []",
        "env.toml:2:1: unknown key `re\\ngo` in [policy]; the nearest known key is `rego`",
    );
}

/// Scenario: values of the wrong type. Guarantees: what was found and what must stand there are told.
#[test]
fn wrong_types_are_told() {
    check("version = \"1\"", "env.toml:1:11: `version` is a string; it must be the number 1");
    check("version = 2", "env.toml:1:11: version 2 is not known here; write version = 1");
    check(
        "[realm.prod]\ncidrs = \"10.1.0.0/16\"",
        "env.toml:2:9: `cidrs` of [realm.prod] is a string; it must be a list of address ranges in quotes",
    );
    check("[realm]\nprod = 5", "env.toml:2:8: `prod` of [realm] is an integer; it must be a table");
    check(
        "[[realm]]\ncidrs = []",
        "env.toml:1:1: `realm` is an array; it must be tables with names; write [realm.NAME] above each",
    );
    check(
        "[egress]\nrealm = \"prod\"",
        "env.toml:1:1: `egress` is a table; it must be a list of tables; write [[egress]] above each",
    );
    check("[[learning]]", "env.toml:1:1: `learning` is an array; it must be a table");
    check(
        "[[workload]]\nid = \"a\"\nsensitive = \"no\"",
        "env.toml:3:13: `sensitive` of [[workload]] is a string; it must be true or false",
    );
    check(
        "[[workload]]\nid = \"a\"\naliases = [\"b\", 3]",
        "env.toml:3:17: `aliases` of [[workload]] is an integer; it must be a string",
    );
    check(
        "[[workload]]\nid = \"\"",
        "env.toml:2:6: `id` of [[workload]] is empty; give it a value or take the key out",
    );
    check(
        "[learning]\nmin_history = 24",
        "env.toml:2:15: `min_history` of [learning] is an integer; it must be a duration in quotes, such as \"30s\"",
    );
}

/// Scenario: words, ranges, durations and dates that mean nothing. Guarantees: the word and its remedy are told.
#[test]
fn bad_values_are_told() {
    check(
        "[realm.prod]\ncidrs = [\"fd00::/64\", \"10.1.0.0/40\"]",
        "env.toml:2:23: \"10.1.0.0/40\" in `cidrs` of [realm.prod] has no prefix length from 0 to 32 after the slash; \
         write it like 10.1.0.0/16 or fd00:1::/64",
    );
    check(
        "[[proxy]]\naddresses = [\"edge\"]",
        "env.toml:2:14: \"edge\" in `addresses` of [[proxy]] is no address range; write it like 10.1.0.0/16, \
         fd00:1::/64 or 10.1.250.1",
    );
    check(
        "[learning]\ndormant_after = \"a month\"",
        "env.toml:2:17: \"a month\" in `dormant_after` of [learning] is no duration; write a whole number with ms, s, \
         m, h or d, such as \"30s\"",
    );
    check(
        "[[destination]]\nname = \"a\"\nenforcement = \"dryrun\"",
        "env.toml:3:15: \"dryrun\" in `enforcement` of [[destination]] is not known; the nearest known word is \
         \"dry_run\" (all: enforced, dry_run, none)",
    );
    check(
        "[credential_class.x509]\nstatic = \"denied\"",
        "env.toml:2:10: \"denied\" in `static` of [credential_class.x509] is not known; the nearest known word is \
         \"deny\" (all: allow, deny)",
    );
    check(
        "[[exception]]\nrule = \"CT-305\"\nsubject = \"a\"\nreason = \"b\"\nexpires = \"soon\"",
        "env.toml:5:11: \"soon\" in `expires` of [[exception]] is no date or time; write it like 2026-12-31 or \
         2026-01-01T00:00:00Z",
    );
    check(
        "[[allow]]\nsubjects = []\ndestinations = []\neffective_from = 08:00:00",
        "env.toml:4:18: \"08:00:00\" in `effective_from` of [[allow]] is no date or time; write it like 2026-12-31 or \
         2026-01-01T00:00:00Z",
    );
}

/// Scenario: a control that does not exist. Guarantees: the nearest one is named, and all are listed.
#[test]
fn unknown_controls_are_told() {
    let error = Environment::parse("[[workload]]\nid = \"a\"\nbaseline = [\"secomp\"]", "env.toml");
    let told = error.map_err(|error| error.to_string()).expect_err("no such control");
    let expected = "env.toml:3:13: \"secomp\" in `baseline` of [[workload]] is not known; the nearest known word is \
                    \"seccomp\" (all: exec-allow-list, lsm, seccomp,";
    assert!(told.starts_with(expected), "{told}");
}

/// Scenario: entries without what they need. Guarantees: the entry's place, the key and an example are told.
#[test]
fn missing_keys_are_told() {
    check(
        "[realm.prod]",
        "env.toml:1:1: [realm.prod] has no `cidrs`; add its address ranges, such as cidrs = [\"10.1.0.0/16\"]",
    );
    check(
        "[realm.p]\ncidrs = []\n[[egress]]\nrealm = \"p\"\nfrom = []",
        "env.toml:3:1: [[egress]] has no `seen_as`; add what they appear as, or seen_as = [] if nothing leaves \
         translated",
    );
    check(
        "[[workload]]\nowner = \"team\"",
        "env.toml:1:1: [[workload]] has no `id`; add its name, such as id = \"spiffe://prod.example/ns/shop/sa/web\"",
    );
    check(
        "[[exception]]\nrule = \"CT-305\"\nsubject = \"a\"\nexpires = 2026-12-31",
        "env.toml:1:1: [[exception]] has no `reason`; add why, in a sentence",
    );
    check(
        "[completeness]\nfalco = { max_delay = \"1s\" }",
        "env.toml:2:9: `falco` of [completeness] has no `complete`; add complete = true or complete = false",
    );
}

/// Scenario: entries that contradict each other or refer to nothing. Guarantees: the later one is told.
#[test]
fn contradictions_are_told() {
    check(
        "[realm.prod]\ncidrs = []\n[[egress]]\nrealm = \"prd\"\nfrom = []\nseen_as = []",
        "env.toml:4:9: \"prd\" in `realm` of [[egress]] is no realm of this file; the nearest is \"prod\"",
    );
    check(
        "[[egress]]\nrealm = \"prod\"\nfrom = []\nseen_as = []",
        "env.toml:2:9: \"prod\" in `realm` of [[egress]] is no realm of this file; add [realm.prod]",
    );
    check(
        "[realm.a]\ncidrs = [\"10.1.0.0/16\"]\n[realm.b]\ncidrs = [\"10.1.0.0/16\"]",
        "env.toml:4:10: 10.1.0.0/16 is in [realm.a] and in [realm.b], and no source tells them apart; keep it in \
         one, or give each its own `sources`",
    );
    let egress = "[[egress]]\nrealm = \"a\"\nseen_as = []\nfrom = ";
    check(
        &format!("[realm.a]\ncidrs = []\n{egress}[\"10.1.0.0/16\"]\n{egress}[\"10.1.5.0/24\"]"),
        "env.toml:10:9: 10.1.5.0/24 overlaps 10.1.0.0/16 of an earlier [[egress]] of realm \"a\"; make it one entry \
         with all of their `seen_as`",
    );
    check(
        "[[proxy]]\naddresses = [\"10.1.0.1\"]\n[[proxy]]\ntrust_forwarded = true\naddresses = [\"10.1.0.0/24\"]",
        "env.toml:5:14: 10.1.0.0/24 is in an earlier [[proxy]] with another `trust_forwarded`; keep it in one of them",
    );
    check(
        "[[workload]]\nid = \"a\"\n[[workload]]\nid = \"b\"\naliases = [\"a\"]",
        "env.toml:5:12: \"a\" already names a workload; keep it in one [[workload]]",
    );
    check(
        "[[destination]]\nname = \"a\"\n[[destination]]\nname = \"a\"",
        "env.toml:4:8: destination \"a\" is declared twice; make it one [[destination]] with all of their `match`",
    );
}

/// Scenario: text that is not TOML, and a key written twice. Guarantees: the place and the parser's reason are told.
#[test]
fn broken_toml_is_told() {
    for (text, expected) in [
        ("version = ", "env.toml:1:11: this is not TOML: "),
        ("[realm.a]\ncidrs = []\ncidrs = []", "env.toml:3:1: this is not TOML: duplicate key"),
        ("[realm", "env.toml:1:7: this is not TOML: "),
    ] {
        let told = Environment::parse(text, "env.toml").map_err(|error| error.to_string());
        let told = told.expect_err("not TOML");
        assert!(told.starts_with(expected) && !told.contains('\n'), "{text:?}: {told}");
    }
}

/// Scenario: several mistakes in one file. Guarantees: all are told, one a line, from the top down.
#[test]
fn all_mistakes_are_told_in_order() {
    check(
        "[learning]\nmin_history = 1\n[realm.a]\ncidr = []\n",
        "env.toml:2:15: `min_history` of [learning] is an integer; it must be a duration in quotes, such as \"30s\"\n\
         env.toml:3:1: [realm.a] has no `cidrs`; add its address ranges, such as cidrs = [\"10.1.0.0/16\"]\n\
         env.toml:4:1: unknown key `cidr` in [realm.a]; the nearest known key is `cidrs`",
    );
}
