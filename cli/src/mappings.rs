//! Mapping files to the formats of a reading.
//!
//! In: files and folders of `--formats`. Out: the built-in formats and those of the files, in name order.
//! Owns: reading the files. Leaves to `ingest` the meaning of a mapping file.
//! Law: a file with a fault stops the command (exit 3), with every fault and its line.

use std::fs;
use std::path::{Path, PathBuf};

use offbound_ingest::{Formats, Mapping};

use crate::exit::Failure;

/// The built-in formats and those of `paths`.
pub(crate) fn formats(paths: &[PathBuf]) -> Result<Formats, Failure> {
    let mut mappings = Vec::new();
    let mut faults = Vec::new();
    for file in files(paths)? {
        match mapping(&file) {
            Ok(mapping) => mappings.push(mapping),
            Err(Failure::Usage(messages)) => faults.extend(messages),
            Err(other) => return Err(other),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::Usage(faults));
    }
    Formats::with(mappings).map_err(|error| Failure::usage(format!("--formats: {error}")))
}

/// The mapping of one file.
pub(crate) fn mapping(file: &Path) -> Result<Mapping, Failure> {
    let origin = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("cannot read mapping file {origin}: {error}; correct --formats"))
    })?;
    Mapping::parse(&text, &origin)
        .map_err(|error| Failure::Usage(error.to_string().lines().map(str::to_owned).collect()))
}

/// Every file that is named, and every `*.toml` of the folders, by name.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let unreadable = |error: std::io::Error| {
            Failure::usage(format!("cannot read folder {}: {error}; correct --formats", path.display()))
        };
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|ending| ending == "toml") {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            let message =
                format!("folder {} holds no mapping file (*.toml); correct --formats", path.display());
            return Err(Failure::usage(message));
        }
        inside.sort();
        found.extend(inside);
    }
    Ok(found)
}
