//! The terminal while the screens are up: taken over, drawn on, given back whatever happens.
//!
//! In: an investigation and options. Out: nothing but frames. Owns: raw mode, the alternate screen, the threads that
//! read keys and ask questions, the only clock here. Law: a frame is drawn only when something changed; the terminal
//! is given back at the end, on an error, on a panic and on SIGTERM or SIGHUP.

use std::io::{self, BufWriter, Stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
    Event as TerminalEvent, MouseButton, MouseEventKind,
};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use offbound_schemas::{FindingId, IncidentId};
use ratatui::Terminal;

use crate::event::{Effect, Event};
use crate::guard::{AnsiBackend, GuardBackend};
use crate::keymap::Key;
use crate::location::{Location, Subject};
use crate::model::Model;
use crate::port::Investigation;
use crate::theme::Theme;
use crate::update::{settle, update};
use crate::view::{self, Canvas};
use crate::worker::Worker;

/// Events that may wait: more than a burst of keys and answers, so that nobody is ever held up for long.
const EVENTS_MAX: usize = 1024;
/// How often the thread that reads keys looks whether it should end.
const POLL: Duration = Duration::from_millis(100);
/// How often a live investigation is asked whether there is news.
const NEWS: Duration = Duration::from_secs(1);
/// Lines per notch of the wheel.
const WHEEL_LINES: i64 = 3;

/// How the screens look and where they begin.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether colours are used; without, no colour command is ever written.
    pub color: bool,
    /// Whether lines are drawn with box characters instead of ASCII.
    pub unicode: bool,
    /// Where to begin.
    pub start: Start,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// The findings list.
    #[default]
    Findings,
    /// The incidents list.
    Incidents,
    /// The verdict on this incident.
    Incident(IncidentId),
    /// This finding.
    Finding(FindingId),
}

/// Why the screens could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal could not be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
    /// The thread that answers questions ended.
    #[error("the thread that answers questions has ended; this is a defect")]
    Worker,
}

/// Shows the screens until the analyst leaves.
pub fn run(port: Box<dyn Investigation>, options: Options) -> Result<(), TuiError> {
    let (events, inbox) = sync_channel(EVENTS_MAX);
    let worker = Worker::start(port, events.clone())?;
    let _restore = TakenTerminal::take()?;
    let input = Input::start(events)?;
    let result = Screen::new(options).map_err(TuiError::from).and_then(|screen| screen.run(&inbox, &worker));
    // Closed first, so that nobody waits to send; then no thread reads keys any more that belong to the next program.
    drop(inbox);
    drop(input);
    result
}

/// The place that `start` means.
pub(crate) fn beginning(start: Start) -> Location {
    match start {
        Start::Findings => Location::new("findings", Subject::All),
        Start::Incidents => Location::new("incidents", Subject::All),
        Start::Incident(id) => Location::new("incident", Subject::Incident(id)),
        Start::Finding(id) => Location::new("finding", Subject::Finding(id)),
    }
}

struct Screen {
    terminal: Terminal<GuardBackend<AnsiBackend<BufWriter<Stdout>>>>,
    model: Model,
    theme: Theme,
    hits: view::Hits,
}

impl Screen {
    fn new(options: Options) -> io::Result<Self> {
        let out = BufWriter::new(io::stdout());
        let terminal = Terminal::new(GuardBackend::new(AnsiBackend::new(out, crossterm::terminal::size)))?;
        let size = crossterm::terminal::size()?;
        let theme = Theme { color: options.color, unicode: options.unicode };
        Ok(Self {
            terminal,
            model: Model::new(beginning(options.start), size),
            theme,
            hits: view::Hits::default(),
        })
    }

    fn run(mut self, inbox: &Receiver<Event>, worker: &Worker) -> Result<(), TuiError> {
        let effects = settle(&mut self.model);
        carry_out(worker, effects);
        self.draw()?;
        loop {
            let live = self.model.header.as_ref().is_some_and(|header| header.live);
            let Some(first) = next_event(inbox, live) else { return Err(TuiError::Worker) };
            // Everything that already waits is taken in before the next frame.
            for event in std::iter::once(first).chain(inbox.try_iter()) {
                if matches!(event, Event::WorkerEnded) {
                    return Err(TuiError::Worker);
                }
                let target = match event {
                    Event::Click { x, y, .. } => self.hits.at(x, y),
                    _ => None,
                };
                let effects = update(&mut self.model, event, target);
                if effects.contains(&Effect::Quit) {
                    return Ok(());
                }
                carry_out(worker, effects);
            }
            self.draw()?;
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let (model, theme) = (&self.model, self.theme);
        let mut hits = view::Hits::default();
        self.terminal.draw(|frame| {
            let mut canvas = Canvas::new(frame.buffer_mut(), theme);
            view::draw(model, &mut canvas);
            hits = canvas.hits;
            if let Some(cursor) = canvas.cursor {
                frame.set_cursor_position(cursor);
            }
        })?;
        self.hits = hits;
        Ok(())
    }
}

fn carry_out(worker: &Worker, effects: Vec<Effect>) {
    for effect in effects {
        match effect {
            Effect::Ask(generation, question) => worker.ask(generation, question),
            Effect::Quit => {}
        }
    }
}

/// The next event; a tick when a live investigation has been quiet. Nothing when nobody can send any more.
fn next_event(inbox: &Receiver<Event>, live: bool) -> Option<Event> {
    if !live {
        return inbox.recv().ok();
    }
    match inbox.recv_timeout(NEWS) {
        Ok(event) => Some(event),
        Err(RecvTimeoutError::Timeout) => Some(Event::Tick),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}

/// Whether the terminal is taken over at the moment: what has been given back is not given back again.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, taken over; given back when dropped, and before a panic is reported.
struct TakenTerminal;

impl TakenTerminal {
    fn take() -> io::Result<Self> {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            previous(panic);
        }));
        crossterm::terminal::enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let taken = Self;
        crossterm::execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste)?;
        Ok(taken)
    }
}

impl Drop for TakenTerminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Nothing can be done, and nobody told, when the terminal is gone.
    crossterm::execute!(
        io::stdout(),
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        crossterm::cursor::Show
    )
    .ok();
    crossterm::terminal::disable_raw_mode().ok();
}

/// The thread that reads keys.
struct Input {
    ended: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Input {
    fn start(events: SyncSender<Event>) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let terminated = termination()?;
        let theirs = Arc::clone(&ended);
        let read = move || {
            let began = Instant::now();
            while !theirs.load(Ordering::Relaxed) {
                let event = if terminated.load(Ordering::Relaxed) {
                    Some(Event::Terminate)
                } else {
                    read_event(began)
                };
                if event.is_some_and(|event| events.send(event).is_err()) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("offbound-keys".to_owned()).spawn(read)?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Input {
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

/// The next event of the terminal, if one comes soon and means something here.
fn read_event(began: Instant) -> Option<Event> {
    let ready = crossterm::event::poll(POLL);
    match ready.and_then(|ready| if ready { crossterm::event::read().map(Some) } else { Ok(None) }) {
        Ok(event) => event.and_then(|event| translate(event, began)),
        // A terminal that cannot be read any more is gone.
        Err(_) => Some(Event::Terminate),
    }
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
