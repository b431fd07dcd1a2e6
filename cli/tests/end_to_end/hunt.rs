//! Questions in SQL to a store: right answers in every form, and clear errors for whatever a question tries.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;
use std::time::Duration;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::{offbound, out, root, run, said, scratch};

const SAMPLE: &str = "samples/stolen-pod-token";
const ENVIRONMENT: &str = "samples/stolen-pod-token/environment.toml";
/// Every table of the contract, and one more.
const TABLES: [&str; 13] = [
    "host_events",
    "identity_assertions",
    "placements",
    "bindings",
    "issues",
    "uses",
    "signals",
    "taints",
    "coverage",
    "findings",
    "incidents",
    "gaps",
    "dead_letters",
];

/// Hours of work, little memory, and no pause in which it could be asked to stop.
const ENDLESS: &str = "SELECT sum(levenshtein(a.raw, b.raw)) FROM host_events a, host_events b";

/// A store of the sample, and the summary of its replay.
struct Asked {
    folder: tempfile::TempDir,
    records: Vec<Value>,
}

impl Asked {
    fn new() -> Self {
        let folder = scratch();
        let store = folder.path().join("store").display().to_string();
        let args = ["replay", "--quiet", SAMPLE, "--format", "ndjson", "--store", &store];
        let output = run(&root(), &args);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let records =
            out(&output).lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
        Self { folder, records }
    }

    fn ask(&self, sql: &str, more: &[&str]) -> Output {
        let store = self.folder.path().join("store").display().to_string();
        let args = ["hunt", sql, "--store", &store, "--env", ENVIRONMENT];
        run(&root(), &[&args, more].concat())
    }

