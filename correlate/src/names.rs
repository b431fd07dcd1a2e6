//! Text that names things, as dense numbers.
//!
//! In: credential ids, hosts, workloads, addresses, destinations. Out: a `u32` each, and the text back.
//! Owns: the table of names of one engine. Law: two texts have one name only if they are equal.

use std::collections::HashMap;
use std::sync::Arc;

/// The number of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(u32);

/// All names of one engine.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// The number of `text`, given now if it is new.
    pub(crate) fn name(&mut self, text: &str) -> Name {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let number = u32::try_from(self.texts.len()).expect("fewer than 2^32 names fit in memory");
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, Name(number));
        Name(number)
    }

    /// The number of an optional text; empty text names nothing.
    pub(crate) fn maybe(&mut self, text: Option<&str>) -> Option<Name> {
        text.filter(|text| !text.is_empty()).map(|text| self.name(text))
    }

    /// The number of `text`, if it has one.
    pub(crate) fn known(&self, text: &str) -> Option<Name> {
        self.numbers.get(text).copied()
    }

    /// The text of `name`.
    pub(crate) fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Memory in bytes: every text once, with its reference counts, and twice a pointer to it.
    pub(crate) fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len() + 2 * size_of::<usize>()).sum();
        texts
            + self.texts.capacity() * size_of::<Arc<str>>()
            + self.numbers.capacity() * size_of::<(Arc<str>, Name)>()
    }

    /// The text of an optional name.
    pub(crate) fn text_of(&self, name: Option<Name>) -> Option<&str> {
        name.map(|name| self.text(name))
    }

    /// The same, owned.
    pub(crate) fn owned(&self, name: Option<Name>) -> Option<String> {
        self.text_of(name).map(str::to_owned)
    }
}
