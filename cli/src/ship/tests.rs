//! Logs as they are written, rotated, cut and deleted, with a sink that records, and no broker.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;

use offbound_ingest::{FingerprintKey, Formats};

use super::fate::LOOKS_AFTER_ROTATION;
use super::keys::Keys;
use super::positions::Positions;
use super::shipper::Shipper;
use super::sink::{Report, Sink, Ticket};
use super::watch::Watch;
use crate::args::ship::KeyChoice;
use crate::exit::Failure;

/// What the broker has, and what is on its way to it.
#[derive(Default)]
struct Topic {
    stored: Vec<String>,
    on_the_way: Vec<(Ticket, String)>,
    is_away: bool,
}

struct Recorder(Rc<RefCell<Topic>>);

impl Sink for Recorder {
    fn send(&mut self, ticket: Ticket, _key: Option<&str>, payload: &[u8]) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(payload).into_owned();
        self.0.borrow_mut().on_the_way.push((ticket, text));
        Ok(())
    }

    fn reports(&mut self) -> Result<Vec<Report>, Failure> {
        let mut topic = self.0.borrow_mut();
        if topic.is_away {
            return Ok(Vec::new());
        }
        let taken = std::mem::take(&mut topic.on_the_way);
        let (tickets, texts): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        topic.stored.extend(texts);
        Ok(tickets.into_iter().map(|ticket| Report { ticket, refusal: None }).collect())
    }
}

/// What happens, in order.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The log's writer.
    Append(&'static str, &'static str),
    Rename(&'static str, &'static str),
    Truncate(&'static str),
    Delete(&'static str),
    /// The shipper looks at names, ships, keeps its places.
    Ship,
    /// The same, until a file without a name is given up.
    ShipLong,
    /// It dies; what was on its way is lost. The next `Ship` starts it again.
    Kill,
    /// Brokers go, and come back.
    Away,
    Back,
    /// What the topic has got since the last time.
    Got(&'static [&'static str]),
}

use Step::{Append, Away, Back, Delete, Got, Kill, Rename, Ship, ShipLong, Truncate};

struct Stage {
    folder: tempfile::TempDir,
    paths: Vec<String>,
    topic: Rc<RefCell<Topic>>,
    shipper: Option<Shipper<Recorder>>,
    follow: bool,
    seen: usize,
}

impl Stage {
    fn new(patterns: &[&str], follow: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("logs")).expect("writable");
        let logs = folder.path().join("logs");
        let paths = patterns.iter().map(|pattern| logs.join(pattern).display().to_string()).collect();
        Self { folder, paths, topic: Rc::default(), shipper: None, follow, seen: 0 }
    }

    fn start(&mut self) {
        let kept = self.folder.path().join("positions.json");
        let positions = Positions::open(Some(&kept), "t").expect("sound");
        let key = FingerprintKey::for_tests();
        let keys = Keys::new(KeyChoice::None, Formats::default(), key);
        let watch = Watch::new(&self.paths, self.follow, false);
        let mut shipper = Shipper::new(watch, positions, keys, None, Recorder(Rc::clone(&self.topic)));
        shipper.begin();
        self.shipper = Some(shipper);
    }

    fn ship(&mut self, looks: u32) {
        if self.shipper.is_none() {
            self.start();
        }
        let shipper = self.shipper.as_mut().expect("it was started");
        for _ in 0..looks {
            shipper.look();
            while shipper.round().expect("the recorder takes everything") {}
            shipper.round().expect("the recorder takes everything");
        }
        shipper.save();
    }

    fn step(&mut self, step: Step) {
        let path = |name: &str| self.folder.path().join("logs").join(name);
        match step {
            Append(name, text) => append(&path(name), text),
            Rename(from, to) => fs::rename(path(from), path(to)).expect("writable"),
            Truncate(name) => {
                let file = OpenOptions::new().write(true).open(path(name)).expect("writable");
                file.set_len(0).expect("writable");
            }
            Delete(name) => fs::remove_file(path(name)).expect("writable"),
            Ship => self.ship(1),
            ShipLong => self.ship(LOOKS_AFTER_ROTATION + 2),
            Kill => {
                self.shipper = None;
                self.topic.borrow_mut().on_the_way.clear();
            }
            Away | Back => self.topic.borrow_mut().is_away = matches!(step, Away),
            Got(_) => {}
        }
    }

    fn got(&mut self) -> Vec<String> {
        let topic = self.topic.borrow();
        let new = topic.stored[self.seen..].to_vec();
        self.seen = topic.stored.len();
        new
    }
}

