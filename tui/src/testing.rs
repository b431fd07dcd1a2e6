//! Driving the screens without a terminal.
//!
//! In: keys, clicks, sizes. Out: what is on the screen and which bytes would be written. Owns: a fixture investigation.
//! Law: everything happens at once and in order: a driver has no threads, no clock and nothing to wait for.

pub mod console;
pub mod events;
pub mod fixture;

use ratatui::backend::Backend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use crate::event::{Effect, Event};
use crate::guard::{AnsiBackend, GuardBackend};
use crate::keymap::Key;
use crate::model::Model;
use crate::port::{Archive, Console, Investigation, PortError, Stop};
use crate::question::{Answer, Question};
use crate::session::{Options, beginning};
use crate::theme::Theme;
use crate::update::{settle, update};
use crate::view::{self, Canvas};

/// Questions and answers that one event may set off before something is wrong.
const ROUNDS_MAX: usize = 16;

/// A screen without a terminal.
pub struct Driver {
    model: Model,
    port: Box<dyn Investigation>,
    archive: Box<dyn Archive>,
    console: Box<dyn Console>,
    theme: Theme,
    shown: Buffer,
    guard: GuardBackend<AnsiBackend<Vec<u8>>>,
    hits: view::Hits,
    ended: bool,
    answers: bool,
}

impl Driver {
    /// Begins with everything answered; the events are those of the fixture.
    #[must_use]
    pub fn new(port: Box<dyn Investigation>, size: (u16, u16), options: Options) -> Self {
        Self::with_archive(port, Box::new(fixture::archive()), size, options)
    }

    /// Begins with everything answered, out of these.
    #[must_use]
    pub fn with_archive(
        port: Box<dyn Investigation>,
        archive: Box<dyn Archive>,
        size: (u16, u16),
        options: Options,
    ) -> Self {
        let mut driver = Self::waiting(port, size, options);
        driver.archive = archive;
        driver.answer();
        driver
    }

    /// Begins with nothing answered yet.
    #[must_use]
    pub fn waiting(port: Box<dyn Investigation>, size: (u16, u16), options: Options) -> Self {
        let mut driver = Self {
            model: Model::new(beginning(options.start), size),
            port,
            archive: Box::new(fixture::archive()),
            console: Box::new(console::invented()),
            theme: Theme { color: options.color, unicode: options.unicode },
            shown: Buffer::empty(Rect::new(0, 0, size.0, size.1)),
            guard: GuardBackend::new(AnsiBackend::new(Vec::new(), || Ok((80, 24)))),
            hits: view::Hits::default(),
            ended: false,
            answers: false,
        };
        driver.draw();
        driver
    }

    /// Answers everything that is asked, now and from now on.
    pub fn answer(&mut self) {
        self.answers = true;
        let effects = settle(&mut self.model);
        self.carry_out(effects);
        self.draw();
    }

