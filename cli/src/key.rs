//! The key under which secrets become fingerprints: one per installation, in the state folder.
//!
//! In: `XDG_STATE_HOME` or `HOME`. Out: 32 random bytes, from the key file (mode 0600) or fresh for one run.
//! Owns: the key file. Leaves to `ingest` the fingerprints themselves.
//! Law: records never depend on this key: a fingerprint stands in raw text only, never in an id.

use std::env;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::exit::{Failure, say};

/// Length of a key in bytes.
pub(crate) const KEY_BYTES: usize = 32;
/// Name of the key file.
const KEY_FILE: &str = "fingerprint.key";

/// The installation's key; where its file cannot be had, a key for this run only.
pub(crate) fn of_installation() -> Result<[u8; KEY_BYTES], Failure> {
    let Some(folder) = state_folder() else {
        say(
            "warning",
            "no home folder: secrets get fingerprints of this run only; set XDG_STATE_HOME to keep them comparable",
        );
        return random();
    };
    match read_or_create(&folder) {
        Ok(key) => Ok(key),
        Err(error) => {
            let place = folder.join(KEY_FILE);
            say(
                "warning",
                &format!(
                    "cannot use {}: {error}; secrets get fingerprints of this run only; make the file readable and writable to keep them comparable",
                    place.display()
                ),
            );
            random()
        }
    }
}

/// Where this user keeps state of ours.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let from_xdg = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = from_xdg.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/state")))?;
    Some(state.join("offbound"))
}

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::could_not(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

fn read_or_create(folder: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = folder.join(KEY_FILE);
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(folder, &path),
        other => other,
    }
}

fn read(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut file = fs::File::open(path)?;
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    Ok(key)
}

/// Writes a fresh key aside and links it into place, so that two first runs at once agree on one key.
fn create(folder: &Path, path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    make_private_folder(folder)?;
    let key = random().map_err(|failure| io::Error::other(failure.to_string()))?;
    let mut aside = tempfile::Builder::new().prefix(KEY_FILE).tempfile_in(folder)?;
    aside.write_all(&key)?;
    aside.as_file().sync_all()?;
    match aside.persist_noclobber(path) {
        Ok(_) => Ok(key),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(refused) => Err(refused.error),
    }
}

/// Makes a folder, and those above it, that only this user may enter.
#[cfg(unix)]
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder, and those above it.
#[cfg(not(unix))]
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: first run, second run, damaged file. Guarantees: one private key that stays, or an error.
    #[test]
    fn the_key_stays() {
        let state = tempfile::tempdir().expect("a temporary folder");
        let folder = state.path().join("offbound");
        let first = read_or_create(&folder).expect("a fresh key");
        assert_eq!(read_or_create(&folder).expect("the same key"), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.join(KEY_FILE)).expect("the file is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(folder.join(KEY_FILE), b"short").expect("writable");
        assert!(read_or_create(&folder).is_err());
    }
}
