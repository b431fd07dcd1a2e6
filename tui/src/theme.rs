//! Colours and attributes: what each role looks like.
//!
//! In: a role. Out: a style. Owns: every colour there is. Law: nothing is told by colour alone; without colour no
//! style has one, so that no colour command is ever written.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Role {
    /// Ordinary text.
    #[default]
    Plain,
    /// Less important.
    Dim,
    /// A heading, or what is most important.
    Strong,
    /// A key one can press.
    Key,
    /// Lines between panes.
    Rule,
    /// Critical, bypassed, reached, failed.
    Bad,
    /// High, not enforced.
    Warn,
    /// Medium, blind, not observed.
    Doubt,
    /// Held, denied, contained.
    Good,
    /// A character that was spelled out.
    Token,
    /// The selected row.
    Selected,
    /// The tab one is in.
    Tab,
}

/// The look of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Theme {
    /// Whether colours are used.
    pub(crate) color: bool,
    /// Whether lines are drawn with box characters instead of ASCII.
    pub(crate) unicode: bool,
}

// Mid-tones of the 256 colour palette, legible on dark and on light ground; blue for good and orange for bad, so
// that red-green blindness loses nothing.
const ORANGE: Color = Color::Indexed(202);
const AMBER: Color = Color::Indexed(172);
const VIOLET: Color = Color::Indexed(134);
const BLUE: Color = Color::Indexed(33);
const GREY: Color = Color::Indexed(244);
const TEAL: Color = Color::Indexed(37);

impl Theme {
    /// How `role` looks.
    pub(crate) fn style(self, role: Role) -> Style {
        let style = Style::new().add_modifier(attributes(role));
        match color(role) {
            Some(color) if self.color => style.fg(color),
            _ => style,
        }
    }

    /// A horizontal line.
    pub(crate) fn horizontal(self) -> &'static str {
        if self.unicode { "─" } else { "-" }
    }

    /// A vertical line.
    pub(crate) fn vertical(self) -> &'static str {
        if self.unicode { "│" } else { "|" }
    }

    /// Branches of a tree: one with more after it, the last one, and the line past a branch.
    pub(crate) fn branches(self) -> [&'static str; 3] {
        if self.unicode { ["├─ ", "└─ ", "│  "] } else { ["+- ", "+- ", "|  "] }
    }
}

fn attributes(role: Role) -> Modifier {
    match role {
        Role::Strong | Role::Bad | Role::Key => Modifier::BOLD,
        Role::Selected | Role::Tab => Modifier::REVERSED,
        Role::Token => Modifier::UNDERLINED,
        _ => Modifier::empty(),
    }
}

fn color(role: Role) -> Option<Color> {
    match role {
        Role::Plain | Role::Strong | Role::Selected | Role::Tab => None,
        Role::Dim | Role::Rule => Some(GREY),
        Role::Key => Some(TEAL),
        Role::Bad => Some(ORANGE),
        Role::Warn => Some(AMBER),
        Role::Doubt | Role::Token => Some(VIOLET),
        Role::Good => Some(BLUE),
    }
}