    /// The rows that answer a question.
    fn rows(&self, sql: &str, more: &[&str]) -> Vec<Value> {
        let output = self.ask(sql, &[&["--format", "ndjson"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{sql}: {}", said(&output));
        out(&output).lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
    }

    /// The one number that answers a question.
    fn number(&self, sql: &str) -> u64 {
        let rows = self.rows(sql, &[]);
        let first = rows.first().and_then(Value::as_object).and_then(|row| row.values().next());
        first.and_then(Value::as_u64).expect(sql)
    }

    fn of_type(&self, kind: &str) -> Vec<&Value> {
        self.records.iter().filter(|record| record["type"] == kind).collect()
    }

    /// A question that cannot be answered: its exit code, one line on standard error, with this in it.
    fn refused(&self, sql: &str, more: &[&str], code: i32, hint: &str) {
        let output = self.ask(sql, more);
        let said = said(&output);
        let shown = sql.get(..200).unwrap_or(sql);
        assert_eq!(output.status.code(), Some(code), "{shown}: {said}");
        assert!(said.contains(hint), "{shown}: expected {hint:?} in {said}");
        assert_eq!(said.lines().count(), 1, "{shown}: {said}");
        assert!(said.starts_with("offbound: error: "), "{shown}: {said}");
    }
}

/// Scenario: every table, and tables joined with each other, on a sample. Guarantees: all can be selected from; counts
/// are those of the summary; facts, events, findings and incidents fit together by their ids.
#[test]
fn answers_agree_with_the_replay() {
    let asked = Asked::new();
    for table in TABLES {
        let whole = asked.rows(&format!("SELECT * FROM {table}"), &[]);
        let counted = asked.number(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(whole.len() as u64, counted, "{table}");
    }
    let summary = asked.of_type("summary")[0];
    assert_eq!(asked.number("SELECT count(*) FROM dead_letters"), 0);
    assert_eq!(asked.number("SELECT count(*) FROM findings"), asked.of_type("finding").len() as u64);
    assert_eq!(asked.number("SELECT count(*) FROM incidents"), asked.of_type("incident").len() as u64);
    let from = asked.rows("SELECT min(event_time) AS f FROM host_events", &[]);
    assert!(from[0]["f"].as_str() >= summary["from"].as_str(), "{from:?} {summary}");

    let found = asked.rows(
        "SELECT f.id, f.credential_id, u.use_id, a.location
         FROM (SELECT id, credential_id, unnest(evidence) AS record FROM findings WHERE rule = 'CT-101') f
         JOIN uses u ON u.use_id = f.record JOIN identity_assertions a ON a.event_id = u.use_id ORDER BY a.location",
        &[],
    );
    assert!(!found.is_empty());
    let finding =
        asked.of_type("finding").into_iter().find(|it| it["rule"] == "CT-101").expect("the sample has one");
    for row in &found {
        assert_eq!((&row["id"], &row["credential_id"]), (&finding["id"], &finding["credential"]["id"]));
        let evidence = finding["evidence"].as_array().expect("a list");
        assert!(evidence.iter().any(|it| it["location"] == row["location"]), "{row}");
    }
    let listed =
        "SELECT count(*) FROM findings f JOIN identity_assertions a ON list_has(f.evidence, a.event_id)
                  WHERE f.rule = 'CT-101' AND json_text(f.record_json, '/credential/id') = f.credential_id";
    assert!(asked.number(listed) >= found.len() as u64);
    let record = asked.rows("SELECT record_json FROM findings WHERE rule = 'CT-101'", &[]);
    let record: Value =
        serde_json::from_str(record[0]["record_json"].as_str().expect("a text")).expect("JSON");
    assert_eq!(&record, finding);
}

/// Scenario: the same logs read again from another folder, so that every event stands in two segments; then merged.
/// Guarantees: every answer is as it was, whether rows are counted, grouped, looked for or given.
#[test]
fn what_is_read_twice_counts_once() {
    let asked = Asked::new();
    let questions = [
        "SELECT count(*) AS n FROM host_events",
        "SELECT count(*) AS n FROM identity_assertions WHERE event_time >= '2000-01-01T00:00:00Z'",
        "SELECT host, count(*) AS n FROM host_events GROUP BY host ORDER BY host",
        "SELECT credential_id, count(*) AS n FROM identity_assertions GROUP BY credential_id ORDER BY 1",
        "SELECT count(*) AS n FROM identity_assertions WHERE action LIKE '%e%'",
        "SELECT event_id, action FROM identity_assertions WHERE action ILIKE 'G%' ORDER BY event_id",
        "SELECT event_id, exe FROM host_events WHERE exe NOT LIKE '/usr/%' ORDER BY event_time, event_id",
    ];
    let answers = || questions.map(|sql| asked.rows(sql, &[]));
    let before = answers();
    assert!(before.iter().all(|rows| !rows.is_empty()), "{before:?}");
    let again = asked.folder.path().join("again");
    fs::create_dir(&again).expect("a folder can be made");
    for entry in fs::read_dir(root().join(SAMPLE)).expect("the sample is there").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), again.join(entry.file_name())).expect("a file can be copied");
        }
    }
    let (again, store) =
        (again.display().to_string(), asked.folder.path().join("store").display().to_string());
    for args in
        [&["replay", "--quiet", &again, "--store", &store][..], &["store", "compact", "--store", &store]]
    {
        let output = run(&root(), args);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(answers(), before, "after {args:?}");
    }
}

/// Scenario: one question in every form, into files too. Guarantees: the same rows in each; Parquet reads back.
#[test]
fn every_form_holds_the_same_rows() {
    let asked = Asked::new();
    let sql =
        "SELECT event_time, host, pid, args, event_id FROM host_events ORDER BY event_time, event_id LIMIT 7";
    let lines = asked.rows(sql, &[]);
    assert_eq!(lines.len(), 7);
    let whole = out(&asked.ask(sql, &["--format", "json"]));
    assert_eq!(serde_json::from_str::<Vec<Value>>(&whole).expect("it is JSON"), lines);
    let csv = out(&asked.ask(sql, &["--format", "csv"]));
    assert_eq!(csv.lines().count(), 8, "{csv}");
    assert!(csv.starts_with("event_time,host,pid,args,event_id\r\n"), "{csv}");
    let table = out(&asked.ask(sql, &[]));
    assert!(table.ends_with("7 rows\n") && !table.contains('\x1b'), "{table}");
    for row in &lines {
        for text in [csv.as_str(), table.as_str()] {
            assert!(text.contains(row["event_id"].as_str().expect("a text")), "{text}");
        }
    }
    let file = asked.folder.path().join("answer.parquet");
    let output = asked.ask(sql, &["--format", "parquet", "--out", &file.display().to_string()]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{}", said(&output));
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(file).expect("it was written"));
    let batches = reader.expect("it is Parquet").build().expect("it can be read");
    let batches: Vec<_> = batches.collect::<Result<_, _>>().expect("every row can be read");
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 7);
    assert_eq!(batches[0].schema().fields().len(), 5);
}

