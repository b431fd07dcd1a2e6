//! One step: an event changes the model and says what to do next.
//!
//! In: the model and an event. Out: effects. Owns: nothing. Law: pure; the same events give the same screens.

use crate::action;
use crate::event::{Effect, Event};
use crate::keymap::{Key, action_of};
use crate::location::Location;
use crate::model::Model;
use crate::port::PortError;
use crate::prompt::{Prompt, Purpose, Typed};
use crate::question::{Answer, Question, Slot};
use crate::view::{self, Ink, Target};

/// Two clicks on one row within this time open it.
const DOUBLE_CLICK_MILLIS: u64 = 400;

/// Takes one event in. `target` is what a click met on the frame that was shown.
pub(crate) fn update(model: &mut Model, event: Event, target: Option<Target>) -> Vec<Effect> {
    match event {
        Event::Key(key) => press(model, key),
        Event::Paste(text) => paste(model, &text),
        Event::Click { x, at_millis, .. } => click(model, target, x, at_millis),
        Event::Wheel(lines) => scroll(model, lines),
        Event::Resize(columns, rows) => {
            model.size = (columns, rows);
            model.view().fill(model);
        }
        Event::Answered { slot, generation, answer } => take_in(model, slot, generation, answer),
        Event::Running(seconds) => model.console.running_secs = seconds,
        Event::Tick => model.desk.forget_slot(Slot::Header),
        Event::Terminate | Event::WorkerEnded => model.quit = true,
    }
    settle(model)
}

/// Effects that follow from the state alone: what the view wants and does not have.
pub(crate) fn settle(model: &mut Model) -> Vec<Effect> {
    if model.quit {
        return vec![Effect::Quit];
    }
    let view = model.view();
    if let Some(list) = view.list(model) {
        let (cursor, line) = (list.cursor().map(str::to_owned), list.line());
        let here = model.history.here_mut();
        (here.cursor, here.line) = (cursor.or_else(|| here.cursor.take()), line);
    }
    let mut wants = vec![Question::Header];
    wants.extend(view.wants(model));
    let called_off = model.call_off.take().map(Effect::CallOff);
    let asked = wants.into_iter().filter_map(|q| model.desk.want(q));
    called_off.into_iter().chain(asked.map(|(generation, q)| Effect::Ask(generation, q))).collect()
}

/// Goes to a place.
pub(crate) fn go(model: &mut Model, place: Location) {
    model.history.go(place);
    arrive(model);
}

/// Makes the lists fit the place that one has come to.
pub(crate) fn arrive(model: &mut Model) {
    let view = model.view();
    let here = model.here().clone();
    model.sideways = 0;
    view.fill(model);
    if let Some(list) = view.list(model) {
        list.refilter(&here.filter, here.sort);
        list.restore(here.cursor.as_deref(), here.line);
    }
    view.fill(model);
}

fn press(model: &mut Model, key: Key) {
    model.notice = None;
    let asked_to_stop = std::mem::take(&mut model.asked_to_stop);
    if model.prompt.is_some() {
        return type_key(model, key);
    }
    if model.view().press(model, key) || (model.view().types_to_search() && search(model, key)) {
        return;
    }
    if let Key::Char(c) = key
        && model.view().pick(model, c)
    {
        return;
    }
    if asked_to_stop && key == Key::Ctrl('c') {
        model.quit = true;
    } else if let Some(action) = action_of(key) {
        run(model, action, "");
    }
}

/// Runs an action and tells what went wrong.
pub(crate) fn run(model: &mut Model, action: &action::Action, argument: &str) {
    if let Err(problem) = (action.run)(model, argument) {
        model.complain(&problem);
    }
}

/// Views that are searched by typing take characters as text; everything else stays a key.
fn search(model: &mut Model, key: Key) -> bool {
    let mut filter = model.here().filter.clone();
    match key {
        Key::Char(c) => filter.push(c),
        Key::Backspace => drop(filter.pop()),
        Key::Ctrl('u') => filter.clear(),
        _ => return false,
    }
    set_filter(model, &filter);
    true
}

fn type_key(model: &mut Model, key: Key) {
    let Some(prompt) = model.prompt.as_mut() else { return };
    let typed = prompt.press(key);
    let (purpose, text, before) = (prompt.purpose, prompt.text(), prompt.before.clone());
    match (typed, purpose) {
        (Typed::Changed, Purpose::Filter) => try_filter(model, &text),
        (Typed::Done, Purpose::Filter) => {
            model.prompt = None;
            try_filter(model, &text);
        }
        (Typed::Cancelled, Purpose::Filter) => {
            model.prompt = None;
            set_filter(model, &before);
        }
        (Typed::Complete, Purpose::Filter) => {
            let completed = action::complete_field(&text, model.view().fields());
            complete(model, completed);
        }
        (Typed::Done, Purpose::Command) => {
            model.prompt = None;
            if let Err(problem) = action::command(model, &text) {
                model.complain(&problem);
            }
        }
        (Typed::Cancelled, Purpose::Command) => model.prompt = None,
        (Typed::Complete, Purpose::Command) => complete(model, action::complete_command(&text)),
        (Typed::Changed | Typed::Same, _) => {}
    }
}

