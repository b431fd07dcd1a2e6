//! Journeys through the screens: keys in, screens out, compared with checked-in text.
//!
//! `UPDATE_GOLDEN=1 cargo test -p offbound-tui` writes them anew; then read the difference.

use std::path::PathBuf;

use offbound_tui::testing::{Driver, fixture};
use offbound_tui::{Investigation, Options};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 60)];

fn driver(size: (u16, u16), options: Options) -> Driver {
    Driver::new(Box::new(fixture::investigation()), size, options)
}

fn check_golden(name: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(&path, found).expect("the screen can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} differs; UPDATE_GOLDEN=1 writes it anew. Now:\n{found}");
}

/// Where keys lead, from the findings list.
const JOURNEYS: &[(&str, &str)] = &[
    ("findings", ""),
    ("finding", "Enter"),
    ("incidents", "2"),
    ("incident", "i"),
    ("record", "e"),
    ("timeline", "2 3 j }"),
    ("events", "6 j"),
    ("entities", "4 j"),
    ("entity", "Enter p 1"),
    ("pivot", "Enter p j"),
    ("sql", "; S E L E C T Enter Esc j j l l l"),
    ("sql-tables", "7 Tab Enter j"),
    ("row", "; S E L E C T Enter Esc j Enter"),
    ("sources", "8 G"),
    ("help", "?"),
];

/// Scenario: every view, at three sizes, without colour. Guarantees: what is on the screen, character by character.
#[test]
fn screens() {
    for (name, keys) in JOURNEYS {
        for size in SIZES {
            let mut driver = driver(size, Options::default());
            driver.press(keys);
            check_golden(&format!("{name}-{}x{}", size.0, size.1), &driver.text());
            assert_eq!((driver.refused(), driver.outstanding()), (0, 0));
        }
    }
}

/// Scenario: the same views in colour and without. Guarantees: the text is the same; without colour there is no
/// colour command at all; the style of every cell in colour.
#[test]
fn colour_changes_no_text() {
    for (name, keys) in JOURNEYS {
        let [mut plain, mut colored] =
            [false, true].map(|color| driver((80, 24), Options { color, ..Options::default() }));
        plain.press(keys);
        colored.press(keys);
        assert_eq!(plain.text(), colored.text(), "{name}");
        assert!(!String::from_utf8_lossy(plain.written()).contains(";5;"), "{name}");
        assert!(plain.styles().chars().all(|c| " \n.bur".contains(c)), "{name}");
        check_golden(&format!("{name}-80x24-style"), &colored.styles());
    }
}

/// Scenario: lines drawn with box characters. Guarantees: what is on the screen.
#[test]
fn box_characters() {
    let mut driver = driver((120, 36), Options { unicode: true, ..Options::default() });
    driver.press("i");
    check_golden("incident-120x36-unicode", &driver.text());
}

/// Scenario: nothing answered yet, nothing there, and nothing that can be asked. Guarantees: each says which it is.
#[test]
fn nothing_to_show_has_a_reason() {
    let waiting = Driver::waiting(Box::new(fixture::investigation()), (80, 24), Options::default());
    assert!(waiting.text().contains("loading"), "{}", waiting.text());

    let empty = Driver::new(Box::new(fixture::empty()), (80, 24), Options::default());
    assert!(empty.text().contains("no findings in this data"), "{}", empty.text());

    let mut filtered = driver((80, 24), Options::default());
    filtered.press("/").type_text("nowhere-to-be-found").press("Enter");
    assert!(filtered.text().contains("none of 10 passes the filter"), "{}", filtered.text());

    let mut broken = fixture::investigation();
    broken.record =
        Box::new(|_| Err(offbound_tui::PortError::new("segment 44 cannot be read: \u{1b}[31mno")));
    let mut broken = Driver::new(Box::new(broken), (80, 24), Options::default());
    broken.press("e");
    assert!(
        broken.text().contains("could not ask: segment 44 cannot be read: <ESC>[31mno"),
        "{}",
        broken.text()
    );

    let mut missing = fixture::investigation();
    missing.record = Box::new(|_| Ok(None));
    let mut missing = Driver::new(Box::new(missing), (80, 24), Options::default());
    missing.press("e");
    assert!(missing.text().contains("this record is not in the data at hand"), "{}", missing.text());
}

