//! What the events of one host tell about later ones: its processes, its epoch, whether its records are without holes.
//!
//! In: rows of closed events in order. Out: process keys, parents, and gaps between serials that prove loss.
//! Owns: the process table and the rule for serial gaps. A gap in serials alone proves nothing, for excluded records use
//! numbers too; it does where at least [`PROOF_RUN`] events before it were without any hole.
//! Law: a process key holds the stamp at which the process was first seen to be what it is, never a bare pid.

use std::collections::{HashMap, VecDeque};

use ahash::RandomState;
use offbound_schemas::EventTime;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HookClass, Outcome};

/// Events in a row without a hole that make a later hole a loss.
const PROOF_RUN: u32 = 128;
/// Serials near the largest number, from which they begin again at 0.
const WRAP_MARGIN: u32 = 1 << 16;
/// How long after a filter killed a process the kernel may report its crash, which waits for a core to be written.
const CRASH_NANOS: i64 = 5_000_000_000;
/// Most processes killed by a filter that are remembered: a crash comes within moments.
const MAX_FILTERED: usize = 256;
/// Most processes that are remembered: twice the default limit of pids.
const MAX_PROCESSES: usize = 65_536;

#[derive(Debug, Clone)]
struct Process {
    key: String,
    exe: Option<String>,
    order: u64,
}

/// What is known about one host.
#[derive(Default)]
pub(super) struct HostState {
    /// By pid; keyed at random, and never told in its order.
    processes: HashMap<u32, Process, RandomState>,
    order: VecDeque<(u32, u64)>,
    next_order: u64,
    last: Option<(u32, EventTime)>,
    run: u32,
    stopped: Option<EventTime>,
    filtered: VecDeque<(u32, EventTime)>,
}

/// Records that are missing before an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    /// How many, where it is known.
    pub(super) lost: Option<u64>,
    /// Since when.
    pub(super) from: EventTime,
    /// How that is known.
    pub(super) reason: &'static str,
}

