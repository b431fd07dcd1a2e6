//! Typed values out of a TOML document, with every fault noted where it stands.
//!
//! In: tables and values with their spans. Out: text, lists, switches, durations, moments, ranges; `None` where the
//! key is absent or faulty (then a fault was noted, and the file will be refused).
//! Owns: the wording of faults about keys and types. Law: nothing unknown is passed over.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::faults::{Faults, FileError, quoted};
use super::nearest::nearest;
use crate::{EventTime, parse_duration_nanos};

/// A thing and the byte offset where the file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// Where it stands.
    pub at: usize,
    /// What stands there.
    pub value: T,
}

/// Reads the text of a file; `origin` is the name by which errors call it. What `take` notes as a fault refuses it.
pub fn read<T>(text: &str, origin: &str, take: impl FnOnce(&Table<'_>) -> T) -> Result<T, FileError> {
    let faults = Faults::default();
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            return Err(faults.refuse(
                at,
                format!("this is not TOML: {}", error.message().replace('\n', " ")),
                text,
                origin,
            ));
        }
    };
    let value = take(&Table::document(document.get_ref(), &faults));
    faults.into_result(value, text, origin)
}

/// A list without its positions.
pub fn values<T>(list: Vec<At<T>>) -> Vec<T> {
    list.into_iter().map(|entry| entry.value).collect()
}

/// A table of the file.
#[derive(Debug)]
pub struct Table<'a> {
    title: String,
    at: usize,
    table: &'a DeTable<'a>,
    faults: &'a Faults,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub fn document(table: &'a DeTable<'a>, faults: &'a Faults) -> Self {
        Self { title: "the file".to_owned(), at: 0, table, faults }
    }

    /// Where the table begins.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Notes a fault of this file.
    pub fn fault(&self, at: usize, message: String) {
        self.faults.push(at, message);
    }

    /// How messages call the table.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Notes every key that is not among `known`.
    pub fn allow_keys(&self, known: &[&str]) {
        self.allow("key", known);
    }

    /// Notes every section that is not among `known`.
    pub fn allow_sections(&self, known: &[&str]) {
        self.allow("section", known);
    }

    /// Notes every key that is not among `known`; `what` is what the keys are.
    pub fn allow(&self, what: &str, known: &[&str]) {
        let words = self.table.keys().map(|key| (key.span().start, key.get_ref().as_ref()));
        for (at, word) in words.filter(|(_, word)| !known.contains(word)) {
            self.unknown(what, at, word, known);
        }
    }

    /// Notes one key as unknown, in a table whose other keys are free.
    pub fn refuse_key(&self, key: &str, known: &[&str]) {
        if let Some((found, _)) = self.table.get_key_value(key) {
            self.unknown("key", found.span().start, key, known);
        }
    }

    fn unknown(&self, what: &str, at: usize, word: &str, known: &[&str]) {
        let near = nearest(word, known).unwrap_or_default();
        let message = format!(
            "unknown {what} `{}` in {}; the nearest known {what} is `{near}`",
            quoted(word),
            self.title
        );
        self.faults.push(at, message);
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<Value<'a>> {
        self.table.get(key).map(|value| self.wrap(key, value))
    }

    /// The value of a key that must be there.
    pub fn required(&self, key: &str, hint: &str) -> Option<Value<'a>> {
        let value = self.value(key);
        if value.is_none() {
            self.faults.push(self.at, format!("{} has no `{key}`; add {hint}", self.title));
        }
        value
    }

    /// Every key with its value, by key.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), self.wrap(key.get_ref(), value)))
    }

    /// Text of an optional key.
    pub fn text(&self, key: &str) -> Option<String> {
        self.value(key)?.text()
    }

    /// List of texts of an optional key.
    pub fn texts(&self, key: &str) -> Option<Vec<String>> {
        self.value(key).map(|value| values(value.texts()))
    }

    /// Switch of an optional key.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.value(key)?.flag()
    }

    /// Duration of an optional key, in nanoseconds.
    pub fn duration_nanos(&self, key: &str) -> Option<i64> {
        self.value(key)?.duration_nanos()
    }

    fn wrap(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Value<'a> {
        Value {
            key: key.to_owned(),
            owner: self.title.clone(),
            at: value.span().start,
            value: value.get_ref(),
            faults: self.faults,
        }
    }
}

