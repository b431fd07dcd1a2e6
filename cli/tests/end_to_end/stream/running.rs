//! A process that runs beside a test.
//!
//! In: a command. Out: what it says, its memory, its end. Owns: the process, which ends with its handle.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::eventually;

/// Memory that a stream may take where nothing is configured, in KiB.
pub(super) const MEMORY_KIB: u64 = 512 << 10;

/// A running command.
pub(super) struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the binary was built");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (to, stderr) = (Arc::clone(&lines), child.stderr.take().expect("it is a pipe"));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                to.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { child, lines }
    }

    /// What it has said so far, line by line.
    pub(super) fn said(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a line with these words was said.
    pub(super) fn has_said(&self, words: &str) -> bool {
        self.said().iter().any(|line| line.contains(words))
    }

    /// The address at which it says it serves operators.
    pub(super) fn address(&self) -> String {
        let found = || {
            let said = self.said();
            let told = said.iter().find_map(|line| Some(line.split_once("http://")?.1.to_owned()));
            told.map(|address| address.trim_end_matches('/').to_owned())
        };
        let is_there = || {
            assert!(!self.has_said("error"), "{:?}", self.said());
            found().is_some()
        };
        eventually("the address of the operators' window", is_there);
        found().expect("it was there")
    }

    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.expect("there is a kill command").success());
    }

    /// Ends it at once.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to end, and waits.
    pub(super) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().expect("it ends")
    }

    /// Resident memory in KiB, now and at its highest.
    pub(super) fn memory_kib(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs, and the system tells");
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        (value("VmRSS:").unwrap_or_default(), value("VmHWM:").unwrap_or_default())
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
