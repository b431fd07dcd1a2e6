//! The SQL console: statements typed, asked, called off; answers read, taken further, written.
//!
//! In: keys on an invented console. Out: screens. Law: keys are text while a statement is typed, and at no other time.

use offbound_tui::Options;
use offbound_tui::testing::{Driver, fixture};

fn driver(size: (u16, u16)) -> Driver {
    Driver::new(Box::new(fixture::investigation()), size, Options::default())
}

fn asked(size: (u16, u16), statement: &str) -> Driver {
    let mut driver = driver(size);
    driver.press(";").paste(statement).press("Enter");
    driver
}

/// Scenario: a statement with every key that does something elsewhere, on two lines. Guarantees: it stands there as it was
/// typed; Esc gives the keys back, and the text stays.
#[test]
fn keys_are_text_while_typing() {
    let mut driver = driver((80, 24));
    driver.press(";").type_text("Qq7:/?jk").press("Ctrl-j").type_text("1;p");
    assert!(!driver.has_ended());
    let text = driver.text();
    assert!(text.contains("\n Qq7:/?jk\n 1;p\n"), "{text}");
    assert!(text.contains("Enter run") && !text.contains(": command"), "{text}");
    driver.press("Esc 6 7");
    assert!(driver.text().contains("\n Qq7:/?jk\n 1;p\n"), "{}", driver.text());
    assert!(driver.text().contains(": command"), "{}", driver.text());
}

/// Scenario: a statement that is answered, at several sizes. Guarantees: how many rows there are and how long it took;
/// columns with the selected one on the screen; what is unknown and what is empty look different.
#[test]
fn an_answer_is_shown() {
    for size in [(80, 24), (120, 36), (200, 60), (40, 10)] {
        let mut driver = asked(size, "SELECT");
        assert!(driver.text().contains("1,000 rows"), "{}", driver.text());
        driver.press("Esc j l l l l l l l l");
        let text = driver.text();
        assert!(text.contains("raw"), "{text}");
        if size.1 >= 24 {
            let values: Vec<&str> = text.lines().filter(|line| line.contains("> raw")).collect();
            assert!(values.iter().any(|line| line.contains("{\"verb\":\"list\"}..")), "{text}");
        }
        driver.press("G");
        assert!(size.1 < 24 || driver.text().contains("row 1,000"), "{}", driver.text());
        assert_eq!((driver.refused(), driver.outstanding()), (0, 0));
    }
    let mut driver = asked((120, 36), "SELECT");
    driver.press("Esc Enter");
    for expected in ["note        null", "reason      ''", "12,345 more bytes"] {
        assert!(driver.text().contains(expected), "{expected}: {}", driver.text());
    }
}

/// Scenario: a mistake, nothing found, more than is held, nothing typed. Guarantees: each says so.
#[test]
fn answers_say_what_they_are() {
    let mut driver = asked((80, 24), "SELECT mistake");
    let text = driver.text();
    assert!(
        text.contains("at line 1, column 8: expected an expression") && text.contains("refused"),
        "{text}"
    );
    // The cursor stands at the mistake.
    driver.type_text("no ");
    assert!(driver.text().contains("SELECT no mistake"), "{}", driver.text());
    assert!(asked((80, 24), "nothing").text().contains("no rows"));
    assert!(asked((80, 24), "everything").text().contains("first 1,000 rows; there are more"));
    assert!(asked((80, 24), " ").text().contains("type a statement first"));
}

/// Scenario: a statement that has no answer yet; Ctrl-c, twice. Guarantees: it is called off, and the screens stay; only
/// then Ctrl-c is about leaving.
#[test]
fn a_statement_is_called_off() {
    let mut driver = driver((80, 24));
    driver.press(";").paste("SELECT").hold_answers().press("Enter");
    assert!(driver.text().contains("running; Ctrl-c calls it off"), "{}", driver.text());
    driver.press("Ctrl-c");
    assert!(driver.text().contains("called off") && !driver.has_ended(), "{}", driver.text());
    assert_eq!(driver.outstanding(), 0);
    driver.press("Esc R");
    assert!(driver.text().contains("running; Ctrl-c calls it off"), "{}", driver.text());
    driver.press("Ctrl-c");
    assert!(driver.text().contains("the statement was called off"), "{}", driver.text());
    driver.press("Ctrl-c");
    assert!(driver.text().contains("Ctrl-c again quits"), "{}", driver.text());
    driver.press("Ctrl-c");
    assert!(driver.has_ended());
}

/// Scenario: from a row to the record, an entity, and back; another view while an answer is there. Guarantees: each opens;
/// the answer and the row are as they were.
#[test]
fn rows_lead_on() {
    let mut driver = asked((120, 36), "SELECT");
    driver.press("Esc j j");
    let before = driver.text();
    for (keys, expected) in [("p 1", "host node-22"), ("e", "record "), ("Enter", "row 3 of 1,000")] {
        driver.press(keys);
        let trail = driver.text().lines().nth(1).unwrap_or_default().to_owned();
        assert!(trail.contains(expected), "{keys}: {trail}");
        driver.press("Esc");
        assert_eq!(driver.text(), before, "{keys}");
    }
    driver.press("6 7");
    assert_eq!(driver.text(), before);
}

/// Scenario: the tables, unfolded; a column taken. Guarantees: it stands in the statement, where one goes on typing.
#[test]
fn columns_are_taken() {
    let mut driver = driver((80, 24));
    driver.press(";").type_text("SELECT").press("Tab j Enter j j");
    assert!(driver.text().contains("identity_assertions.event_time"), "{}", driver.text());
    driver.press("Enter").type_text(" x");
    assert!(driver.text().contains("\n SELECT event_time x\n"), "{}", driver.text());
}

/// Scenario: earlier statements by the arrow keys; the last one again; an answer written, to the same file twice.
/// Guarantees: what stands there, and what is said.
#[test]
fn statements_are_recalled_and_answers_written() {
    let mut driver = asked((80, 24), "first");
    driver.press("Ctrl-u").type_text("second").press("Enter Ctrl-u Up Up");
    assert!(driver.text().contains("\n first\n"), "{}", driver.text());
    driver.press("Esc R :").type_text("export csv rows.csv").press("Enter");
    assert!(driver.text().contains("1000 rows written to rows.csv"), "{}", driver.text());
    driver.press(":").type_text("export csv rows.csv").press("Enter");
    assert!(driver.text().contains("rows.csv is there already"), "{}", driver.text());
    driver.press(":").type_text("export csv").press("Enter");
    assert!(driver.text().contains("name a form and a file"), "{}", driver.text());
}