/// Scenario: from a finding to raw bytes and back, and on to the incident. Guarantees: two keys there, one back to
/// the same row on the same line.
#[test]
fn there_and_back() {
    let mut driver = driver((80, 24), Options::default());
    driver.press("j j j");
    let before = driver.text();
    driver.press("e");
    assert!(driver.text().contains("original, exactly as it was read"), "{}", driver.text());
    driver.press("Esc");
    assert_eq!(driver.text(), before);
    driver.press("i G Enter Esc Esc");
    assert_eq!(driver.text(), before);
    driver.press("[");
    assert!(driver.text().contains("this is where you began"));
    driver.press("]");
    assert!(driver.text().contains("incident "), "{}", driver.text());
}

/// Scenario: the fifth line of a finding, then another finding, then back twice. Guarantees: the first is as it was
/// left, although its data had to be asked for again.
#[test]
fn details_come_back_as_they_were_left() {
    let mut driver = driver((80, 24), Options::default());
    driver.press("Enter j j j j j j");
    let left = driver.text();
    driver.press("1 j Enter");
    assert!(!driver.text().contains("CT-101"), "{}", driver.text());
    driver.press("Esc Esc");
    assert_eq!(driver.text(), left);
}

/// Scenario: a filter typed, applied, abandoned, mistyped. Guarantees: it applies while typing; Esc brings the old
/// one back; a mistake is told and changes nothing.
#[test]
fn filters() {
    let mut driver = driver((80, 24), Options::default());
    driver.press("/").type_text("-severity:critical layer:identity");
    assert!(driver.text().contains(" 4 of 10"), "{}", driver.text());
    driver.press("Esc");
    assert!(driver.text().contains(" 10  by severity"), "{}", driver.text());
    driver.press("/").type_text("lay").press("Tab").type_text("host").press("Enter");
    assert!(driver.text().contains("/ layer:host"), "{}", driver.text());
    driver.press("/ Ctrl-u").type_text("nope:x").press("Enter");
    assert!(driver.text().contains("no field"), "{}", driver.text());
    driver.press(":").type_text("sort time").press("Enter");
    assert!(driver.text().contains("by time"), "{}", driver.text());
}

/// Scenario: commands by name, by beginning, wrongly; help searched and run; leaving. Guarantees: each does what
/// it says.
#[test]
fn commands_and_help() {
    let mut driver = driver((80, 24), Options::default());
    driver.press(":").type_text("sour").press("Enter");
    assert!(driver.text().contains("k8s-audit"), "{}", driver.text());
    driver.press(":").type_text("bogus").press("Enter");
    assert!(driver.text().contains("no command bogus"), "{}", driver.text());
    driver.press("?").type_text("incidents").press("Enter");
    assert!(driver.text().contains("Incidents"), "{}", driver.text());
    driver.press("Ctrl-c");
    assert!(!driver.has_ended());
    driver.press("Ctrl-c");
    assert!(driver.has_ended());
}

/// Scenario: `q` from two steps deep. Guarantees: it goes back, then quits.
#[test]
fn q_goes_back_then_quits() {
    let mut driver = driver((80, 24), Options::default());
    driver.press("Enter Enter q q");
    assert!(!driver.has_ended());
    driver.press("q");
    assert!(driver.has_ended());
}

