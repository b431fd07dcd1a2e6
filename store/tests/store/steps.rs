//! Failures at every step of a commit, before and after it.

use std::io::{Error, ErrorKind, Result as IoResult};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use offbound_store::{Side, Step, Steps, StoreError, Writer};

use crate::journal::{append, commit, durable, recover, whole_stretches};

/// Fails one step, once it is told to.
#[derive(Debug)]
struct Fault {
    at: (Step, Side),
    kind: ErrorKind,
    armed: AtomicBool,
    met: AtomicBool,
}

impl Steps for Fault {
    fn at(&self, step: Step, side: Side, _path: &Path) -> IoResult<()> {
        if self.at != (step, side) || !self.armed.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.met.store(true, Ordering::SeqCst);
        Err(Error::from(self.kind))
    }
}

/// Commits one stretch, fails the next one at a step, and gives what became of it.
fn fail(
    at: (Step, Side),
    kind: ErrorKind,
) -> Result<(tempfile::TempDir, Writer, Arc<Fault>, StoreError), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let fault = Arc::new(Fault { at, kind, armed: AtomicBool::new(false), met: AtomicBool::new(false) });
    let mut writer = Writer::create_watched(home.path(), durable(), fault.clone())?;
    append(&mut writer, 0)?;
    commit(&mut writer, 0)?;
    fault.armed.store(true, Ordering::SeqCst);
    append(&mut writer, 1)?;
    let refused = commit(&mut writer, 1).expect_err("a step of it fails");
    assert!(fault.met.load(Ordering::SeqCst), "{at:?}");
    Ok((home, writer, fault, refused))
}

fn every_step() -> impl Iterator<Item = (Step, Side)> {
    Step::ALL.into_iter().flat_map(|step| [Side::Before, Side::After].map(|side| (step, side)))
}

/// Scenario: the disk fails before and after each step of a commit. Guarantees: the writer acknowledges nothing any more,
/// the next one finds the first stretch and either all or nothing of the second, and goes on.
#[test]
fn a_failing_disk_loses_nothing() -> Result<(), StoreError> {
    for at in every_step() {
        let (home, mut writer, fault, refused) = fail(at, ErrorKind::Other)?;
        assert!(!refused.is_temporary(), "{at:?}: {refused}");
        fault.armed.store(false, Ordering::SeqCst);
        assert!(matches!(commit(&mut writer, 1), Err(StoreError::Broken(_))), "{at:?}");
        drop(writer);
        let found = recover(home.path(), 1).map_err(|problem| format!("{at:?}: {problem}"));
        let found = found.expect("nothing is lost");
        assert_eq!(found == 2, at == (Step::Commit, Side::After), "{at:?}");
        let mut writer = Writer::create(home.path(), durable())?;
        for number in found..4 {
            append(&mut writer, number)?;
            commit(&mut writer, number)?;
        }
        assert_eq!(whole_stretches(&writer), Ok(4), "{at:?}");
    }
    Ok(())
}

/// Scenario: the disk is full before and after each step of a commit but its very end, three times in a row, then has
/// room again. Guarantees: the error says so, the same writer goes on with the same call, nothing is lost or doubled.
#[test]
fn a_full_disk_can_be_waited_out() -> Result<(), StoreError> {
    for at in every_step().filter(|at| *at != (Step::Commit, Side::After)) {
        let (_home, mut writer, fault, refused) = fail(at, ErrorKind::StorageFull)?;
        assert!(matches!(refused, StoreError::Full(_)) && refused.is_temporary(), "{at:?}: {refused}");
        assert!(refused.to_string().contains("make room"), "{refused}");
        for _ in 0..2 {
            assert!(matches!(commit(&mut writer, 1), Err(StoreError::Full(_))), "{at:?}");
        }
        fault.armed.store(false, Ordering::SeqCst);
        append(&mut writer, 1)?;
        commit(&mut writer, 1)?;
        assert_eq!(whole_stretches(&writer), Ok(2), "{at:?}");
    }
    Ok(())
}
