//! CSV (RFC 4180) to records with names: each line, or the lines of a quoted field, becomes one JSON object.
//!
//! In: documents of a stream, in order. Out: records, the header, lines that are no record. Owns: delimiters, quotes,
//! header lines and how many lines a quoted field may have. Leaves to `mapping` what the columns mean.
//! A record carries its names with it, so that it can be read again without the header it stood under.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::formats::Formats;
use crate::frame::MAX_LINE_BYTES;

/// Delimiters that are tried where a mapping names none.
const DELIMITERS: [char; 3] = [',', ';', '\t'];
/// Most fields of a record: well above any log of the field.
const MAX_FIELDS: usize = 1_024;
/// Most lines of one record: an open quote must not swallow the stream.
const MAX_RECORD_LINES: usize = 64;

/// How the CSV of a mapping is laid out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The delimiter; found in the header where it is not given.
    pub(crate) delimiter: Option<char>,
    /// Names of the columns of files without header.
    pub(crate) columns: Vec<String>,
}

/// Why a text is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// A quote is open at the end.
    Open,
    /// It will not become one.
    Bad(String),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open => f.write_str("a quote is not closed"),
            Self::Bad(problem) => f.write_str(problem),
        }
    }
}

/// The fields of a record.
pub(crate) fn fields(text: &str, delimiter: char) -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (field, behind) = match rest.strip_prefix('"') {
            Some(inside) => quoted(inside)?,
            None => {
                let end = rest.find(delimiter).unwrap_or(rest.len());
                let (field, behind) = rest.split_at(end);
                (field.to_owned(), behind)
            }
        };
        found.push(field);
        if found.len() > MAX_FIELDS {
            return Err(Problem::Bad(format!("more than {MAX_FIELDS} fields")));
        }
        match behind.strip_prefix(delimiter) {
            Some(next) => rest = next,
            None if behind.is_empty() => return Ok(found),
            None => return Err(Problem::Bad("text behind a closing quote".to_owned())),
        }
    }
}

/// A quoted field behind its first quote, and what is behind its last one.
fn quoted(text: &str) -> Result<(String, &str), Problem> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('"').ok_or(Problem::Open)?;
        field.push_str(part);
        match behind.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Ok((field, behind)),
        }
    }
}

/// Columns with names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    delimiter: char,
    pub(crate) names: Vec<String>,
    /// The header line; none where the mapping names the columns.
    header: Option<String>,
}

impl Table {
    /// The table of a layout whose file begins with `head`.
    pub(crate) fn of_layout(layout: &Layout, head: &str) -> Option<Self> {
        let delimiters = match layout.delimiter {
            Some(delimiter) => vec![delimiter],
            None => DELIMITERS.to_vec(),
        };
        if !layout.columns.is_empty() {
            let count = |delimiter: &char| fields(head, *delimiter).map_or(0, |fields| fields.len());
            let fitting = delimiters.iter().find(|delimiter| count(delimiter) == layout.columns.len());
            let delimiter = *fitting.or(delimiters.first())?;
            return Some(Self { delimiter, names: layout.columns.clone(), header: None });
        }
        let headers =
            delimiters.into_iter().filter_map(|delimiter| Some((delimiter, fields(head, delimiter).ok()?)));
        let (delimiter, names) = headers.max_by_key(|(_, names)| names.len())?;
        (names.len() > 1).then(|| Self { delimiter, names: distinct(names), header: Some(head.to_owned()) })
    }

    /// The record that a text is.
    pub(crate) fn record(&self, text: &str) -> Result<Value, Problem> {
        let fields = fields(text, self.delimiter)?;
        if fields.len() != self.names.len() {
            let problem = format!("{} fields; the header names {}", fields.len(), self.names.len());
            return Err(Problem::Bad(problem));
        }
        let pairs = self.names.iter().cloned().zip(fields.into_iter().map(Value::from));
        Ok(Value::Object(pairs.collect::<Map<_, _>>()))
    }
}

/// Names, each once: the second `x` is `x_2`.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let name = match name.trim() {
            "" => format!("column_{}", index + 1),
            name => name.to_owned(),
        };
        let again = (2..).map(|number| format!("{name}_{number}")).find(|other| !found.contains(other));
        let name = if found.contains(&name) { again.unwrap_or_default() } else { name };
        found.push(name);
    }
    found
}

/// What a document is in a stream of CSV.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    /// A header line.
    Header,
    /// A record, and the line that it starts on.
    Record(Value, u64),
    /// No record: its text, its line, and why not.
    Bad(String, u64, String),
}

/// A stream that may be CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    /// The format that all records of the stream have.
    forced: Option<usize>,
    /// Whether the first document was looked at.
    is_decided: bool,
    table: Option<Arc<Table>>,
    /// Lines of a record whose quote is open.
    open: Vec<(String, u64)>,
}

impl Stream {
    pub(crate) fn new(forced: Option<usize>) -> Self {
        Self { forced, is_decided: false, table: None, open: Vec::new() }
    }