    /// Presses keys: names between spaces, such as `j`, `Enter`, `Ctrl-d`, `PgDn`.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for name in keys.split_whitespace() {
            self.send(Event::Key(key(name)));
        }
        self
    }

    /// Types text, character by character.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        text.chars().for_each(|c| self.send(Event::Key(Key::Char(c))));
        self
    }

    /// Pastes text.
    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.send(Event::Paste(text.to_owned()));
        self
    }

    /// Clicks at a position, `at_millis` after the start.
    pub fn click(&mut self, x: u16, y: u16, at_millis: u64) -> &mut Self {
        self.send(Event::Click { x, y, at_millis });
        self
    }

    /// Turns the wheel.
    pub fn wheel(&mut self, lines: i64) -> &mut Self {
        self.send(Event::Wheel(lines));
        self
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.send(Event::Resize(columns, rows));
        self
    }

    /// Looks whether there is news.
    pub fn tick(&mut self) -> &mut Self {
        self.send(Event::Tick);
        self
    }

    /// Puts other data behind the questions.
    pub fn replace(&mut self, port: Box<dyn Investigation>) -> &mut Self {
        self.port = port;
        self
    }

    /// Puts another console behind the statements.
    pub fn with_console(&mut self, console: Box<dyn Console>) -> &mut Self {
        self.console = console;
        self
    }

    /// Leaves unanswered what is asked from now on.
    pub fn hold_answers(&mut self) -> &mut Self {
        self.answers = false;
        self
    }

    /// Whether the analyst has left.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Questions without answer.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.model.desk.outstanding()
    }

    /// Cells that the second gate refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.guard.refused()
    }

    /// Every byte that would have been written since the beginning.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.guard.inner().writer()
    }

    /// The screen as lines of text.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines(|buffer, x, y| buffer.cell((x, y)).map_or(" ", |cell| cell.symbol()).to_owned())
    }

    /// The screen as lines of style letters: `.` plain, `b` bold, `u` underlined, `r` reversed, else the colour.
    #[must_use]
    pub fn styles(&self) -> String {
        self.lines(|buffer, x, y| buffer.cell((x, y)).map_or('.', style_letter).to_string())
    }

    fn lines(&self, cell: impl Fn(&Buffer, u16, u16) -> String) -> String {
        let area = self.shown.area;
        let line = |y| {
            let line: String = (0..area.width).map(|x| cell(&self.shown, x, y)).collect();
            line.trim_end().to_owned() + "\n"
        };
        (0..area.height).map(line).collect()
    }

    fn send(&mut self, event: Event) {
        let target = match event {
            Event::Click { x, y, .. } => self.hits.at(x, y),
            _ => None,
        };
        let effects = update(&mut self.model, event, target);
        self.carry_out(effects);
        self.draw();
    }

    fn carry_out(&mut self, mut effects: Vec<Effect>) {
        for _ in 0..ROUNDS_MAX {
            self.ended |= effects.contains(&Effect::Quit);
            if !self.answers || self.ended || effects.is_empty() {
                return;
            }
            let mut next = Vec::new();
            for effect in effects {
                if let Effect::Ask(generation, question) = effect {
                    let answer = self.ask(&question);
                    let event = Event::Answered { slot: question.slot(), generation, answer };
                    next.extend(update(&mut self.model, event, None));
                }
            }
            effects = next;
        }
        assert!(effects.is_empty(), "the screen never stops asking: {effects:?}");
    }

    fn ask(&mut self, question: &Question) -> Result<Answer, PortError> {
        let (of_events, of_statements) = (self.archive.as_mut(), self.console.as_mut());
        question
            .ask(self.port.as_mut())
            .or_else(|| question.ask_archive(of_events, &Stop::default()))
            .or_else(|| question.ask_console(of_statements, &Stop::default()))
            .expect("every question is for one of them")
    }

    fn draw(&mut self) {
        let (columns, rows) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let mut canvas = Canvas::new(&mut buffer, self.theme);
        view::draw(&self.model, &mut canvas);
        self.hits = canvas.hits;
        let before =
            if self.shown.area == buffer.area { self.shown.clone() } else { Buffer::empty(buffer.area) };
        self.guard.draw(before.diff(&buffer).into_iter()).expect("writing to memory works");
        self.shown = buffer;
    }
}

fn style_letter(cell: &ratatui::buffer::Cell) -> char {
    match cell.fg {
        Color::Indexed(202) => 'O',
        Color::Indexed(172) => 'A',
        Color::Indexed(134) => 'V',
        Color::Indexed(33) => 'B',
        Color::Indexed(244) => 'g',
        Color::Indexed(_) => 'T',
        _ if cell.modifier.contains(Modifier::REVERSED) => 'r',
        _ if cell.modifier.contains(Modifier::BOLD) => 'b',
        _ if cell.modifier.contains(Modifier::UNDERLINED) => 'u',
        _ => '.',
    }
}

fn key(name: &str) -> Key {
    let mut chars = name.chars();
    match (name, chars.next(), chars.next()) {
        (_, Some(c), None) => Key::Char(c),
        ("Enter", ..) => Key::Enter,
        ("Esc", ..) => Key::Esc,
        ("Tab", ..) => Key::Tab,
        ("Backspace", ..) => Key::Backspace,
        ("Down", ..) => Key::Down,
        ("Up", ..) => Key::Up,
        ("Left", ..) => Key::Left,
        ("Right", ..) => Key::Right,
        ("PgDn", ..) => Key::PageDown,
        ("PgUp", ..) => Key::PageUp,
        ("Home", ..) => Key::Home,
        ("End", ..) => Key::End,
        _ => {
            name.strip_prefix("Ctrl-").and_then(|rest| rest.chars().next()).map_or(Key::Char(' '), Key::Ctrl)
        }
    }
}
