//! One pass over a record of known shape.
//!
//! In: text, its [`Marks`], and the [`Shape`] of the records of a format. Out: the wanted values as views.
//! Owns: JSON grammar: what is skipped is judged too. Anything irregular gives nothing, and the strict path reads the
//! record: a key that the shape does not know, a key that is there twice, an escape that is not simple, deep nesting.
//! Writers keep the order of their keys: the member behind the last one is tried first. On its way the walker sees whether
//! an object stands as the strict path would write it ([`Slot::Ready`]).

use super::marks::Marks;
use super::rewrite::{MAX_NEGATIVE_DIGITS, MAX_PLAIN_DIGITS};
use super::silent::Silent;
use super::slot::Slot;

/// Deepest nesting that is walked; deeper records are rare, and the strict path counts them.
const MAX_NESTING: usize = 32;

/// Most characters of a number that is surely finite.
const MAX_DIGITS: usize = 40;

/// Quotes and colon of a key.
const KEY_SIGNS: usize = 3;

/// Places in the table of a shape: twice as many as it has members at most.
const TABLE: usize = 128;

/// What becomes of a member that a shape does not name.
#[derive(Debug, Clone, Copy)]
enum Others {
    /// It makes the record irregular.
    Irregular,
    /// It is passed over.
    PassedOver,
    /// It is passed over if it is no object or list, and its name is one of those that say nothing.
    SayingNothing(fn(&str) -> bool),
}

/// The members of one object; at most 64.
#[derive(Debug)]
pub(crate) struct Shape {
    /// In the order in which they are usually written.
    members: &'static [Member],
    /// Whether that is the order of their names.
    is_sorted: bool,
    others: Others,
    /// At the [`place`] of each name, or behind it: the index of its member and one; 0 where there is none.
    table: [u8; TABLE],
}

impl Shape {
    /// An object that has these members and no others.
    pub(crate) const fn closed(members: &'static [Member]) -> Self {
        Self::new(members, Others::Irregular)
    }

    /// An object that has these members and perhaps others.
    pub(crate) const fn open(members: &'static [Member]) -> Self {
        Self::new(members, Others::PassedOver)
    }

    /// An object that has these members, and perhaps others whose names surely say nothing.
    pub(crate) const fn beside(members: &'static [Member], says_nothing: fn(&str) -> bool) -> Self {
        Self::new(members, Others::SayingNothing(says_nothing))
    }

    const fn new(members: &'static [Member], others: Others) -> Self {
        Self { members, is_sorted: is_sorted(members), others, table: table(members) }
    }

    /// Whether an object that begins with this key may be of this shape.
    pub(crate) fn may_begin_with(&self, key: &str) -> bool {
        !matches!(self.others, Others::Irregular) || self.index(key).is_some()
    }

    /// Its members.
    pub(crate) fn members(&self) -> &'static [Member] {
        self.members
    }

    /// The name of the member before the one with this index.
    fn last_name(&self, next: usize) -> Option<&'static str> {
        next.checked_sub(1).and_then(|last| self.members.get(last)).map(|last| last.name)
    }

    /// The index of the member with this name.
    #[inline]
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        let mut at = place(name.as_bytes());
        loop {
            let index = usize::from(*self.table.get(at)?).checked_sub(1)?;
            if is_same(self.members.get(index)?.name.as_bytes(), name.as_bytes()) {
                return Some(index);
            }
            at = (at + 1) % TABLE;
        }
    }
}

#[cfg(test)]
impl Shape {
    /// Whether there may be members that it does not name.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.others, Others::Irregular)
    }

    /// The keys that it knows.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.members.iter().map(|member| member.name)
    }
}

const fn table(members: &[Member]) -> [u8; TABLE] {
    assert!(members.len() * 2 <= TABLE, "a table has room");
    let mut table = [0; TABLE];
    let mut index = 0;
    while index < members.len() {
        let mut at = place(members[index].name.as_bytes());
        while table[at] != 0 {
            at = (at + 1) % TABLE;
        }
        index += 1;
        // There are 64 at most.
        table[at] = index as u8;
    }
    table
}

/// Whether members stand in the order of their names.
const fn is_sorted(members: &[Member]) -> bool {
    let mut index = 1;
    while index < members.len() {
        if !is_before(members[index - 1].name.as_bytes(), members[index].name.as_bytes()) {
            return false;
        }
        index += 1;
    }
    true
}

