//! A scene: everything that a scenario logs, before it is laid out in files.
//!
//! In: lines with their moments, whole files, truths. Out: files in time order, with `truth.json`.
//! Owns: line numbers (so that labels point to the right line), rotation, framing.
//! Leaves to the emitters how a line looks. Law: lines of one file are in time order, ties in order of arrival.

use std::collections::BTreeMap;

use crate::moment::Moment;
use crate::output::{Output, SimulateError, write_file};
use crate::truth::{Actor, ExpectedFinding, Label, Truth, TruthIncident};

/// One physical line of a log.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// When it is written.
    pub(crate) at: Moment,
    /// The bytes, without line feed.
    pub(crate) bytes: Vec<u8>,
    /// Who did it and what part it plays; none for the crowd.
    pub(crate) mark: Option<(Actor, &'static str)>,
}

/// What older lines of a stream are moved to.
#[derive(Debug, Clone)]
struct Rotation {
    stream: &'static str,
    before: Moment,
    file: &'static str,
}

/// Everything that a scenario logs.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    streams: BTreeMap<&'static str, Vec<Line>>,
    rotations: Vec<Rotation>,
    files: Vec<(String, Vec<u8>)>,
    incidents: Vec<TruthIncident>,
    findings: Vec<ExpectedFinding>,
}

impl Scene {
    /// Adds an ordinary line.
    pub(crate) fn line(&mut self, stream: &'static str, at: Moment, bytes: Vec<u8>) {
        self.streams.entry(stream).or_default().push(Line { at, bytes, mark: None });
    }

    /// Adds a line that the truth names.
    pub(crate) fn marked(
        &mut self,
        stream: &'static str,
        at: Moment,
        mark: (Actor, &'static str),
        bytes: Vec<u8>,
    ) {
        self.streams.entry(stream).or_default().push(Line { at, bytes, mark: Some(mark) });
    }

    /// Adds a file that is no stream of lines.
    pub(crate) fn file(&mut self, name: impl Into<String>, bytes: Vec<u8>) {
        self.files.push((name.into(), bytes));
    }

    /// Lines of a stream before a moment go to another file.
    pub(crate) fn rotate(&mut self, stream: &'static str, before: Moment, file: &'static str) {
        self.rotations.push(Rotation { stream, before, file });
    }

    /// Every `every`th line of a stream is delivered again, `later` lines later.
    pub(crate) fn redeliver(&mut self, stream: &'static str, every: usize, later: usize) {
        let Some(lines) = self.streams.get_mut(stream) else { return };
        lines.sort_by_key(|line| line.at);
        let again: Vec<Line> = lines
            .iter()
            .zip(lines.iter().skip(later))
            .step_by(every.max(1))
            .map(|(line, then)| Line { at: then.at, ..line.clone() })
            .collect();
        lines.extend(again);
    }

    /// Says what an engine should find.
    pub(crate) fn expect(&mut self, scenario: &str, rule: &str, entity: &str) {
        let (scenario, rule, entity) = (scenario.to_owned(), rule.to_owned(), entity.to_owned());
        self.findings.push(ExpectedFinding { scenario, rule, entity });
    }

    /// Says what truly happened.
    pub(crate) fn incident(&mut self, incident: TruthIncident) {
        self.incidents.push(incident);
    }

    /// Takes the scene apart: streams in time order, whole files, incidents, findings.
    pub(crate) fn into_parts(mut self) -> SceneParts {
        for lines in self.streams.values_mut() {
            lines.sort_by_key(|line| line.at);
        }
        SceneParts {
            streams: self.streams,
            files: self.files,
            incidents: self.incidents,
            findings: self.findings,
        }
    }

    /// Writes every file and the truth.
    pub(crate) fn write(self, scenario: &str, seed: u64, out: &mut dyn Output) -> Result<(), SimulateError> {
        let rotations = self.rotations.clone();
        let parts = self.into_parts();
        let span = parts.span();
        let mut labels = Vec::new();
        for (stream, lines) in parts.streams {
            let mut rest = lines.as_slice();
            for rotation in rotations.iter().filter(|rotation| rotation.stream == stream) {
                let split = rest.partition_point(|line| line.at < rotation.before);
                let (old, young) = rest.split_at(split);
                lay_out(out, rotation.file, old, scenario, &mut labels)?;
                rest = young;
            }
            lay_out(out, stream, rest, scenario, &mut labels)?;
        }
        for (name, bytes) in &parts.files {
            write_file(out, name, bytes)?;
        }
        let truth = Truth {
            schema: "offbound.truth/1".to_owned(),
            scenarios: vec![scenario.to_owned()],
            seed,
            span,
            incidents: parts.incidents,
            findings: parts.findings,
            labels,
        };
        write_truth(out, &truth)
    }
}

/// A scene taken apart.
pub(crate) struct SceneParts {
    /// Lines by stream, in time order.
    pub(crate) streams: BTreeMap<&'static str, Vec<Line>>,
    /// Whole files.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// What truly happened.
    pub(crate) incidents: Vec<TruthIncident>,
    /// What an engine should find.
    pub(crate) findings: Vec<ExpectedFinding>,
}

impl SceneParts {
    /// First and last moment.
    pub(crate) fn span(&self) -> (String, String) {
        let moments = self.streams.values().flatten().map(|line| line.at);
        let text = |moment: Option<Moment>| moment.map(|moment| moment.text(9)).unwrap_or_default();
        (text(moments.clone().min()), text(moments.max()))
    }
}

/// Writes `truth.json`.
pub(crate) fn write_truth(out: &mut dyn Output, truth: &Truth) -> Result<(), SimulateError> {
    let mut text = serde_json::to_vec_pretty(truth).expect("the truth holds texts and numbers only");
    text.push(b'\n');
    write_file(out, "truth.json", &text)
}

fn lay_out(
    out: &mut dyn Output,
    file: &str,
    lines: &[Line],
    scenario: &str,
    labels: &mut Vec<Label>,
) -> Result<(), SimulateError> {
    if lines.is_empty() {
        return Ok(());
    }
    // CloudTrail delivers one line, `{"Records":[…]}`, in files of this name.
    let as_records = file.ends_with(".json.gz");
    let mut bytes = Vec::new();
    if as_records {
        bytes.extend_from_slice(b"{\"Records\":[");
    }
    for (index, line) in (0u64..).zip(lines) {
        if as_records && index > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(&line.bytes);
        if !as_records {
            bytes.push(b'\n');
        }
        if let Some((actor, role)) = line.mark {
            labels.push(Label {
                file: file.to_owned(),
                line: if as_records { 1 } else { index + 1 },
                record: as_records.then_some(index),
                scenario: scenario.to_owned(),
                actor,
                role: role.to_owned(),
            });
        }
    }
    if as_records {
        bytes.extend_from_slice(b"]}\n");
    }
    write_file(out, file, &bytes)
}
