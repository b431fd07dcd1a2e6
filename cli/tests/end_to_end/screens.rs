//! The screens on a terminal of their own, and what happens when it goes away.
//!
//! In: a pseudo-terminal, a sample. Out: what is written to it, and when the command ends.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::stream::eventually_within;
use super::{offbound, root};

/// What a terminal is told when the screens take it over (`xterm`, alternate screen).
const TAKEN: &[u8] = b"\x1b[?1049h";
/// More than the command takes to read the sample on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The end that the user sees, and the command at the other one, which is its terminal but sends it no signals.
fn on_a_terminal(args: &[&str]) -> (File, Child) {
    // No child may hold the user's end, else the terminal is never gone.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).expect("a pseudo-terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other end");
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).expect("a terminal has a size");
    let name = ptsname(&master, Vec::new()).expect("the other end has a name");
    let name = OsStr::from_bytes(name.as_bytes());
    let line = || Stdio::from(File::options().read(true).write(true).open(name).expect("the other end"));
    let mut command = offbound(&root(), args);
    command.env("TERM", "xterm-256color").stdin(line()).stdout(line()).stderr(line());
    (File::from(master), command.spawn().expect("the binary was built"))
}

/// Reads until the screens are up.
fn wait_for_screens(terminal: &mut File) {
    let (mut seen, mut some): (Vec<u8>, _) = (Vec::new(), [0; 4096]);
    while !seen.windows(TAKEN.len()).any(|bytes| bytes == TAKEN) {
        let read = terminal.read(&mut some).expect("the command lives");
        seen.extend(some.iter().take(read));
    }
}

/// Scenario: the terminal is closed while the screens are up, and no signal says so (an ssh session that broke off, a
/// terminal of another session). Guarantees: the command ends, and does not read for ever what is not there.
#[test]
fn a_terminal_that_is_gone_ends_the_screens() {
    let (mut terminal, mut command) = on_a_terminal(&["investigate", "samples/stolen-pod-token"]);
    wait_for_screens(&mut terminal);
    drop(terminal);
    eventually_within(PATIENCE, "the end of the command", || {
        command.try_wait().expect("a child can be asked").is_some()
    });
}