/// Scenario: a click on a row, a second one soon after, a click on a tab, the wheel. Guarantees: selects, opens,
/// goes there, moves.
#[test]
fn mouse() {
    let mut driver = driver((80, 24), Options::default());
    driver.click(10, 5, 0);
    assert!(line(&driver, 5).starts_with('>'), "{}", driver.text());
    driver.click(10, 5, 2_000);
    assert!(line(&driver, 5).starts_with('>'), "a slow second click only selects\n{}", driver.text());
    driver.click(10, 5, 2_200);
    assert!(driver.text().contains("evidence"), "{}", driver.text());
    driver.press("Esc").click(14, 0, 9_000);
    assert!(driver.text().contains("OUTCOME"), "{}", driver.text());
    driver.press("1").wheel(2);
    assert!(line(&driver, 7).starts_with('>'), "{}", driver.text());
}

fn line(driver: &Driver, y: usize) -> String {
    driver.text().lines().nth(y).unwrap_or_default().to_owned()
}

/// Scenario: any size from 1x1 to 400x120, on every view, with motions. Guarantees: nothing panics; below the
/// smallest size one line says so.
#[test]
fn sizes() {
    for (_, keys) in JOURNEYS {
        let mut driver = driver((80, 24), Options::default());
        driver.press(keys);
        for columns in [1, 2, 5, 20, 39, 40, 60, 80, 99, 100, 130, 179, 180, 400] {
            for rows in [1, 2, 5, 9, 10, 12, 15, 24, 29, 30, 60, 120] {
                driver.resize(columns, rows).press("j G k");
                if columns >= 20 && (columns < 40 || rows < 10) {
                    assert!(driver.text().starts_with("needs 40x10"), "{columns}x{rows}");
                }
            }
        }
        assert_eq!(driver.refused(), 0);
    }
}

/// Scenario: a live investigation grows while one reads, then `R`. Guarantees: the news is announced, the selection
/// and its line stay.
#[test]
fn news_moves_nothing() {
    let mut live = fixture::investigation();
    live.header.live = true;
    live.findings.truncate(5);
    live.header.findings = 5;
    let mut driver = Driver::new(Box::new(live), (80, 24), Options::default());
    driver.press("j j");
    let selected = line(&driver, 5);
    assert!(selected.starts_with('>'));
    let mut grown = fixture::investigation();
    grown.header.live = true;
    driver.replace(Box::new(grown)).tick();
    assert!(driver.text().contains("NEW: R"), "{}", driver.text());
    assert_eq!(line(&driver, 5), selected);
    driver.press("R");
    assert!(driver.text().contains(&selected), "{}", driver.text());
    assert!(!driver.text().contains("NEW: R"), "{}", driver.text());
}

/// Scenario: the selected finding is gone after a refresh. Guarantees: it stays where it was, says so, and the
/// cursor leaves it only when moved.
#[test]
fn gone_rows_stay_until_left() {
    let mut driver = driver((80, 24), Options::default());
    driver.press("j j");
    let rule = line(&driver, 5);
    let mut shrunk = fixture::investigation();
    shrunk.findings.retain(|finding| !rule.contains(finding.rule.as_str()));
    let port: Box<dyn Investigation> = Box::new(shrunk);
    driver.replace(port).press("R");
    assert!(line(&driver, 5).contains("no longer listed"), "{}", driver.text());
    driver.press("j");
    assert!(!driver.text().contains("no longer listed"), "{}", driver.text());
}

/// Scenario: keys in quick succession before any answer. Guarantees: nothing waits, nothing is lost, and at the end
/// nothing is outstanding.
#[test]
fn keys_do_not_wait() {
    let mut driver = Driver::waiting(Box::new(fixture::investigation()), (80, 24), Options::default());
    driver.press("j G 2 1 j / Esc 8 1");
    assert!(driver.outstanding() > 0);
    driver.answer();
    driver.press("R");
    assert_eq!(driver.outstanding(), 0);
    assert!(driver.text().contains("CT-101"), "{}", driver.text());
}

