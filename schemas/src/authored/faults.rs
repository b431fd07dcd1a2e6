//! What is wrong with a file that somebody wrote, and where.
//!
//! In: faults with their byte offsets, in any order. Out: one error with every problem, by position.
//! Owns: the form `file:line:column: what, what to do`, one line a problem.
//! Law: the fault is always the file's author's; reading again without a change never helps.

use std::cell::RefCell;
use std::fmt;

/// How many problems of one file are collected: more than a person mends in one go.
const MAX_PROBLEMS: usize = 100;
/// How many characters of the file's own words a message repeats, so that it stays one line.
const MAX_QUOTED_CHARS: usize = 64;

/// One problem of such a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// A file that could not be used: each problem on a line of its own, by position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// Name of the file.
    pub origin: String,
    /// What is wrong with it; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            let Problem { line, column, message } = problem;
            write!(f, "{separator}{}:{line}:{column}: {message}", self.origin)?;
        }
        Ok(())
    }
}

/// Where readers put what they find wrong, so that one run reports all of it.
#[derive(Debug, Default)]
pub struct Faults(RefCell<Vec<(usize, String)>>);

impl Faults {
    /// Notes a fault at a byte offset.
    pub fn push(&self, at: usize, message: String) {
        let mut list = self.0.borrow_mut();
        if list.len() < MAX_PROBLEMS {
            list.push((at, message));
        }
    }

    /// The error of a file that cannot be read at all.
    #[must_use]
    pub fn refuse(self, at: usize, message: String, text: &str, origin: &str) -> FileError {
        let problem = locate(text, (at, message));
        FileError { origin: origin.to_owned(), problems: vec![problem] }
    }

    /// `value`, unless anything was wrong.
    pub fn into_result<T>(self, value: T, text: &str, origin: &str) -> Result<T, FileError> {
        let faults = self.0.into_inner();
        if faults.is_empty() {
            return Ok(value);
        }
        let mut problems: Vec<Problem> = faults.into_iter().map(|fault| locate(text, fault)).collect();
        problems.sort();
        Err(FileError { origin: origin.to_owned(), problems })
    }
}

fn locate(text: &str, (at, message): (usize, String)) -> Problem {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Problem {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).map_or(0, |line| line.chars().count()) + 1,
        message,
    }
}

/// Words of the file, made safe to repeat in a message.
pub fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_QUOTED_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_QUOTED_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two faults pushed out of order, one after a multi-byte character.
    /// Guarantees: they come by position, with columns in characters.
    #[test]
    fn problems_are_sorted_and_located() {
        let faults = Faults::default();
        faults.push(8, "late".to_owned());
        faults.push(0, "early".to_owned());
        let error = faults.into_result((), "ab\n\"é\" c\n", "env.toml").map_err(|error| error.to_string());
        assert_eq!(error, Err("env.toml:1:1: early\nenv.toml:2:5: late".to_owned()));
    }

    /// Scenario: hostile words of the file. Guarantees: a message has one line and a bounded length.
    #[test]
    fn quoted_words_stay_one_line() {
        assert_eq!(quoted("a\nb\u{1b}"), "a\\nb\\u{1b}");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), MAX_QUOTED_CHARS + 1);
    }
}
