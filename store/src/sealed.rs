//! Segment files, of which no byte is used before it is checked.
//!
//! In: the path of a segment and its entry in the manifest. Out: its footer; its bytes, as Parquet asks for them.
//! Owns: where the digests of the blocks stand: in the footer, which is in the tail, whose digest the manifest has.
//! Law STORE-2: a byte that is not as it was written is refused when it is first read, and the file is named. What is not
//! read is not checked; [`check`] reads all of it.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Buf as _, Bytes};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetStatisticsPolicy};
use parquet::file::reader::{ChunkReader, Length};

use crate::digest::{BLOCK_BYTES, Digest};
use crate::manifest::Entry;
use crate::{EventTable, StoreError, directory};

/// Name of the digests among the key-value pairs of a footer.
const BLOCKS: &str = "offbound.blocks";
/// What a page header takes at most, as a rule; more is read where it does not.
const HEADER_BYTES: usize = 512;
/// What is said of a file that is not as it was written.
const CHANGED: &str = "its content was changed";

/// What is wanted of a table's footers: of the columns' statistics those of the time, and not the types of the columns,
/// which are known.
fn footer_options(table: EventTable) -> ArrowReaderOptions {
    static OF_TABLES: LazyLock<[ArrowReaderOptions; 3]> = LazyLock::new(|| {
        EventTable::ALL.map(|table| {
            let (schema, options) = (table.schema(), ArrowReaderOptions::new());
            let options = options.with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
            let leaves = ArrowSchemaConverter::new().convert(&schema).ok();
            let is_time = |name: &str| name == table.key_columns().event_time;
            let time =
                leaves.and_then(|leaves| leaves.columns().iter().position(|leaf| is_time(leaf.name())));
            let policy = time.map_or(ParquetStatisticsPolicy::KeepAll, |time| {
                ParquetStatisticsPolicy::skip_except(&[time])
            });
            options.with_column_stats_policy(policy).with_schema(schema)
        })
    });
    OF_TABLES.get(table as usize).cloned().unwrap_or_default()
}

/// The footer in a tail. A segment that was written without some columns tells itself which there are.
fn footer_of(tail: &Tail, table: EventTable) -> Result<ArrowReaderMetadata, ParquetError> {
    ArrowReaderMetadata::load(tail, footer_options(table))
        .or_else(|_other_columns| ArrowReaderMetadata::load(tail, ArrowReaderOptions::new()))
}

/// The digests of a file's blocks, for its footer.
pub(crate) fn footer_pair(blocks: &[Digest]) -> KeyValue {
    KeyValue::new(BLOCKS.to_owned(), STANDARD_NO_PAD.encode(blocks.as_flattened()))
}

/// The digests of a file's blocks, out of its tail.
fn blocks_in(tail: &[u8]) -> Option<Vec<Digest>> {
    let bytes = STANDARD_NO_PAD.decode(directory::value_in(tail, BLOCKS)?).ok()?;
    let (blocks, rest) = bytes.as_chunks();
    rest.is_empty().then(|| blocks.to_vec())
}

/// Checks that the file is a plain file of the length that was written.
pub(crate) fn check_length(path: &Path, bytes: u64) -> Result<(), StoreError> {
    let found = std::fs::symlink_metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::damaged(path, "the file is missing"),
        _ => StoreError::io("look at", path)(error),
    })?;
    if !found.is_file() {
        return Err(StoreError::damaged(path, "it is not a plain file"));
    }
    if found.len() != bytes {
        let problem = format!("it has {} bytes, {bytes} were written", found.len());
        return Err(StoreError::damaged(path, problem));
    }
    Ok(())
}

/// Checks that every byte of the file is what was written.
pub(crate) fn check(path: PathBuf, entry: &Entry) -> Result<(), StoreError> {
    let (file, _footer) = SealedFile::open(path, entry)?;
    file.check_all()
}

