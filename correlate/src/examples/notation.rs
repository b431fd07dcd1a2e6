//! Examples as they stand in a file beside their rule, `my-rule.slt` beside `my-rule.sql`.
//!
//! In: the text of such a file: blocks, divided by empty lines. A block is `# fires: …` or `# quiet: …`, then rows as
//! `table: column=value; …`, then, below `----`, the candidates as `entity | severity | confidence | count`.
//! Out: its examples. Owns: that notation; leaves rows to `text`. Law: what is no example is named with its line.

use offbound_schemas::table::Candidate;

/// What an example is meant to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The rule finds something.
    Fires,
    /// It does not.
    Quiet,
}

impl Kind {
    /// The word that begins an example.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fires => "fires",
            Self::Quiet => "quiet",
        }
    }
}

/// One example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What it is meant to show.
    pub kind: Kind,
    /// What happens in it, in words.
    pub name: String,
    /// The line of its file on which it begins, from 1.
    pub line: usize,
    /// Its rows, as text.
    pub rows: String,
    /// What must be found, in order.
    pub expected: Vec<Expected>,
}

/// A candidate, as far as examples tell it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// What the finding is about.
    pub entity: String,
    /// Its severity.
    pub severity: String,
    /// Its confidence.
    pub confidence: String,
    /// How many events it stands for.
    pub count: i64,
}

impl From<Candidate> for Expected {
    fn from(row: Candidate) -> Self {
        let Candidate { entity, severity, confidence, count, .. } = row;
        Self { entity, severity, confidence, count }
    }
}

/// Why a file holds something else than examples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Misread {
    /// The line of the block, from 1.
    pub line: usize,
    /// What is wrong, and how it is written.
    pub problem: String,
}

/// Candidates as an example would write them, one a line.
#[must_use]
pub fn shown(rows: &[Expected]) -> Vec<String> {
    let line = |row: &Expected| {
        let Expected { entity, severity, confidence, count } = row;
        format!("{entity} | {severity} | {confidence} | {count}")
    };
    if rows.is_empty() { vec!["nothing".to_owned()] } else { rows.iter().map(line).collect() }
}

/// Reads a file of examples.
pub fn read(text: &str) -> Result<Vec<Example>, Misread> {
    let mut examples = Vec::new();
    let mut block: Vec<&str> = Vec::new();
    // The empty line after the last one ends the last block.
    for (number, line) in text.lines().chain([""]).enumerate() {
        if !line.trim().is_empty() {
            block.push(line.trim_end());
        } else if !block.is_empty() {
            let begin = number + 1 - block.len();
            let example = example(begin, &std::mem::take(&mut block));
            examples.push(example.map_err(|problem| Misread { line: begin, problem })?);
        }
    }
    Ok(examples)
}

fn example(line: usize, block: &[&str]) -> Result<Example, String> {
    let Some((head, rest)) = block.split_first() else { return Err("nothing is written here".to_owned()) };
    let (kind, name) = [Kind::Fires, Kind::Quiet]
        .into_iter()
        .find_map(|kind| Some((kind, head.strip_prefix(&format!("# {}: ", kind.word()))?)))
        .ok_or_else(|| format!("{head:?} is neither `# fires: …` nor `# quiet: …`"))?;
    let mut parts = rest.split(|line| *line == "----");
    let (rows, below) = (parts.next().unwrap_or_default(), parts.next());
    let mut expected =
        below.unwrap_or_default().iter().map(|line| candidate(line)).collect::<Result<Vec<_>, _>>()?;
    expected.sort();
    match (kind, expected.is_empty()) {
        _ if rows.is_empty() => Err(format!("{name:?} has no rows: write `table: column=value; …`")),
        _ if parts.next().is_some() => Err(format!("{name:?} has more than one `----`")),
        (Kind::Fires, true) => Err(format!("{name:?} does not say what is found: write it below `----`")),
        (Kind::Quiet, false) => Err(format!("{name:?} is quiet, and says what is found")),
        _ => Ok(Example { kind, name: (*name).to_owned(), line, rows: rows.join("\n"), expected }),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two examples, with empty lines around them and line ends of Windows. Guarantees: each is read, with its
    /// line and with what it expects in order.
    #[test]
    fn reads_examples() {
        let text = "\n# fires: twice\r\nuses: count=1\nuses: count=2\n----\nb | low | high | 2\na | low | high | 1\n\n\n\
                    # quiet: never\nuses: count=3\n";
        let examples = read(text).expect("examples");
        let told: Vec<_> =
            examples.iter().map(|one| (one.kind, one.name.as_str(), one.line, one.expected.len())).collect();
        assert_eq!(told, [(Kind::Fires, "twice", 2, 2), (Kind::Quiet, "never", 10, 0)]);
        assert_eq!(examples[0].rows, "uses: count=1\nuses: count=2");
        assert_eq!(shown(&examples[0].expected), ["a | low | high | 1", "b | low | high | 2"]);
        assert_eq!(shown(&[]), ["nothing"]);
        assert_eq!(read("\n\n"), Ok(Vec::new()));
    }

    /// Scenario: blocks that are no examples. Guarantees: each is named with its line and what is wrong.
    #[test]
    fn names_what_is_wrong() {
        for (text, wanted) in [
            ("uses: count=1", "neither `# fires: …` nor `# quiet: …`"),
            ("# fires: a\nuses: count=1", "does not say what is found"),
            ("# fires: a\n----\na | low | high | 1", "has no rows"),
            ("# quiet: a\nuses: count=1\n----\na | low | high | 1", "is quiet, and says what is found"),
            (
                "# fires: a\nuses: count=1\n----\na | low | high",
                "is no `entity | severity | confidence | count`",
            ),
            ("# fires: a\nuses: count=1\n----\na | low | high | some", "\"some\" is no number"),
            ("# fires: a\nuses: count=1\n----\na | low | high | 1\n----", "more than one `----`"),
        ] {
            let misread = read(&format!("# quiet: first\nuses: count=1\n\n{text}\n")).expect_err(text);
            assert_eq!(misread.line, 4, "{text}");
            assert!(misread.problem.contains(wanted), "{text}: {misread}");
        }
    }
}
