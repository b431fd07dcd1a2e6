//! Files that change while they are read, that are none, or that may not be read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;

use offbound_ingest::{IngestSink, Input, SourceRead, expand, read_input};
use offbound_schemas::EventBatch;
use offbound_schemas::table::DeadLetter;

use crate::GOOD;
use crate::collector::options;
use crate::memory::bounded;

/// Scenario: paths that exist, do not, are empty, hidden, looped or named twice.
/// Guarantees: each file once and in order, one error per bad path, the rest is still there.
#[test]
#[cfg(unix)]
fn paths() {
    bounded("files::paths", || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        for file in ["b.log", "a.log", ".hidden", "sub/c.log"] {
            std::fs::create_dir_all(root.join("sub/empty")).expect("writable");
            std::fs::write(root.join(file), "x\n").expect("writable");
        }
        std::os::unix::fs::symlink(root, root.join("sub/loop")).expect("writable");
        let socket = std::os::unix::net::UnixListener::bind(root.join("z.sock")).expect("writable");
        let path = |name: &str| root.join(name).to_string_lossy().into_owned();
        let given = [
            path(""),
            path("a.log"),
            path("*.log"),
            path("none.log"),
            path("no*"),
            path("sub/empty"),
            "-".into(),
            "-".into(),
        ];
        let (inputs, errors) = expand(&given);
        drop(socket);
        let names: Vec<&str> =
            inputs.iter().map(|input| input.location.rsplit('/').next().unwrap_or_default()).collect();
        assert_eq!(names, ["a.log", "b.log", "c.log", "-"]);
        let problems: Vec<&str> = errors.iter().map(|error| error.problem.as_str()).collect();
        assert_eq!(
            problems,
            [
                "neither a file nor a folder (a pipe, socket or device)",
                "no such file",
                "no file matches",
                "the folder holds no file"
            ]
        );
    });
}

/// A file of records, and what happens to it once the first record of it was read.
struct Changing {
    path: PathBuf,
    change: fn(&PathBuf),
    left: u32,
    reasons: Vec<String>,
}

impl IngestSink for Changing {
    fn rows(&mut self, _batch: EventBatch) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        self.reasons.push(letter.reason);
        if self.left > 0 {
            self.left -= 1;
            (self.change)(&self.path);
        }
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// Reads a file of `records` that changes `times` times while it is read.
fn read_changing(records: usize, times: u32, change: fn(&PathBuf)) -> (SourceRead, Vec<String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.log");
    fs::write(&path, long_record().repeat(records)).expect("writable");
    let inputs = inputs(&path);
    let mut sink = Changing { path, change, left: times, reasons: Vec::new() };
    let read = read_input(&inputs[0], &options(), &mut sink).expect("it was there when it was opened");
    assert_eq!(read.count.dead_lettered.values().sum::<u64>(), sink.reasons.len() as u64);
    (read, sink.reasons)
}

fn inputs(path: &std::path::Path) -> Vec<Input> {
    let (inputs, errors) = expand(&[path.to_string_lossy().into_owned()]);
    assert!(errors.is_empty(), "{errors:?}");
    inputs
}

/// Records of a file of 2.6 MB, which is more than is read of it at once.
const MANY: usize = 5_000;
/// What is left of that file when it is cut.
const LEFT_BYTES: u64 = 2_000_000;

/// A line of 524 bytes, and its break.
fn long_record() -> String {
    format!("{{\"unknown\":\"{}\"}}\n", "x".repeat(510))
}

/// Scenario: a file is cut short while it is read. Guarantees: what was there is read, and a dead letter says how much
/// is missing.
#[test]
fn a_file_that_shrinks() {
    bounded("files::a_file_that_shrinks", || {
        let (read, reasons) = read_changing(MANY, 1, |path| {
            let file = OpenOptions::new().write(true).open(path);
            file.and_then(|file| file.set_len(LEFT_BYTES)).expect("own file");
        });
        let left = LEFT_BYTES / long_record().len() as u64;
        assert_eq!(read.count.dead_lettered.get("unknown-format"), Some(&left), "{read:?}");
        assert_eq!(reasons.iter().filter(|reason| *reason == "file-shrank").count(), 1, "{read:?}");
    });
}

/// Scenario: a file grows by ten records while it is read. Guarantees: what is there when its end is reached is read; none is missing.
#[test]
fn a_file_that_grows() {
    bounded("files::a_file_that_grows", || {
        let (read, reasons) = read_changing(MANY, 10, |path| {
            let file = OpenOptions::new().append(true).open(path);
            file.and_then(|mut file| file.write_all(long_record().as_bytes())).expect("own file");
        });
        assert_eq!(read.count.read, MANY as u64 + 10, "{read:?}");
        assert!(reasons.iter().all(|reason| reason == "unknown-format"), "{read:?}");
    });
}

/// Scenario: a file vanishes: before it is opened, and while it is read.
/// Guarantees: one error that names it; what is open is read to its end.
#[test]
fn a_file_that_vanishes() {
    bounded("files::a_file_that_vanishes", || {
        let (read, _) = read_changing(MANY, 1, |path| fs::remove_file(path).expect("own file"));
        assert_eq!(read.count.read, MANY as u64);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("gone.log");
        fs::write(&path, GOOD).expect("writable");
        let inputs = inputs(&path);
        fs::remove_file(&path).expect("own file");
        let mut sink = Changing { path, change: |_| (), left: 0, reasons: Vec::new() };
        let error = read_input(&inputs[0], &options(), &mut sink).expect_err("it is gone");
        assert!(error.location.ends_with("gone.log"), "{error}");
    });
}

/// Scenario: named pipes, in a folder and by name, also behind a link.
/// Guarantees: an error for each, and nobody waits for a writer.
#[test]
#[cfg(unix)]
fn named_pipes() {
    bounded("files::named_pipes", || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pipe = folder.path().join("a.pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            eprintln!("skipped: there is no mkfifo");
            return;
        }
        std::os::unix::fs::symlink(&pipe, folder.path().join("link.log")).expect("writable");
        fs::write(folder.path().join("b.log"), GOOD).expect("writable");
        let (inputs, errors) = expand(&[folder.path().to_string_lossy().into_owned()]);
        assert_eq!((inputs.len(), errors.len()), (1, 2), "{errors:?}");
    });
}

