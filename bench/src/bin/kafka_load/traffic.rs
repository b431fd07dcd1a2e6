//! The records of a run: ordinary traffic of every format, with attacks planted at an even beat.
//!
//! In: how many lines, from when on, how often somebody attacks. Out: records in the order in which they are sent, with
//! their partitions. Owns: what an attack is: a pod's own call of the API, under a credential of its own that tells its
//! number, from the address of a pod on another node. Law: one attack is one record, and nothing else is one.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;

use offbound_simulate::{Memory, Output, SimulateError, Span, VolumeOptions, volume};

/// What the credential of an attack begins with; its number follows.
pub(crate) const PLANTED: &str = "00000000-0000-4000-8000-";
/// Digits of an attack's number.
pub(crate) const DIGITS: usize = 12;
/// Callers that are remembered to attack one another: enough to meet another node.
const CALLERS: usize = 16;
/// Length of a UUID.
const UUID: usize = 36;
const SEED: u64 = 11;

/// One record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    file: u32,
    from: u32,
    length: u32,
    pub(crate) partition: i32,
    /// Number of the attack that it is.
    pub(crate) attack: Option<u32>,
}

/// The records of a run.
pub(crate) struct Traffic {
    names: Vec<String>,
    files: Vec<Vec<u8>>,
    /// What has to be known first: pods and machines that are there already.
    pub(crate) first: Vec<Record>,
    pub(crate) records: Vec<Record>,
    pub(crate) environment: Vec<u8>,
    pub(crate) attacks: u32,
}

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) lines: u64,
    /// Start in nanoseconds since 1970, and length.
    pub(crate) span: Span,
    pub(crate) partitions: i32,
    /// Records from one attack to the next.
    pub(crate) beat: u64,
}

/// Forgets what is generated.
struct Nowhere;

