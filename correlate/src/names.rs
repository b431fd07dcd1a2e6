//! Text that names things, as dense numbers.
//!
//! In: credential ids, hosts, workloads, addresses, destinations. Out: a `u32` each, and the text back.
//! Owns: the table of names of one engine: every text once, ids of credentials packed; three bytes to find it by its
//! number and about eight by its text.
//! Law: two texts have one name only if they are equal; names are in the order in which their texts came.

mod shape;
mod texts;

use std::borrow::Cow;
use std::num::NonZeroU32;

use hashbrown::HashTable;

use crate::keyed::{HashMap, RandomState};
use crate::numbers::NONE;
use shape::{Number, Shapes};
use texts::Texts;

/// What a text takes beside its own bytes: its end and shape, and its place in the index at the usual load.
const BYTES_PER_NAME: usize = texts::BYTES_EACH + 8;
/// Parts of the index: when one has to grow, the others need not.
const PARTS: usize = 16;

/// The number of a text, from one on: that no name is there takes no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(NonZeroU32);

impl Name {
    fn of_place(place: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(place))
    }

    /// As one of [`Numbers`], told from the place of the row that has it: new names come in the order of new rows.
    ///
    /// [`Numbers`]: crate::numbers::Numbers
    pub(crate) fn told_from(name: Option<Self>, place: usize) -> i64 {
        let place = i64::try_from(place).unwrap_or_default();
        name.map_or(NONE, |name| i64::from(name.0.get()) - place)
    }

    /// The name that was told so.
    pub(crate) fn at(told: i64, place: usize) -> Option<Self> {
        let number = told.checked_add(i64::try_from(place).ok()?)?;
        u32::try_from(number).ok().and_then(NonZeroU32::new).map(Self)
    }

    /// Which one it is of all names, from zero on.
    pub(crate) fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The number of the id of a credential, whose text may be packed: only those who expect that may ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(Name);

impl Id {
    /// As one of [`Numbers`], told from the place of the row that has it: new ids come in the order of new rows.
    ///
    /// [`Numbers`]: crate::numbers::Numbers
    pub(crate) fn told_from(id: Option<Self>, place: usize) -> i64 {
        Name::told_from(id.map(|Self(name)| name), place)
    }

    /// The id that was told so.
    pub(crate) fn at(told: i64, place: usize) -> Option<Self> {
        Name::at(told, place).map(Self)
    }

    /// Which one it is of all names, from zero on.
    pub(crate) fn place(self) -> usize {
        self.0.place()
    }
}

impl From<Name> for Id {
    /// Any text may be an id.
    fn from(name: Name) -> Self {
        Self(name)
    }
}

/// All names of one engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    texts: Texts,
    len: u32,
    /// By the hash of their bytes, with a key of its own: whoever writes texts does not know where they fall.
    index: [HashTable<Name>; PARTS],
    hasher: RandomState,
    shapes: Shapes,
    /// Texts of packed ids that name something else too.
    unpacked: HashMap<Name, Box<str>>,
    unpacked_bytes: usize,
    /// Where ids are packed.
    scratch: Vec<u8>,
}

impl Names {
    /// The number of `text`, given now if it is new.
    pub(crate) fn name(&mut self, text: &str) -> Name {
        if let Some(known) = self.find(text.as_bytes(), None) {
            return known;
        }
        if let Some(known) = self.find_packed(text) {
            if !self.unpacked.contains_key(&known) {
                self.unpacked_bytes += text.len();
                self.unpacked.insert(known, text.into());
            }
            return known;
        }
        self.add(text.as_bytes(), None)
    }

    /// The number of the id of a credential, given now if it is new.
    pub(crate) fn id(&mut self, text: &str) -> Id {
        let mut digits = std::mem::take(&mut self.scratch);
        let shape = self.shapes.pack(text, &mut digits);
        let known = shape.and_then(|shape| self.find(&digits, Some(shape)));
        let name = match known.or_else(|| self.find(text.as_bytes(), None)) {
            Some(known) => known,
            None if shape.is_some() => self.add(&digits, shape),
            None => self.add(text.as_bytes(), None),
        };
        self.scratch = digits;
        Id(name)
    }

    fn find(&self, bytes: &[u8], shape: Option<Number>) -> Option<Name> {
        let hash = self.hasher.hash_one(bytes);
        let same =
            |name: &Name| self.texts.get(name.place()) == bytes && self.texts.shape(name.place()) == shape;
        self.index[part(hash)].find(hash, same).copied()
    }

    fn find_packed(&self, text: &str) -> Option<Name> {
        let (shape, digits) = self.shapes.packed(text)?;
        self.find(&digits, Some(shape))
    }

