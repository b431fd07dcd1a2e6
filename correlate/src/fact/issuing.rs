//! Issuing logs: when each log was heard that is to tell of every credential of an issuer, and since when it tells of which.
//!
//! In: assertions of logs that the environment names. Out: whether such a log told of a form of credentials for a whole
//! stretch of time. Owns: which ids are comparable. Law: the answers follow from the set of assertions, in whatever order.

use std::collections::BTreeMap;

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions;
use offbound_schemas::vocabulary::{Decision, Phase};

use super::coverage::MAX_SILENCE_NANOS;
use crate::environment::Environment;

/// Stretches of one log that are kept when facts become fewer: silences of a quarter of an hour, for more than a month.
const MAX_STRETCHES: usize = 4_096;
/// Kinds of credentials, each by one form of its ids, of one log: what issuers make is counted on the fingers.
const MAX_TOLD: usize = 64;

/// What is known of all issuing logs, by their labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Issuing {
    logs: BTreeMap<String, Log>,
}

/// One log.
#[derive(Debug, Clone, Default)]
struct Log {
    /// Ends of the stretches in which it was heard, by their beginnings.
    heard: BTreeMap<EventTime, EventTime>,
    /// When it first told of a credential of a kind, with an id of a form.
    told: BTreeMap<(String, &'static str), EventTime>,
}

/// Whether a log tells of everything in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Telling {
    /// It does.
    Whole,
    /// It was not yet heard until the end.
    NotYet,
    /// It does not, as far as is known.
    No,
}

/// The forms of ids that are told apart: a serial and a fingerprint may name one certificate, and cannot be compared.
pub(crate) fn form_of(id: &str) -> &'static str {
    let is_form = |form: &&str| id.strip_prefix(form).is_some_and(|rest| rest.starts_with('='));
    ["JTI", "X509SHA256", "X509SERIAL"].into_iter().find(is_form).unwrap_or_default()
}

impl Issuing {
    /// Folds an assertion of any source; gives the moment since which answers may be others, but for those that were not
    /// known yet.
    pub(crate) fn assertion(
        &mut self,
        environment: &Environment,
        view: &identity_assertions::View<'_>,
        row: usize,
    ) -> Option<EventTime> {
        let (source, time) = (view.source(row), view.event_time(row));
        if !environment.is_issuing_log(source) {
            return None;
        }
        if !self.logs.contains_key(source) {
            self.logs.insert(source.to_owned(), Log::default());
        }
        let log = self.logs.get_mut(source)?;
        let is_issued = matches!(view.phase(row), Phase::Issue | Phase::Renew | Phase::Exchange)
            && view.decision(row) != Decision::Deny;
        let issued = view.credential_kind(row).zip(view.credential_id(row)).filter(|_| is_issued);
        let tells_more = issued.is_some_and(|(kind, id)| log.tell(kind, form_of(id), time));
        let joins = log.hear(time);
        if joins { Some(EventTime::MIN) } else { tells_more.then_some(time) }
    }

