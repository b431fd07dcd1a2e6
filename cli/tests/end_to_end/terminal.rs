//! A terminal with somebody at it: keys in, what stands on the screen out.
//!
//! In: a command. Out: its screen. Owns: the pseudo-terminal, the thread that reads it, the few commands of terminals that
//! the screens write. Laws: what the command writes is always read, so that it never waits for its reader; no wait is without
//! an end, and one that ends in vain shows the screen; the command does not outlive its terminal.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::offbound;

/// More than the command takes for any answer on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The end that the user sees, and the command at the other one, which is its terminal but sends it no signals.
pub(super) fn on_a_terminal(folder: &Path, args: &[&str], (columns, rows): (u16, u16)) -> (File, Child) {
    // No child may hold the user's end, else the terminal is never gone.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).expect("a pseudo-terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other end");
    tcsetwinsize(&master, winsize((columns, rows))).expect("a terminal has a size");
    let name = ptsname(&master, Vec::new()).expect("the other end has a name");
    let name = OsStr::from_bytes(name.as_bytes());
    let line = || Stdio::from(File::options().read(true).write(true).open(name).expect("the other end"));
    let mut command = offbound(folder, args);
    command.env("TERM", "xterm-256color").env("NO_COLOR", "1").stdin(line()).stdout(line()).stderr(line());
    (File::from(master), command.spawn().expect("the binary was built"))
}

fn winsize((columns, rows): (u16, u16)) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// What stands on the screen.
struct Cells {
    size: (u16, u16),
    lines: Vec<Vec<char>>,
    at: (usize, usize),
    /// A command of the terminal that has begun.
    command: Vec<u8>,
}

impl Cells {
    fn new(size: (u16, u16)) -> Self {
        let lines = vec![vec![' '; usize::from(size.0)]; usize::from(size.1)];
        Self { size, lines, at: (0, 0), command: Vec::new() }
    }

    fn take(&mut self, byte: u8) {
        match (self.command.as_slice(), byte) {
            ([], b'\x1b') => self.command.push(byte),
            ([], b'\r') => self.at.0 = 0,
            ([], b'\n') => self.at.1 += 1,
            ([], byte) => self.put(char::from(byte)),
            (_, byte) => {
                self.command.push(byte);
                let is_begin = self.command.len() == 2 && byte == b'[';
                if !is_begin && matches!(byte, b'@'..=b'~') {
                    let command = std::mem::take(&mut self.command);
                    self.obey(&command);
                }
            }
        }
    }

    /// The locale of the tests is plain ASCII: a byte is a cell.
    fn put(&mut self, c: char) {
        if let Some(cell) = self.lines.get_mut(self.at.1).and_then(|line| line.get_mut(self.at.0)) {
            *cell = c;
        }
        self.at.0 += 1;
    }

    fn obey(&mut self, command: &[u8]) {
        let text = String::from_utf8_lossy(command);
        match command.last() {
            Some(b'H') => {
                let numbers = text.trim_start_matches("\x1b[").trim_end_matches('H');
                let mut numbers = numbers.split(';').map(|number| number.parse::<usize>().unwrap_or(1));
                let (row, column) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1));
                self.at = (column.saturating_sub(1), row.saturating_sub(1));
            }
            // The alternate screen begins empty.
            _ if command == b"\x1b[?1049h" => *self = Self::new(self.size),
            Some(b'J') => *self = Self { at: self.at, ..Self::new(self.size) },
            Some(b'K') => {
                let from = if text.contains('2') { 0 } else { self.at.0 };
                let line = self.lines.get_mut(self.at.1);
                line.into_iter().flatten().skip(from).for_each(|cell| *cell = ' ');
            }
            // Styles, and modes of the terminal, are not on the screen.
            Some(b'm' | b'h' | b'l') => {}
            _ => self.lines.push(format!("an unknown command: {text:?}").chars().collect()),
        }
    }

    fn text(&self) -> String {
        let line = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned() + "\n";
        self.lines.iter().map(line).collect()
    }
}

/// Somebody at a terminal.
pub(super) struct Seat {
    terminal: File,
    command: Child,
    cells: Arc<Mutex<Cells>>,
    reader: Option<JoinHandle<()>>,
}

impl Seat {
    /// Begins the command.
    pub(super) fn take(folder: &Path, args: &[&str], size: (u16, u16)) -> Self {
        let (terminal, command) = on_a_terminal(folder, args, size);
        let cells = Arc::new(Mutex::new(Cells::new(size)));
        let (theirs, mut from) = (Arc::clone(&cells), terminal.try_clone().expect("a second handle"));
        let read = move || {
            let mut some = [0; 4096];
            // A terminal whose command has ended cannot be read any more.
            while let Ok(read @ 1..) = from.read(&mut some) {
                some.iter().take(read).for_each(|byte| lock(&theirs).take(*byte));
            }
        };
        let reader = Some(std::thread::spawn(read));
        Self { terminal, command, cells, reader }
    }

    /// What stands on the screen now.
    pub(super) fn text(&self) -> String {
        lock(&self.cells).text()
    }

    /// Sends bytes as a keyboard does: one key at a time, else Esc and what follows are one key.
    pub(super) fn press(&mut self, key: &str) -> &mut Self {
        self.terminal.write_all(key.as_bytes()).expect("the terminal takes keys");
        self
    }

    /// Waits until all of that stands on the screen; the screen.
    pub(super) fn sees(&self, all: &[&str]) -> String {
        self.waits(&format!("{all:?}"), |text| all.iter().all(|one| text.contains(one)))
    }

    /// Waits until the screen is as it should be; the screen.
    pub(super) fn waits(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let text = self.text();
            if is_so(&text) {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "{what} was not seen in {PATIENCE:?}:\n{text}");
            std::thread::sleep(LOOK);
        }
    }

    /// Changes the size, and tells the command as a terminal does; the screen is blank until it is drawn anew.
    pub(super) fn resize(&mut self, size: (u16, u16)) -> &mut Self {
        *lock(&self.cells) = Cells::new(size);
        tcsetwinsize(&self.terminal, winsize(size)).expect("a terminal has a size");
        self.signal_size();
        self
    }

    /// The command is not the terminal's own session, so that the system does not tell it.
    pub(super) fn signal_size(&self) {
        let id = rustix::process::Pid::from_child(&self.command);
        rustix::process::kill_process(id, rustix::process::Signal::WINCH).expect("the command lives");
    }

    /// Waits until the command has ended; whether it went well.
    pub(super) fn leaves(&mut self) -> bool {
        let began = Instant::now();
        loop {
            if let Some(status) = self.command.try_wait().expect("a child can be asked") {
                return status.success();
            }
            assert!(began.elapsed() < PATIENCE, "the command goes on:\n{}", self.text());
            std::thread::sleep(LOOK);
        }
    }

    /// Seconds of processor time that the command has used.
    pub(super) fn processor_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.command.id())).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        // Linux counts them in hundredths of a second, whatever the kernel's own clock.
        ticks as f64 / 100.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end, nor to learn.
        self.command.kill().ok();
        self.command.wait().ok();
        if let Some(reader) = self.reader.take() {
            reader.join().ok();
        }
    }
}

fn lock(cells: &Mutex<Cells>) -> MutexGuard<'_, Cells> {
    cells.lock().unwrap_or_else(PoisonError::into_inner)
}
