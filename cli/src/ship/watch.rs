//! Which files are shipped now: found, opened, followed through rotation, let go.
//!
//! In: paths as the user gave them. Out: open [`Tail`]s. Owns: the look at folders, the numbers of files.
//! Leaves to `fate` what is to be done with each, to `tail` the reading.
//! Law: a file is known by its place on the disk, never by its name alone; what cannot be read is told once.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use offbound_ingest::{Content, expand, plain};

use super::fate::{Facts, Fate, fate};
use super::head::{Head, Identity};
use super::positions::Positions;
use super::standard_input::StandardInput;
use super::tail::{OnDisk, Tail};
use crate::exit::say;

/// Files that are followed at the same time, at most: below the 1024 open files that a process may have by default.
pub(crate) const MAX_FOLLOWED: usize = 500;
/// Most members of a folder that are looked through for a log that was rotated while nobody shipped it.
const MAX_SIBLINGS: usize = 10_000;
/// Files that are remembered as not to be shipped, at most; beyond it they are looked at, and told, again.
const MAX_PASSED_OVER: usize = 10_000;
/// Where standard input is named.
const STDIN: &str = "-";

/// The files.
pub(crate) struct Watch {
    paths: Vec<String>,
    follow: bool,
    from_start: bool,
    pub(crate) open: Vec<Tail>,
    /// Found, and not opened yet (without following, one is read after the other).
    waiting: VecDeque<String>,
    /// Files that are not shipped, as they are.
    passed_over: BTreeSet<(Identity, u64)>,
    /// What was told already, so that it is told once.
    told: BTreeSet<String>,
    numbers: u64,
    /// Things that could not be read.
    pub(crate) unreadable: u64,
    pub(crate) opened: u64,
}

impl Watch {
    /// Nothing is open before the first look.
    pub(crate) fn new(paths: &[String], follow: bool, from_start: bool) -> Self {
        Self {
            paths: paths.to_vec(),
            follow,
            from_start,
            open: Vec::new(),
            waiting: VecDeque::new(),
            passed_over: BTreeSet::new(),
            told: BTreeSet::new(),
            numbers: 0,
            unreadable: 0,
            opened: 0,
        }
    }

    /// Whether there is nothing left to read; never, where files are followed.
    pub(crate) fn is_done(&self) -> bool {
        !self.follow && self.open.is_empty() && self.waiting.is_empty()
    }

    /// The first look: what is there, and what was rotated away since the last run.
    pub(crate) fn begin(&mut self, positions: &Positions) {
        let found = self.expand();
        if self.from_start {
            self.waiting.extend(found);
        } else {
            let left = left_behind(&found, positions);
            self.waiting.extend(left.into_iter().chain(found));
        }
        self.open_next(positions);
    }

    /// Another look, for files that are followed.
    pub(crate) fn look(&mut self, positions: &Positions) {
        if !self.follow {
            return;
        }
        let found = self.expand();
        let mut names: Vec<(Identity, String)> = Vec::new();
        for path in &found {
            match fs::metadata(path) {
                Ok(metadata) if self.passed_over.contains(&(Identity::of(&metadata), metadata.len())) => {}
                Ok(metadata) => names.push((Identity::of(&metadata), path.clone())),
                Err(error) => self.tell(path, &error.to_string()),
            }
        }
        self.judge_open(&names);
        let is_open = |identity: &Identity| {
            self.open.iter().any(|tail| tail.on_disk.as_ref().is_some_and(|disk| disk.identity == *identity))
        };
        self.waiting = names.iter().filter(|(id, _)| !is_open(id)).map(|(_, path)| path.clone()).collect();
        self.open_next(positions);
    }

    /// Decides for each open file.
    fn judge_open(&mut self, names: &[(Identity, String)]) {
        for tail in &mut self.open {
            let Some(OnDisk { identity, head, handle }) = &mut tail.on_disk else { continue };
            let name = names.iter().find(|(found, _)| found == identity);
            let size = handle.metadata().map_or(0, |metadata| metadata.len());
            let has_same_head = head.is_of(handle);
            head.lengthen(handle);
            tail.looks_without_name = if name.is_some() { 0 } else { tail.looks_without_name + 1 };
            let facts = Facts {
                has_name: name.is_some(),
                size,
                read_to: tail.read_to(),
                has_same_head,
                looks_without_name: tail.looks_without_name,
            };
            if let Some((_, path)) = name {
                tail.location.clone_from(path);
            }
            match fate(facts) {
                Fate::Goes | Fate::Leaves => {}
                Fate::Gone => tail.is_final = true,
                Fate::Anew => {
                    say(
                        "warning",
                        &format!("{} was truncated: it is shipped from its first byte", tail.location),
                    );
                    self.numbers += 1;
                    if let Err(error) = tail.begin_anew(self.numbers) {
                        say("warning", &format!("cannot read {}: {error}", tail.location));
                        tail.is_final = true;
                    }
                }
            }
        }
    }