/// Scenario: text of an attacker in a log, asked for in every form. Guarantees: nothing of it reaches the terminal as it
/// is; JSON has it exactly.
#[test]
fn attacker_text_passes_the_gate() {
    let folder = scratch();
    let (store, log) = (folder.path().join("store"), folder.path().join("odd.log"));
    let [store, log] = [store, log].map(|path| path.display().to_string());
    fs::write(&log, b"what \x1b[31mis this\xe2\x80\xae\n").expect("the folder can be written");
    let made = run(&root(), &["replay", "--quiet", "--store", &store, &log]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    for form in ["table", "csv", "json", "ndjson"] {
        let args =
            ["hunt", "SELECT bytes, bytes AS again FROM dead_letters", "--store", &store, "--format", form];
        let output = run(&root(), &args);
        let text = out(&output);
        assert_eq!(output.status.code(), Some(0), "{form}: {}", said(&output));
        assert!(!text.contains(['\x1b', '\u{202e}']) && text.contains("is this"), "{form}: {text}");
        if form == "ndjson" {
            let row: Value = serde_json::from_str(&text).expect("it is JSON");
            assert!(
                row["bytes"].as_str().is_some_and(|text| text.contains("what \x1b[31mis this\u{202e}")),
                "{row}"
            );
        }
    }
    let named = run(&root(), &["hunt", "SELECT 1 AS \"\x1b[31m\"", "--format", "table"]);
    assert!(!out(&named).contains('\x1b'), "{}", out(&named));
    let unknown = run(&root(), &["hunt", "SELECT * FROM \"\x1b[31m\""]);
    assert!(!said(&unknown).contains('\x1b') && unknown.status.code() == Some(3), "{}", said(&unknown));
}

/// Scenario: DESCRIBE and SHOW TABLES, without any store. Guarantees: every table, and every column with its meaning.
#[test]
fn tables_and_columns_are_described() {
    let tables = out(&run(&root(), &["hunt", "SHOW TABLES"]));
    for table in TABLES {
        assert!(tables.contains(table), "{table}: {tables}");
        let output = run(&root(), &["hunt", &format!("DESCRIBE {table}"), "--format", "ndjson"]);
        let described: Vec<Value> =
            out(&output).lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
        assert!(!described.is_empty(), "{table}: {}", said(&output));
        for column in described {
            assert!(column["meaning"].as_str().is_some_and(|text| text.len() > 3), "{table}: {column}");
        }
    }
}

/// Scenario: names that are misspelt, of tables, columns and functions. Guarantees: the nearest known one is told.
#[test]
fn misspelt_names_get_the_nearest() {
    let asked = Asked::new();
    for (sql, hint) in [
        ("SELECT * FROM host_event", "the nearest is `host_events`"),
        ("DESCRIBE usess", "the nearest is `uses`"),
        ("SELECT hots FROM host_events", "the nearest is `host`"),
        ("SELECT h.hots FROM host_events h JOIN uses u ON u.use_id = h.event_id", "the nearest is `host`"),
        ("SELECT lowwer(host) FROM host_events", "the nearest is lower()"),
        ("SELECT * FROM '/etc/passwd'", "there is no table `/etc/passwd`"),
        ("SELECT * FROM information_schema.tables", "there is no table `information_schema.tables`"),
        ("SELECT * FROM host_events WHERE hots LIKE '%'", "the nearest is `host`"),
    ] {
        asked.refused(sql, &[], 3, hint);
    }
}

/// Scenario: everything that is no reading, and everything that would open or run something. Guarantees: each is refused
/// in one line; the store is as it was.
#[test]
fn nothing_but_reading_is_done() {
    let asked = Asked::new();
    let before = listing(&asked.folder.path().join("store"));
    for (sql, hint) in [
        ("CREATE TABLE t AS SELECT 1", "CREATE is refused"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "CREATE is refused"),
        ("CREATE VIEW v AS SELECT 1", "CREATE is refused"),
        ("DROP TABLE findings", "DROP is refused"),
        ("INSERT INTO findings SELECT * FROM findings", "INSERT is refused"),
        ("UPDATE findings SET rule = 'x'", "UPDATE is refused"),
        ("DELETE FROM findings", "DELETE is refused"),
        ("COPY findings TO '/tmp/findings.csv'", "COPY is refused"),
        ("COPY (SELECT 1) TO '/tmp/one.parquet' STORED AS PARQUET", "COPY is refused"),
        ("SET datafusion.execution.batch_size = 1", "SET is refused"),
        ("RESET datafusion.execution.batch_size", "RESET is refused"),
        ("PREPARE p AS SELECT 1", "PREPARE is refused"),
        ("BEGIN", "refused"),
        ("EXPLAIN COPY findings TO '/tmp/x.csv'", "COPY is refused"),
        ("EXPLAIN ANALYZE INSERT INTO findings SELECT * FROM findings", "INSERT is refused"),
        ("SELECT 1; DROP TABLE findings", "several statements"),
        ("SELECT * INTO t FROM findings", "DDL not supported"),
        ("SELECT * FROM read_csv('/etc/passwd')", "opens nothing"),
        ("SELECT * FROM generate_series(1, 10)", "any number of rows"),
        ("SELECT * FROM range(1, 1000000000000)", "any number of rows"),
        ("SELECT now()", "one answer"),
        ("SELECT random()", "one answer"),
        ("SELECT repeat('x', 2000000000)", "texts of any length"),
        ("SELECT lpad('x', 2000000000)", "texts of any length"),
        ("", "there is no SQL"),
        ("SELEC 1", "cannot be read"),
        ("SELECT 'unterminated", "cannot be read at line 1, column 8: Unterminated string literal"),
        ("SELECT 1 +", "cannot be read: expected an expression, found the end"),
        ("SELECT 1\nFROM host_events x cluster", "cannot be read at line 2, column 20: expected"),
    ] {
        asked.refused(sql, &[], 3, hint);
    }
    assert_eq!(listing(&asked.folder.path().join("store")), before);
    let explained = asked.rows("EXPLAIN SELECT host FROM host_events WHERE host = 'n1'", &[]);
    assert!(!explained.is_empty());
    assert!(!asked.rows("EXPLAIN ANALYZE SELECT count(*) FROM findings", &[]).is_empty());
}

/// Names and sizes of all files of a store but the database's own side files, which readers make too.
fn listing(folder: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the store is there") {
        let entry = entry.expect("the store can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(listing(&entry.path()));
        } else if !name.ends_with("-wal") && !name.ends_with("-shm") {
            found.push((name, entry.metadata().expect("a size").len()));
        }
    }
    found.sort();
    found
}

