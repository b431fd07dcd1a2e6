//! The store: whether it is there, whole, writable, and has room.
//!
//! In: its folder. Out: checks, and the positions that it has of topics. Owns: how much is read to check it here.
//! Law: nothing is changed; a store that is being written is looked at like any other.

use std::path::Path;

use offbound_store::{PartitionOffset, Store, StoreError};

use super::check::Check;
use super::space::free_bytes;
use crate::output::{count, megabytes};

const PART: &str = "store";
/// Bytes of segments that are read whole here, at most: some seconds of reading.
const MAX_READ_BYTES: u64 = 256 << 20;
/// Below this the next commits may fail.
const LEAST_FREE_BYTES: u64 = 256 << 20;
/// Below this somebody should know.
const LITTLE_FREE_BYTES: u64 = 4 << 30;

/// Checks the store; gives its positions.
pub(super) fn check(folder: Option<&Path>, checks: &mut Vec<Check>) -> Vec<PartitionOffset> {
    let Some(folder) = folder else {
        let how = "name it with store.dir or --store; `stream` needs one";
        checks.push(Check::not_configured(PART, "folder", how));
        return Vec::new();
    };
    let there = existing(folder);
    checks.push(writable(there));
    checks.push(room(free_bytes(there)));
    let store = match Store::open(folder) {
        Ok(store) => store,
        Err(StoreError::Missing(_)) => {
            let made = "`stream` and `replay --store` make it";
            checks.push(Check::noted(PART, "folder", format!("{} is not there yet", folder.display()), made));
            return Vec::new();
        }
        Err(error) => {
            checks.push(Check::told(PART, "folder", with_causes(&error)));
            return Vec::new();
        }
    };
    checks.push(Check::well(PART, "folder", folder.display().to_string()));
    checks.push(match store.writer() {
        Some(holder) => Check::well(PART, "writer", format!("is being written by {holder}")),
        None => Check::well(PART, "writer", "nobody writes"),
    });
    checks.push(contents(&store));
    match store.offsets() {
        Ok(offsets) => offsets,
        Err(error) => {
            checks.push(Check::told(PART, "positions", with_causes(&error)));
            Vec::new()
        }
    }
}

/// The folder, or the nearest one above it that is there.
fn existing(folder: &Path) -> &Path {
    let above = folder.ancestors().find(|folder| folder.exists());
    above.filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn writable(folder: &Path) -> Check {
    // A file without a name: it is never seen, and gone at once.
    match tempfile::tempfile_in(folder) {
        Ok(_) => Check::well(PART, "permission", format!("{} can be written", folder.display())),
        Err(error) => {
            let found = format!("cannot write in {}: {error}", folder.display());
            Check::failed(
                PART,
                "permission",
                found,
                "give this user the folder, or name another with store.dir",
            )
        }
    }
}

fn room(free: Option<u64>) -> Check {
    let advice = "make room, or name a folder on another disk with store.dir";
    match free {
        None => Check::noted(PART, "free space", "not known", "`df` shows it where it is installed"),
        Some(free) if free < LEAST_FREE_BYTES => {
            Check::failed(PART, "free space", format!("only {}", megabytes(free)), advice)
        }
        Some(free) if free < LITTLE_FREE_BYTES => Check::noted(PART, "free space", megabytes(free), advice),
        Some(free) => Check::well(PART, "free space", megabytes(free)),
    }
}

/// The chain of the manifest, and every byte where there are not too many.
fn contents(store: &Store) -> Check {
    let contents = match store.contents() {
        Ok(contents) => contents,
        Err(error) => return Check::told(PART, "contents", with_causes(&error)),
    };
    let rows: u64 = contents.iter().map(|table| table.rows).sum();
    let bytes: u64 = contents.iter().map(|table| table.bytes).sum();
    let held = format!("{} events in {}", count(rows), megabytes(bytes));
    if bytes > MAX_READ_BYTES {
        return Check::well(
            PART,
            "contents",
            format!("{held}; the manifest is whole; `offbound store verify` reads every byte"),
        );
    }
    match store.verify() {
        Ok(_) => Check::well(PART, "contents", format!("{held}; every byte is as it was written")),
        Err(error) => Check::told(PART, "contents", with_causes(&error)),
    }
}

/// An error and what it comes from, in one line.
fn with_causes(error: &StoreError) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        line = format!("{line}: {next}");
        cause = next.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::State;

    fn check(folder: Option<&Path>, expected: &[(&str, State)]) {
        let mut checks = Vec::new();
        super::check(folder, &mut checks);
        let found: Vec<(&str, State)> = checks
            .iter()
            .filter(|check| check.what != "free space")
            .map(|c| (c.what.as_str(), c.state))
            .collect();
        assert_eq!(found, expected, "{checks:?}");
    }

    /// Scenario: no store, one to be made, one that is there, a folder with something else. Guarantees: each is told as
    /// what it is, and nothing is made.
    #[test]
    fn stores() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("store");
        check(None, &[("folder", State::NotConfigured)]);
        check(Some(&path), &[("permission", State::Well), ("folder", State::Noted)]);
        assert!(!path.exists());
        drop(Store::create(&path).expect("writable"));
        let well = [
            ("permission", State::Well),
            ("folder", State::Well),
            ("writer", State::Well),
            ("contents", State::Well),
        ];
        check(Some(&path), &well);
        std::fs::write(folder.path().join("other"), "x").expect("writable");
        check(Some(folder.path()), &[("permission", State::Well), ("folder", State::Failed)]);
    }

    /// Scenario: a store that is being written. Guarantees: who writes is shown, and it is no failure.
    #[test]
    fn the_writer_is_shown() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let writer = Store::create(folder.path()).expect("writable");
        let mut checks = Vec::new();
        super::check(Some(folder.path()), &mut checks);
        let shown = checks.iter().find(|check| check.what == "writer").expect("it is checked");
        assert!(shown.found.contains(&format!("process {}", std::process::id())), "{shown:?}");
        drop(writer);
    }

    /// Scenario: little room, less, not known. Guarantees: it fails only where commits would.
    #[test]
    fn rooms() {
        for (free, expected) in [
            (Some(0), State::Failed),
            (Some(1 << 30), State::Noted),
            (Some(1 << 40), State::Well),
            (None, State::Noted),
        ] {
            assert_eq!(room(free).state, expected, "{free:?}");
        }
    }
}
