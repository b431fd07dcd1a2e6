//! The command as its users meet it: arguments in; bytes, exit code and messages out.
//!
//! In: the built binary, the samples, the sources. Owns: end-to-end tests, and tests of the tree itself.
//! One binary, so that it links once.

mod bad_input;
mod cli;
mod dead_letters;
mod doctor;
mod enforcement;
mod hunt;
mod layers;
mod mappings;
mod scenarios;
mod schema;
mod screens;
mod secrets;
mod ship;
mod store;
mod stream;
mod terminal;
mod tidy;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The text of a file of the project.
#[allow(clippy::panic, reason = "a test that cannot read the project cannot go on")]
fn text_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The project's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the project").to_owned()
}

/// Environment variable that keeps the folders of tests, such as the stores of one that failed, for whoever looks at them.
const KEEP: &str = "OFFBOUND_KEEP";

/// A folder of its own for one test.
fn scratch() -> tempfile::TempDir {
    let keep = std::env::var_os(KEEP).is_some();
    tempfile::Builder::new().disable_cleanup(keep).tempdir().expect("a temporary folder")
}

/// Environment variable with the binary to be tested in place of the one that was built for the tests: long forms want
/// an optimised one.
const BINARY: &str = "OFFBOUND_BINARY";

/// The binary to be tested.
fn binary() -> PathBuf {
    let named = std::env::var_os(BINARY).map(|path| root().join(path));
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_offbound").into())
}

/// The command in `folder`, untouched by who runs the tests.
fn offbound(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).current_dir(folder).env_clear();
    // The key file goes to a place of the build, never to the home of who runs the tests.
    command.env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"));
    command.env("XDG_CONFIG_HOME", folder.join("no-configuration"));
    command
}

/// Runs the command to its end.
fn run(folder: &Path, args: &[&str]) -> Output {
    offbound(folder, args).output().expect("the binary was built")
}

/// What was printed on standard output.
fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

/// What was said on standard error.
fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}
