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
/// Size of the buffer of what is stored, in bytes: large enough that system calls do not show, and smaller than what
/// [`crate::chunk`] asks for, so that plain bytes go past it.
const READ_BYTES: usize = 64 * 1024;
/// Bytes that tell a compression.
const MAGIC_BYTES: usize = 4;
/// Largest zstd window, as a power of two: 16 MiB. Levels up to 19 need 8 MiB; `--long` and `--ultra` ask for up to 128 MiB,
/// more than one input may cost.
const MAX_ZSTD_WINDOW_LOG: u32 = 24;

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

/// What may come out of compressed input.
#[derive(Debug, Clone, Copy)]
struct Caps {
    ratio: u64,
    grace_bytes: u64,
    plain_bytes: u64,
}

const CAPS: Caps = Caps { ratio: MAX_RATIO, grace_bytes: RATIO_GRACE_BYTES, plain_bytes: MAX_PLAIN_BYTES };

/// Opens a stream of plain bytes.
pub(crate) fn open<'a>(reader: impl Read + 'a) -> io::Result<(Box<dyn BufRead + 'a>, Counters)> {
    open_within(CAPS, reader)
}

fn open_within<'a>(caps: Caps, reader: impl Read + 'a) -> io::Result<(Box<dyn BufRead + 'a>, Counters)> {
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
    let capped = Capped { inner: plain, compression, caps, counters: counters.clone() };
    let plain = Lookahead::new(capped, text::SAMPLE_BYTES);
    // Room for the head, by which the stream is judged; what follows is read in larger pieces, which go past it.
    Ok((Box::new(BufReader::with_capacity(text::SAMPLE_BYTES, plain)), counters))
}

fn compression_of(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// Whether bytes are compressed.
pub(crate) fn is_compressed(bytes: &[u8]) -> bool {
    compression_of(bytes) != Compression::None
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

/// A file that had so many bytes when it was opened: when fewer come, that is an error, not its end.
pub(crate) struct Promised<R> {
    inner: R,
    bytes: u64,
    read: u64,
}

impl<R> Promised<R> {
    pub(crate) fn new(inner: R, bytes: u64) -> Self {
        Self { inner, bytes, read: 0 }
    }
}

impl<R: Read> Read for Promised<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.read += length as u64;
        if length == 0 && !buffer.is_empty() && self.read < self.bytes {
            let detail = format!("{} of {} bytes were left when they were read", self.read, self.bytes);
            return Err(io::Error::other(Stopped { reason: "file-shrank", detail }));
        }
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
    caps: Caps,
    counters: Counters,
}

impl Read for Capped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer).map_err(|error| self.explain(error))?;
        let plain = self.counters.plain() + length as u64;
        self.counters.plain.set(plain);
        if self.compression != Compression::None && self.caps.are_passed(plain, self.counters.stored()) {
            let detail = format!("{plain} bytes came out of {}", self.counters.stored());
            return Err(io::Error::other(Stopped { reason: "decompression-bomb", detail }));
        }
        Ok(length)
    }
}

impl Capped<'_> {
    fn explain(&self, error: io::Error) -> io::Error {
        if error.get_ref().is_some_and(|inner| inner.is::<Stopped>()) {
            return error;
        }
        // The library gives no code, only this sentence.
        let is_wide = self.compression == Compression::Zstd && error.to_string().contains("too much memory");
        let is_cut = error.kind() == io::ErrorKind::UnexpectedEof;
        let reason = match (self.compression, is_cut) {
            (Compression::None, _) => "read-error",
            (Compression::Zstd, _) if is_wide => "zstd-window",
            (Compression::Gzip, true) => "truncated-gzip",
            (Compression::Gzip, false) => "corrupt-gzip",
            (Compression::Zstd, true) => "truncated-zstd",
            (Compression::Zstd, false) => "corrupt-zstd",
        };
        let detail = if is_wide {
            "it needs a window above 16 MiB; decompress it first: zstd -dc --long=31 FILE | offbound replay -"
                .to_owned()
        } else {
            error.to_string()
        };
        io::Error::other(Stopped { reason, detail })
    }
}

impl Caps {
    /// Whether so much came out of so little, over all members of an input together.
    fn are_passed(self, plain: u64, stored: u64) -> bool {
        plain > self.plain_bytes || (plain > self.grace_bytes && plain / self.ratio > stored)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A member of a compressed input that cannot be made much smaller.
    fn member(compression: Compression, bytes: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let noise: Vec<u8> = (0..bytes).map(|_| next()).collect();
        if compression == Compression::Zstd {
            return zstd::encode_all(noise.as_slice(), 1).expect("memory takes it");
        }
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&noise).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    /// Scenario: members that are no bombs by themselves, whose sum passes the cap on all that comes out of an input;
    /// and as much that stays below it. Guarantees: the first is stopped by name at the cap, whatever the ratio; the
    /// second is read to its end.
    #[test]
    fn the_cap_is_that_of_all_members_together() {
        const PLAIN: u64 = 1024 * 1024;
        let caps = Caps { plain_bytes: PLAIN, ..CAPS };
        for compression in [Compression::Gzip, Compression::Zstd] {
            for (members, is_stopped) in [(4, false), (5, true), (40, true)] {
                let input = member(compression, 256 * 1024).repeat(members);
                let (mut reader, counters) = open_within(caps, input.as_slice()).expect("memory can be read");
                let read = io::copy(&mut reader, &mut io::sink());
                let reason = read.as_ref().err().map(|error| Fault::of(error).reason);
                assert_eq!(reason, is_stopped.then_some("decompression-bomb"), "{compression:?} {members}");
                assert!(counters.plain() <= PLAIN + READ_BYTES as u64, "{} bytes", counters.plain());
            }
        }
    }
}
