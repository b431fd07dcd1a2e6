//! The screens on a terminal of their own, and what happens when it goes away.
//!
//! In: a pseudo-terminal, a sample. Out: what stands on it, and when the command ends.

use std::fs::File;
use std::io::Read as _;

use super::stream::eventually_within;
use super::terminal::{PATIENCE, Seat, on_a_terminal};
use super::{root, run, said, scratch};

const SAMPLE: &str = "samples/stolen-pod-token";
/// What a terminal is told when the screens take it over (`xterm`, alternate screen).
const TAKEN: &[u8] = b"\x1b[?1049h";
/// Keys that are no characters, as terminals send them.
const ENTER: &str = "\r";
const ESC: &str = "\x1b";
const TAB: &str = "\t";
const CTRL_C: &str = "\x03";
const CTRL_J: &str = "\n";

/// Reads until the screens are up.
fn wait_for_screens(terminal: &mut File) {
    let (mut seen, mut some): (Vec<u8>, _) = (Vec::new(), [0; 4096]);
    while !seen.windows(TAKEN.len()).any(|bytes| bytes == TAKEN) {
        let read = terminal.read(&mut some).expect("the command lives");
        seen.extend(some.iter().take(read));
    }
}

/// A store of the sample, and the arguments that open it.
fn store(folder: &tempfile::TempDir) -> String {
    let store = folder.path().join("store").display().to_string();
    let output = run(&root(), &["replay", "--quiet", SAMPLE, "--store", &store]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    store
}

/// Scenario: the terminal is closed while the screens are up, and no signal says so (an ssh session that broke off, a
/// terminal of another session). Guarantees: the command ends, and does not read for ever what is not there.
#[test]
fn a_terminal_that_is_gone_ends_the_screens() {
    let (mut terminal, mut command) = on_a_terminal(&root(), &["investigate", SAMPLE], (80, 24));
    wait_for_screens(&mut terminal);
    drop(terminal);
    eventually_within(PATIENCE, "the end of the command", || {
        command.try_wait().expect("a child can be asked").is_some()
    });
}

/// Scenario: a store of the sample; from its incident to the timeline, an entity, the events and the SQL console, and out.
/// Guarantees: what stands on the screen at each step.
#[test]
fn an_incident_is_walked_through() {
    let folder = scratch();
    let mut seat = Seat::take(&root(), &["investigate", "--store", &store(&folder)], (120, 36));
    seat.sees(&[" Findings ", " 5  by severity", "CT-101"]);
    seat.press("2").sees(&[" Incidents", "NOT CONTAINED"]);
    seat.press(ENTER).sees(&[" incident ", "NOT CONTAINED"]);
    seat.press("3").sees(&[" Timeline of incident", "-- lanes ", "host n1", "host n3"]);
    seat.press("j").press("p").sees(&[" > ", "-- what it is "]);
    seat.press("6").sees(&[" Events of ", "-- record "]);
    seat.press("7").sees(&[" SQL", "; types a statement"]);
    seat.press(";").sees(&["Enter runs", "Ctrl-j new line"]);
    seat.press("SELECT host, count(*) AS n")
        .press(CTRL_J)
        .press("FROM host_events GROUP BY host ORDER BY host");
    let typed = seat.sees(&[" FROM host_events GROUP BY host ORDER BY host\n"]);
    assert!(typed.contains("\n SELECT host, count(*) AS n\n FROM"), "{typed}");
    seat.press(ENTER).sees(&[" 3 rows", "n1", "n2", "n3"]);
    seat.press(ESC).sees(&["p entity"]);
    seat.press("p").sees(&[" SQL > host n1", "-- what it is "]);
    seat.press(ESC).sees(&[" 3 rows"]);
    seat.press("Q");
    assert!(seat.leaves(), "it left with an error");
}

/// Scenario: statements with a mistake, with an answer of many rows, without an end; the tables; small and resized.
/// Guarantees: what is wrong and where; that there are more rows than are held; Ctrl-c ends it soon, and the screens live.
#[test]
fn statements_are_asked_at_a_terminal() {
    let folder = scratch();
    let mut seat = Seat::take(&root(), &["investigate", "--store", &store(&folder)], (80, 24));
    seat.sees(&[" 5  by severity"]);
    let ask = |seat: &mut Seat, sql: &str| {
        seat.press(";").sees(&["Enter runs"]);
        seat.press("\x05\x15").press(sql).press(ENTER);
    };
    ask(&mut seat, "SELECT 1,, 2");
    seat.sees(&["at line 1, column 10: expected an expression, found ,", "refused"]);
    seat.press(ESC).sees(&["; types"]);
    ask(&mut seat, "SELECT a.raw FROM host_events a, host_events b LIMIT 20000");
    seat.sees(&["first 10,000 rows; there are more"]);
    seat.press(ESC).sees(&["; types"]);
    seat.press("G").sees(&["row 10,000"]);
    ask(&mut seat, "SELECT sum(levenshtein(a.raw, b.raw)) FROM host_events a, host_events b");
    seat.sees(&["running; Ctrl-c calls it off", "running  "]);
    seat.press(CTRL_C).sees(&["the statement was called off"]);
    seat.press(ESC).sees(&["; types"]);
    ask(&mut seat, "SELECT 40 + 2 AS answer");
    seat.sees(&["1 row ", "42"]);
    seat.press(TAB).sees(&["-- tables ", "+ host_events", "+ identity_assertions"]);
    seat.resize((120, 36)).sees(&["7 SQL", "-- tables ", "+ dead_letters"]);
    seat.press("Q");
    assert!(seat.leaves(), "it left with an error");
}

/// Scenario: keys and changes of size at the same moment, many times. Guarantees: each key is taken and each size is drawn
/// without another key, and waiting costs no processor.
#[test]
fn keys_and_sizes_together_are_taken() {
    let mut seat = Seat::take(&root(), &["investigate", SAMPLE], (80, 24));
    seat.sees(&[" 5  by severity"]);
    for turn in 1..=20_u16 {
        let (key, expected) = if turn % 2 == 0 { ("2", " Incidents") } else { ("8", " Sources") };
        let size = (80 + turn, 24 + turn);
        seat.resize(size).press(key);
        seat.waits(expected, |text| {
            let line = text.lines().nth(1).unwrap_or_default();
            line.starts_with(expected) && text.lines().last().is_some_and(|last| last.contains("? help"))
        });
    }
    let before = seat.processor_seconds();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let used = seat.processor_seconds() - before;
    assert!(used < 0.5, "it used {used} seconds of processor time in two seconds without a key");
}