    fn add(&mut self, bytes: &[u8], shape: Option<Number>) -> Name {
        let name = Name::of_place(self.len);
        self.len = self
            .len
            .checked_add(1)
            .filter(|len| *len < u32::MAX)
            .expect("fewer than 2^32 names fit in memory");
        let Self { texts, index, hasher, .. } = self;
        texts.push(bytes, shape);
        let hash = hasher.hash_one(bytes);
        index[part(hash)].insert_unique(hash, name, |name| hasher.hash_one(texts.get(name.place())));
        name
    }

    /// The number of an optional text; empty text names nothing.
    pub(crate) fn maybe(&mut self, text: Option<&str>) -> Option<Name> {
        text.filter(|text| !text.is_empty()).map(|text| self.name(text))
    }

    /// The number of an optional id; empty text names nothing.
    pub(crate) fn maybe_id(&mut self, text: Option<&str>) -> Option<Id> {
        text.filter(|text| !text.is_empty()).map(|text| self.id(text))
    }

    /// The number of `text`, if it has one.
    pub(crate) fn known(&self, text: &str) -> Option<Name> {
        let packed = || self.find_packed(text).filter(|name| self.unpacked.contains_key(name));
        self.find(text.as_bytes(), None).or_else(packed)
    }

    /// The number of an id, if it has one.
    pub(crate) fn known_id(&self, text: &str) -> Option<Id> {
        self.find_packed(text).or_else(|| self.find(text.as_bytes(), None)).map(Id)
    }

    /// The text of `name`.
    pub(crate) fn text(&self, name: Name) -> &str {
        match self.texts.shape(name.place()) {
            Some(_) => self.unpacked.get(&name).map_or("", |text| text),
            None => std::str::from_utf8(self.texts.get(name.place())).unwrap_or_default(),
        }
    }

    /// The text of an id.
    pub(crate) fn id_text(&self, Id(name): Id) -> Cow<'_, str> {
        match self.texts.shape(name.place()) {
            Some(shape) => Cow::Owned(self.shapes.unpack(shape, self.texts.get(name.place()))),
            None => Cow::Borrowed(self.text(name)),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Logical size in bytes: a function of the texts and their order alone.
    pub(crate) fn bytes(&self) -> usize {
        self.texts.bytes() + self.unpacked_bytes + self.len() * BYTES_PER_NAME
    }

    /// Logical size of one of them.
    pub(crate) fn bytes_of(&self, name: Name) -> usize {
        let unpacked = self.unpacked.get(&name).map_or(0, |text| text.len());
        self.texts.get(name.place()).len() + unpacked + BYTES_PER_NAME
    }

    /// The text of an optional name.
    pub(crate) fn text_of(&self, name: Option<Name>) -> Option<&str> {
        name.map(|name| self.text(name))
    }

    /// The same, owned.
    pub(crate) fn owned(&self, name: Option<Name>) -> Option<String> {
        self.text_of(name).map(str::to_owned)
    }

    /// The text of an optional id, owned.
    pub(crate) fn owned_id(&self, id: Option<Id>) -> Option<String> {
        id.map(|id| self.id_text(id).into_owned())
    }

    /// Takes a name of another table over; gives its number here.
    fn take(&mut self, from: &Self, name: Name) -> Name {
        if from.texts.shape(name.place()).is_none() {
            return self.name(from.text(name));
        }
        let Id(taken) = self.id(&from.id_text(Id(name)));
        match from.unpacked.get(&name) {
            Some(text) => self.name(text),
            None => taken,
        }
    }
}

/// The part of the index that a hash is in: by bits that tables of less than 2^32 entries do not use.
fn part(hash: u64) -> usize {
    usize::try_from(hash >> 32).unwrap_or_default() % PARTS
}

/// Something that is said in names.
pub(crate) trait Named {
    /// Shows every name that is in it.
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name));
}

impl Named for Name {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        visit(self);
    }
}

impl Named for Id {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        visit(&mut self.0);
    }
}

impl<T: Named> Named for Option<T> {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        if let Some(named) = self {
            named.each_name(visit);
        }
    }
}

impl<T: Named> Named for [T] {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        self.iter_mut().for_each(|named| named.each_name(visit));
    }
}

/// Which names are still needed.
#[derive(Debug)]
pub(crate) struct Needed {
    needed: Vec<bool>,
}

impl Needed {
    /// None of them yet.
    pub(crate) fn none(names: &Names) -> Self {
        Self { needed: vec![false; names.len()] }
    }

    /// A name is needed; says whether that is new.
    pub(crate) fn mark(&mut self, name: Name) -> bool {
        self.needed.get_mut(name.place()).is_some_and(|needed| !std::mem::replace(needed, true))
    }

    /// Whether a name is needed.
    pub(crate) fn is_marked(&self, name: Name) -> bool {
        self.needed.get(name.place()).is_some_and(|needed| *needed)
    }