impl HostState {
    /// Looks at the stamp and types of the next event; tells of a hole before it.
    pub(super) fn next_event<'k>(
        &mut self,
        time: EventTime,
        serial: u32,
        kinds: impl Iterator<Item = &'k str> + Clone,
    ) -> Option<Hole> {
        let of_daemon = kinds.clone().all(|kind| kind.starts_with("DAEMON_"));
        let has = |wanted: &str| kinds.clone().any(|kind| kind == wanted);
        if has("SYSTEM_BOOT") {
            self.new_epoch();
        }
        if has("DAEMON_END") || has("DAEMON_ABORT") {
            self.stopped = Some(time);
        }
        if has("DAEMON_START") {
            self.new_epoch();
            return self.stopped.take().map(|from| Hole {
                lost: None,
                from,
                reason: "audit daemon was stopped",
            });
        }
        if has("DAEMON_RESUME") {
            // When it had stopped writing, the log itself does not say.
            let from = self.last.map_or(time, |(_, last)| last);
            return Some(Hole { lost: None, from, reason: "audit daemon had suspended logging" });
        }
        // The daemon numbers its own records apart from the kernel's.
        if of_daemon { None } else { self.serial_hole(time, serial) }
    }

    fn serial_hole(&mut self, time: EventTime, serial: u32) -> Option<Hole> {
        let (last, from) = self.last.replace((serial, time))?;
        let wrapped = last > u32::MAX - WRAP_MARGIN && serial < WRAP_MARGIN;
        if serial < last && !wrapped {
            self.new_epoch();
            self.last = Some((serial, time));
            return None;
        }
        match serial.wrapping_sub(last) {
            0 => None,
            1 => {
                self.run = self.run.saturating_add(1);
                None
            }
            step => {
                let proven = self.run >= PROOF_RUN;
                self.run = 0;
                proven.then_some(Hole { lost: Some(u64::from(step - 1)), from, reason: "audit serial gap" })
            }
        }
    }

    fn new_epoch(&mut self) {
        self.processes.clear();
        self.order.clear();
        self.last = None;
        self.run = 0;
    }

    /// Gives a row its process and parent keys, and learns from it.
    pub(super) fn place(&mut self, row: &mut HostEvent) {
        let Some(pid) = row.pid else { return };
        let host = row.host.as_deref().unwrap_or_default();
        // A collector may have told by what event the process and its parent came to be.
        let told = row.process_key.take().filter(|key| is_of(key, host, pid));
        let told_parent = row.parent_key.take().zip(row.parent_pid);
        let told_parent = told_parent.and_then(|(key, parent)| is_of(&key, host, parent).then_some(key));
        let executed = row.action == Action::Exec && row.outcome == Outcome::Allowed;
        let parent = row.parent_pid.and_then(|parent| self.processes.get(&parent));
        row.parent_key = told_parent.or_else(|| parent.map(|parent| parent.key.clone()));
        row.parent_exe = row.parent_exe.take().or_else(|| parent.and_then(|parent| parent.exe.clone()));
        let known = self.processes.get_mut(&pid);
        let is_same = |known: &&mut Process| known.exe.is_none() || row.exe.is_none() || known.exe == row.exe;
        if told.is_none()
            && !executed
            && let Some(known) = known.filter(is_same)
        {
            row.process_key = Some(known.key.clone());
            if known.exe.is_none() {
                known.exe.clone_from(&row.exe);
            }
            self.heard_of(pid, row.action);
            return;
        }
        let own = || process_key(host, pid, row.native_id.as_deref().unwrap_or_default());
        let key = told.unwrap_or_else(own);
        row.process_key = Some(key.clone());
        if row.action == Action::Exit {
            self.processes.remove(&pid);
        } else {
            let exe =
                row.exe.clone().or_else(|| self.processes.get(&pid).and_then(|known| known.exe.clone()));
            self.learn(pid, key, exe);
        }
    }

    /// A process that is known as it is did something: it is remembered for as long again, unless it ended.
    fn heard_of(&mut self, pid: u32, action: Action) {
        if action == Action::Exit {
            self.processes.remove(&pid);
            return;
        }
        let order = self.next_order();
        if let Some(process) = self.processes.get_mut(&pid) {
            process.order = order;
        }
        self.remember(pid, order);
    }

    /// A fork: the child is what its parent is, until it executes something.
    pub(super) fn forked(&mut self, host: &str, child: u32, stamp: &str, exe: Option<String>) {
        self.learn(child, process_key(host, child, stamp), exe);
    }

    /// Executable of a process, if it was seen.
    pub(super) fn exe_of(&self, pid: u32) -> Option<String> {
        self.processes.get(&pid).and_then(|process| process.exe.clone())
    }

    /// A filter killed a process.
    pub(super) fn filtered(&mut self, pid: u32, time: EventTime) {
        if self.filtered.len() >= MAX_FILTERED {
            self.filtered.pop_front();
        }
        self.filtered.push_back((pid, time));
    }

    /// Whether a filter was said to have killed the process just before.
    pub(super) fn was_filtered(&self, pid: u32, time: EventTime) -> bool {
        let just_before = |at: EventTime| (0..=CRASH_NANOS).contains(&time.nanos_since(at));
        self.filtered.iter().any(|(known, at)| *known == pid && just_before(*at))
    }

    fn learn(&mut self, pid: u32, key: String, exe: Option<String>) {
        let order = self.next_order();
        self.processes.insert(pid, Process { key, exe, order });
        self.remember(pid, order);
    }

    fn next_order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }

    fn remember(&mut self, pid: u32, order: u64) {
        self.order.push_back((pid, order));
        while self.order.len() > MAX_PROCESSES {
            let Some((oldest, order)) = self.order.pop_front() else { break };
            if self.processes.get(&oldest).is_some_and(|process| process.order == order) {
                self.processes.remove(&oldest);
            }
        }
    }
}

/// Key of a process: the event by which it was first seen to be what it is.
pub(in crate::decode) fn process_key(host: &str, pid: u32, stamp: &str) -> String {
    let mut key = String::with_capacity(host.len() + stamp.len() + 12);
    key.push_str(host);
    key.push(':');
    push_number(&mut key, pid);
    key.push(':');
    key.push_str(stamp);
    key
}

/// Writes a number in decimal digits.
fn push_number(text: &mut String, number: u32) {
    let mut divisor = 1_000_000_000;
    while divisor > 1 && number < divisor {
        divisor /= 10;
    }
    while divisor > 0 {
        text.push(char::from(b'0' + u8::try_from(number / divisor % 10).unwrap_or_default()));
        divisor /= 10;
    }
}

/// Whether `key` is one of process `pid`.
fn is_of(key: &str, host: &str, pid: u32) -> bool {
    key.strip_prefix(&process_key(host, pid, "")).is_some()
}

/// The row that tells of a hole.
pub(super) fn hole_row(hole: Hole, base: &HostEvent) -> HostEvent {
    HostEvent {
        action: Action::TelemetryGap,
        hook_class: HookClass::Audit,
        lost: hole.lost,
        gap_from: Some(hole.from),
        rule: Some(hole.reason.to_owned()),
        ..base.clone()
    }
}