fn complete(model: &mut Model, (completed, others): (String, Vec<String>)) {
    if let Some(prompt) = model.prompt.as_mut() {
        prompt.set(&completed);
    }
    if others.len() > 1 {
        model.tell(Ink::outside(&others.join(" ")));
    }
}

/// Applies a filter if it can be read; says so if not, and leaves the list as it is.
fn try_filter(model: &mut Model, text: &str) {
    match model.view().check_filter(text) {
        Ok(()) => set_filter(model, text),
        Err(problem) => model.complain(&problem.to_string()),
    }
}

/// Changes the filter of the place one is at.
pub(crate) fn set_filter(model: &mut Model, text: &str) {
    text.clone_into(&mut model.history.here_mut().filter);
    let sort = model.here().sort;
    let view = model.view();
    if let Some(list) = view.list(model) {
        list.refilter(text, sort);
    }
    view.fill(model);
}

fn paste(model: &mut Model, text: &str) {
    let Some(prompt) = model.prompt.as_mut() else { return model.view().paste(model, text) };
    prompt.insert(text);
    let (purpose, text) = (prompt.purpose, prompt.text());
    if purpose == Purpose::Filter {
        try_filter(model, &text);
    }
}

fn click(model: &mut Model, target: Option<Target>, x: u16, at_millis: u64) {
    model.notice = None;
    match target {
        Some(Target::Row(index)) => click_row(model, index, at_millis),
        Some(Target::Cells(index, left)) => {
            if let Some(column) = x.checked_sub(left) {
                model.view().pick_column(model, column);
            }
            click_row(model, index, at_millis);
        }
        Some(Target::Action(name)) => {
            if let Some(action) = action::by_name(name) {
                run(model, action, "");
            }
        }
        None => {}
    }
}

fn click_row(model: &mut Model, index: u64, at_millis: u64) {
    let view = model.view();
    let height = view.body(model);
    if let Some(list) = view.list(model) {
        list.go(index, height);
    }
    let double = model
        .last_click
        .is_some_and(|(row, millis)| row == index && at_millis.saturating_sub(millis) <= DOUBLE_CLICK_MILLIS);
    model.last_click = if double { None } else { Some((index, at_millis)) };
    if double {
        run(model, &action::open::OPEN, "");
    }
}

/// Scrolls by lines: the cursor in lists, the text elsewhere.
pub(crate) fn scroll(model: &mut Model, lines: i64) {
    let view = model.view();
    let height = view.body(model);
    if let Some(list) = view.list(model) {
        return list.step(lines, height);
    }
    let max = view.text_lines(model).saturating_sub(height.into());
    let here = model.history.here_mut();
    let target = i64::try_from(here.scroll).unwrap_or(i64::MAX).saturating_add(lines).max(0);
    here.scroll = usize::try_from(target).unwrap_or(usize::MAX).min(max);
}

fn take_in(model: &mut Model, slot: Slot, generation: u64, answer: Result<Answer, PortError>) {
    let failure = answer.as_ref().err().map(ToString::to_string);
    if !model.desk.accept(slot, generation, failure) {
        return;
    }
    match answer {
        Ok(Answer::Header(header)) => {
            model.header_seen.get_or_insert_with(|| header.clone());
            model.header = Some(header);
        }
        Ok(Answer::Findings(page)) => model.findings.apply(page),
        Ok(Answer::Finding(finding)) => model.finding = finding,
        Ok(Answer::Incidents(page)) => model.incidents.apply(page),
        Ok(Answer::Incident(incident)) => model.incident = incident,
        Ok(Answer::Members(page)) => model.members = page,
        Ok(Answer::Record(record)) => model.record = record,
        Ok(Answer::Sources(page)) => model.sources.apply(page),
        Ok(Answer::Timeline(timeline)) => model.timeline = Some(timeline),
        Ok(Answer::Counts(counts)) => model.counts = Some(counts),
        Ok(Answer::Events(page)) => model.events.apply(page),
        Ok(Answer::Entities(page)) => model.entities.apply(page),
        Ok(Answer::Note(note)) => model.note = Some(note),
        Ok(Answer::FindingsOf(entity, page)) => model.found_of = Some((entity, page)),
        Ok(Answer::Facts(facts)) => model.facts = Some(facts),
        Ok(Answer::Tables(tables)) => model.console.tables = Some(tables),
        Ok(Answer::Statement(answered)) => model.console.take_answer(Ok(answered)),
        Ok(Answer::Rows(page)) => model.console.take_rows(page),
        Ok(Answer::Export(exported)) => {
            model.console.end_export();
            model.tell(view::sql::told(&exported));
        }
        Err(problem) => fail(model, slot, problem),
    }
    model.view().fill(model);
}

/// Tells why there is no answer, where it is looked for.
fn fail(model: &mut Model, slot: Slot, problem: PortError) {
    match slot {
        Slot::Statement => return model.console.take_answer(Err(problem)),
        Slot::Export => model.console.end_export(),
        _ => {}
    }
    model.complain(&problem.what);
}

/// Begins to type.
pub(crate) fn begin_prompt(model: &mut Model, purpose: Purpose) {
    let text = match purpose {
        Purpose::Filter => model.here().filter.clone(),
        Purpose::Command => String::new(),
    };
    model.prompt = Some(Prompt::new(purpose, &text));
}
