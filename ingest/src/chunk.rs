//! A stream as stretches of whole lines.
//!
//! In: a reader. Out: the same bytes, either as a buffered reader or as a stretch of whole lines that lie in memory.
//! Owns: one buffer of constant size. A line that does not fit it is never part of a stretch. An error comes after
//! the bytes that were read before it.

use std::io::{self, BufRead, Read};

/// Size of the buffer, in bytes: some hundred records, and small enough for a second-level cache.
const BUFFER_BYTES: usize = 256 * 1024;
/// Most bytes of a stretch, unless one line is longer.
const STRETCH_BYTES: usize = 64 * 1024;

/// A buffered reader that can show whole lines.
pub(crate) struct Chunked<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    error: Option<io::Error>,
}

impl<R: Read> Chunked<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0, ended: false, error: None }
    }

    /// Whole lines with their breaks, from where the reader stands; empty when there is none in the buffer.
    pub(crate) fn whole_lines(&mut self) -> &[u8] {
        loop {
            let ahead = self.buffer.get(self.start..self.end).unwrap_or_default();
            let (near, far) = ahead.split_at(ahead.len().min(STRETCH_BYTES));
            let last =
                memchr::memrchr(b'\n', near).or_else(|| Some(near.len() + memchr::memchr(b'\n', far)?));
            if let Some(last) = last {
                return self.buffer.get(self.start..self.start + last + 1).unwrap_or_default();
            }
            if self.ended || self.error.is_some() || !self.read_more() {
                return &[];
            }
        }
    }

    /// Reads behind what is there; false when the buffer is full.
    fn read_more(&mut self) -> bool {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let Some(room) = self.buffer.get_mut(self.end..).filter(|room| !room.is_empty()) else {
            return false;
        };
        match self.reader.read(room) {
            Ok(0) => self.ended = true,
            Ok(length) => self.end += length.min(room.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.error = Some(error),
        }
        true
    }
}

impl<R: Read> Read for Chunked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}

impl<R: Read> BufRead for Chunked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.start == self.end && !self.ended {
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            self.read_more();
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, length: usize) {
        self.start = (self.start + length).min(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: lines of every length, read in turns as stretches and one by one, from a reader that gives little at
    /// a time. Guarantees: every byte comes once, in order, and a stretch is whole lines.
    #[test]
    fn every_byte_comes_once() {
        let lines: Vec<String> = (0..400).map(|line| "x".repeat(line * line % 3_000) + "\n").collect();
        let text = lines.concat() + &"y".repeat(BUFFER_BYTES + 10) + "\nlast";
        let mut reader = Chunked::new(io::BufReader::with_capacity(777, text.as_bytes()));
        let mut seen = Vec::new();
        for turn in 0.. {
            let stretch = reader.whole_lines();
            let is_stretch = !stretch.is_empty() && turn % 3 != 0;
            if is_stretch {
                assert_eq!(stretch.last(), Some(&b'\n'));
                let length = stretch.len();
                seen.extend_from_slice(stretch);
                reader.consume(length);
            } else if reader.read_until(b'\n', &mut seen).expect("memory can be read") == 0 {
                break;
            }
        }
        assert!(seen == text.as_bytes(), "{} bytes of {}", seen.len(), text.len());
    }

    /// Scenario: a reader that fails in the middle of a line. Guarantees: what was read comes first, then the error.
    #[test]
    fn an_error_comes_last() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _out: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let mut reader = Chunked::new(b"a\nb".chain(Failing));
        assert_eq!(reader.whole_lines(), b"a\n");
        reader.consume(2);
        assert!(reader.whole_lines().is_empty());
        assert_eq!(reader.fill_buf().expect("bytes come first"), b"b");
        reader.consume(1);
        assert!(reader.fill_buf().is_err());
    }
}