    /// A table with nothing but the needed names, and how they are called in it.
    pub(crate) fn keep(self, names: &Names) -> (Names, Renaming) {
        let mut kept = Names::default();
        let old = (0u32..).zip(self.needed);
        let numbers = old.map(|(place, needed)| needed.then(|| kept.take(names, Name::of_place(place))));
        let numbers = numbers.collect();
        (kept, Renaming { numbers })
    }
}

/// New names of those that were kept, in the order of the old ones.
#[derive(Debug)]
pub(crate) struct Renaming {
    numbers: Vec<Option<Name>>,
}

impl Renaming {
    /// Gives something its new names.
    pub(crate) fn rename(&self, named: &mut (impl Named + ?Sized)) {
        named.each_name(&mut |name| {
            if let Some(new) = self.numbers.get(name.place()).copied().flatten() {
                *name = new;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: many texts, empty and repeated ones among them. Guarantees: each is read back by its number and found by
    /// its text, and the size is that of the texts.
    #[test]
    fn texts_come_back() {
        let mut names = Names::default();
        let texts: Vec<String> = (0..3_000).map(|n| "x".repeat(n % 5) + &n.to_string()).collect();
        let empty = names.name("");
        let given: Vec<Name> = texts.iter().map(|text| names.name(text)).collect();
        for (name, text) in given.iter().zip(&texts) {
            assert_eq!((names.text(*name), names.known(text)), (&**text, Some(*name)));
            assert_eq!(names.name(text), *name);
        }
        assert_eq!((names.text(empty), names.known("no such text")), ("", None));
        let bytes: usize = texts.iter().map(String::len).sum();
        assert_eq!(names.bytes(), bytes + (texts.len() + 1) * BYTES_PER_NAME);
    }

    const UUID: &str = "JTI=3c5a0f0e-91b2-4c3d-8000-00000000abcd";

    /// Scenario: an id that names nothing else; one that named a subject before, and one that does so later. Guarantees: each
    /// text has one number whoever asks, and a text that is not of an id is there for those who named it.
    #[test]
    fn ids_are_names_too() {
        let mut names = Names::default();
        let id = names.id(UUID);
        assert_eq!((names.id(UUID), names.known_id(UUID), &*names.id_text(id)), (id, Some(id), UUID));
        assert_eq!((names.known(UUID), names.bytes()), (None, 16 + BYTES_PER_NAME));
        let name = names.name(UUID);
        assert_eq!((name, names.text(name), names.known(UUID)), (id.0, UUID, Some(name)));
        assert_eq!((names.name(UUID), names.len(), names.bytes_of(name)), (name, 1, names.bytes()));
        let before = UUID.to_uppercase();
        let name = names.name(&before);
        let id = names.id(&before);
        assert_eq!((id.0, &*names.id_text(id), names.text(name), names.len()), (name, &*before, &*before, 2));
        let plain = names.id("ASIAEXAMPLE00000000A");
        assert_eq!((&*names.id_text(plain), names.len()), ("ASIAEXAMPLE00000000A", 3));
        assert_eq!(names.known("ASIAEXAMPLE00000000A"), Some(plain.0));
    }

    /// Scenario: an id, one that is a subject too, and a subject stay while others go. Guarantees: their texts stay, and what
    /// they take.
    #[test]
    fn needed_ids_stay() {
        let mut names = Names::default();
        let other = UUID.replace("abcd", "abce");
        names.name("gone");
        let (mut id, mut both, mut name) = (names.id(UUID), names.id(&other), names.name(&other));
        let mut needed = Needed::none(&names);
        id.each_name(&mut |name| assert!(needed.mark(*name)));
        both.each_name(&mut |name| assert!(needed.mark(*name)));
        let (kept, renaming) = needed.keep(&names);
        renaming.rename(&mut id);
        renaming.rename(&mut both);
        renaming.rename(&mut name);
        assert_eq!((&*kept.id_text(id), &*kept.id_text(both), kept.text(name)), (UUID, &*other, &*other));
        assert_eq!((kept.len(), kept.bytes()), (2, 2 * (16 + BYTES_PER_NAME) + other.len()));
    }

    /// Scenario: a few of many names stay. Guarantees: they keep their texts and their order, and the others are gone.
    #[test]
    fn only_needed_names_stay() {
        let mut names = Names::default();
        let mut given: Vec<Name> = ["a", "b", "c", "d"].iter().map(|text| names.name(text)).collect();
        let mut needed = Needed::none(&names);
        assert!(needed.mark(given[3]) && needed.mark(given[1]) && !needed.mark(given[3]));
        let (kept, renaming) = needed.keep(&names);
        renaming.rename(given.as_mut_slice());
        assert_eq!((kept.len(), kept.text(given[1]), kept.text(given[3])), (2, "b", "d"));
        assert!(given[1] < given[3] && kept.known("a").is_none());
    }
}
