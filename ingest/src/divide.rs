//! A stream in parts of whole lines, so that several threads can read one file.
//!
//! In: a reader of plain bytes. Out: parts, each with the number of its first line, and in the end what has to be read
//! in one piece. Owns: the size of a part. Law: parts and rest together are the stream, byte for byte, and an error
//! comes after the bytes that were read before it.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes of a part, at most: enough records to be worth a thread's while, few enough that the parts on their way and
/// the rows made of them are small beside a segment of the store.
pub(crate) const PART_BYTES: usize = 1024 * 1024;

/// Whole lines, except that the last one of a stream may lack its break.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) bytes: Vec<u8>,
    /// Number of lines before it.
    pub(crate) lines_before: u64,
}

/// Cuts a stream into parts.
pub(crate) struct Parts<R> {
    reader: R,
    part_bytes: usize,
    /// What was read and is in no part yet.
    rest: Vec<u8>,
    lines: u64,
    /// The stream was read to its end.
    pub(crate) ended: bool,
    error: Option<io::Error>,
}

impl<R: Read> Parts<R> {
    pub(crate) fn new(reader: R, part_bytes: usize) -> Self {
        Self { reader, part_bytes, rest: Vec::new(), lines: 0, ended: false, error: None }
    }

    /// The next part; none at the end, before an error, and where a line is longer than a part.
    pub(crate) fn next(&mut self) -> Option<Part> {
        self.fill();
        if self.error.is_some() || self.rest.is_empty() {
            return None;
        }
        let end = if self.ended { self.rest.len() } else { memchr::memrchr(b'\n', &self.rest)? + 1 };
        let rest = self.rest.split_off(end);
        let bytes = std::mem::replace(&mut self.rest, rest);
        let lines_before = self.lines;
        self.lines += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Some(Part { bytes, lines_before })
    }

    /// Reads until a part is full or nothing more comes.
    fn fill(&mut self) {
        self.rest.reserve_exact(self.part_bytes.saturating_sub(self.rest.len()));
        while self.rest.len() < self.part_bytes && !self.ended && self.error.is_none() {
            let room = (self.part_bytes - self.rest.len()) as u64;
            match self.reader.by_ref().take(room).read_to_end(&mut self.rest) {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                Err(error) => self.error = Some(error),
            }
        }
    }

    /// What is in no part, behind `ahead`, which is taken back: a reader, and the number of lines before it.
    pub(crate) fn into_rest<P: AsRef<Part>>(self, ahead: VecDeque<Arc<P>>) -> (Rest<R, P>, u64) {
        let lines_before = ahead.front().map_or(self.lines, |part| P::as_ref(part).lines_before);
        let Self { reader, rest, error, .. } = self;
        (Rest { ahead, at: 0, rest: io::Cursor::new(rest), error, reader }, lines_before)
    }
}

/// What is read in one piece.
pub(crate) struct Rest<R, P> {
    ahead: VecDeque<Arc<P>>,
    /// Bytes of the first part that have been read.
    at: usize,
    rest: io::Cursor<Vec<u8>>,
    error: Option<io::Error>,
    reader: R,
}

impl<R: Read, P: AsRef<Part>> Read for Rest<R, P> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(part) = self.ahead.front() {
            let mut left = P::as_ref(part).bytes.get(self.at..).unwrap_or_default();
            let length = left.read(out)?;
            if length > 0 || out.is_empty() {
                self.at += length;
                return Ok(length);
            }
            self.at = 0;
            self.ahead.pop_front();
        }
        let length = self.rest.read(out)?;
        if length > 0 {
            return Ok(length);
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => self.reader.read(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl AsRef<Part> for Part {
        fn as_ref(&self) -> &Part {
            self
        }
    }

    struct Failing;

    impl Read for Failing {
        fn read(&mut self, _out: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }

    /// Takes `parts` parts of which `back` are given back; returns all bytes, and checks every line number.
    fn check(text: &[u8], parts: usize, back: usize) -> usize {
        let lines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count() as u64;
        let mut cut = Parts::new(text.chain(Failing), PART_BYTES);
        let (mut seen, mut ahead) = (Vec::new(), VecDeque::new());
        while let Some(part) = (ahead.len() < parts).then(|| cut.next()).flatten() {
            ahead.push_back(Arc::new(part));
        }
        let found = ahead.len();
        for part in ahead.drain(..found.saturating_sub(back)) {
            assert_eq!(part.lines_before, lines(&seen));
            assert_eq!(part.bytes.last(), Some(&b'\n'));
            seen.extend_from_slice(&part.bytes);
        }
        let (mut rest, lines_before) = cut.into_rest(ahead);
        assert_eq!(lines_before, lines(&seen));
        assert!(rest.read_to_end(&mut seen).is_err(), "the error comes, after all that was read before it");
        assert!(seen == text, "{parts} parts, {back} given back");
        found
    }

    /// Scenario: a stream that fails at its end, cut into parts, some of which are given back. Guarantees: whole lines
    /// with the right numbers, every byte once, then the error; a line longer than a part ends the cutting.
    #[test]
    fn parts_and_rest_are_the_stream() {
        let lines: Vec<String> = (0..3_000).map(|line| "x".repeat(line * line % 3_001) + "\n").collect();
        let text = lines.concat();
        assert!(text.len() > 4 * PART_BYTES);
        assert_eq!(check(text.as_bytes(), 0, 0), 0);
        assert_eq!(check(text.as_bytes(), 3, 2), 3);
        assert_eq!(check(text.as_bytes(), usize::MAX, 1), text.len() / PART_BYTES);
        let long =
            [text.get(..PART_BYTES * 2).unwrap_or_default(), &"y".repeat(PART_BYTES), "\nz\n"].concat();
        assert_eq!(check(long.as_bytes(), usize::MAX, 0), 2);
    }

    /// Scenario: streams that end with and without a line break. Guarantees: the last part has what is left.
    #[test]
    fn the_end_is_a_part() {
        for (text, expected) in [("", None), ("a", Some("a")), ("a\nb", Some("a\nb")), ("a\n", Some("a\n"))] {
            let mut cut = Parts::new(text.as_bytes(), PART_BYTES);
            let found = cut.next().map(|part| String::from_utf8_lossy(&part.bytes).into_owned());
            assert_eq!(found.as_deref(), expected);
            assert!(cut.next().is_none() && cut.ended);
        }
    }
}