    /// Takes a document; none when the stream is no CSV.
    pub(crate) fn take(&mut self, text: &str, line: u64, formats: &Formats) -> Option<Vec<Item>> {
        if !self.is_decided && !text.starts_with('#') {
            self.is_decided = true;
            self.table = formats.csv_table(text, self.forced).map(Arc::new);
        }
        let table = Arc::clone(self.table.as_ref()?);
        if self.open.is_empty() && table.header.as_deref() == Some(text) {
            return Some(vec![Item::Header]);
        }
        let mut items = Vec::new();
        feed(&table, &mut self.open, (text.to_owned(), line), &mut items);
        Some(items)
    }

    /// Whether no record is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// The stream has ended: what is still open is no record.
    pub(crate) fn finish(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while let Some(table) = self.table.clone().filter(|_| !self.open.is_empty()) {
            give_up(&table, &mut self.open, Problem::Open, &mut items);
        }
        items
    }
}

/// Adds a line to the record at hand.
fn feed(table: &Table, open: &mut Vec<(String, u64)>, line: (String, u64), items: &mut Vec<Item>) {
    let cannot_close = !open.is_empty() && !line.0.contains('"');
    open.push(line);
    let text = joined(open);
    let is_full = open.len() >= MAX_RECORD_LINES || text.len() > MAX_LINE_BYTES;
    if cannot_close && !is_full {
        return;
    }
    match table.record(&text) {
        Ok(record) => {
            items.push(Item::Record(record, open.first().map_or(0, |(_, line)| *line)));
            open.clear();
        }
        Err(Problem::Open) if !is_full => {}
        Err(problem) => give_up(table, open, problem, items),
    }
}

/// The first line is no record; those behind it are looked at anew.
fn give_up(table: &Table, open: &mut Vec<(String, u64)>, problem: Problem, items: &mut Vec<Item>) {
    let mut lines = std::mem::take(open).into_iter();
    if let Some((text, line)) = lines.next() {
        items.push(Item::Bad(text, line, problem.to_string()));
    }
    lines.for_each(|line| feed(table, open, line, items));
}

/// Lines with the breaks that were between them; blank lines were left out before.
fn joined(lines: &[(String, u64)]) -> String {
    let mut text = String::new();
    let mut at = lines.first().map_or(0, |(_, line)| *line);
    for (part, line) in lines {
        for _ in at..*line {
            text.push('\n');
        }
        at = line + part.bytes().filter(|byte| *byte == b'\n').count() as u64;
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: fields of every kind. Guarantees: RFC 4180, and a name for what is none.
    #[test]
    fn quoting() {
        for (text, expected) in [
            ("a,b", Ok(vec!["a", "b"])),
            ("\"a,\"\"x\"\"\",,c", Ok(vec!["a,\"x\"", "", "c"])),
            ("\"a\nb\",c", Ok(vec!["a\nb", "c"])),
            ("", Ok(vec![""])),
            ("5\" disk,b", Ok(vec!["5\" disk", "b"])),
            ("\"a,b", Err(Problem::Open)),
            ("\"a\"b,c", Err(Problem::Bad("text behind a closing quote".to_owned()))),
        ] {
            let expected = expected.map(|fields| fields.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(fields(text, ','), expected, "{text}");
        }
    }

    fn run(lines: &[(&str, u64)]) -> Vec<Item> {
        let table = Table::of_layout(&Layout::default(), "a;b;b").expect("a header");
        assert_eq!(table.names, ["a", "b", "b_2"]);
        let mut stream =
            Stream { forced: None, is_decided: true, table: Some(Arc::new(table)), open: Vec::new() };
        let formats = Formats::default();
        let mut items: Vec<Item> = lines
            .iter()
            .flat_map(|(text, line)| stream.take(text, *line, &formats).unwrap_or_default())
            .collect();
        items.extend(stream.finish());
        items
    }

    /// Scenario: a field of several lines, a repeated header, a short record, a quote that is never closed.
    /// Guarantees: one record each, and nothing behind a bad line is lost.
    #[test]
    fn records_of_lines() {
        let record = |a: &str, line| Item::Record(serde_json::json!({"a": a, "b": "2", "b_2": "3"}), line);
        assert_eq!(
            run(&[
                ("a;b;b", 1),
                ("\"x", 2),
                ("y\";2;3", 4),
                ("1;2", 5),
                ("z;2;3", 6),
                ("\"o;2;3", 7),
                ("z;2;3", 8)
            ]),
            [
                Item::Header,
                record("x\n\ny", 2),
                Item::Bad("1;2".into(), 5, "2 fields; the header names 3".into()),
                record("z", 6),
                Item::Bad("\"o;2;3".into(), 7, "a quote is not closed".into()),
                record("z", 8),
            ]
        );
        let many: Vec<(String, u64)> = (0..200).map(|line| ("x;2;3".to_owned(), line + 2)).collect();
        let mut lines = vec![("\"x;2;3", 1)];
        lines.extend(many.iter().map(|(text, line)| (text.as_str(), *line)));
        let items = run(&lines);
        assert_eq!(items.iter().filter(|item| matches!(item, Item::Record(..))).count(), 200);
        assert_eq!(items.len(), 201);
    }
}
