//! The terminal: whether the screens of `investigate` can be drawn on it.
//!
//! In: variables and the terminal's size. Out: checks. Decides purely in [`judge`].

use std::env;
use std::io::{self, IsTerminal as _};

use terminal_size::{Height, Width, terminal_size};

use super::check::Check;

const PART: &str = "terminal";
/// What the screens need, in columns and lines.
const LEAST_COLUMNS: u16 = 80;
const LEAST_LINES: u16 = 24;

/// What is known of the terminal.
#[derive(Debug, Clone, Default)]
struct Facts {
    is_terminal: bool,
    size: Option<(u16, u16)>,
    term: Option<String>,
    no_color: bool,
    /// The first of LC_ALL, LC_CTYPE and LANG that is set.
    locale: Option<String>,
}

/// Looks at it.
pub(super) fn check(checks: &mut Vec<Check>) {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let facts = Facts {
        is_terminal: io::stdin().is_terminal() && io::stderr().is_terminal(),
        size: terminal_size().map(|(Width(columns), Height(lines))| (columns, lines)),
        term: variable("TERM"),
        no_color: variable("NO_COLOR").is_some(),
        locale: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable),
    };
    checks.extend(judge(&facts));
}

fn judge(facts: &Facts) -> Vec<Check> {
    let Facts { is_terminal, size, term, no_color, locale } = facts;
    if !is_terminal {
        let how = "this command does not run on a terminal; `investigate` needs one";
        return vec![Check::not_configured(PART, "screens", how)];
    }
    let mut checks = Vec::new();
    checks.push(match size {
        Some((columns, lines)) if *columns >= LEAST_COLUMNS && *lines >= LEAST_LINES => {
            Check::well(PART, "size", format!("{columns}×{lines}"))
        }
        Some((columns, lines)) => {
            let least = format!("make it {LEAST_COLUMNS}×{LEAST_LINES} or larger to see all columns");
            Check::noted(PART, "size", format!("{columns}×{lines}"), least)
        }
        None => Check::noted(PART, "size", "not told by the terminal", "80×24 is taken"),
    });
    checks.push(match term.as_deref() {
        None | Some("dumb") => {
            let found = format!("TERM is {}", term.as_deref().unwrap_or("not set"));
            Check::failed(PART, "kind", found, "set TERM to what the terminal is, such as xterm-256color")
        }
        Some(term) if *no_color => Check::well(PART, "kind", format!("{term}, without colours (NO_COLOR)")),
        Some(term) => Check::well(PART, "kind", term),
    });
    let is_utf8 = locale.as_ref().is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    let shown = locale.as_deref().unwrap_or("not set");
    checks.push(if is_utf8 {
        Check::well(PART, "UTF-8", shown)
    } else {
        Check::noted(
            PART,
            "UTF-8",
            format!("the locale is {shown}"),
            "set LANG=C.UTF-8 if lines and marks look broken",
        )
    });
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::State;

    fn check(facts: &Facts, expected: &[State]) {
        let states: Vec<State> = judge(facts).iter().map(|check| check.state).collect();
        assert_eq!(states, expected, "{facts:?}");
    }

    /// Scenario: terminals of all sorts, and none. Guarantees: what cannot work fails, what may look wrong is noted.
    #[test]
    fn terminals() {
        let good = Facts {
            is_terminal: true,
            size: Some((120, 40)),
            term: Some("xterm-256color".to_owned()),
            no_color: false,
            locale: Some("en_GB.UTF-8".to_owned()),
        };
        check(&good, &[State::Well; 3]);
        check(&Facts { no_color: true, ..good.clone() }, &[State::Well; 3]);
        check(&Facts { size: Some((60, 20)), ..good.clone() }, &[State::Noted, State::Well, State::Well]);
        check(
            &Facts { term: Some("dumb".to_owned()), ..good.clone() },
            &[State::Well, State::Failed, State::Well],
        );
        check(&Facts { locale: None, size: None, ..good }, &[State::Noted, State::Well, State::Noted]);
        check(&Facts::default(), &[State::NotConfigured]);
    }
}
