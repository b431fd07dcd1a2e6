//! Cases of rules, as they stand in a file.
//!
//! In: the text of an `.slt` file. Out: its cases. Owns: the notation; leaves rows to the crate's `testing::text`.

use offbound_schemas::table::Candidate;

/// What a case is meant to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The rule finds something.
    Fires,
    /// It does not.
    Quiet,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Fires => "fires",
            Self::Quiet => "quiet",
        }
    }
}

/// One case.
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) rows: String,
    pub(crate) expected: Vec<Expected>,
}

/// A candidate, as far as cases tell it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    pub(crate) entity: String,
    pub(crate) severity: String,
    pub(crate) confidence: String,
    pub(crate) count: i64,
}

impl Expected {
    pub(crate) fn severity(&self) -> &str {
        &self.severity
    }

    pub(crate) fn confidence(&self) -> &str {
        &self.confidence
    }
}

impl From<Candidate> for Expected {
    fn from(row: Candidate) -> Self {
        let Candidate { entity, severity, confidence, count, .. } = row;
        Self { entity, severity, confidence, count }
    }
}

/// Candidates as a case would write them.
pub(crate) fn shown(rows: &[Expected]) -> String {
    let line = |row: &Expected| {
        let Expected { entity, severity, confidence, count } = row;
        format!("{entity} | {severity} | {confidence} | {count}")
    };
    if rows.is_empty() {
        "nothing".to_owned()
    } else {
        rows.iter().map(line).collect::<Vec<_>>().join("\n           ")
    }
}

/// Reads a file of cases.
pub(crate) fn read(text: &str) -> Result<Vec<Case>, String> {
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.map(case).collect()
}

fn case(block: &str) -> Result<Case, String> {
    let (head, rest) = block.split_once('\n').unwrap_or((block, ""));
    let (kind, name) = [Kind::Fires, Kind::Quiet]
        .into_iter()
        .find_map(|kind| Some((kind, head.strip_prefix(&format!("# {}: ", kind.word()))?)))
        .ok_or_else(|| format!("{head:?} is neither `# fires: …` nor `# quiet: …`"))?;
    let (rows, candidates) = match rest.split_once("----") {
        Some((rows, candidates)) => (rows, candidates),
        None if kind == Kind::Quiet => (rest, ""),
        None => return Err(format!("{name:?} does not say what is found: write it below `----`")),
    };
    let mut expected = candidates.trim().lines().map(candidate).collect::<Result<Vec<_>, _>>()?;
    expected.sort();
    if (kind == Kind::Fires) == expected.is_empty() || rows.trim().is_empty() {
        return Err(format!("{name:?} has no rows, fires without a candidate, or is quiet with one"));
    }
    Ok(Case { kind, name: name.to_owned(), rows: rows.to_owned(), expected })
}

fn candidate(line: &str) -> Result<Expected, String> {
    let parts: Vec<&str> = line.split('|').map(str::trim).collect();
    let [entity, severity, confidence, count] = parts.as_slice() else {
        return Err(format!("{line:?} is no `entity | severity | confidence | count`"));
    };
    let count = count.parse().map_err(|_error| format!("{count:?} is no number, in {line:?}"))?;
    let [entity, severity, confidence] = [entity, severity, confidence].map(|text| (*text).to_owned());
    Ok(Expected { entity, severity, confidence, count })
}
