//! One input read by several threads, with the results of one.
//!
//! In: a stream of plain bytes. Out: what reading it in one piece gives, in the same order.
//! Owns: which parts are read ahead, and when the rest is read in one piece after all: formats that gather records,
//! documents over several lines and joined lines do not end where a part ends.
//! Law: threads change how long it takes, nothing else.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use crate::crew::{Crew, Task};
use crate::divide::{Part, Parts};
use crate::frame::Frames;
use crate::open::Counters;
use crate::pipeline::read_frames;
use crate::run::Run;
use crate::run::part::Unlike;

/// Parts that were read twice before the rest is read in one piece: some logs say little by themselves.
const MAX_MISSES: usize = 8;

/// Reads a stream to its end.
pub(crate) fn read(reader: impl Read, counters: &Counters, run: &mut Run<'_>, crew: &Crew<'_>) {
    let mut parts = Parts::new(reader, crew.part_bytes);
    let mut ahead = VecDeque::new();
    let mut misses = 0;
    while run.goes_on() && misses < MAX_MISSES {
        hand_out(&mut parts, &mut ahead, run, crew);
        let Some(task) = ahead.pop_front() else { break };
        let taken = crew.outcome(&task).map_or(Err(Unlike::Otherwise), |outcome| run.take_in(outcome));
        match taken {
            Ok(()) => {}
            Err(Unlike::Otherwise) => {
                misses += 1;
                read_here(&task.part, counters, run);
            }
            Err(Unlike::Open) => {
                ahead.push_front(task);
                break;
            }
        }
        run.report(counters);
    }
    crew.take_back(&ahead);
    if run.goes_on() {
        let (rest, lines_before) = parts.into_rest(ahead);
        read_frames(&mut Frames::behind(lines_before, std::io::BufReader::new(rest)), counters, run);
    }
}

/// Cuts off parts as far ahead as there are threads to read them; none of a stream that is only one part.
fn hand_out<R: Read>(parts: &mut Parts<R>, ahead: &mut VecDeque<Arc<Task>>, run: &Run<'_>, crew: &Crew<'_>) {
    let Some(start) = run.start() else { return };
    // What the first part says of the format is needed for the others.
    let most = if run.records() == 0 { 1 } else { crew.parts_ahead() };
    while ahead.len() < most {
        let Some(part) = parts.next() else { return };
        ahead.push_back(crew.hand_out(part, start.clone(), run.location()));
    }
}

fn read_here(part: &Part, counters: &Counters, run: &mut Run<'_>) {
    read_frames(&mut Frames::behind(part.lines_before, part.bytes.as_slice()), counters, run);
}

#[cfg(test)]
mod tests;