const fn is_before(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() {
        if left[at] != right[at] {
            return left[at] < right[at];
        }
        at += 1;
    }
    left.len() < right.len()
}

/// Whether two names are the same. Most have two to thirty-two bytes: their two ends, which may overlap, are all of them.
#[inline]
pub(crate) fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && match left.len() {
            17..=32 => {
                left.first_chunk::<16>() == right.first_chunk()
                    && left.last_chunk::<16>() == right.last_chunk()
            }
            8..=16 => {
                left.first_chunk::<8>() == right.first_chunk() && left.last_chunk::<8>() == right.last_chunk()
            }
            4..8 => {
                left.first_chunk::<4>() == right.first_chunk() && left.last_chunk::<4>() == right.last_chunk()
            }
            2..4 => {
                left.first_chunk::<2>() == right.first_chunk() && left.last_chunk::<2>() == right.last_chunk()
            }
            _ => left == right,
        }
}

/// Whether a name stands before another one in their order. Most differ in their first letter.
#[inline]
fn stands_before(left: &str, right: &str) -> bool {
    match (left.as_bytes().first(), right.as_bytes().first()) {
        (Some(first), Some(other)) if first != other => first < other,
        _ => left < right,
    }
}

/// Where a name is looked for first.
#[inline]
const fn place(name: &[u8]) -> usize {
    match name {
        [first, .., last] => {
            let middle = name[name.len() / 2];
            (name.len() * 11 + *first as usize * 5 + middle as usize * 7 + *last as usize * 3) % TABLE
        }
        [only] => *only as usize % TABLE,
        [] => 0,
    }
}

/// One member of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    name: &'static str,
    want: Want,
}

impl Member {
    /// Its key.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The members of its value, if it is looked into.
    pub(crate) fn shape(&self) -> Option<&'static Shape> {
        match self.want {
            Want::Members(shape) | Want::Both(_, shape) => Some(shape),
            Want::Nothing | Want::Value(_) => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Want {
    Nothing,
    Value(usize),
    Members(&'static Shape),
    Both(usize, &'static Shape),
}

/// A member that is known and of no interest.
pub(crate) const fn skip(name: &'static str) -> Member {
    Member { name, want: Want::Nothing }
}

/// A member whose value goes to the slot with this index.
pub(crate) const fn keep(name: &'static str, slot: usize) -> Member {
    Member { name, want: Want::Value(slot) }
}

/// A member that is an object of its own.
pub(crate) const fn inside(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, want: Want::Members(shape) }
}

/// A member that goes to a slot, and, where it is an object, into which it is looked.
pub(crate) const fn parts(name: &'static str, slot: usize, shape: &'static Shape) -> Member {
    Member { name, want: Want::Both(slot, shape) }
}

/// A place in a text.
#[derive(Debug, Clone)]
pub(crate) struct Walker<'a> {
    text: &'a str,
    marks: &'a Marks,
    at: usize,
    spaced: bool,
    /// Whether the strict path would write what was walked otherwise than it stands.
    is_other: bool,
}

impl<'a> Walker<'a> {
    /// A walker that stands at `at`.
    pub(crate) fn new(text: &'a str, marks: &'a Marks, at: usize) -> Self {
        Self { text, marks, at, spaced: false, is_other: false }
    }

    /// Where it stands.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Whether an object begins where it stands.
    #[inline]
    pub(crate) fn is_at_object(&self) -> bool {
        self.byte() == b'{'
    }

    /// The first key of the object where it stands, if that is as plain as those of [`Shape`]s are.
    pub(crate) fn first_key(&self) -> Option<&'a str> {
        let mut at = self.clone();
        at.take(b'{')?;
        at.blanks();
        at.string()
    }

    /// Whether there were blanks between tokens.
    pub(crate) fn spaced(&self) -> bool {
        self.spaced
    }

    /// What was walked since `start`.
    pub(crate) fn text_from(&self, start: usize) -> Option<&'a str> {
        self.text.get(start..self.at)
    }

    /// The place behind the line, if nothing but its break is left of it.
    pub(crate) fn line_end(&self) -> Option<usize> {
        match self.text.as_bytes().get(self.at..)? {
            [b'\n', ..] => Some(self.at + 1),
            [b'\r', b'\n', ..] => Some(self.at + 2),
            _ => None,
        }
    }

