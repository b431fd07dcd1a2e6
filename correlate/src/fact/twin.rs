//! Twins: one act that two sensors recorded.
//!
//! In: signs in canonical order, with who acted on what, and refusals. Out: the sign that an earlier record of another
//! sensor gave for the same act, and how an act ended that one sensor only saw begun.
//! Owns: what makes two records one act, and the acts of the last seconds.
//! Law: a sensor is never its own twin, and a record has at most one twin of each sensor; what a row does not say does
//! not make it a twin: place and actor must be known on both sides. Arrival order makes no difference, since records
//! are folded in canonical order.

use std::collections::VecDeque;

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::{Attribution, Outcome, SignalKind};

use super::keep::Moves;
use super::program::base_name;
use super::signal::Sign;
use crate::names::{Name, Named, Names, Renaming};

/// Acts remembered, about 120 bytes each: ten thousand signs a second of all hosts.
const MAX_RECENT: usize = 20_000;
/// Clocks of one host read by two sensors, with times of a microsecond or finer.
const FINE_NANOS: i64 = 10_000_000;
/// The same where one of them keeps milliseconds: Sysmon's times lie up to 13 ms behind those of audit.
const MILLI_NANOS: i64 = 25_000_000;
/// The same where one of them keeps whole seconds.
const SECOND_NANOS: i64 = 2_000_000_000;
/// Length to which the kernel cuts command names.
const COMMAND_NAME_BYTES: usize = 15;

/// What a sign says about an act, as far as sensors agree on it.
#[derive(Debug, Clone, Copy)]
struct Act {
    kind: SignalKind,
    time: EventTime,
    host: Option<Name>,
    container: Option<Name>,
    pid: Option<u32>,
    exe: Option<Name>,
    cmd_line: Option<Name>,
    target: Option<Name>,
}

impl Act {
    fn of(sign: &Sign) -> Self {
        Self {
            kind: sign.kind,
            time: sign.first.time,
            host: sign.host,
            // A surmise links nothing.
            container: sign.container.filter(|_| sign.pod_by != Attribution::Mcs),
            pid: sign.pid,
            exe: sign.exe,
            cmd_line: sign.cmd_line,
            target: sign.target,
        }
    }
}

/// An act, the sensors that recorded it, and its sign.
#[derive(Debug, Clone)]
struct Seen {
    act: Act,
    sources: Vec<Name>,
    sign: usize,
    /// Nobody said yet how it ended.
    open: bool,
}

/// An act that did not go through, by the word of these sensors.
#[derive(Debug, Clone)]
struct Refused {
    act: Act,
    sources: Vec<Name>,
    outcome: Outcome,
}

impl Named for Act {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self { kind: _, time: _, host, container, pid: _, exe, cmd_line, target } = self;
        for name in [host, container, exe, cmd_line, target] {
            name.each_name(visit);
        }
    }
}

impl Named for Seen {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        self.act.each_name(visit);
        self.sources.as_mut_slice().each_name(visit);
    }
}

impl Named for Refused {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        self.act.each_name(visit);
        self.sources.as_mut_slice().each_name(visit);
    }
}

/// The acts of the last seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Twins {
    recent: VecDeque<Seen>,
    refused: VecDeque<Refused>,
}

