//! Statements to a small store, their answers in pages and in files.

use std::os::unix::fs::PermissionsExt as _;

use offbound_schemas::table::HostEvent;
use offbound_schemas::{EventId, EventRows, EventTime};
use offbound_store::{Store, Writer};

use super::*;
use crate::judge::Totals;

/// More rows than a console holds.
const EVENTS: i64 = 10_050;

fn asked(dir: &Path) -> (Asked, Writer) {
    let host_event = |second: i64| HostEvent {
        event_id: EventId::of(&[&second.to_be_bytes()]),
        event_time: EventTime(second * 1_000_000_000),
        host: Some("n1\u{1b}[31m".to_owned()),
        ..HostEvent::default()
    };
    let mut writer = Store::create(dir).expect("a store can be made");
    let events = EventRows { host_events: (0..EVENTS).map(host_event).collect(), ..EventRows::default() };
    writer.append(&events.to_batch()).expect("the store takes rows");
    let totals = Totals { bytes: 0, late: 0, from: None, to: None };
    let summary = totals.sum_up(Vec::new(), std::iter::empty(), std::iter::empty());
    writer.commit_results(&[], &[], &[], &summary).expect("the store takes conclusions");
    (Asked::of(dir, None, offbound_correlate::Bounds::default()), writer)
}

fn ask(asked: &mut Asked, number: u64, text: &str) -> Result<Answered, PortError> {
    asked.ask(&Statement { number, text: text.to_owned() }, &Stop::default())
}

/// Scenario: an answer that is longer than what is held; its last page; a page of an answer that is not held any more.
/// Guarantees: it says that there is more; values have their types, and what is unknown is no empty text.
#[test]
fn answers_come_in_pages() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut console, _writer) = asked(&home.path().join("store"));
    let sql = "SELECT event_time, host, pid, 7 AS n, '' AS e FROM host_events ORDER BY event_time";
    let answered = ask(&mut console, 1, sql).expect("an answer");
    assert_eq!((answered.rows, answered.is_cut), (ROOM.rows, true));
    let kinds: Vec<(&str, bool)> =
        answered.columns.iter().map(|column| (column.kind.as_str(), column.is_number)).collect();
    assert_eq!(kinds[..2], [("timestamp", false), ("text", false)]);
    assert!(kinds[2].1 && kinds[3] == ("int64", true), "{kinds:?}");
    let request = AnswerRequest { statement: 1, offset: ROOM.rows - 2, limit: 9 };
    let page = console.rows(&request).expect("rows");
    assert_eq!((page.rows.len(), page.offset, page.total), (2, ROOM.rows - 2, ROOM.rows));
    let expected = [
        Value::known("1970-01-01T02:46:39.000000000Z"),
        Value::known("n1\u{1b}[31m"),
        Value::Null,
        Value::known("7"),
        Value::known(""),
    ];
    assert_eq!(page.rows[1].values, expected);
    let exact = ask(&mut console, 2, &format!("SELECT 1 FROM host_events LIMIT {}", ROOM.rows));
    assert_eq!(exact.map(|answered| (answered.rows, answered.is_cut)), Ok((ROOM.rows, false)));
    assert!(console.rows(&request).expect_err("another answer is held").what.contains("no longer held"));
}

/// Scenario: mistakes of several kinds, and a bound. Guarantees: each says what is wrong, where, and what can be done at a
/// screen; no option of a command is spoken of as if there were one.
#[test]
fn mistakes_are_told() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut console, _writer) = asked(&home.path().join("store"));
    for (sql, expected, place) in [
        ("SELECT\n  host,, FROM host_events", "expected an expression", Some((2, 8))),
        ("SELECT 'a", "Unterminated string literal", Some((1, 8))),
        ("SELECT hots FROM host_events", "the nearest is `host`; `DESCRIBE TABLE` names", None),
        ("SELECT * FROM host_event", "the nearest is `host_events`; SHOW TABLES names", None),
        ("DROP TABLE host_events", "DROP is refused", None),
        ("SELECT 1; SELECT 2", "ask one at a time", None),
        (" ", "try SHOW TABLES", None),
    ] {
        let problem = ask(&mut console, 1, sql).expect_err(sql);
        assert!(problem.what.contains(expected), "{sql}: {}", problem.what);
        assert!(!problem.what.contains("--"), "{}", problem.what);
        assert_eq!(problem.place, place, "{sql}: {}", problem.what);
    }
    let met = told(Failure::bound("it needs more memory; narrow it", "--memory"));
    assert_eq!(met.what, "it needs more memory; narrow it; `offbound hunt` takes a larger --memory");
    let columns = (0..=COLUMNS_MAX).map(|at| format!("1 AS c{at}")).collect::<Vec<_>>().join(", ");
    assert!(
        ask(&mut console, 1, &format!("SELECT {columns}")).expect_err("too wide").what.contains("name fewer")
    );
}

/// Scenario: a statement that is called off before it is asked. Guarantees: no answer, and why.
#[test]
fn a_statement_is_called_off() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut console, _writer) = asked(&home.path().join("store"));
    let stop = Stop::default();
    stop.call_off();
    let statement = Statement { number: 1, text: "SELECT count(*) FROM host_events".to_owned() };
    assert_eq!(console.ask(&statement, &stop), Err(PortError::new("interrupted")));
}

/// Scenario: an answer written in each form, then to a file that is there, to a folder that is not, in a form that is
/// not. Guarantees: whole files for the user alone; what is there stays as it is.
#[test]
fn answers_are_written() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut console, _writer) = asked(&home.path().join("store"));
    ask(
        &mut console,
        1,
        "SELECT a.n, b.n, host FROM (SELECT 1 AS n) a, (SELECT 2 AS n) b, host_events LIMIT 2",
    )
    .expect("an answer");
    let mut export = |format: &str, name: &str| {
        let file = home.path().join(name);
        console.export(&ExportRequest { statement: 1, format: format.to_owned(), file, number: 1 })
    };
    for format in ["csv", "json", "ndjson", "parquet", "table"] {
        assert_eq!(export(format, format).map(|exported| exported.rows), Ok(2), "{format}");
        let mode = std::fs::metadata(home.path().join(format)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{format}");
    }
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).expect("it is text");
    assert_eq!(read("csv"), "n,n_2,host\r\n1,2,n1<ESC>[31m\r\n1,2,n1<ESC>[31m\r\n");
    assert_eq!(read("ndjson").lines().next(), Some(r#"{"n":1,"n_2":2,"host":"n1\u001b[31m"}"#));
    let refused = export("json", "csv").expect_err("it is there already");
    assert!(refused.what.contains("is there already; name another file"), "{}", refused.what);
    assert_eq!(read("csv").lines().count(), 3);
    assert!(export("csv", "no/folder").expect_err("no folder").what.contains("make the folder"));
    assert!(export("xlsx", "x").expect_err("no such form").what.contains("forms are csv"));
}
