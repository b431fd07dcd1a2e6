//! Positions: how far each file was shipped, kept across runs.
//!
//! In: a file of ours (mode 0600), places of logs. Out: the place to go on at. Owns: the file, its lock, its bound.
//! Law: what is written is there as a whole or not at all; a place counts only for the file it was taken from.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::head::{Head, Identity};
use crate::exit::Failure;
use crate::key;

/// What the file says it is.
const SCHEMA: &str = "offbound.positions/1";
/// Files that are remembered, at most; those that were shipped longest ago are forgotten. A folder with a file an hour
/// has as many in a year.
const MAX_FILES: usize = 10_000;

/// The place in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) path: String,
    #[serde(flatten)]
    pub(crate) identity: Identity,
    pub(crate) head: Head,
    /// Bytes (after decompression) that the broker has.
    pub(crate) place: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    schema: String,
    topic: String,
    files: VecDeque<Position>,
}

/// The positions of one topic.
#[derive(Debug)]
pub(crate) struct Positions {
    path: PathBuf,
    document: Document,
    /// Something is remembered that is not in the file.
    is_changed: bool,
    /// Holding it open is what locks.
    _lock: File,
}

impl Positions {
    /// Opens the file, or begins a new one; nobody else may use it meanwhile.
    pub(crate) fn open(path: Option<&Path>, topic: &str) -> Result<Self, Failure> {
        let path = path.map_or_else(|| default_path(topic), |path| Ok(path.to_owned()))?;
        let place = path.display().to_string();
        let refused = |error: io::Error| {
            Failure::could_not(format!(
                "cannot use positions file {place}: {error}; choose another with --positions"
            ))
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            key::make_private_folder(folder).map_err(refused)?;
        }
        let lock = lock(&path)?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(refused(error)),
        };
        let document = if text.is_empty() {
            Document { schema: SCHEMA.to_owned(), topic: topic.to_owned(), files: VecDeque::new() }
        } else {
            parse(&text, &place, topic)?
        };
        Ok(Self { path, document, is_changed: false, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The place to go on at in a file, if it was shipped before: by its place on the disk, else by its name (disks get
    /// other numbers when a machine starts); in either case it must begin as it did.
    pub(crate) fn of(&self, path: &str, identity: Identity, file: &File) -> Option<u64> {
        let files = &self.document.files;
        let here = files.iter().filter(|known| known.identity == identity);
        let named = files.iter().filter(|known| known.identity != identity && known.path == path);
        here.chain(named).find(|known| known.head.is_of(file)).map(|known| known.place)
    }

    /// The files that had this name.
    pub(crate) fn with_name<'a>(&'a self, path: &'a str) -> impl Iterator<Item = Identity> + 'a {
        let files = self.document.files.iter();
        files.filter(move |known| known.path == path).map(|known| known.identity)
    }

    /// Remembers a place; it is kept with the next [`Positions::save`].
    pub(crate) fn remember(&mut self, position: Position) {
        let files = &mut self.document.files;
        if files.contains(&position) {
            return;
        }
        files.retain(|known| known.identity != position.identity);
        files.push_back(position);
        if files.len() > MAX_FILES {
            files.pop_front();
        }
        self.is_changed = true;
    }

    /// Writes the file anew if there is news: aside, to the disk, and into its place.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        if self.is_changed {
            self.write()?;
            self.is_changed = false;
        }
        Ok(())
    }

    fn write(&self) -> io::Result<()> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // A temporary file is private from the start.
        let mut aside = tempfile::Builder::new().prefix(".offbound-positions").tempfile_in(folder)?;
        serde_json::to_writer(&mut aside, &self.document)?;
        aside.write_all(b"\n")?;
        aside.as_file().sync_all()?;
        aside.persist(&self.path).map_err(|refused| refused.error)?;
        File::open(folder)?.sync_all()
    }
}

fn parse(text: &str, place: &str, topic: &str) -> Result<Document, Failure> {
    let document: Document = serde_json::from_str(text).map_err(|error| {
        Failure::could_not(format!(
            "positions file {place} is damaged: {error}; remove it, and everything is sent again (each record counts once)"
        ))
    })?;
    if document.schema != SCHEMA {
        let message = format!("{place} is no positions file of this version: {:?}", document.schema);
        return Err(Failure::usage(message));
    }
    if document.topic != topic {
        return Err(Failure::usage(format!(
            "positions file {place} is that of topic {:?}, not {topic:?}; choose another with --positions",
            document.topic
        )));
    }
    Ok(document)
}