impl Twins {
    /// Shows every name that is in them.
    pub(crate) fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        self.recent.iter_mut().for_each(|seen| seen.each_name(visit));
        self.refused.iter_mut().for_each(|refused| refused.each_name(visit));
    }

    /// Keeps the acts of those signs that are kept, under their new names.
    pub(crate) fn keep(&mut self, moves: &Moves, renaming: &Renaming) {
        self.recent.retain_mut(|seen| {
            let moved = moves.to(seen.sign);
            seen.sign = moved.unwrap_or(seen.sign);
            moved.is_some()
        });
        self.recent.iter_mut().for_each(|seen| renaming.rename(seen));
        self.refused.iter_mut().for_each(|refused| renaming.rename(refused));
    }

    /// The sign of the same act by another sensor, which now counts as recorded by this one too.
    pub(crate) fn find(&mut self, sign: &Sign, names: &Names) -> Option<usize> {
        let act = Act::of(sign);
        self.forget_before(act.time);
        let source = sign.first.source;
        let of_other = |seen: &&mut Seen| !seen.sources.contains(&source) && is_same(&seen.act, &act, names);
        let seen = self.recent.iter_mut().find(of_other)?;
        seen.sources.push(source);
        seen.open &= is_open(sign);
        Some(seen.sign)
    }

    /// Takes in that an act did not go through; gives the sign of the same act by a sensor that only saw it begun.
    pub(crate) fn refuse(&mut self, refusal: &Sign, names: &Names) -> Option<usize> {
        let act = Act::of(refusal);
        self.forget_before(act.time);
        let source = refusal.first.source;
        let is_it =
            |seen: &Seen| seen.open && !seen.sources.contains(&source) && is_same(&seen.act, &act, names);
        let begun = self.recent.iter().position(is_it).and_then(|place| self.recent.remove(place));
        let sources = begun.iter().flat_map(|seen| seen.sources.iter().copied()).chain([source]).collect();
        if self.refused.len() >= MAX_RECENT {
            self.refused.pop_front();
        }
        self.refused.push_back(Refused { act, sources, outcome: refusal.outcome });
        begun.map(|seen| seen.sign)
    }

    /// How another sensor saw an act end that this one only saw begun.
    pub(crate) fn refusal(&mut self, sign: &Sign, names: &Names) -> Option<Outcome> {
        let (act, source) = (Act::of(sign), sign.first.source);
        self.forget_before(act.time);
        let is_it =
            |refused: &&mut Refused| !refused.sources.contains(&source) && is_same(&refused.act, &act, names);
        let refused = self.refused.iter_mut().filter(|_| is_open(sign)).find(is_it)?;
        refused.sources.push(source);
        Some(refused.outcome)
    }

    fn forget_before(&mut self, time: EventTime) {
        let is_old = |act: &Act| time.nanos_since(act.time) > SECOND_NANOS;
        while self.recent.front().is_some_and(|seen| is_old(&seen.act)) {
            self.recent.pop_front();
        }
        while self.refused.front().is_some_and(|refused| is_old(&refused.act)) {
            self.refused.pop_front();
        }
    }

    /// A sign was kept at `index`: others may record its act too.
    pub(crate) fn remember(&mut self, sign: &Sign, index: usize) {
        if self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        let (act, sources) = (Act::of(sign), vec![sign.first.source]);
        self.recent.push_back(Seen { act, sources, sign: index, open: is_open(sign) });
    }
}

/// Whether the record does not say how the act ended.
fn is_open(sign: &Sign) -> bool {
    matches!(sign.outcome, Outcome::Attempted | Outcome::Unknown)
}

fn is_same(one: &Act, other: &Act, names: &Names) -> bool {
    one.kind == other.kind
        && is_near(one.time, other.time)
        && is_same_actor(one, other, names)
        && agree(one.target, other.target, |a, b| a == b)
        && is_same_command(one, other, names)
}

/// Whether two times may be of one moment, by the coarser of their precisions.
fn is_near(one: EventTime, other: EventTime) -> bool {
    let window = |time: EventTime| match time.0 {
        nanos if nanos % 1_000_000_000 == 0 => SECOND_NANOS,
        nanos if nanos % 1_000_000 == 0 => MILLI_NANOS,
        _ => FINE_NANOS,
    };
    one.nanos_since(other).saturating_abs() <= window(one).max(window(other))
}

/// By host and pid; where a sensor lacks either, by the container and the program's name.
fn is_same_actor(one: &Act, other: &Act, names: &Names) -> bool {
    let both = |a: Option<Name>, b: Option<Name>| names.text_of(a).zip(names.text_of(b));
    let is_prefix =
        |(a, b): (&str, &str)| !a.is_empty() && !b.is_empty() && (a.starts_with(b) || b.starts_with(a));
    let same_container = both(one.container, other.container).map(is_prefix);
    let same_host = one.host.zip(other.host).map(|(a, b)| a == b);
    let same_pid = one.pid.zip(other.pid).map(|(a, b)| a == b);
    match (same_host, same_pid, same_container) {
        (Some(false), ..) | (_, Some(false), _) | (_, _, Some(false)) => false,
        (Some(true), Some(true), _) => true,
        (.., Some(true)) => is_same_program(one, other, names) == Some(true),
        _ => false,
    }
}

