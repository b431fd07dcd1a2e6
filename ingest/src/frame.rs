//! Plain bytes to documents: lines, and JSON that spans lines.
//!
//! In: a reader. Out: one [`Frame`] per line, or per JSON value where several lines make one or one
//! line holds several. Owns: line numbers, byte order marks, the bounds on length.
//! Leaves to `list` the elements of a document, to `open` the decompression.
//! Memory is constant: what is longer than its bound is hashed and skipped.

use std::collections::VecDeque;
use std::io::{self, Read};

use crate::frame::lines::{Line, Lines, Next, too_long};
pub(crate) use crate::frame::shape::{Shape, Step};
use crate::list;

mod lines;
mod shape;

/// Longest line, in bytes: the default limit of a Kafka message.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;
/// Longest JSON document with a known list inside, in bytes: CloudTrail writes at most 50 MB before it starts a new file.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;

/// One piece of input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A line, or a JSON value of several lines.
    Document {
        /// Its bytes, without the line break.
        bytes: Vec<u8>,
        /// Number of its first line, from 1.
        line: u64,
    },
    /// A piece that is not read.
    Refused(Refused),
}

/// A piece of input that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Reason code.
    pub(crate) reason: &'static str,
    /// What is wrong.
    pub(crate) detail: String,
    /// Its beginning.
    pub(crate) head: Vec<u8>,
    /// Its length in bytes.
    pub(crate) length: u64,
    /// Number of its first line.
    pub(crate) line: u64,
}

/// Cuts a stream into frames.
pub(crate) struct Frames<R> {
    lines: Lines<R>,
    /// Lines that were taken for parts of a document, and are not.
    again: VecDeque<Line>,
    /// Frames that are ready.
    ready: VecDeque<Frame>,
    /// A refused line behind those in `again`.
    refused_behind: Option<Refused>,
    /// An error behind those in `again`.
    error_behind: Option<io::Error>,
    /// The stream ended inside what may be a document of several lines.
    ended_open: bool,
}

/// Whether a line is a document by itself, whatever comes behind it.
pub(crate) fn stands_alone(line: &[u8]) -> bool {
    if !matches!(line.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return true;
    }
    match Shape::default().feed(line) {
        Step::Complete(end) => line.get(end..).is_some_and(|rest| rest.trim_ascii().is_empty()),
        Step::Open => false,
        Step::Broken => true,
    }
}

impl<R: Read> Frames<R> {
    #[cfg(test)]
    fn new(reader: R) -> Self {
        Self::behind(0, reader)
    }

    /// Cuts what comes behind so many lines.
    pub(crate) fn behind(lines: u64, reader: R) -> Self {
        Self {
            lines: Lines::behind(lines, reader),
            again: VecDeque::new(),
            ready: VecDeque::new(),
            refused_behind: None,
            error_behind: None,
            ended_open: false,
        }
    }

