//! Rule files of users that must not run: each is refused when the rules are loaded.
//!
//! In: a sound rule and one change to it. Out: the message. Law: it names the file and the problem.

use offbound_correlate::environment::Environment;
use offbound_correlate::{Engine, RuleSet};

const ORIGIN: &str = "site/my-rule.sql";

const SOUND: &str = "\
-- id: SITE-1
-- title: A use that was refused
-- severity: low
-- attack: T1078
-- nhi: NHI4
-- maestro: L4
-- nist: AC-4
-- reads: uses
-- subject: credential
-- window: none
-- lateness: none
-- why: Somebody tried.
-- blind_spots: Destinations that log no refusals.
-- benign: A policy that was just changed.
-- next: Who was it?
SELECT credential_id AS entity, use_id AS anchor, 'low' AS severity, 'low' AS confidence,
  first_time, last_time, count, use_id AS use_ids, CAST(NULL AS VARCHAR) AS signal_ids, reason
FROM uses
WHERE decision = 'deny'
";

/// A change to the sound rule (text taken out, text put in), and what the message must say.
struct Refusal {
    name: &'static str,
    from: &'static str,
    to: &'static str,
    message: &'static str,
}

const fn refusal(name: &'static str, from: &'static str, to: &'static str, message: &'static str) -> Refusal {
    Refusal { name, from, to, message }
}

const FILTER: &str = "decision = 'deny'";

const REFUSALS: &[Refusal] = &[
    refusal("unknown column", FILTER, "colour = 'red'", "colour"),
    refusal("unknown table", "FROM uses", "FROM logins", "logins"),
    refusal("a table of events, not of the scene", "FROM uses", "FROM host_events", "host_events"),
    refusal("no `reason`", ", reason\n", "\n", "yields no column `reason`"),
    refusal("no `anchor`", "use_id AS anchor, ", "", "yields no column `anchor`"),
    refusal("dice", FILTER, "random() > 0.5", "random"),
    refusal("fresh ids", FILTER, "uuid() <> use_id", "calls uuid()"),
    refusal("the clock", FILTER, "first_time < now()", "calls now()"),
    refusal("the clock, by another name", FILTER, "first_time < current_timestamp", "calls now()"),
    refusal("the date", FILTER, "first_time < current_date()", "calls current_date()"),
    refusal("the clock in a subquery", FILTER, "first_time < (SELECT max(now()) FROM uses)", "calls now()"),
    refusal("LIMIT", FILTER, "decision = 'deny' LIMIT 10", "uses LIMIT"),
    refusal("OFFSET", FILTER, "decision = 'deny' ORDER BY first_time OFFSET 1", "uses LIMIT"),
    refusal("LIMIT in a subquery", FILTER, "use_id IN (SELECT use_id FROM uses LIMIT 1)", "uses LIMIT"),
    refusal(
        "undeclared table",
        FILTER,
        "scope IN (SELECT scope FROM taints)",
        "reads `taints` but does not say so",
    ),
    refusal(
        "undeclared view",
        FILTER,
        "scope IN (SELECT scope FROM suspicions)",
        "but does not say so in `reads`",
    ),
    refusal("two selects", "'deny'\n", "'deny'; SELECT 1\n", "statement"),
    refusal("files of the machine", "FROM uses", "FROM 'uses.parquet'", "uses.parquet"),
    refusal("a key that is not known", "-- nhi:", "-- colour: red\n-- nhi:", "unknown key `colour`"),
    refusal("a key that stands twice", "-- nhi:", "-- title: Again\n-- nhi:", "`title` stands twice"),
    refusal(
        "an entity that is not known",
        "-- nhi:",
        "-- entity: planet\n-- nhi:",
        "entity \"planet\" is not known",
    ),
    refusal(
        "an entity of a whole table",
        "reads: uses",
        "entity: scope\n-- reads: uses, gaps",
        "`gaps` is not read by groups",
    ),
    refusal(
        "all uses of a destination",
        "-- nhi:",
        "-- entity: destination\n-- nhi:",
        "most uses of a host or destination are too many",
    ),
    refusal(
        "uses of a destination that most may be",
        "-- nhi:",
        "-- entity: destination\n-- uses: denied, places\n-- nhi:",
        "most uses of a host or destination are too many",
    ),
    refusal("a crowd of credentials", "-- nhi:", "-- entity: credential\n-- crowd: 300\n-- nhi:", "crowd"),
    refusal("a crowd for no time", "-- nhi:", "-- entity: workload\n-- crowd: 0\n-- nhi:", "crowd \"0\""),
    refusal(
        "uses that are not known",
        "-- nhi:",
        "-- entity: credential\n-- uses: odd\n-- nhi:",
        "uses \"odd\" is not known",
    ),
    refusal(
        "signs that are not known",
        "-- nhi:",
        "-- entity: scope\n-- signs: mismatch\n-- nhi:",
        "signs \"mismatch\" is not known",
    ),
    refusal(
        "company that is not known",
        "-- nhi:",
        "-- entity: scope\n-- with: strong, odd\n-- nhi:",
        "with \"odd\" is not known: write mismatch",
    ),
    refusal("some uses of everything", "-- nhi:", "-- uses: denied\n-- nhi:", "add `-- entity: …`"),
    refusal("company of everything", "-- nhi:", "-- with: strong\n-- nhi:", "add `-- entity: …`"),
    refusal("a line that is no key", "-- nhi: NHI4", "-- nhi NHI4", "is no `key: value`"),
];

