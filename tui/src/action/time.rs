//! Moving through time, where a view has time from left to right.

use offbound_schemas::{EventTime, parse_duration_nanos};

use super::Action;
use crate::keymap::Key;
use crate::model::Model;
use crate::port::Window;
use crate::prompt::{Prompt, Purpose};
use crate::view::timeline::{look_at, moment, shift, step_to_finding, window};

type Run = fn(&mut Model, &str) -> Result<(), String>;

const fn of_time(
    name: &'static str,
    short: &'static str,
    help: &'static str,
    keys: &'static [Key],
    run: Run,
) -> Action {
    Action { name, short, help, argument: None, keys, applies: |model| model.view().has_columns(), run }
}

/// Finer.
pub(crate) const ZOOM_IN: Action = of_time(
    "zoom-in",
    "zoom in",
    "Zooms in: cells of the next shorter length, around the selected one.",
    &[Key::Char('z')],
    |model, _| zoom(model, true),
);
/// Coarser.
pub(crate) const ZOOM_OUT: Action = of_time(
    "zoom-out",
    "zoom out",
    "Zooms out: cells of the next greater length, around the selected one.",
    &[Key::Char('Z')],
    |model, _| zoom(model, false),
);
/// Earlier.
pub(crate) const SHIFT_BACK: Action = of_time(
    "shift-back",
    "earlier time",
    "Shows the time before: half a window earlier.",
    &[Key::Char('<')],
    |model, _| by_half(model, true),
);
/// Later.
pub(crate) const SHIFT_ON: Action = of_time(
    "shift-on",
    "later time",
    "Shows the time after: half a window later.",
    &[Key::Char('>')],
    |model, _| by_half(model, false),
);
/// The finding before.
pub(crate) const PREVIOUS_FINDING: Action = of_time(
    "previous-finding",
    "finding before",
    "Goes to the finding before the selected cell, also outside of the window.",
    &[Key::Char('{')],
    |model, _| step(model, false),
);
/// The finding after.
pub(crate) const NEXT_FINDING: Action = of_time(
    "next-finding",
    "finding after",
    "Goes to the finding after the selected cell, also outside of the window.",
    &[Key::Char('}')],
    |model, _| step(model, true),
);
/// The whole.
pub(crate) const WHOLE: Action = of_time(
    "whole",
    "whole time",
    "Shows all the time that the timeline is about.",
    &[Key::Char('0')],
    |model, _| {
        here(model)?;
        model.history.here_mut().span = None;
        Ok(())
    },
);
/// A moment.
pub(crate) const GO_TO_TIME: Action = Action {
    name: "time",
    short: "go to time",
    help: "Goes to a time, UTC: 2026-03-01T10:04:07Z, 03-01 10:04:07, 10:04, or +5m and -90s from the selected cell.",
    argument: Some("TIME"),
    keys: &[Key::Char('@')],
    applies: |model| model.view().has_columns(),
    run: |model, argument| go_to(model, argument),
};

fn here(model: &Model) -> Result<(Window, EventTime), String> {
    if !model.view().has_columns() {
        return Err("only the timeline moves through time; 3 goes there".to_owned());
    }
    window(model).zip(moment(model)).ok_or_else(|| "the timeline is not there yet".to_owned())
}

fn zoom(model: &mut Model, finer: bool) -> Result<(), String> {
    let (window, moment) = here(model)?;
    let span = window.zoomed(finer, moment).ok_or("cells have no such length")?;
    look_at(model, span, moment);
    Ok(())
}

fn by_half(model: &mut Model, back: bool) -> Result<(), String> {
    let (window, _) = here(model)?;
    shift(model, window, back);
    Ok(())
}

fn step(model: &mut Model, forwards: bool) -> Result<(), String> {
    here(model)?;
    step_to_finding(model, forwards)
}

fn go_to(model: &mut Model, argument: &str) -> Result<(), String> {
    let (window, now) = here(model)?;
    if argument.is_empty() {
        let mut prompt = Prompt::new(Purpose::Command, "");
        prompt.set("time ");
        model.prompt = Some(prompt);
        return Ok(());
    }
    let time = read(argument, now).ok_or_else(|| {
        format!("{argument} is no time; 2026-03-01T10:04:07Z, 03-01 10:04:07, 10:04 and +5m are")
    })?;
    if window.cell_of(time).is_some() {
        model.history.here_mut().moment = Some(time);
    } else {
        look_at(model, crate::port::Span::around(time, window.span().nanos()), time);
    }
    Ok(())
}

/// A time as it is typed; what it leaves out is as in `now`.
fn read(text: &str, now: EventTime) -> Option<EventTime> {
    if let Some(nanos) = text.strip_prefix('+').and_then(parse_duration_nanos) {
        return Some(now.plus_nanos(nanos));
    }
    if let Some(nanos) = text.strip_prefix('-').and_then(parse_duration_nanos) {
        return Some(now.plus_nanos(-nanos));
    }
    let text = text.trim_end_matches('Z').replace(' ', "T");
    let today = now.to_string();
    let (date, clock) = text
        .split_once('T')
        .unwrap_or_else(|| if text.contains(':') { ("", text.as_str()) } else { (text.as_str(), "00:00") });
    // A whole date, month and day, or none.
    if ![0, 5, 10].contains(&date.len()) {
        return None;
    }
    let begin = today.get(..10_usize.checked_sub(date.len())?)?;
    let seconds = if clock.matches(':').count() == 1 { ":00" } else { "" };
    EventTime::parse(&format!("{begin}{date}T{clock}{seconds}Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: times whole, without year, without date, relative, and such that are none. Guarantees: the moment meant.
    #[test]
    fn times_are_read() {
        let now = EventTime::parse("2026-03-01T10:04:07Z").expect("a time");
        for (text, expected) in [
            ("2026-03-02T11:00:00Z", Some("2026-03-02T11:00:00Z")),
            ("2026-03-02T11:00:00.5", Some("2026-03-02T11:00:00.5Z")),
            ("2026-03-02 11:00", Some("2026-03-02T11:00:00Z")),
            ("2026-03-02", Some("2026-03-02T00:00:00Z")),
            ("03-02 11:00:01", Some("2026-03-02T11:00:01Z")),
            ("09:15", Some("2026-03-01T09:15:00Z")),
            ("+5m", Some("2026-03-01T10:09:07Z")),
            ("-1d", Some("2026-02-28T10:04:07Z")),
            ("5", None),
            ("+", None),
            ("+5é", None),
            ("25:00", None),
            ("yesterday at noon", None),
        ] {
            let expected = expected.map(|text| EventTime::parse(text).expect("a time"));
            assert_eq!(read(text, now), expected, "{text}");
        }
    }
}
