//! The terminal that crossterm reads, as the system sees it.
//!
//! In: nothing. Out: whether it has something to say, or is gone. Owns: how long one waits for it.
//! Leaves to crossterm what it says.

use std::fs::File;
use std::io::{self, IsTerminal as _};

use super::POLL;

/// What waiting ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// There is something to read, or a signal came.
    Something,
    /// Nothing came.
    Nothing,
    /// It is not there any more.
    Gone,
}

/// Standard input, else the terminal that the process belongs to.
pub(super) struct Line(Option<File>);

impl Line {
    /// Finds it.
    pub(super) fn open() -> io::Result<Self> {
        if io::stdin().is_terminal() { Ok(Self(None)) } else { File::open("/dev/tty").map(Some).map(Self) }
    }

    /// Waits until it has something to say, at most for [`POLL`].
    #[cfg(target_os = "linux")]
    pub(super) fn wait(&self) -> Heard {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let within = Timespec { tv_sec: 0, tv_nsec: POLL.subsec_nanos().into() };
        let stdin = io::stdin();
        let mut asked = [match &self.0 {
            Some(file) => PollFd::new(file, PollFlags::IN),
            None => PollFd::new(&stdin, PollFlags::IN),
        }];
        let answered = poll(&mut asked, Some(&within));
        if asked.iter().any(|line| line.revents().intersects(PollFlags::HUP | PollFlags::ERR)) {
            return Heard::Gone;
        }
        match answered {
            Ok(0) => Heard::Nothing,
            // A signal interrupts: a change of size is one.
            Ok(_) | Err(rustix::io::Errno::INTR) => Heard::Something,
            Err(_) => Heard::Gone,
        }
    }

    /// Others have no such question about a terminal that all of them answer.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn wait(&self) -> Heard {
        match crossterm::event::poll(POLL) {
            Ok(true) => Heard::Something,
            Ok(false) => Heard::Nothing,
            Err(_) => Heard::Gone,
        }
    }

    /// Has the system say once more that there is something to read. crossterm 0.29 (`event/source/unix/mio.rs`) takes
    /// keys and changes of size from one list of edge-triggered readiness, and returns at the first: what stood behind it
    /// is read when the next key comes, and until then everybody who asks whether there is something is told so, at once.
    /// Linux wakes readers of a terminal whenever its settings are set, be they as they were (`n_tty_set_termios`).
    #[cfg(target_os = "linux")]
    pub(super) fn ring_again(&self) {
        use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
        let stdin = io::stdin();
        let rung = match &self.0 {
            Some(file) => tcgetattr(file).and_then(|same| tcsetattr(file, OptionalActions::Now, &same)),
            None => tcgetattr(&stdin).and_then(|same| tcsetattr(&stdin, OptionalActions::Now, &same)),
        };
        if rung.is_err() {
            // A terminal without settings is looked at less often instead: it must not cost a core.
            std::thread::sleep(POLL);
        }
    }

    /// Others do not need it: they wait by crossterm alone.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn ring_again(&self) {}
}
