//! The broker's process, which ends with whoever holds it.
//!
//! In: a command and a folder. Out: a child that is killed when its handle is dropped, and also when this process dies
//! without dropping anything. Owns: the supervising shell, which waits for the end of a pipe that this process holds;
//! where the pipe ends without a word, it removes the folder too. (A signal at the parent's death would need `unsafe`.)

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::TestbedError;

/// Starts the command behind `$1` (the folder), says its process id, and waits for whichever ends first: the command,
/// or the pipe on descriptor 3. A line on the pipe keeps the folder.
const SUPERVISE: &str = r#"
trap '' INT TERM HUP
exec 3<&0
folder=$1; shift
"$@" </dev/null 3<&- >>"$folder/broker.log" 2>&1 &
broker=$!
echo "$broker"
exec >/dev/null
( read -r keep <&3
  kill -9 "$broker" 2>/dev/null
  if [ -z "$keep" ]; then
    while kill -0 "$broker" 2>/dev/null; do sleep 0.1; done
    rm -rf "$folder"
  fi ) &
watcher=$!
wait "$broker"
if [ $? -eq 137 ]; then wait "$watcher"; else kill "$watcher" 2>/dev/null; fi
"#;

/// Clock ticks a second in `/proc/*/stat` on every Linux that Rust supports.
const TICKS_PER_SEC: f64 = 100.0;

#[derive(Debug)]
pub(crate) struct Process {
    supervisor: Child,
    id: u32,
    folder: PathBuf,
}

impl Process {
    /// Starts a command; what it prints goes to `broker.log` in the folder.
    pub(crate) fn start(folder: &Path, command: &[OsString]) -> Result<Self, TestbedError> {
        let failed = |problem: String| TestbedError::Failed { command: "sh", output: problem };
        let mut supervisor = Command::new("sh")
            .args(["-c", SUPERVISE, "sh"])
            .arg(folder)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let mut line = String::new();
        if let Some(stdout) = supervisor.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| failed(error.to_string()))?;
        }
        let id = line.trim().parse().map_err(|error| failed(format!("process id {line:?}: {error}")))?;
        Ok(Self { supervisor, id, folder: folder.to_owned() })
    }

    /// Whether the command has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.supervisor.try_wait(), Ok(None))
    }

    /// Kills it at once (SIGKILL) and waits for its end; the folder stays.
    pub(crate) fn kill(mut self) {
        self.end("keep\n");
    }

    /// Processor time that it has used so far, in seconds, where the system tells.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id)).ok()?;
        // The name in brackets may hold blanks; user and system time are the 12th and 13th fields behind it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
        Some((ticks(11)? + ticks(12)?) / TICKS_PER_SEC)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> String {
        fs::read(self.folder.join("broker.log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    fn end(&mut self, word: &str) {
        if let Some(mut pipe) = self.supervisor.stdin.take() {
            // A supervisor that is gone already needs no word.
            pipe.write_all(word.as_bytes()).ok();
        }
        self.supervisor.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end("");
    }
}

/// Makes the log new, so that its end tells of the start at hand.
pub(crate) fn new_log(folder: &Path) -> Result<(), TestbedError> {
    let path = folder.join("broker.log");
    File::create(&path).map(|_empty| ()).map_err(|error| TestbedError::file(path, error))
}
