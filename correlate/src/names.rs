//! Text that names things, as dense numbers.
//!
//! In: credential ids, hosts, workloads, addresses, destinations. Out: a `u32` each, and the text back.
//! Owns: the table of names of one engine: every text once, four bytes to find it by its number and about seven by its
//! text. Law: two texts have one name only if they are equal; names are in the order in which their texts came.

use std::num::NonZeroU32;

use hashbrown::HashTable;

use crate::keyed::RandomState;
use crate::numbers::NONE;

/// Texts that are kept together: small enough that none of the blocks is ever moved as a whole at a cost that shows.
const BLOCK_NAMES: usize = 4_096;
/// What a text takes beside its own bytes: its end, and its place in the index at the usual load.
const BYTES_PER_NAME: usize = 12;

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

/// Texts one after the other.
#[derive(Debug, Clone, Default)]
struct Block {
    texts: String,
    ends: Vec<u32>,
}

/// All names of one engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    blocks: Vec<Block>,
    len: u32,
    /// By the hash of their texts, with a key of its own: whoever writes texts does not know where they fall.
    index: HashTable<Name>,
    hasher: RandomState,
    text_bytes: usize,
}

impl Names {
    /// The number of `text`, given now if it is new.
    pub(crate) fn name(&mut self, text: &str) -> Name {
        let hash = self.hasher.hash_one(text);
        let Self { blocks, index, hasher, .. } = self;
        if let Some(known) = index.find(hash, |name| read(blocks, *name) == text) {
            return *known;
        }
        let name = Name::of_place(self.len);
        self.len = self
            .len
            .checked_add(1)
            .filter(|len| *len < u32::MAX)
            .expect("fewer than 2^32 names fit in memory");
        self.text_bytes += text.len();
        append(blocks, text);
        index.insert_unique(hash, name, |name| hasher.hash_one(read(blocks, *name)));
        name
    }

    /// The number of an optional text; empty text names nothing.
    pub(crate) fn maybe(&mut self, text: Option<&str>) -> Option<Name> {
        text.filter(|text| !text.is_empty()).map(|text| self.name(text))
    }

    /// The number of `text`, if it has one.
    pub(crate) fn known(&self, text: &str) -> Option<Name> {
        let hash = self.hasher.hash_one(text);
        self.index.find(hash, |name| read(&self.blocks, *name) == text).copied()
    }

    /// The text of `name`.
    pub(crate) fn text(&self, name: Name) -> &str {
        read(&self.blocks, name)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Logical size in bytes: a function of the texts alone.
    pub(crate) fn bytes(&self) -> usize {
        self.text_bytes + self.len() * BYTES_PER_NAME
    }

    /// Logical size of one of them.
    pub(crate) fn bytes_of(&self, name: Name) -> usize {
        self.text(name).len() + BYTES_PER_NAME
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

fn append(blocks: &mut Vec<Block>, text: &str) {
    if blocks.last().is_none_or(|block| block.ends.len() == BLOCK_NAMES) {
        if let Some(full) = blocks.last_mut() {
            full.texts.shrink_to_fit();
        }
        blocks.push(Block::default());
    }
    if let Some(block) = blocks.last_mut() {
        block.texts.push_str(text);
        block.ends.push(u32::try_from(block.texts.len()).expect("no line of a log has a megabyte"));
    }
}

fn read(blocks: &[Block], name: Name) -> &str {
    let (block, place) = (name.place() / BLOCK_NAMES, name.place() % BLOCK_NAMES);
    let block = &blocks[block];
    let start = place.checked_sub(1).map_or(0, |before| block.ends[before]);
    &block.texts[start as usize..block.ends[place] as usize]
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
        let numbers =
            old.map(|(place, needed)| needed.then(|| kept.name(read(&names.blocks, Name::of_place(place)))));
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

    /// Scenario: more texts than a block takes, empty and repeated ones among them. Guarantees: each is read back by its
    /// number and found by its text, and the size is that of the texts.
    #[test]
    fn texts_come_back() {
        let mut names = Names::default();
        let texts: Vec<String> =
            (0..2 * BLOCK_NAMES + 3).map(|n| "x".repeat(n % 5) + &n.to_string()).collect();
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
