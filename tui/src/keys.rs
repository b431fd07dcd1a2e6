//! Keys: what the terminal says, and that it is gone.
//!
//! In: the terminal, SIGTERM and SIGHUP. Out: events, in the order in which they came. Owns: the thread that reads, and
//! the clock that double clicks are told by. Law: a terminal that is gone ends the screens. It is looked whether it is
//! there before each read: crossterm 0.29 reads one that is gone again and again, with a whole core, and never returns.
//! Law: a key or a change of size is never left lying until the next one comes (see [`Line::ring_again`]).

mod line;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossterm::event::{Event as TerminalEvent, MouseButton, MouseEventKind};

use crate::event::Event;
use crate::keymap::Key;
use line::{Heard, Line};

/// How often the thread looks whether it should end.
const POLL: Duration = Duration::from_millis(100);
/// Events between two looks whether the terminal is there.
const SAID_MAX: usize = 256;
/// Lines per notch of the wheel.
const WHEEL_LINES: i64 = 3;

/// The thread that reads keys.
pub(crate) struct Keys {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keys {
    /// Reads the terminal until this is dropped.
    pub(crate) fn read(events: SyncSender<Event>) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let terminated = termination()?;
        let theirs = Arc::clone(&ended);
        let line = Line::open()?;
        let read = move || {
            let began = Instant::now();
            let mut size = crossterm::terminal::size().ok();
            while !theirs.load(Ordering::Relaxed) {
                let heard = if terminated.load(Ordering::Relaxed) { Heard::Gone } else { line.wait() };
                let mut said = if heard == Heard::Gone { vec![Event::Terminate] } else { said(began) };
                if said.is_empty() && heard == Heard::Something {
                    line.ring_again();
                }
                said.extend(untold_size(&said, &mut size));
                if said.into_iter().any(|event| events.send(event).is_err()) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("offbound-keys".to_owned()).spawn(read)?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to say, also when it ended by a panic: the hook has reported that.
            thread.join().ok();
        }
    }
}

/// A flag that SIGTERM and SIGHUP set.
fn termination() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}

/// The size of the terminal, where it is another than was told: a change that comes together with a key is told with
/// neither (see [`Line::ring_again`]).
fn untold_size(said: &[Event], told: &mut Option<(u16, u16)>) -> Option<Event> {
    if said.is_empty() {
        return None;
    }
    for event in said {
        if let Event::Resize(columns, rows) = event {
            *told = Some((*columns, *rows));
        }
    }
    let now = crossterm::terminal::size().ok();
    let is_told = now.is_none() || now == *told;
    *told = now.or(*told);
    now.filter(|_| !is_told).map(|(columns, rows)| Event::Resize(columns, rows))
}

/// What the terminal has said, as far as it means something here: all of it, since what crossterm has read already makes
/// no terminal ready.
fn said(began: Instant) -> Vec<Event> {
    let mut said = Vec::new();
    while said.len() < SAID_MAX {
        let ready = crossterm::event::poll(Duration::ZERO);
        match ready.and_then(|ready| if ready { crossterm::event::read().map(Some) } else { Ok(None) }) {
            Ok(Some(event)) => said.extend(translate(event, began)),
            Ok(None) => break,
            // A terminal that cannot be read any more is gone.
            Err(_) => {
                said.push(Event::Terminate);
                break;
            }
        }
    }
    said
}

fn translate(event: TerminalEvent, began: Instant) -> Option<Event> {
    match event {
        TerminalEvent::Key(key) => Key::of(key).map(Event::Key),
        TerminalEvent::Paste(text) => Some(Event::Paste(text)),
        TerminalEvent::Resize(columns, rows) => Some(Event::Resize(columns, rows)),
        TerminalEvent::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                let at_millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                Some(Event::Click { x: mouse.column, y: mouse.row, at_millis })
            }
            MouseEventKind::ScrollDown => Some(Event::Wheel(WHEEL_LINES)),
            MouseEventKind::ScrollUp => Some(Event::Wheel(-WHEEL_LINES)),
            _ => None,
        },
        TerminalEvent::FocusGained | TerminalEvent::FocusLost => None,
    }
}