/// A value of the file, and the key that it stands under.
#[derive(Debug, Clone)]
pub struct Value<'a> {
    key: String,
    owner: String,
    at: usize,
    value: &'a DeValue<'a>,
    faults: &'a Faults,
}

impl<'a> Value<'a> {
    /// Notes that the value will not do.
    pub fn fault(&self, message: String) {
        self.faults.push(self.at, message);
    }

    /// Where the value begins.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// How messages call the place: a key of a table.
    fn place(&self) -> String {
        if self.owner == "the file" {
            return format!("`{}`", quoted(&self.key));
        }
        format!("`{}` of {}", quoted(&self.key), self.owner)
    }

    /// Notes that the value has another type than `wanted`.
    pub fn wrong_type(&self, wanted: &str) {
        let found = self.value.type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        self.fault(format!("{} is {article} {found}; it must be {wanted}", self.place()));
    }

    /// Notes that a word will not do, and says what would.
    pub fn bad_text(&self, text: &str, problem: &str) {
        self.fault(format!("\"{}\" in {} {problem}", quoted(text), self.place()));
    }

    /// The version number, which must be `known`.
    pub fn version(&self, known: u32) -> Option<u32> {
        let DeValue::Integer(number) = self.value else {
            self.wrong_type(&format!("the number {known}"));
            return None;
        };
        if number.as_str().parse() == Ok(known) && number.radix() == 10 {
            return Some(known);
        }
        self.fault(format!("version {number} is not known here; write version = {known}"));
        None
    }