/// By the last part of the path, as far as command names go; unknown where one sensor names no program.
fn is_same_program(one: &Act, other: &Act, names: &Names) -> Option<bool> {
    let name = |exe: Option<Name>| {
        let name = base_name(names.text_of(exe)?);
        Some(name.get(..name.floor_char_boundary(COMMAND_NAME_BYTES)).unwrap_or(name))
    };
    name(one.exe).zip(name(other.exe)).map(|(a, b)| a == b)
}

/// A pid may execute two programs within a moment: those are told apart by their arguments.
fn is_same_command(one: &Act, other: &Act, names: &Names) -> bool {
    if !matches!(one.kind, SignalKind::ServerShell | SignalKind::WritableExec) {
        return true;
    }
    match names.text_of(one.cmd_line).zip(names.text_of(other.cmd_line)) {
        Some((a, b)) => words(a).eq(words(b)),
        None => is_same_program(one, other, names) != Some(false),
    }
}

/// The words of a command line; sensors write the program's name or its path, and quote or do not.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let unquoted = line.split_ascii_whitespace().map(|word| word.trim_matches(['"', '\'']));
    unquoted.enumerate().map(|(index, word)| if index == 0 { base_name(word) } else { word })
}

/// Whether two facts do not contradict each other.
fn agree<T>(one: Option<T>, other: Option<T>, same: impl Fn(&T, &T) -> bool) -> bool {
    one.zip(other).is_none_or(|(one, other)| same(&one, &other))
}

#[cfg(test)]
mod tests {
    use offbound_schemas::vocabulary::Outcome;

    use crate::fact::testing::in_order;

    const DEFAULTS: &str = "
host_events: event_id=e{n}; source=tetragon; location=t:{n}; host=n1; action=cred_read; outcome=allowed; control=none; mode=unknown; pid=40; exe=/bin/cat; target_path=/etc/shadow; target_is_credential=true; event_time=10:00:00.100001
";

    /// Each sign's count and the sources beside its first.
    fn signs(rows: &str) -> Vec<(u64, Vec<String>)> {
        let facts = in_order(DEFAULTS, rows);
        let text = |name: &crate::names::Name| facts.names.text(*name).to_owned();
        facts.signals.all().iter().map(|sign| (sign.count, sign.also.iter().map(text).collect())).collect()
    }

    fn check(rows: &str, expected: &[(u64, &[&str])]) {
        let expected: Vec<(u64, Vec<String>)> = expected
            .iter()
            .map(|(count, sources)| (*count, sources.iter().map(|source| (*source).to_owned()).collect()))
            .collect();
        assert_eq!(signs(rows), expected, "{rows}");
        // The same in any order of arrival.
        let turned: Vec<&str> = rows.lines().rev().collect();
        assert_eq!(signs(&turned.join("\n")).len(), expected.len(), "{rows}");
    }

    /// Scenario: one read, seen by two and by three sensors, with pids or only with containers. Guarantees: one sign, counted
    /// once, with the other sensors beside it.
    #[test]
    fn one_act_is_counted_once() {
        check(
            "host_events: event_id=a1
             host_events: event_id=b1; source=linux-audit; event_time=10:00:00.105; exe=/usr/bin/cat",
            &[(1, &["linux-audit"])],
        );
        check(
            "host_events: event_id=a1
             host_events: event_id=b1; source=linux-audit; event_time=10:00:00.105
             host_events: event_id=c1; source=osquery; event_time=10:00:01",
            &[(1, &["linux-audit", "osquery"])],
        );
        check(
            "host_events: event_id=a1; container_id=abcdef012345
             host_events: event_id=b1; source=falco; pid=; host=; container_id=abcdef; event_time=10:00:00.100501",
            &[(1, &["falco"])],
        );
    }