/// What stands below the front matter instead of a SELECT, and what the message must say.
const STATEMENTS: &[(&str, &str)] = &[
    ("CREATE TABLE kept AS SELECT * FROM uses", "DDL"),
    ("DROP TABLE uses", "DDL"),
    ("CREATE VIEW kept AS SELECT * FROM uses", "DDL"),
    ("INSERT INTO uses SELECT * FROM uses", "DML"),
    ("DELETE FROM uses", "DML"),
    ("COPY uses TO 'uses.csv' STORED AS CSV", "DML"),
    ("SET datafusion.execution.batch_size = 1", "Statement"),
    ("EXPLAIN SELECT * FROM uses", "yields no column `entity`"),
    ("SELECT 1; SELECT 2", "statement"),
    ("FROM WHERE", "SITE-1"),
    ("", "no SELECT below the front matter"),
];

/// The message with which a rule file is refused.
async fn refused(text: &str) -> Option<String> {
    let mut rules = RuleSet::default();
    if let Err(error) = rules.add(ORIGIN, text) {
        return Some(error.to_string());
    }
    Engine::new(Environment::default(), &rules).await.err().map(|error| error.to_string())
}

/// What is wrong with a refusal, if anything.
async fn fault(name: &str, text: &str, wanted: &str) -> Option<String> {
    let Some(message) = refused(text).await else { return Some(format!("{name}: the rule is taken")) };
    let named = message.contains(ORIGIN) && message.contains(wanted);
    (!named).then(|| format!("{name}: {ORIGIN} and {wanted:?} are not both named: {message}"))
}

async fn check(rules: &[(&str, String, String)]) {
    let mut faults = Vec::new();
    for (name, text, wanted) in rules {
        faults.extend(fault(name, text, wanted).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Scenario: a sound rule of a user, then the same with one defect each. Guarantees: only the sound one is taken;
/// the others are refused before any event is read, with a message that names the file and the problem.
#[tokio::test]
async fn defects_are_refused() {
    assert_eq!(refused(SOUND).await, None);
    let changed = |refusal: &Refusal| {
        let Refusal { name, from, to, message } = *refusal;
        assert!(SOUND.contains(from), "{name}: nothing to change");
        (name, SOUND.replacen(from, to, 1), message.to_owned())
    };
    let (front_matter, _) = SOUND.split_once("SELECT").expect("a rule has a SELECT");
    let instead = |(statement, message): &(&'static str, &str)| {
        (*statement, format!("{front_matter}{statement}"), (*message).to_owned())
    };
    let rules: Vec<_> = REFUSALS.iter().map(changed).chain(STATEMENTS.iter().map(instead)).collect();
    check(&rules).await;
}

/// Scenario: each key of the front matter left out, in turn. Guarantees: none may be missing, and the message names it.
#[tokio::test]
async fn every_key_is_needed() {
    let keys: Vec<&str> = SOUND
        .lines()
        .filter_map(|line| line.strip_prefix("-- ")?.split_once(':'))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys.len(), 15, "a key was added: this test reads them from its sample");
    let without = |key: &&'static str| {
        let lines: Vec<&str> =
            SOUND.lines().filter(|line| !line.starts_with(&format!("-- {key}:"))).collect();
        (*key, lines.join("\n"), format!("front matter has no `{key}`"))
    };
    check(&keys.iter().map(without).collect::<Vec<_>>()).await;
}

/// Scenario: a user's rule with the id of a built-in one. Guarantees: it does not take its place.
#[test]
fn ids_are_not_taken_over() {
    let mut rules = RuleSet::builtin().expect("the built-in rules are sound");
    let error = rules.add(ORIGIN, &SOUND.replace("SITE-1", "CT-101")).expect_err("the id is taken");
    assert!(error.to_string().contains(ORIGIN) && error.to_string().contains("CT-101"), "{error}");
}
