//! The second gate: what a terminal is sent.
//!
//! In: the cells of a frame. Out: the same, with every cell refused that holds a character which must not reach a
//! terminal. Owns: [`GuardBackend`] and the only writer of terminal commands. Law SCREEN-1: whatever a view or a
//! widget does wrong, only allowed characters, cursor moves and styles leave this process.

use std::borrow::Cow;
use std::io::{self, Write};

use offbound_schemas::safe;
use offbound_schemas::untrusted::{Shown, shown};
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// What stands where a cell was refused. It is a character that the first gate never lets through.
const REFUSED: &str = "\u{FFFD}";

/// Lets only allowed cells through to `B`.
pub(crate) struct GuardBackend<B> {
    inner: B,
    refused: u64,
}

impl<B: Backend> GuardBackend<B> {
    /// Guards `inner`.
    pub(crate) fn new(inner: B) -> Self {
        Self { inner, refused: 0 }
    }

    /// Cells refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// What is guarded.
    pub(crate) fn inner(&self) -> &B {
        &self.inner
    }
}

/// Whether a cell may hold `symbol`.
pub(crate) fn is_allowed(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    chars.next().is_some_and(|c| shown(c) == Shown::Plain)
        && chars.clone().all(|c| shown(c) != Shown::Spelled)
        && chars.count() < safe::SCALARS_PER_CLUSTER
}

impl<B: Backend> Backend for GuardBackend<B> {
    type Error = B::Error;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Self::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut refused = 0;
        let cells: Vec<(u16, u16, Cow<'a, Cell>)> = content
            .map(|(x, y, cell)| {
                if is_allowed(cell.symbol()) {
                    return (x, y, Cow::Borrowed(cell));
                }
                refused += 1;
                let mut stand_in = Cell::new(REFUSED);
                stand_in.set_style(cell.style());
                (x, y, Cow::Owned(stand_in))
            })
            .collect();
        self.refused += refused;
        self.inner.draw(cells.iter().map(|(x, y, cell)| (*x, *y, cell.as_ref())))
    }

    fn hide_cursor(&mut self) -> Result<(), Self::Error> {
        self.inner.hide_cursor()
    }
    fn show_cursor(&mut self) -> Result<(), Self::Error> {
        self.inner.show_cursor()
    }
    fn get_cursor_position(&mut self) -> Result<Position, Self::Error> {
        self.inner.get_cursor_position()
    }
    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Self::Error> {
        self.inner.set_cursor_position(position)
    }
    fn clear(&mut self) -> Result<(), Self::Error> {
        self.inner.clear()
    }
    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), Self::Error> {
        self.inner.clear_region(clear_type)
    }
    fn size(&self) -> Result<Size, Self::Error> {
        self.inner.size()
    }
    fn window_size(&mut self) -> Result<WindowSize, Self::Error> {
        self.inner.window_size()
    }
    fn flush(&mut self) -> Result<(), Self::Error> {
        self.inner.flush()
    }
}

/// Writes frames as terminal commands. It knows cursor moves, four attributes and 256 colours, and writes a colour
/// only where a cell has one: a frame without colours contains no colour command.
pub(crate) struct AnsiBackend<W> {
    out: W,
    size: fn() -> io::Result<(u16, u16)>,
    cursor: Position,
    /// Whether the cursor is shown, once that was said: it is not said again.
    cursor_shown: Option<bool>,
}

impl<W: Write> AnsiBackend<W> {
    /// Writes to `out`; `size` says how large the terminal is.
    pub(crate) fn new(out: W, size: fn() -> io::Result<(u16, u16)>) -> Self {
        Self { out, size, cursor: Position::ORIGIN, cursor_shown: None }
    }

    /// What is written to.
    pub(crate) fn writer(&self) -> &W {
        &self.out
    }

    fn write_style(&mut self, cell: &Cell) -> io::Result<()> {
        self.out.write_all(b"\x1b[0")?;
        let attributes =
            [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::UNDERLINED, 4), (Modifier::REVERSED, 7)];
        for (modifier, code) in attributes {
            if cell.modifier.contains(modifier) {
                write!(self.out, ";{code}")?;
            }
        }
        if let Color::Indexed(index) = cell.fg {
            write!(self.out, ";38;5;{index}")?;
        }
        self.out.write_all(b"m")
    }
}

