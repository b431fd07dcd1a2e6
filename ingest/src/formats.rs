//! Every format that one reading knows.
//!
//! In: the built-in list [`FORMATS`], and mappings that users wrote. Out: formats by index, in the order in which they are asked, or by id.
//! Owns: the numbering that recognition, labels and decoders share. A mapping is asked before every built-in format:
//! its author knows the log, and a record that meets its conditions is meant by it.
//! Law: a format is asked, labelled, listed and counted in one way, whoever defined it.

use std::sync::Arc;

use crate::csv::Table;
use crate::decode::{Decode, FORMATS, Format, Identity, Record};
use crate::mapping::{Mapped, Mapping};

mod known_by;

/// How surely a record is of a mapping's format when it meets the mapping's conditions.
const MAPPED_CONFIDENCE: u8 = 100;

/// The formats that one reading knows. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct Formats {
    mappings: Arc<[Arc<Mapping>]>,
}

/// Two mappings with one id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two mappings have the id {0:?}; give one of them another")]
pub struct TwinMappings(pub String);

/// One of them.
#[derive(Debug, Clone, Copy)]
pub enum FormatRef<'a> {
    /// A built-in one.
    BuiltIn(&'a Format),
    /// One of a mapping file.
    Mapped(&'a Arc<Mapping>),
}

impl Formats {
    /// The built-in formats and these mappings.
    pub fn with(mappings: Vec<Mapping>) -> Result<Self, TwinMappings> {
        let mut known: Vec<Arc<Mapping>> = Vec::new();
        for mapping in mappings {
            if known.iter().any(|other| other.id == mapping.id) {
                return Err(TwinMappings(mapping.id));
            }
            known.push(Arc::new(mapping));
        }
        Ok(Self { mappings: known.into() })
    }

    /// Every format: the built-in ones in the order in which they are asked, then the mappings.
    pub fn iter(&self) -> impl Iterator<Item = FormatRef<'_>> {
        FORMATS.iter().map(FormatRef::BuiltIn).chain(self.mappings.iter().map(FormatRef::Mapped))
    }

    /// The format at `index` of [`Formats::iter`].
    pub(crate) fn get(&self, index: usize) -> Option<FormatRef<'_>> {
        match index.checked_sub(FORMATS.len()) {
            None => FORMATS.get(index).map(FormatRef::BuiltIn),
            Some(index) => self.mappings.get(index).map(FormatRef::Mapped),
        }
    }

    /// Whether there is any mapping.
    pub(crate) fn has_mappings(&self) -> bool {
        !self.mappings.is_empty()
    }

    /// Index of the first mapping whose conditions a record meets.
    pub(crate) fn mapping_of(&self, record: &Record<'_>) -> Option<usize> {
        let found = self.mappings.iter().position(|mapping| mapping.knows(record.json))?;
        Some(FORMATS.len() + found)
    }

    /// The columns of a stream of CSV that begins with `head`; `forced` is the format that was said beforehand.
    pub(crate) fn csv_table(&self, head: &str, forced: Option<usize>) -> Option<Table> {
        if head.starts_with('{') || self.mappings.is_empty() {
            return None;
        }
        if let Some(index) = forced {
            let FormatRef::Mapped(mapping) = self.get(index)? else { return None };
            return Table::of_layout(mapping.layout.as_ref()?, head);
        }
        self.mappings.iter().find_map(|mapping| {
            let layout = mapping.layout.as_ref().filter(|layout| layout.columns.is_empty())?;
            Table::of_layout(layout, head).filter(|table| mapping.fits_header(&table.names))
        })
    }

    /// Index of the format with this id.
    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        self.iter().position(|format| format.id() == id)
    }
}

impl<'a> FormatRef<'a> {
    /// Id, as in source labels.
    #[must_use]
    pub fn id(self) -> &'a str {
        match self {
            Self::BuiltIn(format) => format.id,
            Self::Mapped(mapping) => mapping.id(),
        }
    }

    /// Which tool writes it.
    #[must_use]
    pub fn title(self) -> &'a str {
        match self {
            Self::BuiltIn(format) => format.title,
            Self::Mapped(mapping) => &mapping.title,
        }
    }

    /// Tables that it fills.
    #[must_use]
    pub fn fills(self) -> &'a [&'static str] {
        match self {
            Self::BuiltIn(format) => format.fills,
            Self::Mapped(mapping) => mapping.fills(),
        }
    }

    /// One sample line, made up.
    #[must_use]
    pub fn sample(self) -> &'a str {
        match self {
            Self::BuiltIn(format) => format.sample,
            Self::Mapped(mapping) => &mapping.sample,
        }
    }

    /// By what its records are recognised, in a few words.
    #[must_use]
    pub fn known_by(self) -> String {
        match self {
            Self::BuiltIn(format) => known_by::of(format),
            Self::Mapped(mapping) => mapping.known_by(),
        }
    }

    /// How its records are told apart from repeated deliveries of themselves.
    #[must_use]
    pub fn identity(self) -> Identity {
        match self {
            Self::BuiltIn(format) => format.identity,
            Self::Mapped(mapping) => mapping.identity,
        }
    }

    /// How surely a record is of this format: 0 (not at all) to 100.
    #[must_use]
    pub fn sniff(self, record: &Record<'_>) -> u8 {
        match self {
            Self::BuiltIn(format) => (format.sniff)(record),
            Self::Mapped(mapping) => {
                if mapping.knows(record.json) {
                    MAPPED_CONFIDENCE
                } else {
                    0
                }
            }
        }
    }

    /// A fresh decoder for one stream.
    #[must_use]
    pub fn decoder(self) -> Box<dyn Decode> {
        match self {
            Self::BuiltIn(format) => (format.decoder)(),
            Self::Mapped(mapping) => Box::new(Mapped(Arc::clone(mapping))),
        }
    }
}