/// Scenario: links in a circle, to themselves, to nowhere. Guarantees: an error or nothing for each, and an end.
#[test]
#[cfg(unix)]
fn links() {
    bounded("files::links", || {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        fs::create_dir(root.join("sub")).expect("writable");
        fs::write(root.join("sub/a.log"), GOOD).expect("writable");
        for (to, from) in
            [("..", "sub/up"), ("self", "self"), ("two", "one"), ("one", "two"), ("nowhere", "gone")]
        {
            symlink(to, root.join(from)).expect("writable");
        }
        let (inputs, errors) = expand(&[root.to_string_lossy().into_owned()]);
        assert_eq!(inputs.len(), 1, "{inputs:?}");
        assert_eq!(errors.len(), 4, "{errors:?}");
    });
}

/// Scenario: a file that exists and cannot be read, between two that can: it has no permission, or, for whom that does
/// not count, is the memory of a process, whose first page gives an input error.
/// Guarantees: one error that names it and what to do; the files beside it are read.
#[test]
#[cfg(target_os = "linux")]
fn unreadable_files() {
    bounded("files::unreadable_files", || {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["a.log", "closed.log", "z.log"] {
            fs::write(path(name), GOOD).expect("writable");
        }
        fs::set_permissions(path("closed.log"), fs::Permissions::from_mode(0o000)).expect("own file");
        if fs::read(path("closed.log")).is_ok() {
            fs::remove_file(path("closed.log")).expect("own file");
            symlink("/proc/self/mem", path("closed.log")).expect("writable");
        }
        let (mut records, mut errors) = (0, Vec::new());
        for input in inputs(folder.path()) {
            let mut sink = Changing { path: PathBuf::new(), change: |_| (), left: 0, reasons: Vec::new() };
            match read_input(&input, &options(), &mut sink) {
                Ok(read) => records += read.count.read,
                Err(error) => errors.push(error),
            }
        }
        assert_eq!((records, errors.len()), (2, 1), "{errors:?}");
        let error = errors.first().expect("there is one");
        assert!(error.location.ends_with("closed.log") && !error.advice.is_empty(), "{error}");
        let problem = error.problem.to_lowercase();
        assert!(problem.contains("permission") || problem.contains("input/output"), "{error}");
    });
}