/// Everything that a view shows while the cursor goes down through it, without white space.
fn seen_below(driver: &mut Driver) -> String {
    let mut seen = String::new();
    loop {
        let screen = driver.text();
        seen.extend(screen.chars().filter(|c| !c.is_whitespace()));
        driver.press("j");
        if driver.text() == screen {
            return seen;
        }
    }
}

fn check_seen(seen: &str, facts: &[String]) {
    for fact in facts {
        let squashed: String = fact.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(seen.contains(&squashed), "{fact:?} is shown nowhere");
    }
}

/// Scenario: one finding and its records at 80x24. Guarantees: no fact of them is left out.
#[test]
fn every_fact_of_a_finding_is_shown() {
    let investigation = fixture::investigation();
    let finding = &investigation.findings[0];
    let mut facts = vec![finding.rule.clone(), finding.title.clone()];
    facts.extend(finding.why.iter().chain(&finding.missing_sources).cloned());
    facts.extend(
        [&finding.attack, &finding.nhi, &finding.maestro, &finding.nist].into_iter().flatten().cloned(),
    );
    for evidence in &finding.evidence {
        facts.extend([evidence.role.clone(), evidence.source.clone(), evidence.location.clone()]);
    }
    let (bound, observed) =
        (finding.bound.clone().unwrap_or_default(), finding.observed.clone().unwrap_or_default());
    let some =
        [&finding.subject, &finding.workload, &finding.destination, &finding.action, &finding.decision];
    facts.extend(
        some.into_iter()
            .chain([&bound.host, &bound.pod_uid, &observed.host, &observed.address])
            .flatten()
            .cloned(),
    );
    facts.extend(bound.addresses);
    facts.extend(
        finding.credential.iter().flat_map(|credential| [credential.id.clone(), credential.kind.clone()]),
    );
    let mut driver = driver((80, 24), Options::default());
    driver.press("Enter");
    check_seen(&seen_below(&mut driver), &facts);
}

/// Scenario: the incident at 80x24. Guarantees: no fact of it is left out, what was not observed included.
#[test]
fn every_fact_of_an_incident_is_shown() {
    let investigation = fixture::investigation();
    let incident = &investigation.incidents[0];
    let mut facts = vec![incident.title.clone(), incident.reason.clone(), incident.onset_basis.clone()];
    facts.extend(
        [&incident.credentials, &incident.hosts, &incident.workloads, &incident.missing_sources]
            .into_iter()
            .flatten()
            .cloned(),
    );
    let radius = &incident.blast_radius;
    let reaches = [&radius.reached, &radius.suspected, &radius.denied, &radius.reachable];
    facts.extend(reaches.into_iter().flatten().map(|reach| reach.destination.clone()));
    facts.extend(incident.residual_exposure.iter().map(|exposure| exposure.reason.clone()));
    let controls = incident.host_layer.controls.iter().chain(&incident.identity_layer.controls);
    facts.extend(controls.map(|control| control.control.to_string()));
    facts.extend(
        investigation.findings.iter().filter(|one| one.incident.is_some()).map(|one| one.rule.clone()),
    );
    let mut driver = driver((80, 24), Options::default());
    driver.press("i");
    check_seen(&seen_below(&mut driver), &facts);
}

/// Scenario: cursor steps and ticks at 120x36. Guarantees: a step costs little more than what changed, and nothing
/// at all is written when nothing changed.
#[test]
fn frames_are_small() {
    /// Bytes that a step in a list may cost, over a slow line.
    const STEP_BYTES: usize = 2048;
    let mut driver = driver((120, 36), Options { color: true, ..Options::default() });
    driver.press("i");
    let before = driver.written().len();
    driver.press("j");
    let step = driver.written().len() - before;
    assert!(step <= STEP_BYTES, "{step} bytes");
    let before = driver.written().len();
    driver.tick().resize(120, 36);
    assert_eq!(driver.written().len(), before);
}