/// `item` so often, with `between` in between.
fn chain(item: &str, between: &str, times: usize) -> String {
    vec![item; times].join(between)
}

/// Scenario: questions that are too large for a planner: chains, depth, lists, names that double, recursion, length.
/// Guarantees: an error that names the bound, whatever the kind of chain; the process lives.
#[test]
fn too_large_questions_are_told() {
    let asked = Asked::new();
    let mut doubling = "WITH a0 AS (SELECT 1 AS x)".to_owned();
    for step in 1..60 {
        let before = step - 1;
        doubling += &format!(", \"a{step}\" AS (SELECT l.x FROM a{before} l, a{before} r)");
    }
    doubling += " SELECT x FROM a59";
    let cases = [
        (format!("SELECT {}", chain("1", "+", 2_001)), "operators"),
        (format!("SELECT {}", chain("'a'", "||", 2_001)), "operators"),
        (format!("SELECT 1 WHERE {}", chain("1=1", " AND ", 2_001)), "operators"),
        (format!("SELECT 1 WHERE {}", chain("1=1", " OR ", 2_001)), "operators"),
        (chain("SELECT 1", " UNION ALL ", 2_001), "operators"),
        (chain("SELECT 1", " INTERSECT ", 2_001), "operators"),
        (format!("SELECT {}1", "NOT ".repeat(2_000)), "operators"),
        (format!("SELECT {}1", "- ".repeat(2_000)), "operators"),
        (format!("SELECT 1{}", "::int".repeat(2_000)), "operators"),
        (format!("SELECT 1 FROM {}", chain("uses", " JOIN ", 600)), "operators"),
        (format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000)), "parentheses"),
        (format!("SELECT {}1{}", "(SELECT ".repeat(40), ")".repeat(40)), "parentheses"),
        (format!("SELECT {}'x'{}", "lower(".repeat(100), ")".repeat(100)), "parentheses"),
        (format!("SELECT 1 WHERE 1 IN ({})", chain("1", ",", 20_000)), "elements"),
        (format!("SELECT count(*) FROM {}", chain("uses", ", ", 200)), "tables to read"),
        (format!("SELECT '{}'", "x".repeat(70_000)), "longer than 65,536 bytes"),
        (doubling, "tables to read"),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r".to_owned(),
            "RECURSIVE",
        ),
    ];
    for (sql, hint) in &cases {
        asked.refused(sql, &[], 3, hint);
    }
}