    fn str(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text.as_ref()),
            _ => None,
        }
    }

    /// Text that is not empty.
    pub fn text(&self) -> Option<String> {
        let Some(text) = self.str() else {
            self.wrong_type("a string");
            return None;
        };
        if text.is_empty() {
            self.fault(format!("{} is empty; give it a value or take the key out", self.place()));
            return None;
        }
        Some(text.to_owned())
    }

    /// One word of a closed set.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let near = nearest(&text, &known).unwrap_or_default();
            let problem =
                format!("is not known; the nearest known word is \"{near}\" (all: {})", known.join(", "));
            self.bad_text(&text, &problem);
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Text, a whole number or a switch, as text.
    #[must_use]
    pub fn scalar(&self) -> Option<String> {
        match self.value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            _ => {
                self.wrong_type("a string, a whole number, or true or false");
                None
            }
        }
    }

    /// The values of a list, or the value itself.
    #[must_use]
    pub fn one_or_more(&self) -> Vec<Value<'a>> {
        if let DeValue::Array(_) = self.value {
            return self.list("a list");
        }
        vec![self.clone()]
    }

    /// Whether it is a table.
    #[must_use]
    pub fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self.value, DeValue::Array(_))
    }

    /// A switch.
    pub fn flag(&self) -> Option<bool> {
        if let DeValue::Boolean(flag) = self.value {
            return Some(*flag);
        }
        self.wrong_type("true or false");
        None
    }

    /// A length of time, in nanoseconds.
    pub fn duration_nanos(&self) -> Option<i64> {
        let Some(text) = self.str() else {
            self.wrong_type("a duration in quotes, such as \"30s\"");
            return None;
        };
        let nanos = parse_duration_nanos(text);
        if nanos.is_none() {
            self.bad_text(
                text,
                "is no duration; write a whole number with ms, s, m, h or d, such as \"30s\"",
            );
        }
        nanos
    }

    /// A moment. A bare date means its first moment (UTC), or the first moment after it if `through`.
    pub fn moment(&self, through: bool) -> Option<EventTime> {
        let text = match self.value {
            DeValue::Datetime(moment) => moment.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => {
                self.wrong_type("a date or a time, such as 2026-12-31 or 2026-01-01T00:00:00Z");
                return None;
            }
        };
        let moment = parse_moment(&text, through);
        if moment.is_none() {
            self.bad_text(&text, "is no date or time; write it like 2026-12-31 or 2026-01-01T00:00:00Z");
        }
        moment
    }

    /// The values of a list; `wanted` says what it should hold.
    #[must_use]
    pub fn list(&self, wanted: &str) -> Vec<Value<'a>> {
        let DeValue::Array(array) = self.value else {
            self.wrong_type(wanted);
            return Vec::new();
        };
        let inside = |item: &'a Spanned<DeValue<'a>>| Value {
            key: self.key.clone(),
            owner: self.owner.clone(),
            at: item.span().start,
            value: item.get_ref(),
            faults: self.faults,
        };
        array.iter().map(inside).collect()
    }

    /// Every text of a list.
    pub fn texts(&self) -> Vec<At<String>> {
        let items = self.list("a list of strings");
        items.iter().filter_map(|item| Some(At { at: item.at, value: item.text()? })).collect()
    }

    /// Every word of a list, each of a closed set.
    pub fn words<T: Copy>(&self, words: &[(&str, T)]) -> Vec<T> {
        self.list("a list of strings").iter().filter_map(|item| item.word(words)).collect()
    }

    /// The table of `[key]`, or an inline one.
    pub fn table(&self) -> Option<Table<'a>> {
        let title = if self.owner == "the file" { format!("[{}]", quoted(&self.key)) } else { self.place() };
        self.table_called(title)
    }

    fn table_called(&self, title: String) -> Option<Table<'a>> {
        if let DeValue::Table(table) = self.value {
            return Some(Table { title, at: self.at, table, faults: self.faults });
        }
        self.wrong_type("a table");
        None
    }

    /// The tables of `[[key]]`.
    pub fn tables(&self) -> Vec<Table<'a>> {
        let title = format!("[[{}]]", quoted(&self.key));
        let items = self.list(&format!("a list of tables; write {title} above each"));
        items.iter().filter_map(|item| item.table_called(title.clone())).collect()
    }

    /// The tables of `[key.NAME]`, by name.
    pub fn named_tables(&self) -> Vec<(String, Table<'a>)> {
        let DeValue::Table(_) = self.value else {
            self.wrong_type(&format!("tables with names; write [{}.NAME] above each", quoted(&self.key)));
            return Vec::new();
        };
        let Some(table) = self.table() else { return Vec::new() };
        let named = |(name, value): (&str, Value<'a>)| {
            let title = format!("[{}.{}]", quoted(&self.key), quoted(name));
            value.table_called(title).map(|table| (name.to_owned(), table))
        };
        table.entries().filter_map(named).collect()
    }
}

const NANOS_PER_DAY: i64 = 86_400 * 1_000_000_000;

fn parse_moment(text: &str, through: bool) -> Option<EventTime> {
    if let Ok(moment) = EventTime::parse(text) {
        return Some(moment);
    }
    let midnight = EventTime::parse(&format!("{text}T00:00:00Z")).ok()?;
    Some(if through { midnight.plus_nanos(NANOS_PER_DAY) } else { midnight })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: moments and bare dates. Guarantees: a date lasts through its day only where that is asked.
    #[test]
    fn moments() {
        let time = |text| EventTime::parse(text).ok();
        assert_eq!(parse_moment("2026-12-31", false), time("2026-12-31T00:00:00Z"));
        assert_eq!(parse_moment("2026-12-31", true), time("2027-01-01T00:00:00Z"));
        assert_eq!(parse_moment("2026-12-31T08:00:00+01:00", true), time("2026-12-31T07:00:00Z"));
        assert_eq!(parse_moment("08:00:00", false), None);
    }
}
