//! Moving through time: the timeline and the events behind its cells.
//!
//! In: keys on the fixture. Out: what is selected and shown. Law: the selection is a lane and a moment.

use offbound_tui::testing::{Driver, fixture};
use offbound_tui::{
    Archive, Counts, CountsRequest, EntitiesRequest, Entity, EntityFacts, EntityRow, EventRow, EventsRequest,
    Options, Page, PortError, Stop,
};

fn driver() -> Driver {
    let mut driver = Driver::new(Box::new(fixture::investigation()), (120, 36), Options::default());
    driver.press("2 3");
    driver
}

/// The moment of the selected cell.
fn moment(driver: &Driver) -> String {
    let text = driver.text();
    let line = text.lines().find(|line| line.starts_with(" when")).expect("a cell is selected");
    line.split_whitespace().nth(2).expect("it has a time").to_owned()
}

/// The selected lane.
fn lane(driver: &Driver) -> String {
    let text = driver.text();
    let line = text.lines().find(|line| line.starts_with('>')).expect("a lane is selected");
    line.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ")
}

/// Scenario: cell by cell, lane by lane, over the edge of the window, and back to the whole. Guarantees: the moment moves
/// by a cell, lanes change nothing of it, and it stays selected when the window moves on.
#[test]
fn cells_and_lanes_are_walked() {
    let mut driver = driver();
    assert_eq!((lane(&driver).as_str(), moment(&driver).as_str()), ("incident 95cf2af1", "10:04:00.000"));
    driver.press("l l j");
    assert_eq!((lane(&driver).as_str(), moment(&driver).as_str()), ("host node-17", "10:04:20.000"));
    driver.press("h h h h h h h h h h h h h h h h h h h h");
    assert!(moment(&driver).as_str() < "10:04:00", "{}", driver.text());
    driver.press("0 :").type_text("time 10:06:33").press("Enter");
    assert_eq!(moment(&driver), "10:06:30.000");
}

/// Scenario: zooming in and out around a cell, shifting. Guarantees: cells get shorter and longer by one step, the moment
/// stays in sight, and the lane selected.
#[test]
fn zooming_and_shifting_keep_the_moment() {
    let mut driver = driver();
    driver.press("j } }");
    let before = moment(&driver);
    driver.press("z");
    assert!(driver.text().contains("1 cell = 5.0s"), "{}", driver.text());
    assert_eq!((moment(&driver), lane(&driver)), (before.clone(), "host node-17".to_owned()));
    driver.press("Z Z");
    assert!(driver.text().contains("1 cell = 15.0s"), "{}", driver.text());
    driver.press("Z z");
    assert!(driver.text().contains("1 cell = 15.0s"), "{}", driver.text());
    driver.press("> <");
    assert_eq!(lane(&driver), "host node-17");
}

/// Scenario: from finding to finding, to the last one and back to the first, and beyond. Guarantees: each cell with a
/// finding is met once, also from another window; at the ends it is said that there is no more.
#[test]
fn findings_are_walked() {
    let mut driver = driver();
    let mut met = vec![moment(&driver)];
    for _ in 0..20 {
        driver.press("}");
        if driver.text().contains("no later finding") {
            break;
        }
        assert!(driver.text().contains("f finding"), "{}", driver.text());
        met.push(moment(&driver));
    }
    assert!(met.windows(2).all(|pair| pair[0] < pair[1]), "{met:?}");
    assert_eq!(met.len(), 7);
    driver.press("@").type_text("+1d").press("Enter {");
    assert_eq!(moment(&driver).get(..5), met.last().and_then(|last| last.get(..5)));
    driver.press("f");
    assert!(driver.text().contains("CT-301"), "{}", driver.text());
}

