//! Digests of segments and of the manifest's chain.
//!
//! In: bytes as they go to disk. Out: their BLAKE3 digest. Law STORE-2: any change to a stored byte is noticed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::StoreError;

/// A 256-bit digest.
pub(crate) type Digest = [u8; 32];

/// Bytes read at once while checking a file.
const READ_BYTES: usize = 256 * 1024;

/// A file that hashes and counts what is written to it.
#[derive(Debug)]
pub(crate) struct HashingFile {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl HashingFile {
    pub(crate) fn new(file: File) -> Self {
        Self { file, hasher: blake3::Hasher::new(), bytes: 0 }
    }

    /// The file, its digest and its length.
    pub(crate) fn finish(self) -> (File, Digest, u64) {
        let Self { file, hasher, bytes } = self;
        (file, *hasher.finalize().as_bytes(), bytes)
    }
}

impl Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
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

/// Checks that the file is exactly what was written.
pub(crate) fn check_file(path: &Path, bytes: u64, digest: &Digest) -> Result<(), StoreError> {
    check_length(path, bytes)?;
    if hash_file(path)? != *digest {
        return Err(StoreError::damaged(path, "its content was changed"));
    }
    Ok(())
}

fn hash_file(path: &Path) -> Result<Digest, StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(StoreError::io("read", path))?;
        if count == 0 {
            return Ok(*hasher.finalize().as_bytes());
        }
        hasher.update(buffer.get(..count).unwrap_or(&buffer));
    }
}
