//! The terminal while the screens are up: taken over, drawn on, given back whatever happens.
//!
//! In: an investigation and options. Out: nothing but frames. Owns: raw mode, the alternate screen, the thread that asks
//! questions. Leaves to `keys` what the terminal says. Law: a frame is drawn only when something changed; the terminal
//! is given back at the end, on an error, on a panic and on SIGTERM or SIGHUP.

use std::io::{self, BufWriter, Stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use offbound_schemas::{FindingId, IncidentId};
use ratatui::Terminal;

use crate::event::{Effect, Event};
use crate::guard::{AnsiBackend, GuardBackend};
use crate::keys::Keys;
use crate::location::{Location, Subject};
use crate::model::Model;
use crate::port::{Archive, Console, Investigation};
use crate::question::{Desks, Slot};
use crate::theme::Theme;
use crate::update::{settle, update};
use crate::view::{self, Canvas};
use crate::worker::Worker;

/// Events that may wait: more than a burst of keys and answers, so that nobody is ever held up for long.
const EVENTS_MAX: usize = 1024;
/// How often a live investigation is asked whether there is news.
const NEWS: Duration = Duration::from_secs(1);

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
pub fn run(
    mut port: Box<dyn Investigation>,
    mut archive: Box<dyn Archive>,
    mut console: Box<dyn Console>,
    options: Options,
) -> Result<(), TuiError> {
    let (events, inbox) = sync_channel(EVENTS_MAX);
    let workers = Workers {
        conclusions: Worker::start(
            "offbound-ask",
            Box::new(move |question, _| question.ask(port.as_mut())),
            events.clone(),
        )?,
        events: Worker::start(
            "offbound-events",
            Box::new(move |question, stop| question.ask_archive(archive.as_mut(), stop)),
            events.clone(),
        )?,
        console: Worker::start(
            "offbound-sql",
            Box::new(move |question, stop| question.ask_console(console.as_mut(), stop)),
            events.clone(),
        )?,
    };
    let _restore = TakenTerminal::take()?;
    let keys = Keys::read(events)?;
    let result = Screen::new(options).map_err(TuiError::from).and_then(|screen| screen.run(&inbox, &workers));
    // Closed first, so that nobody waits to send; then no thread reads keys any more that belong to the next program.
    drop(inbox);
    drop(keys);
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

    fn run(mut self, inbox: &Receiver<Event>, workers: &Workers) -> Result<(), TuiError> {
        let effects = settle(&mut self.model);
        carry_out(workers, effects);
        self.draw()?;
        let mut clock = StatementClock::default();
        loop {
            let live = self.model.header.as_ref().is_some_and(|header| header.live);
            let running = self.model.console.running();
            clock.look(running);
            let Some(first) = next_event(inbox, live || running.is_some()) else {
                return Err(TuiError::Worker);
            };
            let told = clock.look(running).map(Event::Running);
            // Everything that already waits is taken in before the next frame.
            for event in told.into_iter().chain(std::iter::once(first)).chain(inbox.try_iter()) {
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
                carry_out(workers, effects);
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

/// The threads that ask.
struct Workers {
    conclusions: Worker,
    events: Worker,
    console: Worker,
}

impl Workers {
    fn of(&self, slot: Slot) -> &Worker {
        match slot.desk() {
            Desks::Conclusions => &self.conclusions,
            Desks::Events => &self.events,
            Desks::Console => &self.console,
        }
    }
}

fn carry_out(workers: &Workers, effects: Vec<Effect>) {
    for effect in effects {
        match effect {
            Effect::Ask(generation, question) => workers.of(question.slot()).ask(generation, question),
            Effect::CallOff(slot) => workers.of(slot).call_off(slot),
            Effect::Quit => {}
        }
    }
}

/// For how long a statement has been running.
#[derive(Default)]
struct StatementClock(Option<(u64, Instant)>);

impl StatementClock {
    /// Seconds since the statement of that number began; none where none is running.
    fn look(&mut self, running: Option<u64>) -> Option<u64> {
        self.0 = match (self.0, running) {
            (Some((number, since)), Some(same)) if number == same => Some((number, since)),
            (_, running) => running.map(|number| (number, Instant::now())),
        };
        self.0.map(|(_, since)| since.elapsed().as_secs())
    }
}

/// The next event; a tick when a live investigation or a statement has been quiet. Nothing when nobody can send any more.
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
        let screen = std::thread::current().id();
        std::panic::set_hook(Box::new(move |panic| {
            // What becomes of another thread is told by whoever waits for it, on the screen or after it.
            if std::thread::current().id() == screen {
                give_back();
                previous(panic);
            }
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
