//! A writer that is killed: at every step, and at random moments.
//!
//! The test starts its own binary again as the writer; `OFFBOUND_CHILD` names its folder. Long form:
//! `OFFBOUND_ROUNDS=1000 OFFBOUND_SEED=7 cargo test -p offbound-store --test store kill -- --nocapture`.

use std::io::{BufRead, BufReader, Result as IoResult, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use offbound_store::{Side, Step, Steps, StoreError, Writer};

use crate::journal::{self, Dice, MOST, append, commit, durable, recover};

const CHILD: &str = "OFFBOUND_CHILD";
const ABORT_AT: &str = "OFFBOUND_CHILD_ABORT";
/// Held by a test that starts writers: a process that is just being started has the open files of this one for a moment,
/// and with them its locks.
static STARTS: Mutex<()> = Mutex::new(());
/// Rounds after which a long run says how far it is.
const TOLD_EVERY: u64 = 50;
/// Begins the line that tells how many stretches are acknowledged.
const ACKNOWLEDGED: &str = "acknowledged ";

/// Ends the process at one step.
#[derive(Debug)]
struct Abort(Option<(Step, Side)>);

impl Steps for Abort {
    fn at(&self, step: Step, side: Side, _path: &Path) -> IoResult<()> {
        if self.0 == Some((step, side)) {
            std::process::abort();
        }
        Ok(())
    }
}

/// Every place where a writer can be ended.
fn places() -> Vec<(Step, Side)> {
    Step::ALL.into_iter().flat_map(|step| [Side::Before, Side::After].map(|side| (step, side))).collect()
}

/// The writer: commits stretch after stretch and says so, until somebody ends it.
fn write_on(dir: &Path) -> Result<(), StoreError> {
    let mut writer = Writer::create(dir, durable())?;
    if let Some(place) = std::env::var(ABORT_AT).ok().and_then(|text| text.parse::<usize>().ok()) {
        drop(writer);
        let steps = Arc::new(Abort(places().get(place).copied()));
        writer = Writer::create_watched(dir, durable(), steps)?;
    }
    tell(journal::next(writer.store())?);
    for number in journal::next(writer.store())?..MOST {
        append(&mut writer, number)?;
        commit(&mut writer, number)?;
        tell(number + 1);
    }
    Ok(())
}

fn tell(acknowledged: u16) {
    let mut to = std::io::stdout().lock();
    writeln!(to, "\n{ACKNOWLEDGED}{acknowledged}").and_then(|()| to.flush()).expect("the parent listens");
}

/// Starts the writer as a process of its own, which runs the test of that name.
fn start(test: &str, dir: &Path, abort_at: Option<usize>) -> (Child, BufReader<ChildStdout>) {
    let binary = std::env::current_exe().expect("a process knows its binary");
    let mut command = Command::new(binary);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(CHILD, dir).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(place) = abort_at {
        command.env(ABORT_AT, place.to_string());
    }
    let mut child = command.spawn().expect("the binary that runs can run again");
    let output = child.stdout.take().expect("its output is a pipe");
    (child, BufReader::new(output))
}

/// The next acknowledgement; none at the end.
fn acknowledgement(output: &mut BufReader<ChildStdout>) -> Option<u16> {
    let mut line = String::new();
    while output.read_line(&mut line).expect("a pipe can be read") > 0 {
        if let Some(number) = line.trim().strip_prefix(ACKNOWLEDGED) {
            return number.parse().ok();
        }
        line.clear();
    }
    None
}

/// The folder of the writer that this process is to be, if it is one.
fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Scenario: the process ends before and after each step of a commit. Guarantees: what was acknowledged is there, once,
/// and the stretch that was on its way is there wholly or not at all.
#[test]
fn a_writer_ends_at_each_step() {
    if let Some(dir) = child_folder() {
        return write_on(&dir).expect("the writer works until it is ended");
    }
    let _alone = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
    for (place, at) in places().into_iter().enumerate() {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let (mut child, mut output) = start("kill::a_writer_ends_at_each_step", home.path(), Some(place));
        let mut acknowledged = 0;
        while let Some(number) = acknowledgement(&mut output) {
            acknowledged = number;
        }
        assert!(!child.wait().expect("the writer ends").success(), "{at:?}");
        let found = recover(home.path(), acknowledged);
        assert_eq!(found, Ok(u16::from(at == (Step::Commit, Side::After))), "{at:?}");
    }
}

/// Scenario: the process is killed at random moments, again and again, on the same store. Guarantees: as above, in every
/// round. The time until the store is open again is printed.
#[test]
fn a_writer_is_killed_at_random() {
    if let Some(dir) = child_folder() {
        return write_on(&dir).expect("the writer works until it is killed");
    }
    let _alone = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
    let (rounds, seed) = (journal::setting("OFFBOUND_ROUNDS", 25), journal::setting("OFFBOUND_SEED", 1));
    let (mut dice, mut openings, mut stretches) = (Dice(seed), Vec::new(), 0_u64);
    let mut home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut before = 0;
    for round in 0..rounds {
        let (mut child, mut output) = start("kill::a_writer_is_killed_at_random", home.path(), None);
        let mut acknowledged = acknowledgement(&mut output).expect("the writer says where it begins");
        assert!(acknowledged >= before, "round {round} of seed {seed}: {before}, then {acknowledged}");
        std::thread::sleep(Duration::from_micros(dice.roll(500_000)));
        child.kill().expect("the writer can be killed");
        child.wait().expect("the writer ends");
        while let Some(number) = acknowledgement(&mut output) {
            acknowledged = number;
        }
        let began = Instant::now();
        drop(Writer::create(home.path(), durable()).expect("the store opens again"));
        openings.push(began.elapsed());
        let found = recover(home.path(), acknowledged);
        assert!(found.is_ok(), "round {round} of seed {seed}: {found:?}");
        before = found.unwrap_or_default();
        if (round + 1) % TOLD_EVERY == 0 {
            tell_openings(round + 1, seed, &openings);
        }
        if before + 40 > MOST {
            stretches += u64::from(before);
            (home, before) = (tempfile::tempdir().expect("a temporary folder can be made"), 0);
        }
    }
    tell_openings(rounds, seed, &openings);
    println!("{} stretches in all", stretches + u64::from(before));
}

/// Says how long it took until stores were open again.
fn tell_openings(rounds: u64, seed: u64, openings: &[Duration]) {
    let mut openings = openings.to_vec();
    openings.sort();
    let at = |percent: usize| openings.get(openings.len().saturating_sub(1) * percent / 100).copied();
    println!(
        "{rounds} kills, seed {seed}: opened again in {:?} (median), {:?} (p99), {:?} (longest)",
        at(50).unwrap_or_default(),
        at(99).unwrap_or_default(),
        at(100).unwrap_or_default()
    );
}