/// Scenario: questions just within the bounds, as deep and as long as is allowed. Guarantees: they are answered, so that
/// the stack holds what the bounds let through.
#[test]
fn the_largest_questions_are_answered() {
    let asked = Asked::new();
    let names = (0..4_000).map(|number| format!("'n{number}'")).collect::<Vec<_>>().join(",");
    for sql in [
        format!("SELECT {} AS n", chain("1", "+", 490)),
        format!("SELECT {} AS n FROM uses LIMIT 1", chain("count", "+", 250)),
        format!("SELECT count(*) AS n FROM uses WHERE {}", chain("count > 0", " AND ", 245)),
        format!("SELECT count(*) AS n FROM uses WHERE {}", chain("count > 0", " OR ", 245)),
        format!("SELECT count(*) AS n FROM ({})", chain("SELECT 1", " UNION ALL ", 400)),
        format!("SELECT count(*) AS n FROM ({})", chain("SELECT 1", " INTERSECT ", 50)),
        format!("SELECT {}1{} AS n", "(".repeat(30), ")".repeat(30)),
        format!("SELECT {}1{} AS n", "(SELECT ".repeat(12), ")".repeat(12)),
        format!("SELECT count(*) AS n FROM host_events WHERE host IN ({names})"),
    ] {
        let rows = asked.rows(&sql, &["--timeout", "10m"]);
        assert_eq!(rows.len(), 1, "{}", sql.get(..100).unwrap_or(&sql));
    }
}

/// Scenario: questions that would never end, or would fill memory. Guarantees: time, memory and rows are bounded, each
/// with its own words.
#[test]
fn time_memory_and_rows_are_bounded() {
    let asked = Asked::new();
    asked.refused(ENDLESS, &["--timeout", "1500ms"], 2, "raise --timeout");
    let tables =
        "host_events a, identity_assertions b, placements c, uses d, signals e, host_events f, uses g";
    let everything = format!("SELECT count(*) FROM {tables} WHERE a.raw || b.raw LIKE '%no%such%'");
    asked.refused(&everything, &["--timeout", "5s"], 2, "narrow");
    let large = "SELECT a.raw, b.raw, count(*) FROM host_events a, host_events b GROUP BY 1, 2 ORDER BY 1, 2";
    asked.refused(large, &["--memory", "256KiB"], 2, "raise --memory");
    // Texts of computed length, which no operator counts.
    let texts =
        "SELECT max(length(replace(replace(replace(replace(raw, 'e', raw), 'e', raw), 'e', raw), 'e', raw)))
                 FROM host_events";
    asked.refused(texts, &["--memory", "1MiB"], 2, "--memory");
    let facts = "SELECT count(*) FROM uses";
    asked.refused(facts, &["--memory", "1KiB"], 2, "raise --memory");

    let cut = asked.ask("SELECT event_id FROM host_events", &["--max-rows", "3", "--format", "csv"]);
    assert_eq!(cut.status.code(), Some(0));
    assert_eq!(out(&cut).lines().count(), 4, "{}", out(&cut));
    assert!(said(&cut).contains("cut after 3 rows"), "{}", said(&cut));
    let whole =
        asked.ask("SELECT event_id FROM host_events LIMIT 3", &["--max-rows", "3", "--format", "csv"]);
    assert_eq!((out(&whole).lines().count(), said(&whole).as_str()), (4, ""));
}

