//! What is to be read: files, folders, globs and standard input, put in order.
//!
//! In: paths as the user gave them. Out: inputs, each once, and an error for every path that gives none.
//! Owns: walking folders. Leaves to `open` the reading; a bad path never keeps the others from being read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Deepest folder that is entered: deeper nesting is a mistake or an attack.
const MAX_FOLDER_DEPTH: usize = 64;

/// Files that offbound itself puts beside logs: in a folder they are not taken for logs. Named by their own path,
/// they are read like any other file.
const OWN_FILES: &[&str] = &["environment.toml", "truth.json", "expected.ndjson", "README.md"];

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Where it is, as the user gave it; members of a folder are joined to it.
    pub location: String,
    /// Size in bytes as stored (before decompression), where known.
    pub bytes: Option<u64>,
    pub(crate) place: Place,
}

/// What kind of thing an input is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A regular file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// Why something cannot be read: where, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {problem}; {advice}")]
pub struct InputError {
    /// Where.
    pub location: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub advice: &'static str,
}

impl InputError {
    pub(crate) fn new(location: &str, problem: impl Into<String>, advice: &'static str) -> Self {
        Self { location: location.to_owned(), problem: problem.into(), advice }
    }

    pub(crate) fn io(location: &str, error: &std::io::Error) -> Self {
        let advice = match error.kind() {
            std::io::ErrorKind::NotFound => "check the path",
            std::io::ErrorKind::PermissionDenied => "grant read permission or run as a user that has it",
            _ => "check the file and its disk",
        };
        Self::new(location, error.to_string(), advice)
    }
}

/// Finds everything that `paths` name, each file once, folders in the order of their members' paths.
#[must_use]
pub fn expand(paths: &[String]) -> (Vec<Input>, Vec<InputError>) {
    let mut walk = Walk::default();
    for path in paths {
        walk.add(path);
    }
    (walk.inputs, walk.errors)
}

#[derive(Default)]
struct Walk {
    inputs: Vec<Input>,
    errors: Vec<InputError>,
    /// Files already listed, by their real path.
    listed: BTreeSet<PathBuf>,
    /// Folders on the way to the one being read, by their real path: a link back into them is a loop.
    above: Vec<PathBuf>,
}

impl Walk {
    fn add(&mut self, path: &str) {
        if path == "-" {
            self.add_stdin();
            return;
        }
        match fs::metadata(path) {
            Ok(_) => self.add_existing(Path::new(path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.add_glob(path),
            Err(error) => self.errors.push(InputError::io(path, &error)),
        }
    }

    fn add_stdin(&mut self) {
        if !self.inputs.iter().any(|input| input.place == Place::Stdin) {
            self.inputs.push(Input { location: "-".to_owned(), bytes: None, place: Place::Stdin });
        }
    }

    fn add_existing(&mut self, path: &Path) {
        let location = path.to_string_lossy().into_owned();
        match fs::metadata(path) {
            Ok(meta) if meta.is_file() => self.add_file(path, location, meta.len()),
            Ok(meta) if meta.is_dir() => self.add_folder(path, &location),
            Ok(_) => self.errors.push(InputError::new(
                &location,
                "neither a file nor a folder (a pipe, socket or device)",
                "send it to standard input and name that `-`",
            )),
            Err(error) => self.errors.push(InputError::io(&location, &error)),
        }
    }

    fn add_file(&mut self, path: &Path, location: String, bytes: u64) {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.listed.insert(real) {
            self.inputs.push(Input { location, bytes: Some(bytes), place: Place::File(path.to_owned()) });
        }
    }

    fn add_folder(&mut self, path: &Path, location: &str) {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.above.contains(&real) || self.above.len() >= MAX_FOLDER_DEPTH {
            return;
        }
        let members = match members(path) {
            Ok(members) => members,
            Err(error) => return self.errors.push(InputError::io(location, &error)),
        };
        let before = (self.listed.len(), self.errors.len());
        self.above.push(real);
        let is_outermost = self.above.len() == 1;
        members.iter().for_each(|member| self.add_existing(member));
        self.above.pop();
        let found_none = before == (self.listed.len(), self.errors.len());
        if is_outermost && found_none && !self.holds_listed(path) {
            self.errors.push(InputError::new(location, "the folder holds no file", "check the path"));
        }
    }

    /// Whether files below `path` were listed already, so that an empty yield is no mistake.
    fn holds_listed(&self, path: &Path) -> bool {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.listed.iter().any(|file| file.starts_with(&real))
    }

    fn add_glob(&mut self, pattern: &str) {
        let matches = match glob::glob(pattern) {
            Ok(matches) => matches,
            Err(error) => {
                let problem = format!("no such file, and no pattern either: {error}");
                return self.errors.push(InputError::new(pattern, problem, "check the path"));
            }
        };
        let mut found: Vec<PathBuf> = Vec::new();
        for entry in matches {
            match entry {
                Ok(path) => found.push(path),
                Err(error) => self.errors.push(InputError::io(pattern, error.error())),
            }
        }
        if found.is_empty() {
            let problem = if pattern.contains(['*', '?', '[']) { "no file matches" } else { "no such file" };
            self.errors.push(InputError::new(pattern, problem, "check the path"));
        }
        found.sort();
        found.iter().for_each(|path| self.add_existing(path));
    }
}

/// Members of a folder in the order of their paths, hidden ones and our own left out.
fn members(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut members = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && !OWN_FILES.contains(&name.as_ref()) {
            members.push(entry.path());
        }
    }
    members.sort();
    Ok(members)
}