/// Takes the lock beside the file.
fn lock(path: &Path) -> Result<File, Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let refused = |error: io::Error| {
        let path = Path::new(&beside).display();
        Failure::could_not(format!("cannot lock {path}: {error}; choose another file with --positions"))
    };
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(&beside).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(refused(error)),
        Err(TryLockError::WouldBlock) => Err(Failure::could_not(format!(
            "another `offbound ship` uses the positions file {}; stop it, or choose another with --positions",
            path.display()
        ))),
    }
}

fn default_path(topic: &str) -> Result<PathBuf, Failure> {
    let folder = key::state_folder();
    let folder =
        folder.ok_or_else(|| Failure::usage("no home folder for positions; name a file with --positions"))?;
    Ok(folder.join("ship").join(format!("{topic}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn position(path: &Path, place: u64) -> Position {
        let file = File::open(path).expect("it was written");
        let metadata = file.metadata().expect("it is there");
        let head = Head::of(&file).expect("it can be read");
        Position { path: path.display().to_string(), identity: Identity::of(&metadata), head, place }
    }

    /// Scenario: positions are kept and read again; the log grows, is replaced, moves to another disk. Guarantees: the
    /// place counts for the file it was taken from, and for no other; the file is private.
    #[test]
    fn places_are_those_of_their_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (log, kept) = (folder.path().join("a.log"), folder.path().join("positions.json"));
        fs::write(&log, "one\n").expect("writable");
        let mut positions = Positions::open(Some(&kept), "t").expect("new");
        let known = position(&log, 4);
        positions.remember(known.clone());
        positions.save().expect("writable");
        drop(positions);
        let mode = fs::metadata(&kept).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let positions = Positions::open(Some(&kept), "t").expect("sound");
        let look = |path: &Path, identity: Identity| {
            positions.of(&path.display().to_string(), identity, &File::open(path).expect("it is there"))
        };
        fs::write(&log, "one\ntwo\n").expect("writable");
        assert_eq!(look(&log, known.identity), Some(4), "it has grown");
        let elsewhere = Identity { device: 77, inode: 1 };
        assert_eq!(look(&log, elsewhere), Some(4), "the disk has another number");
        let renamed = folder.path().join("a.log.1");
        fs::rename(&log, &renamed).expect("writable");
        assert_eq!(look(&renamed, known.identity), Some(4), "it was renamed");
        fs::write(&log, "other\n").expect("writable");
        assert_eq!(look(&log, known.identity), None, "its place was taken over");
    }

    /// Scenario: a file in use, of another topic, damaged. Guarantees: each is refused with what to do.
    #[test]
    fn wrong_files_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let kept = folder.path().join("positions.json");
        let refusal = |topic: &str| Positions::open(Some(&kept), topic).expect_err("refused").to_string();
        let log = folder.path().join("a.log");
        fs::write(&log, "x").expect("writable");
        let mut held = Positions::open(Some(&kept), "t").expect("new");
        assert!(refusal("t").contains("another `offbound ship`"));
        held.remember(position(&log, 1));
        held.save().expect("writable");
        drop(held);
        assert!(refusal("u").contains("that of topic \"t\""));
        fs::write(&kept, "{\"schema\":").expect("writable");
        assert!(refusal("t").contains("damaged"));
    }

    /// Scenario: more files than are remembered. Guarantees: the bound holds, the newest are kept.
    #[test]
    fn the_oldest_are_forgotten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("a.log");
        fs::write(&log, "x").expect("writable");
        let mut positions = Positions::open(Some(&folder.path().join("p")), "t").expect("new");
        let known = position(&log, 1);
        for inode in 0..=MAX_FILES as u64 {
            let identity = Identity { device: 1, inode };
            positions.remember(Position { identity, ..known.clone() });
        }
        let files = &positions.document.files;
        assert_eq!((files.len(), files[0].identity.inode), (MAX_FILES, 1));
    }
}