/// Scenario: Ctrl-C while a question computes. Guarantees: exit code 130, and nothing else.
#[test]
fn a_question_can_be_interrupted() {
    let asked = Asked::new();
    let store = asked.folder.path().join("store").display().to_string();
    let mut command = offbound(&root(), &["hunt", ENDLESS, "--store", &store, "--timeout", "10m"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary was built");
    // Long enough that the handlers are set; a signal before that ends the process too, with another code.
    thread::sleep(Duration::from_secs(2));
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill is there");
    assert!(sent.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(130), ""));
}

/// Scenario: SQL from standard input and from a file; spans of time; no store; a folder that is none. Guarantees: the
/// same answers, exactly the rows of the span, and the exit codes of the contract.
#[test]
fn other_ways_to_ask() {
    let asked = Asked::new();
    let store = asked.folder.path().join("store").display().to_string();
    let sql = "SELECT count(*) AS n FROM host_events";
    let expected = asked.number(sql);
    let file = asked.folder.path().join("question.sql");
    fs::write(&file, format!("{sql};\n")).expect("the folder can be written");
    let args = ["hunt", "--file", &file.display().to_string(), "--store", &store, "--format", "csv"];
    assert_eq!(out(&run(&root(), &args)), format!("n\r\n{expected}\r\n"));
    let mut command = offbound(&root(), &["hunt", "-", "--store", &store, "--format", "csv"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary was built");
    child.stdin.take().expect("it is piped").write_all(sql.as_bytes()).expect("it listens");
    assert_eq!(out(&child.wait_with_output().expect("it ends")), format!("n\r\n{expected}\r\n"));

    let times = asked.rows("SELECT event_time FROM host_events ORDER BY event_time", &[]);
    let middle = times[times.len() / 2]["event_time"].as_str().expect("a text").to_owned();
    let text = |row: &Value| row["event_time"].as_str().expect("a text").to_owned();
    let (before, after): (Vec<String>, Vec<String>) = times.iter().map(text).partition(|time| *time < middle);
    let all = "SELECT event_time FROM host_events ORDER BY event_time";
    let since: Vec<String> = asked.rows(all, &["--since", &middle]).iter().map(text).collect();
    let until: Vec<String> = asked.rows(all, &["--until", &middle]).iter().map(text).collect();
    assert_eq!((until, since), (before.clone(), after));
    let counted = asked.number(&format!("SELECT count(*) FROM host_events WHERE event_time < '{middle}'"));
    assert_eq!(counted, before.len() as u64);

    for (args, code, hint) in [
        (["hunt", "SELECT * FROM uses", "--format", "json"], 3, "--store DIR"),
        (["hunt", "SELECT * FROM uses", "--store", "samples"], 2, "samples"),
        (["hunt", "SELECT 1", "--memory", "much"], 3, "256MiB"),
        (["hunt", "SELECT 1", "--timeout", "1"], 3, "60s"),
        (["hunt", "SELECT 1", "--file", "question.sql"], 3, "--file"),
    ] {
        let output = run(&root(), &args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(hint), "{args:?}: {}", said(&output));
    }
}
