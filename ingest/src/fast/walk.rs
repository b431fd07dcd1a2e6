//! One pass over a record of known shape.
//!
//! In: text, its [`Marks`], and the [`Shape`] of the records of a format. Out: the wanted values as views.
//! Owns: JSON grammar: what is skipped is judged too. Anything irregular gives nothing, and the strict path reads the
//! record: a key that the shape does not know, a key that is there twice, an escape that is not simple, deep nesting.
//! Writers keep the order of their keys: the member behind the last one is tried first.

use super::marks::Marks;
use super::silent::Silent;
use super::slot::Slot;

/// Deepest nesting that is walked; deeper records are rare, and the strict path counts them.
const MAX_NESTING: usize = 32;

/// Most characters of a number that is surely finite.
const MAX_DIGITS: usize = 40;

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
    others: Others,
    /// At the [`place`] of each name, or behind it: the index of its member and one; 0 where there is none.
    table: [u8; TABLE],
}

impl Shape {
    /// An object that has these members and no others.
    pub(crate) const fn closed(members: &'static [Member]) -> Self {
        Self { members, others: Others::Irregular, table: table(members) }
    }

    /// An object that has these members and perhaps others.
    pub(crate) const fn open(members: &'static [Member]) -> Self {
        Self { members, others: Others::PassedOver, table: table(members) }
    }

    /// An object that has these members, and perhaps others whose names surely say nothing.
    pub(crate) const fn beside(members: &'static [Member], says_nothing: fn(&str) -> bool) -> Self {
        Self { members, others: Others::SayingNothing(says_nothing), table: table(members) }
    }

