//! Where lines of a volume run go: a buffer per file, planted lines mixed in by time.
//!
//! In: lines as they happen. Out: files, line by line. Owns: counts, labels, buffers.
//! Law: a planted line stands before the first ordinary line that is younger.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::moment::Moment;
use crate::output::{Output, SimulateError, write_file};
use crate::scene::Line;
use crate::truth::Label;

/// Bytes that are gathered before a file is written to: large enough that calls of the system do not count.
const BUFFER_BYTES: usize = 1024 * 1024;

/// A file of ordinary traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    K8sAudit,
    Tetragon,
    Envoy,
    Spire,
    CloudTrail,
    LinuxAudit,
    Falco,
    Placements,
}

const NAMES: [&str; 8] = [
    "k8s-audit.log",
    "tetragon.ndjson",
    "envoy-access.ndjson",
    "spire-server.log",
    "cloudtrail.ndjson",
    "linux-audit.log",
    "falco.ndjson",
    "placements.ndjson",
];

#[derive(Default)]
struct FileState {
    name: &'static str,
    buffer: Vec<u8>,
    lines: u64,
    planted: VecDeque<(&'static str, Line)>,
}

/// Takes lines and writes files.
pub(super) struct Sink<'a> {
    out: &'a mut dyn Output,
    files: Vec<FileState>,
    labels: Vec<Label>,
    lines: u64,
    bytes: u64,
}

impl<'a> Sink<'a> {
    /// Nothing is written yet.
    pub(super) fn new(out: &'a mut dyn Output) -> Self {
        let files = NAMES.iter().map(|name| FileState { name, ..FileState::default() }).collect();
        Self { out, files, labels: Vec::new(), lines: 0, bytes: 0 }
    }

    /// Lines written so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Lines of a scenario are to be mixed in.
    pub(super) fn plant(&mut self, scenario: &'static str, streams: BTreeMap<&'static str, Vec<Line>>) {
        for (stream, lines) in streams {
            let index = self.files.iter().position(|file| file.name == stream).unwrap_or_else(|| {
                self.files.push(FileState { name: stream, ..FileState::default() });
                self.files.len() - 1
            });
            let planted = &mut self.files[index].planted;
            planted.extend(lines.into_iter().map(|line| (scenario, line)));
            planted.make_contiguous().sort_by_key(|(_, line)| line.at);
        }
    }

    /// A file that is no stream.
    pub(super) fn whole_file(&mut self, name: &str, bytes: &[u8]) -> Result<(), SimulateError> {
        self.bytes += bytes.len() as u64;
        write_file(self.out, name, bytes)
    }

    /// One ordinary line.
    pub(super) fn line(
        &mut self,
        stream: Stream,
        at: Moment,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), SimulateError> {
        let file = &mut self.files[stream as usize];
        while file.planted.front().is_some_and(|(_, line)| line.at <= at) {
            put_planted(file, &mut self.labels, &mut self.lines);
        }
        fill(&mut file.buffer);
        file.buffer.push(b'\n');
        file.lines += 1;
        self.lines += 1;
        if file.buffer.len() >= BUFFER_BYTES {
            flush(self.out, file, &mut self.bytes)?;
        }
        Ok(())
    }

    /// Writes what is left; tells how many lines and bytes there are, and the labels.
    pub(super) fn finish(mut self) -> Result<(u64, u64, Vec<Label>), SimulateError> {
        for file in &mut self.files {
            while !file.planted.is_empty() {
                put_planted(file, &mut self.labels, &mut self.lines);
            }
            if !file.buffer.is_empty() {
                flush(self.out, file, &mut self.bytes)?;
            }
        }
        self.labels.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        Ok((self.lines, self.bytes, self.labels))
    }
}

fn put_planted(file: &mut FileState, labels: &mut Vec<Label>, lines: &mut u64) {
    let Some((scenario, line)) = file.planted.pop_front() else { return };
    file.buffer.extend_from_slice(&line.bytes);
    file.buffer.push(b'\n');
    file.lines += 1;
    *lines += 1;
    if let Some((actor, role)) = line.mark {
        labels.push(Label {
            file: file.name.to_owned(),
            line: file.lines,
            record: None,
            scenario: scenario.to_owned(),
            actor,
            role: role.to_owned(),
        });
    }
}

fn flush(out: &mut dyn Output, file: &mut FileState, bytes: &mut u64) -> Result<(), SimulateError> {
    *bytes += file.buffer.len() as u64;
    let written = out.append(file.name, &file.buffer);
    file.buffer.clear();
    written.map_err(|source| SimulateError::Write { name: file.name.to_owned(), source })
}
