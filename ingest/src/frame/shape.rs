//! Whether bytes are the beginning of one JSON value, the whole of it, or neither.
//!
//! In: lines, one after the other. Out: [`Step`]. Owns: the grammar, as far as it tells documents from lines.
//! It is lenient about scalars; `json` judges those.

use crate::json::MAX_DEPTH;

/// What the bytes so far are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// One whole value, which ends at this offset of the last line fed.
    Complete(usize),
    /// The beginning of a value that may go on in the next line.
    Open,
    /// No JSON, or a string that its line does not end, or nested too deep.
    Broken,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Expect {
    #[default]
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

/// The state between lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    /// The open brackets, outermost first.
    open: Vec<u8>,
    expect: Expect,
    is_complete: bool,
}

impl Shape {
    /// Takes one more line.
    pub(crate) fn feed(&mut self, line: &[u8]) -> Step {
        let mut at = 0;
        while let Some(byte) = line.get(at) {
            let taken = match byte {
                b' ' | b'\t' | b'\r' | b'\n' => Some(1),
                b'"' => string_length(line, at).filter(|_| self.take_string()),
                b'{' | b'[' => self.open(*byte).then_some(1),
                b'}' | b']' => self.close(*byte).then_some(1),
                b',' => self.comma().then_some(1),
                b':' => self.colon().then_some(1),
                _ => scalar_length(line, at).filter(|_| self.take_value()),
            };
            let Some(taken) = taken else { return Step::Broken };
            at += taken;
            if self.is_complete {
                return Step::Complete(at);
            }
        }
        Step::Open
    }

    fn take_value(&mut self) -> bool {
        let fits = matches!(self.expect, Expect::Value | Expect::ValueOrEnd);
        self.after_value();
        fits
    }

    fn take_string(&mut self) -> bool {
        if matches!(self.expect, Expect::Key | Expect::KeyOrEnd) {
            self.expect = Expect::Colon;
            return true;
        }
        self.take_value()
    }

    fn after_value(&mut self) {
        self.expect = Expect::CommaOrEnd;
        self.is_complete = self.open.is_empty();
    }

    fn open(&mut self, bracket: u8) -> bool {
        let fits = matches!(self.expect, Expect::Value | Expect::ValueOrEnd);
        self.open.push(bracket);
        self.expect = if bracket == b'{' { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
        fits && self.open.len() <= MAX_DEPTH
    }

    fn close(&mut self, bracket: u8) -> bool {
        let fits = match (self.open.pop(), bracket) {
            (Some(b'{'), b'}') => matches!(self.expect, Expect::KeyOrEnd | Expect::CommaOrEnd),
            (Some(b'['), b']') => matches!(self.expect, Expect::ValueOrEnd | Expect::CommaOrEnd),
            _ => false,
        };
        self.after_value();
        fits
    }

    fn comma(&mut self) -> bool {
        let fits = self.expect == Expect::CommaOrEnd;
        self.expect = if self.open.last() == Some(&b'{') { Expect::Key } else { Expect::Value };
        fits
    }

    fn colon(&mut self) -> bool {
        let fits = self.expect == Expect::Colon;
        self.expect = Expect::Value;
        fits
    }
}

/// Length of the string at `at` with its quotes; `None` when the line ends first.
fn string_length(line: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        let found = memchr::memchr2(b'"', b'\\', line.get(end..)?)?;
        end += found + 1;
        if line.get(end - 1) == Some(&b'"') {
            return Some(end - at);
        }
        end += 1;
    }
}

/// Length of the number or word at `at`.
fn scalar_length(line: &[u8], at: usize) -> Option<usize> {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = line.get(at..)?.iter().take_while(is_part).count();
    let starts = line.get(at).is_some_and(|byte| byte.is_ascii_digit() || b"-tfnNI".contains(byte));
    (starts && length > 0).then_some(length)
}