    /// Scenario: acts that are alike and not the same: another pid, host, target or container, too far in time, the same
    /// sensor again, an actor that nobody names. Guarantees: each is counted.
    #[test]
    fn different_acts_stay_apart() {
        for other in [
            "source=linux-audit; pid=41",
            "source=linux-audit; host=n2",
            "source=linux-audit; target_path=/etc/gshadow",
            "source=linux-audit; event_time=10:00:00.200",
            "source=linux-audit; pid=",
        ] {
            let rows = format!("host_events: event_id=a1\nhost_events: event_id=b1; exe=/bin/tac; {other}");
            check(&rows, &[(1, &[]), (1, &[])]);
        }
        check("host_events: event_id=a1\nhost_events: event_id=a2; event_time=10:00:00.100002", &[(2, &[])]);
    }

    /// Scenario: two reads of one process, each seen by both sensors. Guarantees: two, not four, and not one.
    #[test]
    fn each_act_has_its_own_twin() {
        check(
            "host_events: event_id=a1
             host_events: event_id=a2; event_time=10:00:00.100002
             host_events: event_id=b1; source=linux-audit; event_time=10:00:00.101
             host_events: event_id=b2; source=linux-audit; event_time=10:00:00.102",
            &[(2, &["linux-audit"])],
        );
    }

    /// Scenario: a pid that executes two programs in one moment. Guarantees: arguments tell them apart, however the
    /// program is spelled.
    #[test]
    fn arguments_tell_executions_apart() {
        let exec =
            "action=exec; parent_exe=/usr/bin/java; target_path=; target_is_credential=false; exe=/bin/sh";
        check(
            &format!(
                "host_events: event_id=a1; {exec}; cmd_line=/bin/sh -c id
                 host_events: event_id=b1; {exec}; source=linux-audit; event_time=10:00:00.101; cmd_line=sh -c id"
            ),
            &[(1, &["linux-audit"])],
        );
        check(
            &format!(
                "host_events: event_id=a1; {exec}; cmd_line=/bin/sh -c id
                 host_events: event_id=b1; {exec}; source=linux-audit; event_time=10:00:00.101; cmd_line=sh -c ls"
            ),
            &[(1, &[]), (1, &[])],
        );
    }

    /// Scenario: one sensor sees a read begin, another sees it refused, before or after, or something else refused.
    /// Guarantees: the read counts as refused, and only that one; what was seen to go through stays so.
    #[test]
    fn a_refusal_says_how_an_attempt_ended() {
        const BEGUN: &str = "host_events: event_id=a1; outcome=attempted";
        const AGAIN: &str = "host_events: event_id=a2; outcome=attempted";
        const REFUSED: &str = "source=linux-audit; outcome=denied; control=dac";
        let (begun, refused) = ((Outcome::Attempted, 1), (Outcome::Denied, 1));
        for (rows, expected) in [
            (format!("{BEGUN}\nhost_events: event_id=b1; {REFUSED}; event_time=10:00:00.105"), vec![refused]),
            (format!("{BEGUN}\nhost_events: event_id=b1; {REFUSED}; event_time=10:00:00.099"), vec![refused]),
            (
                format!("{BEGUN}\nhost_events: event_id=b1; source=osquery; outcome=failed"),
                vec![(Outcome::Failed, 1)],
            ),
            (
                format!(
                    "{BEGUN}\n{AGAIN}; event_time=10:00:00.100002
                     host_events: event_id=b1; {REFUSED}; event_time=10:00:00.105"
                ),
                vec![begun],
            ),
            (
                format!(
                    "{BEGUN}\nhost_events: event_id=b1; {REFUSED}; event_time=10:00:00.105
                     {AGAIN}; event_time=10:00:03"
                ),
                vec![refused, begun],
            ),
            (format!("{BEGUN}\nhost_events: event_id=b1; outcome=denied; control=dac"), vec![begun]),
            (format!("{BEGUN}\nhost_events: event_id=b1; {REFUSED}; pid=41"), vec![begun]),
            (format!("{BEGUN}\nhost_events: event_id=b1; {REFUSED}; target_path=/etc/gshadow"), vec![begun]),
            (
                format!("host_events: event_id=a1; outcome=allowed\nhost_events: event_id=b1; {REFUSED}"),
                vec![(Outcome::Allowed, 1)],
            ),
        ] {
            let facts = in_order(DEFAULTS, &rows);
            let found: Vec<(Outcome, u64)> =
                facts.signals.all().iter().map(|sign| (sign.outcome, sign.count)).collect();
            assert_eq!(found, expected, "{rows}");
        }
    }
}