impl<W: Write> Backend for AnsiBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let plain = Cell::EMPTY;
        let mut style = plain.style();
        let mut next = None;
        for (x, y, cell) in content {
            if next != Some((x, y)) {
                write!(self.out, "\x1b[{};{}H", y + 1, x + 1)?;
            }
            if cell.style() != style {
                self.write_style(cell)?;
                style = cell.style();
            }
            self.out.write_all(cell.symbol().as_bytes())?;
            let width = u16::try_from(cell.symbol().width()).unwrap_or(1).max(1);
            next = Some((x.saturating_add(width), y));
        }
        if style == plain.style() { Ok(()) } else { self.out.write_all(b"\x1b[0m") }
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown.replace(false) == Some(false) {
            return Ok(());
        }
        self.out.write_all(b"\x1b[?25l")
    }
    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown.replace(true) == Some(true) {
            return Ok(());
        }
        self.out.write_all(b"\x1b[?25h")
    }
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor)
    }
    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        write!(self.out, "\x1b[{};{}H", self.cursor.y + 1, self.cursor.x + 1)
    }
    fn clear(&mut self) -> io::Result<()> {
        self.out.write_all(b"\x1b[2J")
    }
    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.out.write_all(match clear_type {
            ClearType::All => b"\x1b[2J",
            ClearType::AfterCursor => b"\x1b[0J",
            ClearType::BeforeCursor => b"\x1b[1J",
            ClearType::CurrentLine => b"\x1b[2K",
            ClearType::UntilNewLine => b"\x1b[0K",
        })
    }
    fn size(&self) -> io::Result<Size> {
        (self.size)().map(|(width, height)| Size { width, height })
    }
    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size { width: 0, height: 0 } })
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(symbols: &[&'static str]) -> (String, u64) {
        let cells: Vec<Cell> = symbols.iter().map(|symbol| Cell::new(symbol)).collect();
        let mut guard = GuardBackend::new(AnsiBackend::new(Vec::new(), || Ok((80, 24))));
        let content = cells.iter().enumerate().map(|(at, cell)| (at as u16, 0, cell));
        guard.draw(content).expect("writing to memory works");
        (String::from_utf8(guard.inner().writer().clone()).expect("text"), guard.refused())
    }

    /// Scenario: cells that a careless widget could make. Guarantees: each is replaced and counted; harmless ones pass.
    #[test]
    fn forbidden_cells_are_refused() {
        let flood = "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}";
        let bad =
            ["\x1b", "a\x1b[31m", "\u{202e}", "\u{200b}", "\n", "\u{9b}", "\u{301}", "", flood, "\u{e0041}"];
        for symbol in bad {
            assert_eq!(written(&[symbol]), (format!("\x1b[1;1H{REFUSED}"), 1), "{symbol:?}");
        }
        assert_eq!(written(&["a", "é", "e\u{301}"]), ("\x1b[1;1Haée\u{301}".to_owned(), 0));
    }

    /// Scenario: a frame without colours but with attributes. Guarantees: no colour command is written.
    #[test]
    fn no_colour_means_no_colour_command() {
        let mut cell = Cell::new("x");
        cell.modifier = Modifier::REVERSED | Modifier::BOLD;
        let mut backend = AnsiBackend::new(Vec::new(), || Ok((80, 24)));
        backend.draw([(0, 0, &cell)].into_iter()).expect("writing to memory works");
        assert_eq!(backend.writer(), b"\x1b[1;1H\x1b[0;1;7mx\x1b[0m");
    }

    /// Scenario: every character that the first gate lets through. Guarantees: it takes room on the screen, so that
    /// no value is drawn as nothing.
    #[test]
    fn shown_characters_have_width() {
        let invisible: Vec<char> = (0..=0x10_ffff)
            .filter_map(char::from_u32)
            .filter(|c| shown(*c) == Shown::Plain && c.encode_utf8(&mut [0; 4]).width() == 0)
            .collect();
        assert!(invisible.is_empty(), "{invisible:?}");
    }
}
