//! A mapping file, from its text to a [`Mapping`].
//!
//! In: TOML. Out: a mapping, or every fault with its line and what to do. Owns: the sections and keys of the file, and
//! the checks of each column's type. Law: what would read nothing, or something else than its author meant, is a fault.

use std::sync::Arc;

use offbound_schemas::authored::{self, FileError, Table, Value};
use offbound_schemas::table::identity_assertions::column;
use offbound_schemas::vocabulary::IdKind;
use offbound_schemas::{Cell, CellKind};

use super::condition::Conditions;
use super::credential::{self, Credentials, Entry};
use super::moment::{self, Moment};
use super::path::Path;
use super::rest::Spoken;
use super::rule::{Origin, Rule};
use super::target::{CHOICES, Choice};
use super::trim::{NAMED, Trim};
use super::{Mapping, sample};
use crate::csv::Layout;
use crate::decode::{FORMATS, Identity};

/// The only version of the file that there is.
const VERSION: u32 = 1;
/// Longest id, in bytes: it stands in every row.
const MAX_ID_BYTES: usize = 64;
/// Most columns of CSV that a file may name: well above any log of the field.
const MAX_COLUMNS: usize = 1_024;

const KEYS: &[&str] = &[
    "version",
    "id",
    "title",
    "table",
    "identity",
    "absent",
    "ignore",
    "sample",
    "recognise",
    "csv",
    "time",
    "column",
    "credential",
    "skip",
];

/// Reads a mapping file.
pub(super) fn read(text: &str, origin: &str) -> Result<Mapping, FileError> {
    let mapping = authored::read(text, origin, |file| {
        let mapping = Arc::new(mapping(file)?);
        if !mapping.sample.is_empty()
            && let Some(problem) = sample::fault(&mapping)
        {
            file.value("sample").into_iter().for_each(|value| value.fault(problem.clone()));
        }
        Arc::into_inner(mapping)
    });
    mapping.map(|mapping| mapping.expect("a file without faults gives a mapping"))
}

/// The mapping; none where a fault was noted that leaves nothing to go on with.
fn mapping(file: &Table<'_>) -> Option<Mapping> {
    file.allow_keys(KEYS);
    file.required("version", "version = 1").and_then(|value| value.version(VERSION));
    let id = file.required("id", "a short name, such as id = \"gateway\"").and_then(|value| id(&value));
    let choice = table(file)?;
    let (recognise, layout) = (recognise(file), csv(file));
    let rules = columns(file, choice);
    let credentials = credentials(file, choice);
    let time = file.required("time", "a section [time] with the path of the event's time")?.table()?;
    let skips = file.value("skip").map_or_else(Vec::new, |skips| skips.tables());
    let skips: Vec<Conditions> = skips.iter().map(conditions).collect();
    let (time, envelope_time) = (self::time(&time)?, time.flag("envelope").unwrap_or_default());
    let mut spoken = Spoken::default();
    let ignored = file.value("ignore").map_or_else(Vec::new, |ignore| paths(&ignore));
    let of_rules = rules.iter().flat_map(|(_, rule)| rule.paths());
    let of_credentials = credentials.0.iter().flat_map(|entry| entry.rule.paths());
    let compared = recognise.equals.iter().map(|(path, _)| path);
    let all = of_rules.chain(of_credentials).chain(compared).chain(time.paths()).chain(&ignored);
    all.for_each(|path| spoken.add(path));
    Some(Mapping {
        title: file.text("title").unwrap_or_else(|| id.clone().unwrap_or_default()),
        id: id?,
        sample: file.text("sample").unwrap_or_default(),
        identity: identity(file),
        layout,
        recognise,
        skips,
        absent: file.texts("absent").unwrap_or_default(),
        time,
        envelope_time,
        target: (choice.of)(rules, credentials),
        spoken,
    })
}

fn id(value: &Value<'_>) -> Option<String> {
    let id = value.text()?;
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if id.len() > MAX_ID_BYTES || !id.bytes().all(is_plain) || id == "auto" {
        value.bad_text(&id, "is no id; write up to 64 of a-z, 0-9, - and _");
        return None;
    }
    if FORMATS.iter().any(|format| format.id == id) {
        value.bad_text(&id, "is the id of a built-in format; choose another");
        return None;
    }
    Some(id)
}

fn identity(file: &Table<'_>) -> Identity {
    let words = [("bytes", Identity::Bytes), ("occurrence", Identity::BytesAndOccurrence)];
    let said = file.value("identity").and_then(|value| value.word(&words));
    said.unwrap_or(Identity::BytesAndOccurrence)
}