    #[inline]
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.byte() == byte).then(|| self.at += 1)
    }

    #[inline]
    fn blanks(&mut self) {
        while self.byte() == b' ' {
            self.at += 1;
            (self.spaced, self.is_other) = (true, true);
        }
    }

    /// Reads one object; `slots` take the wanted values.
    pub(crate) fn object(&mut self, shape: &'static Shape, slots: &mut [Slot<'a>]) -> Option<()> {
        self.take(b'{')?;
        self.blanks();
        if self.byte() == b'}' {
            return self.take(b'}');
        }
        let mut seen = 0_u64;
        let mut next = 0;
        let mut open = true;
        let mut silent = None;
        // Members in another order than that of their names are written in that one; so are those of a shape that has another.
        self.is_other |= !shape.is_sorted;
        let mut before = None;
        while open {
            let (name, index) = self.key(shape, next, &mut silent)?;
            if !self.is_other && (index.is_none() || before.is_some()) {
                self.is_other = shape.last_name(next).max(before) >= Some(name);
                before = index.is_none().then_some(name);
            }
            let Some(index) = index else {
                self.skip(0)?;
                self.more(&mut open)?;
                continue;
            };
            let bit = 1_u64 << index;
            if seen & bit != 0 {
                return None;
            }
            seen |= bit;
            self.is_other |= index < next;
            next = index + 1;
            match &shape.members.get(index)?.want {
                Want::Nothing => self.skip(0)?,
                Want::Value(slot) => *slots.get_mut(*slot)? = self.value()?,
                Want::Members(inner) if self.byte() == b'{' => self.object(inner, slots)?,
                Want::Members(_) => self.word("null")?,
                Want::Both(slot, inner) if self.byte() == b'{' => {
                    let whole = self.whole(|walker| walker.object(inner, slots))?;
                    *slots.get_mut(*slot)? = whole;
                }
                // What is no object has no members; lists and texts are rare where one is expected.
                Want::Both(slot, _) => *slots.get_mut(*slot)? = self.value()?,
            }
            self.more(&mut open)?;
        }
        Some(())
    }

    /// Passes over the comma or the bracket behind a member.
    #[inline]
    fn more(&mut self, open: &mut bool) -> Option<()> {
        self.blanks();
        if self.byte() == b',' {
            self.at += 1;
            self.blanks();
            return Some(());
        }
        *open = false;
        self.take(b'}')
    }

    /// Reads a key and its colon; gives it, and the index of its member, if it is one of an open object.
    #[inline]
    fn key(
        &mut self,
        shape: &'static Shape,
        next: usize,
        silent: &mut Option<Silent<'a>>,
    ) -> Option<(&'a str, Option<usize>)> {
        // Writers keep the order of their keys, and most put nothing between a key and its colon.
        if let Some(member) = shape.members.get(next)
            && self.passes_key(member.name)
        {
            self.blanks();
            return Some((member.name, Some(next)));
        }
        let name = self.string()?;
        self.blanks();
        self.take(b':')?;
        self.blanks();
        let found = shape.index(name);
        let is_regular = found.is_some()
            || match shape.others {
                Others::Irregular => false,
                Others::PassedOver => true,
                Others::SayingNothing(says_nothing) => {
                    !matches!(self.byte(), b'{' | b'[')
                        && says_nothing(name)
                        && silent.get_or_insert_default().is_first(name)
                }
            };
        is_regular.then_some((name, found))
    }

    /// Passes over this key, its quotes and its colon, if that is what stands here.
    #[inline]
    fn passes_key(&mut self, name: &str) -> bool {
        let end = self.at + name.len() + KEY_SIGNS;
        let Some([b'"', inside @ .., b'"', b':']) = self.text.as_bytes().get(self.at..end) else {
            return false;
        };
        let is_it = is_same(inside, name.as_bytes());
        self.at = if is_it { end } else { self.at };
        is_it
    }

    /// Reads a string without escapes.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        let end = self.marks.next(start);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// Reads a value.
    #[inline]
    fn value(&mut self) -> Option<Slot<'a>> {
        match self.byte() {
            b'"' => self.any_string(),
            b'{' | b'[' => self.whole(|walker| walker.nested(0)),
            b'n' => self.word("null").map(|()| Slot::Null),
            b't' => self.word("true").map(|()| Slot::Truth(true)),
            b'f' => self.word("false").map(|()| Slot::Truth(false)),
            _ => self.number().map(Slot::Number),
        }
    }

    /// Walks over an object or a list, which is all of a value.
    #[inline]
    fn whole(&mut self, walk: impl FnOnce(&mut Self) -> Option<()>) -> Option<Slot<'a>> {
        let (start, was_other) = (self.at, std::mem::take(&mut self.is_other));
        walk(self)?;
        let text = self.text_from(start)?;
        let slot = if self.is_other { Slot::Whole(text) } else { Slot::Ready(text) };
        self.is_other |= was_other;
        Some(slot)
    }

    #[inline]
    fn skip(&mut self, depth: usize) -> Option<()> {
        match self.byte() {
            b'"' => self.any_string().map(|_| ()),
            b'{' | b'[' => self.nested(depth),
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.number().map(|_| ()),
        }
    }

    /// Skips an object or a list, judging it.
    fn nested(&mut self, depth: usize) -> Option<()> {
        let is_object = self.byte() == b'{';
        let close = if is_object { b'}' } else { b']' };
        self.at += 1;
        self.blanks();
        if self.byte() == close {
            return self.take(close);
        }
        if depth >= MAX_NESTING {
            return None;
        }
        let mut before = None;
        loop {
            if is_object {
                let name = self.any_string()?;
                if !self.is_other {
                    self.is_other = !matches!(name, Slot::Text(name) if before.is_none_or(|before| stands_before(before, name)));
                    before = name.text_as_it_is();
                }
                self.blanks();
                self.take(b':')?;
                self.blanks();
            }
            self.skip(depth + 1)?;
            self.blanks();
            match self.byte() {
                b',' => self.at += 1,
                _ => return self.take(close),
            }
            self.blanks();
        }
    }

    /// Reads a string, with or without escapes.
    #[inline]
    fn any_string(&mut self) -> Option<Slot<'a>> {
        self.take(b'"')?;
        let start = self.at;
        let end = self.marks.next(start);
        match self.text.as_bytes().get(end) {
            Some(b'"') => {
                self.at = end + 1;
                self.text.get(start..end).map(Slot::Text)
            }
            Some(b'\\') => self.escaped(start, end),
            _ => None,
        }
    }

    /// Reads on from the first escape of a string, at `mark`. Surrogates are left to the strict path.
    fn escaped(&mut self, start: usize, mut mark: usize) -> Option<Slot<'a>> {
        let bytes = self.text.as_bytes();
        loop {
            mark = match bytes.get(mark)? {
                b'"' => {
                    self.at = mark + 1;
                    return self.text.get(start..mark).map(Slot::Escaped);
                }
                b'\\' => match bytes.get(mark + 1)? {
                    b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => self.marks.next(mark + 2),
                    b'/' => {
                        self.is_other = true;
                        self.marks.next(mark + 2)
                    }
                    b'u' => {
                        self.is_other = true;
                        let digits = self.text.get(mark + 2..mark + 6)?;
                        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                        let is_surrogate =
                            digits.starts_with(['d', 'D']) && digits.as_bytes().get(1)? >= &b'8';
                        (is_hex && !is_surrogate).then_some(())?;
                        self.marks.next(mark + 6)
                    }
                    _ => return None,
                },
                _ => return None,
            };
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// Passes over digits; gives how many.
    #[inline]
    fn digits(&mut self) -> Option<usize> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        Some(self.at - start).filter(|digits| *digits > 0)
    }

    /// Reads a number.
    #[inline]
    fn number(&mut self) -> Option<&'a str> {
        let start = self.at;
        let is_negative = self.byte() == b'-';
        self.at += usize::from(is_negative);
        let is_zero = self.byte() == b'0';
        let digits = if is_zero { self.take(b'0').map(|()| 1)? } else { self.digits()? };
        let most = if is_negative { MAX_NEGATIVE_DIGITS } else { MAX_PLAIN_DIGITS };
        self.is_other |= digits > most || is_negative && is_zero;
        if self.byte() == b'.' {
            self.at += 1;
            self.is_other = true;
            self.digits()?;
        }
        // Whether a number with an exponent, or of that many digits, is finite is for the strict path to say.
        let is_finite = !matches!(self.byte(), b'e' | b'E') && self.at - start <= MAX_DIGITS;
        self.text.get(start..self.at).filter(|_| is_finite)
    }
}

#[cfg(test)]
mod tests;