fn append(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    let mut file: File = options.create(true).append(true).open(path).expect("writable");
    file.write_all(text.as_bytes()).expect("writable");
}

fn check(patterns: &[&str], follow: bool, steps: &[Step]) {
    let mut stage = Stage::new(patterns, follow);
    for (number, step) in steps.iter().enumerate() {
        stage.step(*step);
        if let Got(expected) = step {
            assert_eq!(stage.got(), *expected, "step {number} of {steps:?}");
        }
    }
}

fn follow(steps: &[Step]) {
    check(&["a.log"], true, steps);
}

/// Scenario: a log that grows, with a line in two writes. Guarantees: each line once, none before it is whole.
#[test]
fn a_growing_log() {
    follow(&[
        Append("a.log", "1\n2\nha"),
        Ship,
        Got(&["1", "2"]),
        Ship,
        Got(&[]),
        Append("a.log", "lf\n3\n"),
        Ship,
        Got(&["half", "3"]),
    ]);
}

/// Scenario: rotation by rename, where the writer goes on in the old file for a while. Guarantees: the old file is read
/// to its end, its unfinished line with it, and the new one from its start.
#[test]
fn rotation_by_rename() {
    follow(&[
        Append("a.log", "1\n"),
        Ship,
        Append("a.log", "2\n"),
        Rename("a.log", "a.log.1"),
        Append("a.log", "4\n"),
        Append("a.log.1", "3\nend"),
        Ship,
        Got(&["1", "2", "3", "4"]),
        ShipLong,
        Got(&["end"]),
        Append("a.log", "5\n"),
        Ship,
        Got(&["5"]),
    ]);
}

/// Scenario: the same in a folder, where the old file keeps being listed. Guarantees: it is one file under two names:
/// nothing comes twice.
#[test]
fn rotation_inside_a_folder() {
    let steps = [
        Append("a.log", "1\n"),
        Ship,
        Rename("a.log", "a.log.1"),
        Append("a.log", "3\n"),
        Append("a.log.1", "2\n"),
        Ship,
        Rename("a.log.1", "a.log.2"),
        Rename("a.log", "a.log.1"),
        Append("a.log.1", "4\n"),
        Append("a.log", "5\n"),
        ShipLong,
    ];
    let mut stage = Stage::new(&[""], true);
    steps.into_iter().for_each(|step| stage.step(step));
    let mut got = stage.got();
    got.sort();
    assert_eq!(got, ["1", "2", "3", "4", "5"]);
}

/// Scenario: rotation by copying and cutting, with less in the file afterwards, as much, and more. Guarantees: it is read
/// from its first byte each time.
#[test]
fn copy_and_truncate() {
    follow(&[
        Append("a.log", "first line\nsecond line\n"),
        Ship,
        Got(&["first line", "second line"]),
        Truncate("a.log"),
        Append("a.log", "x\n"),
        Ship,
        Got(&["x"]),
        Truncate("a.log"),
        Append("a.log", "y\n"),
        Ship,
        Got(&["y"]),
        Truncate("a.log"),
        Append("a.log", "longer than before\n"),
        Ship,
        Got(&["longer than before"]),
    ]);
}

