//! A stream to its lines, whatever their length.
//!
//! In: a reader. Out: lines without their breaks, numbered from 1; a line beyond its bound is hashed, its head
//! kept and the rest skipped. Owns: byte order mark and line breaks. Memory is constant.

use std::io::{self, BufRead, Read};

use super::{MAX_DOCUMENT_BYTES, MAX_LINE_BYTES, Refused};
use crate::chunk::Chunked;
use crate::list;

/// How much of a refused line is kept, in bytes: as much as a dead letter holds.
const HEAD_BYTES: usize = 64 * 1024;

/// A line without its break.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    pub(super) number: u64,
}

/// What came of reading a line.
pub(super) enum Next {
    Line(Line),
    Refused(Refused),
    End,
}

/// Reads lines.
pub(super) struct Lines<R> {
    reader: Chunked<R>,
    /// Number of lines taken from the reader.
    lines_read: u64,
    /// What has been read of the line that an error cut short.
    cut_short: Vec<u8>,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn behind(lines: u64, reader: R) -> Self {
        Self { reader: Chunked::new(reader), lines_read: lines, cut_short: Vec::new(), ended: false }
    }

    /// What was read of the line that an error cut short, and its number.
    pub(super) fn cut_short(&mut self) -> (Vec<u8>, u64) {
        (std::mem::take(&mut self.cut_short), self.lines_read + 1)
    }

    /// Whole lines behind the first, where they lie, and the number of the first of them.
    pub(super) fn whole_lines(&mut self) -> Option<(&[u8], u64)> {
        if self.lines_read == 0 || self.ended {
            return None;
        }
        let number = self.lines_read + 1;
        let lines = self.reader.whole_lines();
        (!lines.is_empty()).then_some((lines, number))
    }

    /// Passes over whole lines.
    pub(super) fn advance(&mut self, bytes: usize, lines: u64) {
        self.reader.consume(bytes);
        self.lines_read += lines;
    }

    /// The next line, or what stands for it.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        if self.ended {
            return Ok(Next::End);
        }
        let mut bytes = Vec::new();
        let found = self.fill(&mut bytes, MAX_LINE_BYTES)?;
        if found == Found::Limit && list::may_hold_records(&bytes) {
            return self.long_line(bytes);
        }
        if found == Found::Limit {
            return self.skip_line(bytes);
        }
        Ok(self.finish_line(bytes, found))
    }

    /// A line that is longer than a record, and may be a document with a list of records.
    fn long_line(&mut self, mut bytes: Vec<u8>) -> io::Result<Next> {
        match self.fill(&mut bytes, MAX_DOCUMENT_BYTES)? {
            Found::Limit => self.skip_line(bytes),
            found => Ok(self.finish_line(bytes, found)),
        }
    }

    fn finish_line(&mut self, mut bytes: Vec<u8>, found: Found) -> Next {
        if found == Found::End {
            self.ended = true;
            if bytes.is_empty() {
                return Next::End;
            }
        }
        self.lines_read += 1;
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        if self.lines_read == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        Next::Line(Line { bytes, number: self.lines_read })
    }

    /// Reads up to the end of the line or until `bytes` is `limit` long.
    fn fill(&mut self, bytes: &mut Vec<u8>, limit: usize) -> io::Result<Found> {
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    bytes.truncate(HEAD_BYTES);
                    self.cut_short = std::mem::take(bytes);
                    self.ended = true;
                    return Err(error);
                }
            };
            if buffer.is_empty() {
                return Ok(Found::End);
            }
            let room = limit.saturating_sub(bytes.len()) + 1;
            let window = buffer.get(..room).unwrap_or(buffer);
            if let Some(end) = memchr::memchr(b'\n', window) {
                bytes.extend_from_slice(&window[..end]);
                self.reader.consume(end + 1);
                return Ok(Found::Break);
            }
            let length = window.len();
            bytes.extend_from_slice(window);
            self.reader.consume(length);
            if bytes.len() > limit {
                return Ok(Found::Limit);
            }
        }
    }

    /// Skips the rest of a line that is too long, in constant memory.
    fn skip_line(&mut self, mut bytes: Vec<u8>) -> io::Result<Next> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        let mut length = bytes.len() as u64;
        bytes.truncate(HEAD_BYTES);
        bytes.shrink_to_fit();
        let mut chunk = Vec::new();
        loop {
            chunk.clear();
            let found = self.fill(&mut chunk, HEAD_BYTES)?;
            hasher.update(&chunk);
            length += chunk.len() as u64;
            if found != Found::Limit {
                self.ended |= found == Found::End;
                self.lines_read += 1;
                return Ok(Next::Refused(too_long(&bytes, length, &hasher.finalize(), self.lines_read)));
            }
        }
    }
}

/// Why reading a line stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Break,
    Limit,
    End,
}

/// The refusal of something that is too long.
pub(super) fn too_long(bytes: &[u8], length: u64, hash: &blake3::Hash, line: u64) -> Refused {
    Refused {
        reason: "too-long",
        detail: format!("{length} bytes, BLAKE3 {}; a record has at most {MAX_LINE_BYTES}", hash.to_hex()),
        head: bytes.get(..HEAD_BYTES).unwrap_or(bytes).to_vec(),
        length,
        line,
    }
}