    fn expand(&mut self) -> Vec<String> {
        let (inputs, errors) = expand(&self.paths);
        for error in errors {
            self.tell(&error.location, &error.to_string());
        }
        inputs.into_iter().map(|input| input.location).collect()
    }

    /// Opens what waits, as far as there is room.
    pub(crate) fn open_next(&mut self, positions: &Positions) {
        // One after the other where nothing is followed; a log is done before the next is begun.
        let most_reading = if self.follow { MAX_FOLLOWED } else { 1 };
        let reading = |open: &[Tail]| open.iter().filter(|tail| !tail.is_finished()).count();
        while self.open.len() < MAX_FOLLOWED && reading(&self.open) < most_reading {
            let Some(path) = self.waiting.pop_front() else { return };
            match self.open_one(&path, positions) {
                Ok(Some(tail)) => self.open.push(tail),
                Ok(None) => {}
                Err(error) => self.tell(&path, &error.to_string()),
            }
        }
        if let (true, Some(first)) = (self.follow, self.waiting.front().cloned()) {
            let advice =
                format!("more than {MAX_FOLLOWED} files; name fewer, or run a second one for the rest");
            self.tell("--follow", &format!("{advice}; not followed: {first} and others"));
        }
    }

    fn open_one(&mut self, path: &str, positions: &Positions) -> io::Result<Option<Tail>> {
        if path == STDIN {
            self.opened += 1;
            self.numbers += 1;
            let mut tail =
                Tail::new(self.numbers, path.to_owned(), None, Box::new(StandardInput::start()?), 0);
            tail.is_final = true;
            return Ok(Some(tail));
        }
        let file = File::open(path)?;
        let identity = Identity::of(&file.metadata()?);
        let content = content(&file)?;
        if content == Content::Binary || (self.follow && content == Content::Compressed) {
            let what = match content {
                Content::Compressed => "compressed files do not grow; ship it without --follow",
                _ => "no text that can be read; convert it, or leave it out",
            };
            self.tell(path, what);
            if self.passed_over.len() >= MAX_PASSED_OVER {
                self.passed_over.clear();
            }
            self.passed_over.insert((identity, file.metadata()?.len()));
            return Ok(None);
        }
        let place = if self.from_start { None } else { positions.of(path, identity, &file) }.unwrap_or(0);
        let size = file.metadata()?.len();
        let place = if content == Content::Text && place > size { 0 } else { place };
        let reader = reader(&file, content, place)?;
        let on_disk = OnDisk { identity, head: Head::of(&file)?, handle: file };
        self.numbers += 1;
        self.opened += 1;
        let mut tail = Tail::new(self.numbers, path.to_owned(), Some(on_disk), reader, place);
        tail.is_final = !self.follow;
        Ok(Some(tail))
    }

    /// Says what cannot be read, once.
    pub(crate) fn tell(&mut self, path: &str, problem: &str) {
        let line = if problem.starts_with(path) { problem.to_owned() } else { format!("{path}: {problem}") };
        if self.told.len() >= MAX_PASSED_OVER {
            self.told.clear();
        }
        if self.told.insert(path.to_owned()) {
            self.unreadable += 1;
            say("warning", &line);
        }
    }
}

/// A reader that stands at `place`.
fn reader(file: &File, content: Content, place: u64) -> io::Result<Box<dyn Read>> {
    let mut reading = file.try_clone()?;
    if content == Content::Text {
        reading.seek(SeekFrom::Start(place))?;
        return Ok(Box::new(reading));
    }
    reading.seek(SeekFrom::Start(0))?;
    let mut reader = plain(reading)?;
    io::copy(&mut reader.by_ref().take(place), &mut io::sink())?;
    Ok(Box::new(reader))
}

fn content(file: &File) -> io::Result<Content> {
    let mut head = Vec::with_capacity(Content::HEAD_BYTES);
    let mut reading = file.try_clone()?;
    reading.seek(SeekFrom::Start(0))?;
    reading.take(Content::HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(Content::of(&head))
}

/// Files that had one of these names in the last run, and lie beside it under another since.
fn left_behind(found: &[String], positions: &Positions) -> Vec<String> {
    let mut left = Vec::new();
    for path in found {
        let now = fs::metadata(path).map(|metadata| Identity::of(&metadata));
        let before = positions.with_name(path).filter(|known| now.as_ref().ok() != Some(known));
        left.extend(before.filter_map(|identity| beside(Path::new(path), identity)));
    }
    left.retain(|path| !found.contains(path));
    left
}

fn beside(path: &Path, identity: Identity) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let members = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?.take(MAX_SIBLINGS);
    let is_it = |member: &PathBuf| {
        let metadata = fs::symlink_metadata(member);
        metadata.is_ok_and(|metadata| metadata.is_file() && Identity::of(&metadata) == identity)
    };
    let member = members.filter_map(|member| Some(member.ok()?.path())).find(is_it)?;
    Some(member.to_string_lossy().into_owned())
}
