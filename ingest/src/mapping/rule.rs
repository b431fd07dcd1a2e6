//! Where one column gets its value from.
//!
//! In: a record. Out: a cell, nothing, or what was there and did not fit. Owns: constants, first path that is there,
//! joined paths, lists. Law: what does not fit is no value, and is not lost: it stays among the unmapped fields.

use offbound_schemas::{Cell, CellKind};
use serde_json::Value;

use super::moment::Moment;
use super::path::Path;
use super::trim::Trim;
use crate::decode::field::{MAX_LIST_ITEMS, scalar_text};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Origin {
    /// Always the same.
    Constant(Cell),
    /// The first path that leads to something.
    FirstOf(Vec<Path>),
    /// The texts at all paths that lead to something, in order.
    Joined(Vec<Path>, String),
}

/// How one column is filled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    pub(super) origin: Origin,
    pub(super) kind: CellKind,
    pub(super) trim: Trim,
    /// The value where nothing is there.
    pub(super) default: Option<Cell>,
    /// Where a text for a list column is split.
    pub(super) split: Option<String>,
    /// How times are written; the first that reads one.
    pub(super) moments: Vec<Moment>,
}

/// What a rule finds in a record.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'r> {
    /// Nothing is there.
    Nothing,
    /// A value for the column.
    Cell(Cell),
    /// Something is there that the column cannot take.
    Misfit(&'r Path, &'r Value),
}

impl Rule {
    /// Paths that the rule reads.
    pub(super) fn paths(&self) -> &[Path] {
        match &self.origin {
            Origin::Constant(_) => &[],
            Origin::FirstOf(paths) | Origin::Joined(paths, _) => paths,
        }
    }

    /// Looks for the value; a text among `absent` says that there is none.
    pub(super) fn find<'r>(&'r self, record: &'r Value, absent: &[String]) -> Found<'r> {
        match (self.look(record, absent), &self.default) {
            (Found::Nothing, Some(cell)) => Found::Cell(cell.clone()),
            (found, _) => found,
        }
    }

    fn look<'r>(&'r self, record: &'r Value, absent: &[String]) -> Found<'r> {
        match &self.origin {
            Origin::Constant(cell) => Found::Cell(cell.clone()),
            Origin::Joined(paths, with) => {
                let said = paths.iter().filter_map(|path| path.first(record));
                let texts: Vec<String> =
                    said.filter(|value| is_said(value, absent)).filter_map(scalar_text).collect();
                let joined = self.trim.apply(&texts.join(with));
                joined.and_then(|text| self.cell(&text)).map_or(Found::Nothing, Found::Cell)
            }
            Origin::FirstOf(paths) => {
                let said = paths.iter().find_map(|path| {
                    Some((path, path.first(record).filter(|value| is_said(value, absent))?))
                });
                let Some((path, value)) = said else { return Found::Nothing };
                let cell = match self.kind {
                    CellKind::List => self.list(&path.all(record), absent),
                    _ => scalar_text(value).and_then(|text| self.cell(&self.trim.apply(&text)?)),
                };
                cell.map_or(Found::Misfit(path, value), Found::Cell)
            }
        }
    }

    fn list(&self, values: &[&Value], absent: &[String]) -> Option<Cell> {
        let mut items = Vec::new();
        for value in values.iter().filter(|value| is_said(value, absent)) {
            match value {
                Value::Array(inner) => items.extend(inner.iter().filter_map(scalar_text)),
                lone => items.extend(self.parts(&scalar_text(lone)?)),
            }
        }
        let trimmed = items.iter().filter_map(|item| self.trim.apply(item)).take(MAX_LIST_ITEMS);
        let trimmed: Vec<String> = trimmed.collect();
        (!trimmed.is_empty()).then_some(Cell::List(trimmed))
    }

    fn parts(&self, text: &str) -> Vec<String> {
        match &self.split {
            Some(mark) => {
                let parts = text.split(mark.as_str()).map(str::trim).filter(|part| !part.is_empty());
                parts.map(str::to_owned).collect()
            }
            None => vec![text.to_owned()],
        }
    }

    fn cell(&self, text: &str) -> Option<Cell> {
        match self.kind {
            CellKind::Time => self.moments.iter().find_map(|moment| moment.read(text)).map(Cell::Time),
            CellKind::List => Some(Cell::List(vec![text.to_owned()])),
            kind => Cell::of_text(kind, text),
        }
    }
}

/// Whether a value says anything.
fn is_said(value: &Value, absent: &[String]) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty() && !absent.contains(text),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}