/// Scenario: files come and go. Guarantees: new ones are found, deleted ones are read to their end.
#[test]
fn files_come_and_go() {
    check(
        &["*.log"],
        true,
        &[
            Ship,
            Append("a.log", "1\n"),
            Ship,
            Got(&["1"]),
            Append("b.log", "2\n"),
            Append("c.txt", "not matched\n"),
            Ship,
            Got(&["2"]),
            Append("b.log", "3\n"),
            Delete("b.log"),
            ShipLong,
            Got(&["3"]),
            Append("b.log", "2\n"),
            Ship,
            Got(&["2"]),
        ],
    );
}

/// Scenario: the shipper is killed with records on their way, and started again. Guarantees: they are sent again, and
/// nothing that the broker had.
#[test]
fn a_kill_loses_nothing() {
    follow(&[
        Append("a.log", "1\n2\n"),
        Ship,
        Got(&["1", "2"]),
        Away,
        Append("a.log", "3\n4\n"),
        Ship,
        Got(&[]),
        Kill,
        Back,
        Ship,
        Got(&["3", "4"]),
        Kill,
        Ship,
        Got(&[]),
    ]);
}

/// Scenario: while nobody ships, the log is rotated, cut, or replaced at the same place. Guarantees: the rest of the old
/// file is found beside it, and a file that is another one is read from its start.
#[test]
fn what_happens_between_two_runs() {
    follow(&[
        Append("a.log", "1\n"),
        Ship,
        Kill,
        Append("a.log", "2\n"),
        Rename("a.log", "a.log.1"),
        Append("a.log", "3\n"),
        Ship,
        Got(&["1", "2", "3"]),
    ]);
    follow(&[
        Append("a.log", "old and long\n"),
        Ship,
        Kill,
        Truncate("a.log"),
        Append("a.log", "new, and longer than the old one\n"),
        Ship,
        Got(&["old and long", "new, and longer than the old one"]),
    ]);
    follow(&[
        Append("a.log", "old\n"),
        Ship,
        Kill,
        Delete("a.log"),
        Append("a.log", "new\n"),
        Ship,
        Got(&["old", "new"]),
    ]);
}

/// Scenario: files that do not grow, shipped twice. Guarantees: the end of a file ends its last line, and the second run
/// sends nothing.
#[test]
fn without_following() {
    let steps = [Append("a.log", "1\n2"), Append("b.log", "{\n\"x\": 3\n}"), Ship, Ship, Ship];
    let mut stage = Stage::new(&["a.log", "b.log"], false);
    steps.into_iter().for_each(|step| stage.step(step));
    assert_eq!(stage.got(), ["1", "2", "{\n\"x\": 3\n}"]);
    assert!(stage.shipper.as_ref().is_some_and(Shipper::is_done));
    [Kill, Ship, Ship].into_iter().for_each(|step| stage.step(step));
    assert_eq!(stage.got(), Vec::<String>::new());
}

/// Scenario: brokers are away while more is written than may be on its way. Guarantees: reading stops at the bound, and
/// nothing is missing when they are back.
#[test]
fn reading_stops_at_the_bound() {
    let mut stage = Stage::new(&["a.log"], true);
    let line = "z".repeat(1_000_000);
    let path = stage.folder.path().join("logs").join("a.log");
    for number in 0..40 {
        append(&path, &format!("{number:02}{line}\n"));
    }
    [Away, Ship].into_iter().for_each(|step| stage.step(step));
    let waiting: usize = stage.topic.borrow().on_the_way.iter().map(|(ticket, _)| ticket.bytes).sum();
    assert!((16_000_000..18_000_000).contains(&waiting), "{waiting} bytes on their way");
    [Back, Ship, Ship].into_iter().for_each(|step| stage.step(step));
    let numbers: Vec<String> = stage.got().iter().map(|line| line[..2].to_owned()).collect();
    assert_eq!(numbers, (0..40).map(|number| format!("{number:02}")).collect::<Vec<_>>());
}
