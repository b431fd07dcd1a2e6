//! Where generated files go.
//!
//! In: relative file names and bytes. Out: a folder, or memory. Owns: compression by file name, and the
//! errors of this crate. Law: gzip headers hold no time, so that equal input gives equal bytes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

/// Why telemetry could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A file could not be written; the caller may retry elsewhere.
    #[error("cannot write {name}: {source}")]
    Write {
        /// The file, relative to the output.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The caller named a scenario that does not exist.
    #[error("there is no scenario {name:?}; there are: {known}")]
    UnknownScenario {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

/// Receives generated files.
pub trait Output {
    /// Adds bytes to the end of a file; the first call for a name begins the file anew.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// Files in a folder, which is created when needed.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    open: BTreeMap<String, File>,
}

impl Folder {
    /// Writes below `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), open: BTreeMap::new() }
    }
}

impl Output for Folder {
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if let Some(file) = self.open.get_mut(name) {
            return file.write_all(bytes);
        }
        let path = self.root.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        self.open.insert(name.to_owned(), file);
        Ok(())
    }
}

/// Files in memory, by name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Memory(pub BTreeMap<String, Vec<u8>>);

impl Output for Memory {
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.entry(name.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }
}

/// Hands a whole file to an output, compressed when its name ends in `.gz` or `.zst`.
pub(crate) fn write_file(out: &mut dyn Output, name: &str, bytes: &[u8]) -> Result<(), SimulateError> {
    let packed = match name.rsplit('.').next() {
        Some("gz") => gzip(bytes),
        Some("zst") => zstd::bulk::compress(bytes, ZSTD_LEVEL),
        _ => Ok(bytes.to_vec()),
    };
    let error = |source| SimulateError::Write { name: name.to_owned(), source };
    out.append(name, &packed.map_err(error)?).map_err(error)
}

/// zstd's own default: samples are small, so nothing is gained above it.
const ZSTD_LEVEL: i32 = 3;

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes)?;
    encoder.finish()
}
