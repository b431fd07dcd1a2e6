//! The store's folder: what lies where, who may read it, who may write, and how a file comes to be there.
//!
//! In: a path from the user. Out: a folder of mode 0700 with files of mode 0600, held by one writer.
//! Owns: file names, permissions, the lock, the publishing of a file (temporary name, fsync, rename, fsync folder).
//! Law: a name in the segment folder that the manifest does not know was never committed, and is swept away.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use offbound_schemas::EventTime;

use crate::steps::{Step, Watch};
use crate::{DiskUse, EventTable, StoreError};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const DATABASE: &str = "offbound.db";
const DATABASE_COMPANIONS: [&str; 2] = ["offbound.db-wal", "offbound.db-shm"];
const SEGMENTS: &str = "segments";
const QUARANTINE: &str = "quarantine";
const LOCK: &str = "lock";
const SEGMENT_SUFFIX: &str = ".parquet";
const UNFINISHED_SUFFIX: &str = ".parquet.tmp";
/// A process id and a host name in text are shorter.
const MAX_HOLDER_BYTES: u64 = 300;

/// A store's folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Whether names wait for the disk.
    durable: bool,
    watch: Watch,
}

/// The single-writer lock; it ends with the value, or with the process.
#[derive(Debug)]
pub(crate) struct WriterLock(File);

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that is being started shares it until it begins.
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "the lock ends when its file is closed");
        }
    }
}