/// A segment file that is open for reading.
#[derive(Debug)]
pub(crate) struct SealedFile {
    file: File,
    path: PathBuf,
    tail: Tail,
    blocks: Vec<Digest>,
    /// Which blocks were checked.
    checked: Vec<AtomicBool>,
    /// Whether one was not as it was written.
    changed: AtomicBool,
}

/// The end of a file, in memory.
#[derive(Debug)]
struct Tail {
    at: u64,
    bytes: Bytes,
}

impl SealedFile {
    /// Opens a file, checks its tail, and reads the footer there.
    pub(crate) fn open(path: PathBuf, entry: &Entry) -> Result<(Self, ArrowReaderMetadata), StoreError> {
        let mut tail = Vec::new();
        let mut opened = Self::open_unread(path, entry, &mut tail)?;
        opened.tail.bytes = tail.into();
        // What passed its check is a footer that was written here; if it is none, it is not a segment of this version.
        let footer = footer_of(&opened.tail, entry.table);
        let footer = footer.map_err(StoreError::segment("read", &opened.path))?;
        Ok((opened, footer))
    }

    /// Opens a file and checks its tail, in which the footer is; the tail alone is in `tail` then, and what stands before it
    /// can be read.
    pub(crate) fn open_unread(path: PathBuf, entry: &Entry, tail: &mut Vec<u8>) -> Result<Self, StoreError> {
        check_length(&path, entry.bytes)?;
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        read_into(&file, entry.tail_at, entry.bytes, tail).map_err(StoreError::io("read", &path))?;
        if blake3::hash(tail) != entry.digest {
            return Err(StoreError::damaged(&path, CHANGED));
        }
        let blocks = blocks_in(tail)
            .filter(|blocks| blocks.len() as u64 == entry.tail_at.div_ceil(BLOCK_BYTES as u64));
        let blocks =
            blocks.ok_or_else(|| StoreError::damaged(&path, "its footer has no digests of its blocks"))?;
        let checked = blocks.iter().map(|_| AtomicBool::new(false)).collect();
        let tail = Tail { at: entry.tail_at, bytes: Bytes::new() };
        Ok(Self { file, path, tail, blocks, checked, changed: AtomicBool::new(false) })
    }

    /// Where in `buffer` the bytes of a range in front of the tail are, in place of what it held.
    pub(crate) fn range(&self, range: &Range<u64>, buffer: &mut Vec<u8>) -> Result<Range<usize>, StoreError> {
        self.blocks_of(range.start, range.end, buffer)
            .map_err(|error| self.failed(StoreError::io("read", &self.path)(error)))
    }