fn table(file: &Table<'_>) -> Option<&'static Choice> {
    let words: Vec<(&str, &'static Choice)> =
        CHOICES.iter().map(|choice| (choice.spec.name, choice)).collect();
    file.required("table", "the table to fill, such as table = \"identity_assertions\"")?.word(&words)
}

fn recognise(file: &Table<'_>) -> Conditions {
    let Some(value) = file.required("recognise", "a section [recognise] with `has` or `equals`") else {
        return Conditions::default();
    };
    let Some(table) = value.table() else { return Conditions::default() };
    let conditions = conditions(&table);
    if !conditions.ask_for_something() {
        table.fault(
            table.at(),
            format!("{} asks for nothing; add `has`, `equals` or `starts`", table.title()),
        );
    }
    conditions
}

fn conditions(table: &Table<'_>) -> Conditions {
    table.allow_keys(&["has", "lacks", "equals", "starts"]);
    let list = |key: &str| table.value(key).map_or_else(Vec::new, |value| paths(&value));
    let compared = |key: &str| table.value(key).map_or_else(Vec::new, |value| compared(&value));
    Conditions {
        has: list("has"),
        lacks: list("lacks"),
        equals: compared("equals"),
        starts: compared("starts"),
    }
}

fn compared(value: &Value<'_>) -> Vec<(Path, Vec<String>)> {
    let Some(table) = value.table() else { return Vec::new() };
    let entry = |(key, value): (&str, Value<'_>)| {
        let texts = value.one_or_more().iter().filter_map(Value::scalar).collect();
        Some((path_of(key, &value)?, texts))
    };
    table.entries().filter_map(entry).collect()
}

fn path_of(text: &str, value: &Value<'_>) -> Option<Path> {
    Path::parse(text).map_err(|problem| value.bad_text(text, &format!("is no path: it {problem}"))).ok()
}

/// One path, or several.
fn paths(value: &Value<'_>) -> Vec<Path> {
    value.one_or_more().iter().filter_map(|value| path_of(&value.text()?, value)).collect()
}

fn csv(file: &Table<'_>) -> Option<Layout> {
    let table = file.value("csv")?.table()?;
    table.allow_keys(&["delimiter", "columns"]);
    let delimiter = table.value("delimiter").and_then(|value| delimiter(&value));
    let columns = table.texts("columns").unwrap_or_default();
    if columns.len() > MAX_COLUMNS {
        table.fault(table.at(), format!("[csv] names more than {MAX_COLUMNS} columns"));
    }
    Some(Layout { delimiter, columns })
}

fn delimiter(value: &Value<'_>) -> Option<char> {
    let text = value.text()?;
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii() && !"\"\r\n".contains(letter) => Some(letter),
        _ => {
            value.bad_text(&text, "is no delimiter; write one character, such as \";\" or \"\\t\"");
            None
        }
    }
}

fn time(table: &Table<'_>) -> Option<Rule> {
    table.allow_keys(&["path", "format", "envelope"]);
    let paths = table.required("path", "the path of the event's time").map(|value| paths(&value))?;
    let moments = table.value("format").map_or_else(any_moment, |value| moments(&value));
    Some(Rule {
        origin: Origin::FirstOf(paths),
        kind: CellKind::Time,
        trim: Trim::default(),
        split: None,
        default: None,
        moments,
    })
}

fn any_moment() -> Vec<Moment> {
    vec![Moment::Any]
}

fn moments(value: &Value<'_>) -> Vec<Moment> {
    let read = |value: &Value<'_>| {
        let text = value.text()?;
        let moment = Moment::parse(&text);
        if moment.is_none() {
            let names = moment::NAMES.join(", ");
            value.bad_text(
                &text,
                &format!("is no time format; write {names}, or a pattern such as %Y-%m-%d %H:%M:%S"),
            );
        }
        moment
    };
    value.one_or_more().iter().filter_map(read).collect()
}

/// The rules of all columns.
fn columns(file: &Table<'_>, choice: &Choice) -> Vec<(String, Rule)> {
    let Some(table) = file.required("column", "a section [column] with `column = \"path\"` lines") else {
        return Vec::new();
    };
    let Some(table) = table.table() else { return Vec::new() };
    let specs = choice.columns();
    let own: Vec<&str> = table.entries().map(|(key, _)| key).filter(|key| Choice::is_own(key)).collect();
    for key in &own {
        if let Some(value) = table.value(key) {
            value.fault(format!("column `{key}` is filled for every format alike; take it out"));
        }
    }
    let known: Vec<&str> = specs.iter().map(|spec| spec.name).chain(own.iter().copied()).collect();
    table.allow("column", &known);
    table.required(choice.needs, &format!("`{} = {{ const = \"…\" }}` or a path", choice.needs));
    let rule = |(key, value): (&str, Value<'_>)| {
        let spec = specs.iter().find(|spec| spec.name == key)?;
        Some((key.to_owned(), rule(&value, spec.kind)?))
    };
    table.entries().filter_map(rule).collect()
}

/// The rule of one column: a path, several, or a table.
fn rule(value: &Value<'_>, kind: CellKind) -> Option<Rule> {
    if !value.is_table() {
        let origin = Origin::FirstOf(paths(value));
        return Some(Rule {
            origin,
            kind,
            trim: Trim::default(),
            split: None,
            default: None,
            moments: any_moment(),
        });
    }
    let table = value.table()?;
    table.allow_keys(&[
        "path",
        "const",
        "join",
        "with",
        "after",
        "before",
        "as",
        "words",
        "otherwise",
        "prefix",
        "default",
        "split",
        "format",
    ]);
    refuse_for_other_kinds(&table, kind);
    let moments = table.value("format").map_or_else(any_moment, |value| moments(&value));
    Some(Rule {
        origin: origin(&table, kind)?,
        default: table.value("default").and_then(|value| constant_of(&value, kind)),
        kind,
        trim: trim(&table, kind),
        split: table.text("split"),
        moments,
    })
}