impl Folder {
    /// The folder of an existing store, for reading.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let folder = Self::resolve(path)?;
        match fs::symlink_metadata(folder.database()) {
            Ok(found) if found.is_file() => Ok(folder),
            Ok(_) => Err(folder.not_a_store(format!("{DATABASE} is not a plain file"))),
            Err(_) if entries(&folder.path)?.is_empty() => Err(StoreError::Missing(path.to_owned())),
            Err(_) => Err(folder.not_a_store(format!("it has no {DATABASE}"))),
        }
    }

    /// The folder for writing: made where there is none, refused where it holds something else.
    pub(crate) fn create(path: &Path, durable: bool) -> Result<Self, StoreError> {
        let made = !path.exists();
        if made {
            DirBuilder::new()
                .recursive(true)
                .mode(FOLDER_MODE)
                .create(path)
                .map_err(StoreError::io("make", path))?;
        }
        let folder = Self { durable, ..Self::resolve(path)? };
        folder.refuse_foreign()?;
        restrict(&folder.path, FOLDER_MODE)?;
        if made && let Some(parent) = folder.path.parent() {
            folder.sync(parent)?;
        }
        Ok(folder)
    }

    fn resolve(path: &Path) -> Result<Self, StoreError> {
        let full = fs::canonicalize(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Missing(path.to_owned()),
            _ => StoreError::io("open", path)(error),
        })?;
        let folder = Self { path: full, durable: true, watch: Watch::default() };
        if !folder.path.is_dir() {
            return Err(folder.not_a_store("it is not a folder".to_owned()));
        }
        Ok(folder)
    }

    /// The same, watched at every step.
    pub(crate) fn watched(self, watch: Watch) -> Self {
        Self { watch, ..self }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    fn not_a_store(&self, found: String) -> StoreError {
        StoreError::NotAStore { path: self.path.clone(), found }
    }

    fn refuse_foreign(&self) -> Result<(), StoreError> {
        let ours = |name: &str| {
            [DATABASE, SEGMENTS, QUARANTINE, LOCK].contains(&name) || DATABASE_COMPANIONS.contains(&name)
        };
        match entries(&self.path)?.iter().find(|name| !ours(name)) {
            Some(other) => Err(self.not_a_store(format!("it holds {other:?}"))),
            None => Ok(()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    fn segments(&self) -> PathBuf {
        self.path.join(SEGMENTS)
    }

    /// Where a segment lies. The name is made of numbers and words of ours, never of anything from a log.
    pub(crate) fn segment(&self, seq: u64, table: &str) -> PathBuf {
        self.segments().join(segment_name(seq, table))
    }

    /// Takes the lock, or says who has it.
    pub(crate) fn lock(&self) -> Result<WriterLock, StoreError> {
        let path = self.path.join(LOCK);
        let mut file = open_private(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.locked(file)),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
        }
        let write = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{} {}", std::process::id(), host_name())
        };
        write(&mut file).map_err(StoreError::io("write", &path))?;
        Ok(WriterLock(file))
    }

    /// Names the holder: its process, its host, and since when, which is when it wrote the file.
    fn locked(&self, file: File) -> StoreError {
        let written = file.metadata().and_then(|found| found.modified()).ok();
        let since = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let since = since.and_then(|at| i64::try_from(at.as_nanos()).ok()).map(EventTime);
        let mut text = String::new();
        let read = file.take(MAX_HOLDER_BYTES).read_to_string(&mut text);
        let (pid, host) = text.split_once(' ').unwrap_or((&text, ""));
        let mut holder = match (read, pid.trim().parse::<u32>()) {
            (Ok(_), Ok(pid)) => format!("process {pid}"),
            _ => "another process".to_owned(),
        };
        if !host.is_empty() {
            holder.push_str(&format!(" on {}", host.trim()));
        }
        if let Some(since) = since {
            holder.push_str(&format!(" since {since}"));
        }
        StoreError::Locked { path: self.path.clone(), holder }
    }

    /// Who writes now, if anybody does. For a moment this keeps a writer from beginning.
    pub(crate) fn writer(&self) -> Option<String> {
        let file = File::open(self.path.join(LOCK)).ok()?;
        let is_held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        match is_held.then(|| self.locked(file))? {
            StoreError::Locked { holder, .. } => Some(holder),
            _ => None,
        }
    }

    /// Makes what a store needs inside its folder: the segment folder and an empty, private database file.
    pub(crate) fn furnish(&self) -> Result<(), StoreError> {
        let segments = self.segments();
        make_private(&segments)?;
        open_private(&self.database())?;
        self.sync(&self.path)
    }

    /// Opens a new, private file under the segment's temporary name, in place of what an attempt before this one left.
    pub(crate) fn begin_segment(&self, seq: u64, table: &str) -> Result<File, StoreError> {
        let path = self.unfinished(seq, table);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("replace", &path)(error));
            }
            _ => {}
        }
        self.watch.step(Step::MakeSegment, &path, || {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(FILE_MODE);
            options.open(&path).map_err(StoreError::io("make", &path))
        })
    }

    /// Takes away an unfinished segment, if it is there.
    pub(crate) fn discard_segment(&self, seq: u64, table: &str) {
        // Should it stay, the next attempt replaces it, or the next writer sweeps it away.
        fs::remove_file(self.unfinished(seq, table)).ok();
    }

    fn unfinished(&self, seq: u64, table: &str) -> PathBuf {
        self.segments().join(format!("{}.tmp", segment_name(seq, table)))
    }

    /// Makes the content of a finished file survive a power cut.
    pub(crate) fn sync_segment(&self, seq: u64, table: &str, file: &File) -> Result<(), StoreError> {
        let path = self.unfinished(seq, table);
        self.watch.sync(Step::SyncSegment, &path, || {
            if self.durable { file.sync_all().map_err(StoreError::io("sync", &path)) } else { Ok(()) }
        })
    }

    /// Gives the finished file its name, so that it is there as a whole or not at all.
    pub(crate) fn name_segment(&self, unfinished: u64, seq: u64, table: &str) -> Result<(), StoreError> {
        let (from, to) = (self.unfinished(unfinished, table), self.segment(seq, table));
        self.watch
            .step(Step::NameSegment, &to, || fs::rename(&from, &to).map_err(StoreError::io("name", &to)))?;
        let segments = self.segments();
        self.watch.sync(Step::SyncFolder, &segments, || self.sync(&segments))
    }

    /// Moves a segment to the folder for damaged ones; one that is missing is no error.
    pub(crate) fn quarantine_segment(&self, seq: u64, table: &str) -> Result<(), StoreError> {
        let folder = self.path.join(QUARANTINE);
        make_private(&folder)?;
        let (from, to) = (self.segment(seq, table), folder.join(segment_name(seq, table)));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("move", &from)(error))
            }
            _ => {
                self.sync(&folder)?;
                self.sync(&self.segments())
            }
        }
    }

    /// Makes names in a folder survive a power cut.
    fn sync(&self, path: &Path) -> Result<(), StoreError> {
        if !self.durable {
            return Ok(());
        }
        File::open(path).and_then(|folder| folder.sync_all()).map_err(StoreError::io("sync", path))
    }

    /// Takes away a segment that is no longer part of the store.
    pub(crate) fn remove_segment(&self, seq: u64, table: &str) -> Result<(), StoreError> {
        let path = self.segment(seq, table);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// How much room the store takes.
    pub(crate) fn disk_use(&self) -> Result<DiskUse, StoreError> {
        let mut disk = DiskUse::default();
        for name in [DATABASE].iter().chain(&DATABASE_COMPANIONS) {
            disk.database += size(&self.path.join(name))?;
        }
        disk.segments = size_within(&self.segments())?;
        disk.quarantine = size_within(&self.path.join(QUARANTINE))?;
        Ok(disk)
    }

    /// Takes away files that were never committed, or have been replaced; returns how many.
    pub(crate) fn sweep(&self, committed: &BTreeSet<PathBuf>) -> Result<usize, StoreError> {
        let segments = self.segments();
        let mut swept = 0;
        for name in entries(&segments)? {
            let path = segments.join(&name);
            if is_segment_name(&name) && !committed.contains(&path) {
                fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

fn segment_name(seq: u64, table: &str) -> String {
    format!("{seq:08}-{table}{SEGMENT_SUFFIX}")
}

/// Whether a file can be a segment of ours, finished or not; anything else is left alone.
fn is_segment_name(name: &str) -> bool {
    let stem = name.strip_suffix(UNFINISHED_SUFFIX).or_else(|| name.strip_suffix(SEGMENT_SUFFIX));
    let parts = stem.and_then(|stem| stem.split_once('-'));
    parts.is_some_and(|(seq, table)| seq.parse::<u64>().is_ok() && EventTable::named(table).is_some())
}

/// Bytes of a file; none where there is none, as it may go at any time.
fn size(path: &Path) -> Result<u64, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(StoreError::io("look at", path)(error)),
    }
}

fn size_within(folder: &Path) -> Result<u64, StoreError> {
    if !folder.exists() {
        return Ok(0);
    }
    entries(folder)?.iter().map(|name| size(&folder.join(name))).sum()
}

/// Makes a folder that only its owner may look into, where there is none.
fn make_private(path: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(StoreError::io("make", path)(error));
        }
        _ => {}
    }
    if !fs::symlink_metadata(path).map_err(StoreError::io("look at", path))?.is_dir() {
        let found = format!("{} is not a plain folder", path.display());
        return Err(StoreError::NotAStore { path: path.parent().unwrap_or(path).to_owned(), found });
    }
    restrict(path, FOLDER_MODE)
}

/// The name of this host, where the system tells.
fn host_name() -> String {
    let name =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    name.unwrap_or_default().trim().to_owned()
}

/// Names in a folder, sorted.
fn entries(path: &Path) -> Result<BTreeSet<String>, StoreError> {
    let list = fs::read_dir(path).map_err(StoreError::io("list", path))?;
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    list.map(name).collect::<io::Result<_>>().map_err(StoreError::io("list", path))
}

/// Opens a file of ours for reading and writing, made private if it is new; never through a symbolic link.
fn open_private(path: &Path) -> Result<File, StoreError> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        let found = format!("{} is not a plain file", path.display());
        return Err(StoreError::NotAStore { path: path.parent().unwrap_or(path).to_owned(), found });
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
    let file = options.open(path).map_err(StoreError::io("open", path))?;
    restrict(path, FILE_MODE)?;
    Ok(file)
}

fn restrict(path: &Path, mode: u32) -> Result<(), StoreError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(StoreError::io("restrict", path))
}