    /// The error of a file of which a part is not what it should be.
    pub(crate) fn misfit(&self, problem: &str) -> StoreError {
        self.failed(StoreError::damaged(&self.path, problem))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The error of reading it: that it is damaged, if a byte was not as it was written.
    pub(crate) fn failed(&self, other: StoreError) -> StoreError {
        if self.changed.load(Ordering::Relaxed) { StoreError::damaged(&self.path, CHANGED) } else { other }
    }

    fn check_all(&self) -> Result<(), StoreError> {
        let mut buffer = Vec::new();
        for block in 0..self.blocks.len() {
            let start = (block * BLOCK_BYTES) as u64;
            self.range(&(start..start + 1), &mut buffer)?;
        }
        Ok(())
    }

    /// The bytes of a range in front of the tail.
    fn bytes(&self, start: u64, end: u64) -> io::Result<Bytes> {
        let mut buffer = Vec::new();
        let range = self.blocks_of(start, end, &mut buffer)?;
        Ok(Bytes::from(buffer).slice(range))
    }

    /// Reads a range in front of the tail, and tells where in the buffer it is. Blocks that were not checked yet are read
    /// whole, and checked.
    fn blocks_of(&self, start: u64, end: u64, buffer: &mut Vec<u8>) -> io::Result<Range<usize>> {
        let beyond =
            || io::Error::new(io::ErrorKind::UnexpectedEof, "a page reaches beyond the file's blocks");
        if start >= end || end > self.tail.at {
            return Err(beyond());
        }
        let of = |at: u64| usize::try_from(at / BLOCK_BYTES as u64).unwrap_or(usize::MAX);
        let (first, last) = (of(start), of(end - 1));
        let flags = self.checked.get(first..=last).ok_or_else(beyond)?;
        let length = usize::try_from(end - start).unwrap_or(usize::MAX);
        if flags.iter().all(|flag| flag.load(Ordering::Acquire)) {
            read_into(&self.file, start, end, buffer)?;
            return Ok(0..length);
        }
        let from = (first * BLOCK_BYTES) as u64;
        let to = ((last + 1) * BLOCK_BYTES) as u64;
        read_into(&self.file, from, to.min(self.tail.at), buffer)?;
        let digests = self.blocks.get(first..=last).unwrap_or_default();
        for ((block, digest), flag) in buffer.chunks(BLOCK_BYTES).zip(digests).zip(flags) {
            if !flag.load(Ordering::Acquire) {
                if blake3::hash(block) != *digest {
                    self.changed.store(true, Ordering::Relaxed);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, CHANGED));
                }
                flag.store(true, Ordering::Release);
            }
        }
        let skipped = usize::try_from(start - from).unwrap_or(usize::MAX);
        Ok(skipped..skipped + length)
    }
}

/// Reads a part of a file in place of what the buffer held.
fn read_into(file: &File, from: u64, to: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    let length = usize::try_from(to.saturating_sub(from)).map_err(io::Error::other)?;
    buffer.resize(length, 0);
    file.read_exact_at(buffer, from)
}

impl Tail {
    /// A range of the file that lies in the tail.
    fn slice(&self, start: u64, end: u64) -> Option<Bytes> {
        let inside = |at: u64| usize::try_from(at.checked_sub(self.at)?).ok();
        let range = inside(start)?..inside(end)?;
        (range.start <= range.end && range.end <= self.bytes.len()).then(|| self.bytes.slice(range))
    }
}

fn not_there() -> ParquetError {
    ParquetError::EOF("the footer reaches beyond the file's tail".to_owned())
}

impl Length for Tail {
    fn len(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }
}

impl ChunkReader for Tail {
    type T = io::Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.slice(start, self.len()).map(io::Cursor::new).ok_or_else(not_there)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.slice(start, start.saturating_add(length as u64)).ok_or_else(not_there)
    }
}

/// The same file, for the readers of its columns.
#[derive(Debug, Clone)]
pub(crate) struct Shared(pub(crate) Arc<SealedFile>);

impl Length for Shared {
    fn len(&self) -> u64 {
        self.0.tail.len()
    }
}

impl ChunkReader for Shared {
    type T = SealedRead;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(SealedRead { file: self.clone(), at: start, buffer: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.saturating_add(length as u64);
        match self.0.tail.slice(start, end) {
            Some(bytes) => Ok(bytes),
            None => Ok(self.0.bytes(start, end)?),
        }
    }
}

/// Reads a file from some place on, a little at a time: page headers are read so.
#[derive(Debug)]
pub(crate) struct SealedRead {
    file: Shared,
    at: u64,
    buffer: Bytes,
}

impl Read for SealedRead {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let SealedFile { tail, .. } = &*self.file.0;
        if self.buffer.is_empty() && self.at < tail.at {
            let end = self.at.saturating_add(HEADER_BYTES as u64).min(tail.at);
            self.buffer = self.file.0.bytes(self.at, end)?;
        } else if self.buffer.is_empty() {
            self.buffer = tail.slice(self.at, tail.len()).unwrap_or_default();
        }
        let count = self.buffer.as_ref().read(to)?;
        self.buffer.advance(count);
        self.at += count as u64;
        Ok(count)
    }
}