/// Keys that only columns of one kind understand.
fn refuse_for_other_kinds(table: &Table<'_>, kind: CellKind) {
    for (key, fits, what) in
        [("split", kind == CellKind::List, "lists"), ("format", kind == CellKind::Time, "times")]
    {
        if let (false, Some(value)) = (fits, table.value(key)) {
            value.fault(format!(
                "`{key}` is for columns of {what}; {} takes {}",
                table.title(),
                kind.in_words()
            ));
        }
    }
}

fn origin(table: &Table<'_>, kind: CellKind) -> Option<Origin> {
    let (constant, path, join) = (table.value("const"), table.value("path"), table.value("join"));
    match (constant, path, join) {
        (Some(value), None, None) => constant_of(&value, kind).map(Origin::Constant),
        (None, Some(value), None) => Some(Origin::FirstOf(paths(&value))),
        (None, None, Some(value)) => {
            Some(Origin::Joined(paths(&value), table.text("with").unwrap_or_else(|| " ".to_owned())))
        }
        _ => {
            table.fault(table.at(), format!("{} needs one of `path`, `join` and `const`", table.title()));
            None
        }
    }
}

fn constant_of(value: &Value<'_>, kind: CellKind) -> Option<Cell> {
    if kind == CellKind::List {
        return Some(Cell::List(value.one_or_more().iter().filter_map(Value::scalar).collect()));
    }
    let text = value.scalar()?;
    check_word(value, &text, kind);
    let cell = Cell::of_text(kind, &text);
    if cell.is_none() && !matches!(kind, CellKind::Word(_)) {
        value.bad_text(&text, &format!("does not fit; the column takes {}", kind.in_words()));
    }
    cell
}

/// Notes that a text is no word of the column.
fn check_word(value: &Value<'_>, text: &str, kind: CellKind) {
    let CellKind::Word(words) = kind else { return };
    if !words.contains(&text) {
        let near = authored::nearest(text, words).unwrap_or_default();
        let problem =
            format!("is no word of the column; the nearest is \"{near}\" (all: {})", words.join(", "));
        value.bad_text(text, &problem);
    }
}

fn trim(table: &Table<'_>, kind: CellKind) -> Trim {
    let words = table.value("words").and_then(|value| value.table());
    let mut trim = Trim {
        after: table.text("after"),
        before: table.text("before"),
        named: table.value("as").and_then(|value| value.word(NAMED)),
        otherwise: table.value("otherwise").and_then(|value| target_word(&value, kind)),
        prefix: table.text("prefix"),
        ..Trim::default()
    };
    for (word, value) in words.iter().flat_map(Table::entries) {
        trim.words.extend(target_word(&value, kind).map(|target| (word.to_owned(), target)));
    }
    trim
}

/// What a word of the log stands for.
fn target_word(value: &Value<'_>, kind: CellKind) -> Option<String> {
    let text = value.scalar()?;
    check_word(value, &text, kind);
    Some(text)
}

fn credentials(file: &Table<'_>, choice: &Choice) -> Credentials {
    let Some(value) = file.value("credential") else { return Credentials::default() };
    if choice.columns().iter().all(|spec| spec.name != column::credential_id) {
        value.fault(format!("[[credential]] is not for the table {}; take it out", choice.spec.name));
    }
    if let Some(columns) = file.value("column").and_then(|value| value.table())
        && let Some(value) = columns.value(column::credential_id)
    {
        value.fault("`credential_id` is filled by [[credential]]; take one of them out".to_owned());
    }
    Credentials(value.tables().iter().filter_map(entry).collect())
}

fn entry(table: &Table<'_>) -> Option<Entry> {
    table.allow_keys(&["path", "kind", "prefix", "after", "before"]);
    let kinds: Vec<(&str, IdKind)> = IdKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
    let named: Vec<(&str, IdKind)> = kinds.into_iter().filter(|(_, kind)| *kind != IdKind::None).collect();
    let kind = table.required("kind", "what kind of id it is, such as kind = \"jti\"")?.word(&named)?;
    let paths = table.required("path", "where the id stands").map(|value| paths(&value))?;
    let prefix = table.text("prefix").or_else(|| credential::prefix(kind).map(str::to_owned));
    let trim = Trim {
        after: table.text("after"),
        before: table.text("before"),
        named: credential::normal(kind),
        prefix,
        ..Trim::default()
    };
    let rule = Rule {
        origin: Origin::FirstOf(paths),
        kind: CellKind::Text,
        trim,
        split: None,
        default: None,
        moments: Vec::new(),
    };
    Some(Entry { kind, rule })
}