    /// Whether a log told of credentials of a kind, with ids of one of these forms, from one moment to another.
    pub(crate) fn tells(
        &self,
        log: &str,
        (kind, forms): (&str, &[&'static str]),
        (from, until): (EventTime, EventTime),
    ) -> Telling {
        let Some(log) = self.logs.get(log) else { return Telling::No };
        let since = |form: &&'static str| log.told.get(&(kind.to_owned(), *form));
        if !forms.iter().filter_map(since).any(|since| *since <= from) {
            return Telling::No;
        }
        let stretch = log.heard.range(..=from).next_back().map(|(_, to)| *to);
        let last = log.heard.last_key_value().map(|(_, to)| *to);
        match stretch {
            Some(to) if to >= until.max(from) => Telling::Whole,
            Some(to) if Some(to) == last => Telling::NotYet,
            _ => Telling::No,
        }
    }

    /// The last moment at which all of these logs had been heard.
    pub(crate) fn heard_until(&self, logs: &[String]) -> Option<EventTime> {
        let last = |log: &String| self.logs.get(log)?.heard.last_key_value().map(|(_, to)| *to);
        logs.iter().map(last).min().flatten()
    }

    /// Forgets the oldest stretches where there are too many.
    pub(crate) fn cut(&mut self) {
        for log in self.logs.values_mut() {
            while log.heard.len() > MAX_STRETCHES {
                log.heard.pop_first();
            }
        }
    }
}

impl Log {
    /// It told of a credential; says whether it did not of such ones at that time, as far as was known.
    fn tell(&mut self, kind: &str, form: &'static str, time: EventTime) -> bool {
        let key = (kind.to_owned(), form);
        let known = self.told.get(&key).copied();
        let has_room = known.is_some() || self.told.len() < MAX_TOLD;
        let is_news = has_room && known.is_none_or(|since| time < since);
        if is_news {
            self.told.insert(key, time);
        }
        is_news
    }

    /// It was heard; says whether that is before it was heard last, and makes its stretches others.
    fn hear(&mut self, time: EventTime) -> bool {
        let before = self.heard.range(..=time).next_back().map(|(from, to)| (*from, *to));
        if before.is_some_and(|(_, to)| time <= to) {
            return false;
        }
        let after = self.heard.range(time..).next().map(|(from, to)| (*from, *to));
        let joined = before.filter(|(_, to)| time.nanos_since(*to) <= MAX_SILENCE_NANOS);
        let next = after.filter(|(from, _)| from.nanos_since(time) <= MAX_SILENCE_NANOS);
        if let Some((from, _)) = next {
            self.heard.remove(&from);
        }
        let to = next.map_or(time, |(_, to)| to);
        self.heard.insert(joined.map_or(time, |(from, _)| from), to);
        after.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000_000_000;

    fn at(minute: i64) -> EventTime {
        EventTime(minute * MINUTE)
    }

    fn heard(minutes: &[i64]) -> Issuing {
        let mut log = Log::default();
        for minute in minutes {
            log.hear(at(*minute));
        }
        log.tell("k8s-token", "JTI", at(10));
        Issuing { logs: BTreeMap::from([("log".to_owned(), log)]) }
    }

    /// Scenario: a log that tells of tokens since minute 10, in several orders, with a silence of 20 minutes after minute 40.
    /// Guarantees: it tells of a stretch that begins after that and ends before the silence, or after it; what comes after
    /// the last that was heard is open, and of other ids nothing is said.
    #[test]
    fn a_log_tells_of_what_it_was_heard_for() {
        for minutes in [[0, 10, 20, 30, 40, 60, 70], [70, 60, 40, 30, 20, 10, 0], [30, 70, 0, 60, 20, 40, 10]]
        {
            let issuing = heard(&minutes);
            let tells = |from, until| issuing.tells("log", ("k8s-token", &["JTI"]), (at(from), at(until)));
            let expected = [
                ((10, 40), Telling::Whole),
                ((9, 40), Telling::No),
                ((10, 41), Telling::No),
                ((50, 65), Telling::No),
                ((60, 70), Telling::Whole),
                ((60, 71), Telling::NotYet),
                ((71, 72), Telling::NotYet),
            ];
            for ((from, until), told) in expected {
                assert_eq!(tells(from, until), told, "{from} to {until}, {minutes:?}");
            }
            assert_eq!(issuing.tells("log", ("k8s-token", &["X509SERIAL"]), (at(10), at(40))), Telling::No);
            assert_eq!(issuing.heard_until(&["log".to_owned()]), Some(at(70)));
        }
    }

    /// Scenario: moments at the end of what was heard, within it, before it. Guarantees: only what makes earlier answers
    /// others is told.
    #[test]
    fn what_comes_late_is_told() {
        let mut log = Log::default();
        let news: Vec<bool> = [0, 10, 5, 40, 10, 20, -3].map(|minute| log.hear(at(minute))).into();
        assert_eq!(news, [false, false, false, false, false, true, true]);
    }

    /// Scenario: names of credentials. Guarantees: only those of one form are compared.
    #[test]
    fn forms() {
        for (id, form) in
            [("JTI=a=b", "JTI"), ("X509SERIAL=1", "X509SERIAL"), ("hmac-sha256:x=", ""), ("JTI", "")]
        {
            assert_eq!(form_of(id), form, "{id}");
        }
    }
}
