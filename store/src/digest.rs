//! Digests of segments and of the manifest's chain.
//!
//! In: bytes as they go to disk. Out: a BLAKE3 digest of each block of a file, and one of its tail, which holds those of the
//! blocks. Owns: the size of a block. Law STORE-2: any change to a stored byte is noticed before anything is made of it.

use std::fs::File;
use std::io::{self, Write};

/// A 256-bit digest.
pub(crate) type Digest = [u8; 32];

/// Bytes of a file that have one digest: so few that a column of a segment can be read without its neighbours, and
/// enough for the digest to be taken at full speed.
pub(crate) const BLOCK_BYTES: usize = 16 * 1024;

/// A file that counts what is written to it, and takes its digests: block by block, and behind [`HashingFile::end_blocks`]
/// that of all the rest.
#[derive(Debug)]
pub(crate) struct HashingFile {
    file: File,
    bytes: u64,
    blocks: Vec<Digest>,
    /// Bytes in the block that is not full yet.
    in_block: usize,
    hasher: blake3::Hasher,
    tail_at: Option<u64>,
}

/// A file that was written, and what it is known by.
pub(crate) struct Hashed {
    pub(crate) file: File,
    pub(crate) bytes: u64,
    /// Where its tail begins.
    pub(crate) tail_at: u64,
    /// The digest of the tail.
    pub(crate) digest: Digest,
}

impl HashingFile {
    pub(crate) fn new(file: File) -> Self {
        let hasher = blake3::Hasher::new();
        Self { file, bytes: 0, blocks: Vec::new(), in_block: 0, hasher, tail_at: None }
    }

    /// The digests of what was written so far; what comes now is the tail.
    pub(crate) fn end_blocks(&mut self) -> &[Digest] {
        if self.in_block > 0 {
            self.end_block();
        }
        self.tail_at = Some(self.bytes);
        &self.blocks
    }

    pub(crate) fn finish(self) -> Hashed {
        let Self { file, bytes, hasher, tail_at, .. } = self;
        Hashed { file, bytes, tail_at: tail_at.unwrap_or_default(), digest: *hasher.finalize().as_bytes() }
    }

    fn end_block(&mut self) {
        self.blocks.push(*self.hasher.finalize().as_bytes());
        self.hasher.reset();
        self.in_block = 0;
    }

    fn hash(&mut self, mut bytes: &[u8]) {
        while self.tail_at.is_none()
            && let Some((block, rest)) = bytes.split_at_checked(BLOCK_BYTES - self.in_block)
        {
            self.hasher.update(block);
            self.end_block();
            bytes = rest;
        }
        self.hasher.update(bytes);
        self.in_block += bytes.len();
    }
}

impl Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash(bytes.get(..written).unwrap_or(bytes));
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a file of two and a half blocks and a tail, written in pieces of many sizes. Guarantees: the digests are
    /// those of its parts, however it was written.
    #[test]
    fn parts_have_their_digests() {
        let content: Vec<u8> =
            (0..BLOCK_BYTES * 5 / 2).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect();
        let tail = b"the tail";
        for piece in [1_000, BLOCK_BYTES, BLOCK_BYTES + 1, content.len()] {
            let mut file = HashingFile::new(tempfile::tempfile().expect("a temporary file can be made"));
            content.chunks(piece).for_each(|piece| file.write_all(piece).expect("it can be written"));
            let expected: Vec<Digest> =
                content.chunks(BLOCK_BYTES).map(|block| *blake3::hash(block).as_bytes()).collect();
            assert_eq!(file.end_blocks(), expected, "in pieces of {piece}");
            file.write_all(tail).expect("it can be written");
            let found = file.finish();
            assert_eq!(
                (found.tail_at, found.bytes),
                (content.len() as u64, (content.len() + tail.len()) as u64)
            );
            assert_eq!(found.digest, *blake3::hash(tail).as_bytes());
        }
    }
}