    /// Its members.
    pub(crate) fn members(&self) -> &'static [Member] {
        self.members
    }

    /// The index of the member with this name.
    #[inline]
    fn index(&self, name: &str) -> Option<usize> {
        let mut at = place(name.as_bytes());
        loop {
            let index = usize::from(*self.table.get(at)?).checked_sub(1)?;
            if self.members.get(index)?.name == name {
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
#[derive(Debug)]
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

#[derive(Debug)]
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
}

impl<'a> Walker<'a> {
    /// A walker that stands at `at`.
    pub(crate) fn new(text: &'a str, marks: &'a Marks, at: usize) -> Self {
        Self { text, marks, at, spaced: false }
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
            self.spaced = true;
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
        while open {
            let Some(index) = self.key(shape, next, &mut silent)? else {
                self.skip(0)?;
                self.more(&mut open)?;
                continue;
            };
            let bit = 1_u64 << index;
            if seen & bit != 0 {
                return None;
            }
            seen |= bit;
            next = index + 1;
            match &shape.members.get(index)?.want {
                Want::Nothing => self.skip(0)?,
                Want::Value(slot) => *slots.get_mut(*slot)? = self.value()?,
                Want::Members(inner) if self.byte() == b'{' => self.object(inner, slots)?,
                Want::Members(_) => self.word("null")?,
                Want::Both(slot, inner) if self.byte() == b'{' => {
                    let start = self.at;
                    self.object(inner, slots)?;
                    *slots.get_mut(*slot)? = Slot::Whole(self.text_from(start)?);
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

    /// Reads a key and its colon; gives the index of its member, if it is one of an open object.
    #[inline]
    fn key(
        &mut self,
        shape: &'static Shape,
        next: usize,
        silent: &mut Option<Silent<'a>>,
    ) -> Option<Option<usize>> {
        let name = self.string()?;
        self.blanks();
        self.take(b':')?;
        self.blanks();
        // Writers keep the order of their keys.
        let is_next = shape.members.get(next).is_some_and(|member| member.name == name);
        let found = if is_next { Some(next) } else { shape.index(name) };
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
        is_regular.then_some(found)
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
        let start = self.at;
        match self.byte() {
            b'"' => self.any_string(),
            b'{' | b'[' => self.nested(0).and_then(|()| self.text.get(start..self.at)).map(Slot::Whole),
            b'n' => self.word("null").map(|()| Slot::Null),
            b't' => self.word("true").map(|()| Slot::Truth(true)),
            b'f' => self.word("false").map(|()| Slot::Truth(false)),
            _ => self.number().map(Slot::Number),
        }
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
        loop {
            if is_object {
                self.any_string()?;
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
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.marks.next(mark + 2),
                    b'u' => {
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

    #[inline]
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// Reads a number.
    #[inline]
    fn number(&mut self) -> Option<&'a str> {
        let start = self.at;
        if self.byte() == b'-' {
            self.at += 1;
        }
        if self.byte() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        // Whether a number with an exponent, or of that many digits, is finite is for the strict path to say.
        let is_finite = !matches!(self.byte(), b'e' | b'E') && self.at - start <= MAX_DIGITS;
        self.text.get(start..self.at).filter(|_| is_finite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    static INNER: Shape = Shape::closed(&[keep("x", 1), skip("y")]);
    static SHAPE: Shape = Shape::closed(&[keep("a", 0), inside("o", &INNER), skip("s"), keep("z", 2)]);

    static BESIDE: Shape = Shape::beside(&[keep("a", 0)], |name| name.starts_with('n'));

    fn walk(text: &str) -> Option<[Slot<'_>; 3]> {
        walk_as(&SHAPE, text)
    }

    fn walk_as<'a>(shape: &'static Shape, text: &'a str) -> Option<[Slot<'a>; 3]> {
        let mut marks = Marks::default();
        marks.read(text.as_bytes());
        let mut slots = [Slot::Absent; 3];
        // The slots borrow from the text alone; the marks may go.
        let marks: &'static Marks = Box::leak(Box::new(marks));
        let mut walker = Walker::new(text, marks, 0);
        walker.object(shape, &mut slots)?;
        (walker.at() == text.len()).then_some(slots)
    }

    /// Scenario: records in any order, with blanks, escapes and nesting. Guarantees: the wanted values, as written.
    #[test]
    fn wanted_values_are_found() {
        let found =
            walk(r#"{"z": [1, {"q":null}], "s":{"deep":["\u00e9",true]},"o":{"y":-1,"x":"v"},"a":"\n"}"#);
        assert_eq!(found, Some([Slot::Escaped("\\n"), Slot::Text("v"), Slot::Whole(r#"[1, {"q":null}]"#)]));
        assert_eq!(walk(r#"{"o":null}"#), Some([Slot::Absent; 3]));
        assert_eq!(walk("{}"), Some([Slot::Absent; 3]));
    }

    /// Scenario: unknown and repeated keys, broken JSON, what is valid but unusual. Guarantees: nothing is taken.
    #[test]
    fn irregular_records_are_left() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"b":1}"#,
            r#"{"a":01}"#,
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\ud83d\ude00"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":nul}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":[1}"#,
            r#"{"s":{"k":1,}}"#,
            r#"{"s":{k:1}}"#,
            r#"{"a":1e5}"#,
            r#"{"a":+1}"#,
            r#"{"a":-}"#,
            r#"{"a":1} "#,
            r#"{"a":"#,
            "[]",
            "",
            r#"{"o":[]}"#,
            r#"{"a":"\u00"}"#,
        ] {
            assert_eq!(walk(text), None, "{text}");
        }
        let deep = format!("{{\"s\":{}1{}}}", "[".repeat(MAX_NESTING + 1), "]".repeat(MAX_NESTING + 1));
        assert_eq!(walk(&deep), None);
    }

    /// Scenario: names that say nothing, once and again, and others. Guarantees: the first are passed over; what is there
    /// twice is left to the strict path, which looks whether the values differ.
    #[test]
    fn what_is_passed_over_is_there_once() {
        assert!(walk_as(&BESIDE, r#"{"n1":1,"a":2,"n2":"x"}"#).is_some());
        for text in [r#"{"n1":1,"a":2,"n1":3}"#, r#"{"n1":1,"n2":2,"n1":1}"#, r#"{"n1":[]}"#, r#"{"b":1}"#] {
            assert_eq!(walk_as(&BESIDE, text), None, "{text}");
        }
    }

    proptest! {
        /// Scenario: any text made of JSON's own characters. Guarantees: what is taken is JSON to serde too.
        #[test]
        fn what_is_taken_is_json(inner in "[\\[\\]{}:,\"\\\\ a0-9.entrulfsx-]{0,40}") {
            for text in [format!("{{\"a\":{inner}}}"), format!("{{\"s\":[{inner}]}}")] {
                if walk(&text).is_some() {
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
                }
            }
        }
    }
}