    /// The next frame; after an error, [`Frames::cut_short`] has what was read of the unfinished line.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            match self.next_line()? {
                Next::End => return Ok(None),
                Next::Refused(refused) => return Ok(Some(Frame::Refused(refused))),
                Next::Line(line) => self.read_from(line)?,
            }
        }
    }

    /// Whether the stream ended inside what may be a document of several lines.
    pub(crate) fn ended_open(&self) -> bool {
        self.ended_open
    }

    /// Whole lines with their breaks, and the number of the first; none while lines are being looked at anew, and none
    /// of the first line, which may hold a byte order mark.
    pub(crate) fn whole_lines(&mut self) -> Option<(&[u8], u64)> {
        let is_idle = self.again.is_empty()
            && self.ready.is_empty()
            && self.refused_behind.is_none()
            && self.error_behind.is_none();
        if is_idle { self.lines.whole_lines() } else { None }
    }

    /// Passes over whole lines that were read where they lie.
    pub(crate) fn advance(&mut self, bytes: usize, lines: u64) {
        self.lines.advance(bytes, lines);
    }

    /// What was read of the line that an error cut short, and its number.
    pub(crate) fn cut_short(&mut self) -> (Vec<u8>, u64) {
        self.lines.cut_short()
    }

    /// Makes frames of a line and, where it begins a longer document, of the lines that follow.
    fn read_from(&mut self, line: Line) -> io::Result<()> {
        let text = line.bytes.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        if !matches!(text.first(), Some(b'{' | b'[')) {
            self.push(line.bytes, line.number);
            return Ok(());
        }
        let mut shape = Shape::default();
        match shape.feed(&line.bytes) {
            Step::Complete(end) => self.split(line, end),
            Step::Open => self.gather(line, shape)?,
            Step::Broken => self.push(line.bytes, line.number),
        }
        Ok(())
    }

    /// Splits a line that holds several JSON values, the last of which may go on in the next line; anything else behind
    /// the first keeps the line whole.
    fn split(&mut self, line: Line, first_end: usize) {
        let mut ends = vec![first_end];
        let mut from = first_end;
        let mut goes_on = None;
        while let Some(rest) = line.bytes.get(from..).filter(|rest| !rest.trim_ascii().is_empty()) {
            let is_next = matches!(rest.trim_ascii_start().first(), Some(b'{' | b'['));
            match Shape::default().feed(rest) {
                Step::Complete(length) if is_next => from += length,
                Step::Open if is_next => {
                    goes_on = Some(rest.to_vec());
                    break;
                }
                _ => {
                    ends.clear();
                    break;
                }
            }
            ends.push(from);
        }
        if ends.len() <= 1 && goes_on.is_none() {
            self.push(line.bytes, line.number);
            return;
        }
        let mut start = 0;
        for end in ends {
            self.push(line.bytes.get(start..end).unwrap_or_default().to_vec(), line.number);
            start = end;
        }
        if let Some(bytes) = goes_on {
            self.again.push_front(Line { bytes, number: line.number });
        }
    }

    /// Reads on while the lines make one JSON value; where they do not, each is a line of its own again.
    fn gather(&mut self, first: Line, mut shape: Shape) -> io::Result<()> {
        let mut length = first.bytes.len();
        let mut lines = vec![first];
        loop {
            let line = match self.next_line() {
                Ok(Next::Line(line)) => line,
                other => {
                    self.ended_open = true;
                    self.give_up(lines, true);
                    return self.pass_on(other);
                }
            };
            length += line.bytes.len() + 1;
            let step = shape.feed(&line.bytes);
            let rest = if let Step::Complete(end) = step { line.bytes.get(end..) } else { None };
            let is_whole = rest.is_some_and(|rest| rest.trim_ascii().is_empty());
            let behind_is_another =
                rest.is_some_and(|rest| matches!(rest.trim_ascii_start().first(), Some(b'{' | b'[')));
            lines.push(line);
            if step == Step::Open && length <= MAX_DOCUMENT_BYTES {
                continue;
            }
            match step {
                Step::Complete(_) if is_whole => self.push_joined(&lines),
                Step::Complete(end) if behind_is_another => self.push_up_to(lines, end),
                Step::Open => self.refuse_long(&lines),
                _ => self.give_up(lines, false),
            }
            return Ok(());
        }
    }

    /// The document ends inside its last line, and another begins there: files were put together that end without a break.
    fn push_up_to(&mut self, mut lines: Vec<Line>, end: usize) {
        let Some(last) = lines.last_mut() else { return };
        let behind = last.bytes.split_off(end.min(last.bytes.len()));
        self.again.push_front(Line { bytes: behind, number: last.number });
        self.push_joined(&lines);
    }

    /// Keeps what came instead of a line until the lines before it have gone out.
    fn pass_on(&mut self, next: io::Result<Next>) -> io::Result<()> {
        match next {
            Ok(Next::Refused(refused)) => self.refused_behind = Some(refused),
            Ok(_) => {}
            Err(error) => self.error_behind = Some(error),
        }
        Ok(())
    }

    /// The lines are no document: the first stands alone and the others are looked at anew. At the end of the
    /// stream they are one document that was cut, unless one of them is a record of its own.
    fn give_up(&mut self, mut lines: Vec<Line>, at_end: bool) {
        let is_record = |line: &Line| match Shape::default().feed(&line.bytes) {
            Step::Complete(end) => line.bytes.starts_with(b"{\"") && line.bytes.trim_ascii_end().len() <= end,
            _ => false,
        };
        if at_end && !lines.iter().skip(1).any(is_record) {
            self.push_joined(&lines);
            return;
        }
        let first = lines.remove(0);
        self.push(first.bytes, first.number);
        for line in lines.into_iter().rev() {
            self.again.push_front(line);
        }
    }

    fn push_joined(&mut self, lines: &[Line]) {
        let parts: Vec<&[u8]> = lines.iter().map(|line| line.bytes.as_slice()).collect();
        self.push(parts.join(&b'\n'), lines.first().map_or(0, |line| line.number));
    }

    /// Passes a document on, unless it is longer than a record may be.
    fn push(&mut self, bytes: Vec<u8>, line: u64) {
        let frame = if bytes.len() > MAX_LINE_BYTES && !list::may_hold_records(&bytes) {
            Frame::Refused(too_long(&bytes, bytes.len() as u64, &blake3::hash(&bytes), line))
        } else {
            Frame::Document { bytes, line }
        };
        self.ready.push_back(frame);
    }

    fn refuse_long(&mut self, lines: &[Line]) {
        let mut hasher = blake3::Hasher::new();
        let mut length = 0;
        for line in lines {
            hasher.update(&line.bytes).update(b"\n");
            length += line.bytes.len() as u64 + 1;
        }
        let first = lines.first();
        let head = first.map(|line| line.bytes.as_slice()).unwrap_or_default();
        let number = first.map_or(0, |line| line.number);
        self.ready.push_back(Frame::Refused(too_long(head, length, &hasher.finalize(), number)));
    }

    fn next_line(&mut self) -> io::Result<Next> {
        if let Some(line) = self.again.pop_front() {
            return Ok(Next::Line(line));
        }
        if let Some(refused) = self.refused_behind.take() {
            return Ok(Next::Refused(refused));
        }
        if let Some(error) = self.error_behind.take() {
            return Err(error);
        }
        self.lines.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Vec<(u64, String)> {
        let mut frames = Frames::new(bytes);
        let mut found = Vec::new();
        while let Some(frame) = frames.next().expect("a slice can be read") {
            found.push(match frame {
                Frame::Document { bytes, line } => (line, String::from_utf8_lossy(&bytes).into_owned()),
                Frame::Refused(refused) => (refused.line, format!("!{} {}", refused.reason, refused.length)),
            });
        }
        found
    }

    fn check(bytes: &[u8], expected: &[(u64, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
        assert_eq!(frames(bytes), expected, "{}", String::from_utf8_lossy(bytes));
    }

    /// Scenario: lines as tools and editors leave them. Guarantees: content and line numbers, no marks, no blanks.
    #[test]
    fn lines() {
        check(b"", &[]);
        check(b"\n\n", &[]);
        check(b"a\r\n\n b\nc", &[(1, "a"), (3, " b"), (4, "c")]);
        check(b"\xef\xbb\xbf{\"a\":1}\r\n", &[(1, "{\"a\":1}")]);
        check(b"[2026] \"GET\n[1.5] x[9]: y\n[\n", &[(1, "[2026] \"GET"), (2, "[1.5] x[9]: y"), (3, "[")]);
    }

    /// Scenario: JSON over several lines, or several values on one line. Guarantees: one frame per value.
    #[test]
    fn documents() {
        check(b"{\n \"a\": 1\n}\n{\"b\":2}\n", &[(1, "{\n \"a\": 1\n}"), (4, "{\"b\":2}")]);
        check(b"{\"a\":1}{\"b\":2} [3]\nx\n", &[(1, "{\"a\":1}"), (1, "{\"b\":2}"), (1, " [3]"), (2, "x")]);
        check(b"{\"a\":1} tail\n", &[(1, "{\"a\":1} tail")]);
        check(
            b"{\n\"a\":1\n}{\n\"b\":2\n}{\"c\":3}[4]{\n}\nx\n",
            &[
                (1, "{\n\"a\":1\n}"),
                (3, "{\n\"b\":2\n}"),
                (5, "{\"c\":3}"),
                (5, "[4]"),
                (5, "{\n}"),
                (7, "x"),
            ],
        );
        check(b"{\"a\":1}{\"b\":\n", &[(1, "{\"a\":1}"), (1, "{\"b\":")]);
        check(b"{\n\"a\":1\n} tail\n", &[(1, "{"), (2, "\"a\":1"), (3, "} tail")]);
        check(b"[{\"a\":\"}\"}\n,{\"b\":2}\n]\n", &[(1, "[{\"a\":\"}\"}\n,{\"b\":2}\n]")]);
    }

    /// Scenario: a record cut in its middle. Guarantees: it alone is lost, not the records behind it.
    #[test]
    fn cut_records() {
        for cut in ["{\"a\":\"x", "{\"a\":1,", "{\"a\":", "{", "{\"a\":[1,2"] {
            let bytes = format!("{cut}\n{{\"b\":2}}\n{{\"c\":3}}\n");
            check(bytes.as_bytes(), &[(1, cut), (2, "{\"b\":2}"), (3, "{\"c\":3}")]);
        }
        check(b"{\n \"a\": 1,\n \"b\"", &[(1, "{\n \"a\": 1,\n \"b\"")]);
    }

    /// Scenario: lines longer than a record may be. Guarantees: refused with their length, the next line is read.
    #[test]
    fn long_lines() {
        let long = "x".repeat(MAX_LINE_BYTES + 1);
        let expected = format!("!too-long {}", long.len());
        check(format!("{long}\nb\n").as_bytes(), &[(1, &expected), (2, "b")]);
        let list = format!("[{{\"a\":\"{long}\"}}]");
        check(format!("{list}\nb\n").as_bytes(), &[(1, &list), (2, "b")]);
    }
}
