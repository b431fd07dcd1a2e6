//! The processes of a run: who reads the topic, and what each of them costs.
//!
//! In: a command. Out: a child that goes away with its handle; processor time and memory from `/proc`.
//! Owns: how `offbound stream` and a peer are called.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Problem;

/// Clock ticks a second in `/proc/*/stat` on every Linux that Rust supports.
const TICKS_PER_SEC: f64 = 100.0;

/// Topic with the logs.
pub(crate) const LOGS: &str = "logs";
/// Topic with the findings.
pub(crate) const FINDINGS: &str = "findings";

/// Who reads.
#[derive(Debug, Clone)]
pub(crate) enum Reader {
    /// The program at this path.
    Offbound(String),
    /// A peer: a command, which finds the broker and its topics in `BROKERS`, `LOGS` and `FINDINGS`.
    Peer(Vec<String>),
}

/// A child process.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a reader on the topic, with everything that it keeps in `folder`.
    pub(crate) fn start(
        reader: &Reader,
        brokers: &str,
        folder: &Path,
        until_end: bool,
    ) -> Result<Self, Problem> {
        let mut command = match reader {
            Reader::Offbound(path) => {
                let mut command = Command::new(fs::canonicalize(path)?);
                command.args(["stream", "--quiet", "--store", "store"]);
                // Whoever wants to see metrics meanwhile names an address.
                if std::env::var_os("OFFBOUND_STREAM_LISTEN").is_none() {
                    command.args(["--listen", "off"]);
                }
                command.args(["--env", "environment.toml", "--brokers", brokers, "--topic", LOGS]);
                command.env("OFFBOUND_STREAM_FINDINGS_TOPIC", FINDINGS);
                if until_end {
                    command.arg("--until-end");
                }
                command
            }
            Reader::Peer(words) => {
                let (program, rest) = words.split_first().ok_or("the peer's command is empty")?;
                let mut command = Command::new(program);
                command.args(rest).env("BROKERS", brokers).env("LOGS", LOGS).env("FINDINGS", FINDINGS);
                command
            }
        };
        let log = fs::File::create(folder.join("reader.log"))?;
        let child =
            command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        Ok(Self(child))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Processor time of a process so far, in seconds; nothing where it is gone.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in brackets may hold blanks; user and system time are the 12th and 13th fields behind it.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_SEC
}

/// The most memory that a process has had, in MiB.
pub(crate) fn peak_mib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1_024
}

/// Load of the machine: the one-minute average.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}
