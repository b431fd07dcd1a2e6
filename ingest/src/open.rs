//! Stored bytes to plain bytes: gzip and zstd by their first bytes, never by a file's name.
//!
//! In: a reader. Out: a buffered reader of plain bytes, and counters of both sides.
//! Owns: the caps on decompression. What cannot be decompressed to its end ends the stream with a [`Fault`].

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::text;

/// Highest ratio of plain to compressed bytes. Logs reach 10 to 200; deflate cannot exceed 1032, so at 1000 only
/// constant filling is refused, and zstd, which has no such limit, is held to the same.
pub const MAX_RATIO: u64 = 1_000;
/// Plain bytes before the ratio is asked: a short run of equal bytes is no bomb.
pub const RATIO_GRACE_BYTES: u64 = 64 * 1024 * 1024;
/// Most plain bytes of one input over all its members: a day of logs of a large fleet is less.
pub const MAX_PLAIN_BYTES: u64 = 256 * 1024 * 1024 * 1024;
/// Size of each read, in bytes: large enough that system calls do not show, small enough for the caches.
const READ_BYTES: usize = 256 * 1024;
/// Bytes that tell a compression.
const MAGIC_BYTES: usize = 4;
/// Largest zstd window, as a power of two: what `zstd --long` (27) writes.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;

/// Bytes that went by so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    stored: Rc<Cell<u64>>,
    plain: Rc<Cell<u64>>,
}

impl Counters {
    /// Bytes as stored.
    pub(crate) fn stored(&self) -> u64 {
        self.stored.get()
    }

    /// Bytes after decompression.
    pub(crate) fn plain(&self) -> u64 {
        self.plain.get()
    }
}

/// What ended a stream early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Reason code of the dead letter.
    pub(crate) reason: &'static str,
    /// What happened.
    pub(crate) detail: String,
}

impl Fault {
    /// Reads the reason from an error of the reader that [`open`] gave.
    pub(crate) fn of(error: &io::Error) -> Self {
        let stopped = error.get_ref().and_then(|inner| inner.downcast_ref::<Stopped>());
        Self { reason: stopped.map_or("read-error", |stopped| stopped.reason), detail: error.to_string() }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
struct Stopped {
    reason: &'static str,
    detail: String,
}

/// The compressions that are known by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Opens a stream of plain bytes.
pub(crate) fn open<'a>(reader: impl Read + 'a) -> io::Result<(Box<dyn BufRead + 'a>, Counters)> {
    let counters = Counters::default();
    let stored = Counted { inner: reader, count: Rc::clone(&counters.stored) };
    let stored = Lookahead::new(stored, MAGIC_BYTES);
    let mut stored = BufReader::with_capacity(READ_BYTES, stored);
    let compression = compression_of(stored.fill_buf()?);
    let plain: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(stored),
        Compression::Gzip => Box::new(MultiGzDecoder::new(stored)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(stored)?;
            decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
    };
    let capped = Capped { inner: plain, compression, counters: counters.clone() };
    let plain = Lookahead::new(capped, text::SAMPLE_BYTES);
    Ok((Box::new(BufReader::with_capacity(READ_BYTES, plain)), counters))
}

fn compression_of(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// Counts what is read through it.
struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.count.set(self.count.get() + length as u64);
        Ok(length)
    }
}

/// Gives the first bytes in one piece, however slowly a pipe hands them out.
struct Lookahead<R> {
    head: io::Cursor<Vec<u8>>,
    /// What went wrong behind the head.
    error: Option<io::Error>,
    inner: R,
}

impl<R: Read> Lookahead<R> {
    fn new(mut inner: R, length: usize) -> Self {
        let mut head = Vec::with_capacity(length);
        let error = inner.by_ref().take(length as u64).read_to_end(&mut head).err();
        Self { head: io::Cursor::new(head), error, inner }
    }
}

impl<R: Read> Read for Lookahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.head.read(buffer)?, self.error.take()) {
            (0, None) => self.inner.read(buffer),
            (0, Some(error)) => Err(error),
            (length, error) => {
                self.error = error;
                Ok(length)
            }
        }
    }
}

/// Holds decompression to its caps and gives its errors a reason.
struct Capped<'a> {
    inner: Box<dyn Read + 'a>,
    compression: Compression,
    counters: Counters,
}

impl Read for Capped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer).map_err(|error| self.explain(&error))?;
        let plain = self.counters.plain() + length as u64;
        self.counters.plain.set(plain);
        if self.compression != Compression::None && is_bomb(plain, self.counters.stored()) {
            let detail = format!("{plain} bytes came out of {}", self.counters.stored());
            return Err(io::Error::other(Stopped { reason: "decompression-bomb", detail }));
        }
        Ok(length)
    }
}

impl Capped<'_> {
    fn explain(&self, error: &io::Error) -> io::Error {
        let is_cut = error.kind() == io::ErrorKind::UnexpectedEof;
        let reason = match (self.compression, is_cut) {
            (Compression::None, _) => "read-error",
            (Compression::Gzip, true) => "truncated-gzip",
            (Compression::Gzip, false) => "corrupt-gzip",
            (Compression::Zstd, true) => "truncated-zstd",
            (Compression::Zstd, false) => "corrupt-zstd",
        };
        io::Error::other(Stopped { reason, detail: error.to_string() })
    }
}

fn is_bomb(plain: u64, stored: u64) -> bool {
    plain > MAX_PLAIN_BYTES || (plain > RATIO_GRACE_BYTES && plain / MAX_RATIO > stored)
}
