//! `offbound store`: looking after a store.
//!
//! In: a store's folder. Out: what is in it, whether it is sound, less of it, or parts of it for other programs.
//! Owns: the folder that is meant. Law: nothing here makes a store where there is none.

mod compact;
mod export;
mod stats;
mod verify;

use std::path::{Path, PathBuf};

use offbound_store::{Store, Writer};

use crate::Context;
use crate::args::store::{StoreArgs, StoreCommand};
use crate::exit::{Done, Failure};

/// Runs the command.
pub(crate) fn run(args: &StoreArgs, context: &Context) -> Result<Done, Failure> {
    match &args.command {
        StoreCommand::Verify(args) => verify::run(args, context),
        StoreCommand::Stats(args) => stats::run(args, context),
        StoreCommand::Compact(args) => compact::run(args, context),
        StoreCommand::Export(args) => export::run(args, context),
    }
}

/// The store's folder.
fn folder(option: Option<&Path>, context: &Context) -> Result<PathBuf, Failure> {
    context.config.store(option).ok_or_else(|| Failure::usage("name the store with --store DIR"))
}

/// Opens a store that is there for writing.
fn writer(folder: &Path) -> Result<Writer, Failure> {
    Store::open(folder)?;
    Ok(Store::create(folder)?)
}