/// Scenario: a cell, its records, one of them, and back. Guarantees: as many events as the cell said, the record of the
/// selected one, and the same cell on the way back.
#[test]
fn a_cell_opens_its_records() {
    let mut driver = driver();
    driver.press("j }");
    let (before, at) = (driver.text(), moment(&driver));
    let count = before.lines().find_map(|line| line.strip_prefix(" recorded    ")).expect("it is counted");
    let count = count.split_whitespace().next().expect("a number").to_owned();
    driver.press("Enter");
    assert!(driver.text().contains(&format!("{count} events")), "{}", driver.text());
    assert!(driver.text().contains("Events of host node-17"), "{}", driver.text());
    driver.press("Enter");
    assert!(driver.text().contains("understood as"), "{}", driver.text());
    driver.press("Esc Esc");
    assert_eq!(moment(&driver), at);
    assert_eq!(driver.text(), before);
}

/// Scenario: stretches in which not all was observed. Guarantees: they are drawn, and the cell says why.
#[test]
fn what_was_not_observed_is_said() {
    let mut driver = driver();
    driver.press("j j :").type_text("time 10:06:00").press("Enter");
    assert_eq!(lane(&driver), "host node-22");
    assert!(driver.text().contains("NOT OBSERVED linux-audit: audit serial gap"), "{}", driver.text());
    assert!(driver.text().contains("????"), "{}", driver.text());
}

/// Scenario: a click on a cell, a second one soon after. Guarantees: it selects lane and cell, then opens the records.
#[test]
fn cells_are_clicked() {
    let mut driver = driver();
    let row = driver.text().lines().position(|line| line.contains("host node-17")).expect("a lane");
    let row = u16::try_from(row).expect("a row");
    driver.click(40, row, 0);
    assert_eq!((lane(&driver).as_str(), moment(&driver).as_str()), ("host node-17", "10:05:00.000"));
    driver.click(40, row, 100);
    assert!(driver.text().contains("Events of host node-17"), "{}", driver.text());
}

/// Scenario: a filter on findings, and one on events with a field that events do not have. Guarantees: other findings
/// leave the lanes; the mistake is said.
#[test]
fn filters_apply() {
    let mut driver = driver();
    driver.press("/").type_text("rule:CT-101").press("Enter");
    assert!(driver.text().contains("1 finding "), "{}", driver.text());
    driver.press("6 /").type_text("severity:high");
    assert!(driver.text().contains("no field"), "{}", driver.text());
    driver.press("Esc /").type_text("kube-apiserver").press("Enter");
    assert!(
        driver.text().contains("15 events") || driver.text().contains("events  by time"),
        "{}",
        driver.text()
    );
    assert!(!driver.text().contains("/usr/bin/java"), "{}", driver.text());
}

/// Events that cannot be read.
struct Broken;

impl Archive for Broken {
    fn counts(&mut self, _request: &CountsRequest, _stop: &Stop) -> Result<Counts, PortError> {
        Err(PortError::new("the disk is gone"))
    }
    fn events(&mut self, _request: &EventsRequest, _stop: &Stop) -> Result<Page<EventRow>, PortError> {
        Err(PortError::new("the disk is gone"))
    }
    fn entities(&mut self, _request: &EntitiesRequest, _stop: &Stop) -> Result<Page<EntityRow>, PortError> {
        Err(PortError::new("the disk is gone"))
    }
    fn facts(&mut self, _entity: &Entity, _stop: &Stop) -> Result<EntityFacts, PortError> {
        Err(PortError::new("the disk is gone"))
    }
}

/// Scenario: events cannot be read. Guarantees: findings are on the timeline all the same; that nothing is counted is said
/// and not taken for quiet; so is that there is no list.
#[test]
fn unreadable_events_are_no_quiet() {
    let port = Box::new(fixture::investigation());
    let mut driver = Driver::with_archive(port, Box::new(Broken), (80, 24), Options::default());
    driver.press("2 3 j }");
    assert!(driver.text().contains("unknown: the disk is gone"), "{}", driver.text());
    assert!(driver.text().contains('X'), "{}", driver.text());
    driver.press("6");
    assert!(driver.text().contains("the disk is gone"), "{}", driver.text());
}