impl Output for Nowhere {
    fn append(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

fn options(lines: u64, span: Span) -> VolumeOptions {
    VolumeOptions { lines, seed: SEED, plant: Vec::new(), span: Some(span) }
}

/// The span to ask for, so that the lines end when the wanted span does: they are sent evenly, and those of a span that is
/// exceeded by a twentieth run ahead of the clock, a second in twenty.
fn evened(wanted: &Wanted) -> Result<Span, SimulateError> {
    let Span { from_nanos, length_nanos } = wanted.span;
    let report = volume(&options(wanted.lines, wanted.span), &mut Nowhere)?;
    let lasted = (report.ended_nanos - from_nanos).max(1) as f64;
    let length_nanos = (length_nanos as f64 * (length_nanos as f64 / lasted)) as i64;
    Ok(Span { from_nanos, length_nanos })
}

impl Traffic {
    /// Generates it.
    pub(crate) fn generate(wanted: &Wanted) -> Result<Self, SimulateError> {
        let mut memory = Memory::default();
        volume(&options(wanted.lines, evened(wanted)?), &mut memory)?;
        let environment = memory.0.remove("environment.toml").unwrap_or_default();
        memory.0.remove("truth.json");
        let (names, files): (Vec<String>, Vec<Vec<u8>>) = memory.0.into_iter().unzip();
        let mut traffic =
            Self { names, files, first: Vec::new(), records: Vec::new(), environment, attacks: 0 };
        let mut ordinary = traffic.split(wanted.partitions);
        // Each file is spread over the whole: their lines are about as old as one another then.
        ordinary.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let ordinary: Vec<Record> = ordinary.into_iter().map(|(_, record)| record).collect();
        traffic.plant(&ordinary, wanted);
        Ok(traffic)
    }

    /// Lines with the share of their file that lies before them; those that have to come first are kept apart.
    fn split(&mut self, partitions: i32) -> Vec<(f64, Record)> {
        let mut all = Vec::new();
        let mut next = 0;
        for (file, bytes) in self.files.iter().enumerate() {
            let name = self.names.get(file).map(String::as_str).unwrap_or_default();
            let mut lines = Vec::new();
            let mut from = 0;
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let partition = match name {
                    // The records of one event, and all of one host, stay in order.
                    "linux-audit.log" => of_host(line, partitions),
                    _ => next % partitions,
                };
                next += 1;
                let length = line.strip_suffix(b"\n").unwrap_or(line).len();
                let record = Record {
                    file: file as u32,
                    from: from as u32,
                    length: length as u32,
                    partition,
                    attack: None,
                };
                from += line.len();
                if is_first(name, line) {
                    self.first.push(record);
                } else {
                    lines.push(record);
                }
            }
            let number = lines.len() as f64;
            all.extend(
                lines.into_iter().enumerate().map(|(at, record)| ((at as f64 + 0.5) / number, record)),
            );
        }
        all
    }

    /// Mixes attacks in.
    fn plant(&mut self, ordinary: &[Record], wanted: &Wanted) {
        let mut callers: VecDeque<(Record, Caller)> = VecDeque::new();
        let mut planted = Vec::new();
        let own = self.files.len() as u32;
        let mut since = 0;
        for record in ordinary {
            self.records.push(*record);
            since += 1;
            let Some(caller) = Caller::of(self.text(record)) else { continue };
            let attacker = callers.iter().find(|(_, other)| other.node != caller.node);
            if since >= wanted.beat
                && let Some((_, attacker)) = attacker
                && let Some(text) = attack(self.text(record), &caller, attacker, self.attacks)
            {
                let (from, length) = (planted.len() as u32, text.len() as u32);
                let partition = (self.attacks as i32).rem_euclid(wanted.partitions);
                let attack = Some(self.attacks);
                planted.extend_from_slice(text.as_bytes());
                self.records.push(Record { file: own, from, length, partition, attack });
                self.attacks += 1;
                since = 0;
            }
            callers.push_front((*record, caller));
            callers.truncate(CALLERS);
        }
        self.names.push("planted.log".to_owned());
        self.files.push(planted);
    }

    /// The bytes of a record.
    pub(crate) fn text(&self, record: &Record) -> &[u8] {
        let from = record.from as usize;
        let file = self.files.get(record.file as usize).map(Vec::as_slice).unwrap_or_default();
        file.get(from..from + record.length as usize).unwrap_or_default()
    }

    /// The name of the file that a record would be in.
    pub(crate) fn name(&self, record: &Record) -> &str {
        self.names.get(record.file as usize).map(String::as_str).unwrap_or_default()
    }

    /// Bytes of all records.
    pub(crate) fn bytes(&self) -> u64 {
        self.records.iter().chain(&self.first).map(|record| u64::from(record.length)).sum()
    }
}

/// Pods and machines that are there before anything happens.
fn is_first(name: &str, line: &[u8]) -> bool {
    match name {
        "placements.ndjson" => {
            find(line, br#"-0","container_ids"#).is_some() && line.ends_with(b"\"end\":null}\n")
        }
        "cloudtrail.ndjson" => find(line, b"\"RunInstances\"").is_some(),
        _ => false,
    }
}

fn of_host(line: &[u8], partitions: i32) -> i32 {
    let host = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    host.hash(&mut hasher);
    (hasher.finish() % partitions.unsigned_abs().max(1) as u64) as i32
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// A pod that calls the API, and where its record says so.
#[derive(Debug, Clone)]
struct Caller {
    node: String,
    address: String,
    token: String,
    audit: String,
}

impl Caller {
    /// The caller of an answered call by a pod that was there from the beginning.
    fn of(line: &[u8]) -> Option<Self> {
        if !line.starts_with(br#"{"kind":"Event""#) {
            return None;
        }
        let text = std::str::from_utf8(line).ok()?;
        if !text.contains(r#""stage":"ResponseComplete""#)
            || !text.contains(r#"-0"],"authentication.kubernetes.io/pod-uid"#)
        {
            return None;
        }
        let behind = |mark: &str, end: char| -> Option<String> {
            let (_, rest) = text.split_once(mark)?;
            rest.split(end).next().map(str::to_owned)
        };
        let token = text.split_once("JTI=")?.1.get(..UUID)?.to_owned();
        Some(Self {
            node: behind(r#"kubernetes.io/node-name":[""#, '"')?,
            address: behind(r#""sourceIPs":[""#, '"')?,
            token,
            audit: behind(r#""auditID":""#, '"')?,
        })
    }
}

/// The same call under a new credential of the same pod, from somewhere else.
fn attack(line: &[u8], caller: &Caller, attacker: &Caller, number: u32) -> Option<String> {
    let text = std::str::from_utf8(line).ok()?;
    let own = |address: &str| format!(r#""sourceIPs":["{address}"]"#);
    let text = text.replace(&caller.token, &format!("{PLANTED}{number:0DIGITS$}"));
    let text = text.replace(&caller.audit, &format!("ffffffff-0000-4000-8000-{number:0DIGITS$}"));
    Some(text.replace(&own(&caller.address), &own(&attacker.address)))
}

/// The number of the attack that a finding is about.
pub(crate) fn number_in(finding: &[u8]) -> Option<u32> {
    let at = find(finding, PLANTED.as_bytes())? + PLANTED.len();
    std::str::from_utf8(finding.get(at..at + DIGITS)?).ok()?.parse().ok()
}
