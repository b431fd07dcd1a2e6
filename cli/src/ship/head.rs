//! Which file it is, whatever its name: its place on the disk, and its first bytes.
//!
//! In: an open file. Out: [`Identity`] and [`Head`]. Owns: how many bytes tell one log from another.
//! Law: a file that only grew has the head that it had; one that was truncated and written anew, or that took over the
//! place of a deleted one, does not (unless it begins with the same bytes).

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use offbound_schemas::hash_id;
use serde::{Deserialize, Serialize};

/// Bytes that tell one log from another: the time and the number of a first line are well within.
const HEAD_BYTES: usize = 1_024;

/// Where a file lies on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Identity {
    /// Of a file that was looked at.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The first bytes of a file: how many, and their hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    bytes: usize,
    hash: String,
}

impl Head {
    /// Of a file as it is now.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Self::of_first(file, HEAD_BYTES)
    }

    fn of_first(file: &File, most: usize) -> io::Result<Self> {
        let mut bytes = vec![0; most];
        let mut length = 0;
        while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(length);
        let hash = hash_id("offbound.file-head/1", &[&bytes]);
        Ok(Self { bytes: length, hash: hash.iter().map(|byte| format!("{byte:02x}")).collect() })
    }

    /// Whether a file begins with these bytes, as far as it can be read.
    pub(crate) fn is_of(&self, file: &File) -> bool {
        Self::of_first(file, self.bytes).is_ok_and(|now| now == *self)
    }

    /// Takes in what was added since to a file that was short.
    pub(crate) fn lengthen(&mut self, file: &File) {
        if self.bytes < HEAD_BYTES
            && self.is_of(file)
            && let Ok(longer) = Self::of(file)
        {
            *self = longer;
        }
    }
}
