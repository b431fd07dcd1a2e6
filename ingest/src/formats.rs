//! Every format that one reading knows.
//!
//! In: the built-in list [`FORMATS`]. Out: formats by index, in the order in which they are asked, or by id.
//! Owns: the numbering that recognition, labels and decoders share.
//! Law: a format is asked, labelled, listed and counted in one way, whoever defined it.

use crate::decode::{Decode, FORMATS, Format, Identity, Record};

/// The formats that one reading knows. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct Formats {}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub enum FormatRef<'a> {
    /// A built-in one.
    BuiltIn(&'a Format),
}

impl Formats {
    /// Every format, in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = FormatRef<'_>> {
        FORMATS.iter().map(FormatRef::BuiltIn)
    }

    /// The format at `index` of [`Formats::iter`].
    pub(crate) fn get(&self, index: usize) -> Option<FormatRef<'_>> {
        FORMATS.get(index).map(FormatRef::BuiltIn)
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
        }
    }

    /// Which tool writes it.
    #[must_use]
    pub fn title(self) -> &'a str {
        match self {
            Self::BuiltIn(format) => format.title,
        }
    }

    /// Tables that it fills.
    #[must_use]
    pub fn fills(self) -> &'a [&'static str] {
        match self {
            Self::BuiltIn(format) => format.fills,
        }
    }

    /// One sample line, made up.
    #[must_use]
    pub fn sample(self) -> &'a str {
        match self {
            Self::BuiltIn(format) => format.sample,
        }
    }

    /// How its records are told apart from repeated deliveries of themselves.
    #[must_use]
    pub fn identity(self) -> Identity {
        match self {
            Self::BuiltIn(format) => format.identity,
        }
    }

    /// How surely a record is of this format: 0 (not at all) to 100.
    #[must_use]
    pub fn sniff(self, record: &Record<'_>) -> u8 {
        match self {
            Self::BuiltIn(format) => (format.sniff)(record),
        }
    }

    /// A fresh decoder for one stream.
    #[must_use]
    pub fn decoder(self) -> Box<dyn Decode> {
        match self {
            Self::BuiltIn(format) => (format.decoder)(),
        }
    }
}
