//! Messages of one turn, format by format.
//!
//! In: messages of one partition, in the order of their offsets. Out: what reading them one by one gives, in another order.
//! Owns: who may be read before whom. A record out of a stream in which formats take turns costs half as much again as
//! one out of a stream of its own format: code and columns of several formats push each other out of the nearest caches.
//! Laws: records of one format keep their order; around a message whose beginning does not tell one format, everything
//! does. What a record is taken for does not depend on where a turn ends: one that begins like a format of this stream
//! is read as if records of that format stood before it, any other as if only its like did.

use super::{Reader, Run, State};

/// A message: its value, and its offset.
pub(crate) type Offered<'m> = (Option<&'m [u8]>, u64);

/// A format of this stream, and how sure its records are.
type Known = (usize, u8);

/// Longest first key by which a format is known, in bytes.
const MAX_KEY_BYTES: usize = 64;

impl Run<'_> {
    /// Reads messages, in their order as far as it matters.
    pub(crate) fn messages(&mut self, messages: &[Offered<'_>]) {
        let mut rest = messages;
        while let Some((first, behind)) = rest.split_first() {
            let formats = self.formats_of(rest);
            if formats.is_empty() {
                self.message_of(None, *first);
                rest = behind;
                continue;
            }
            let (stretch, behind) = rest.split_at(formats.len());
            for format in by_last(&formats) {
                let same = stretch.iter().zip(&formats).filter(|(_, other)| **other == format);
                same.for_each(|(message, _)| self.message_of(Some(format), *message));
            }
            rest = behind;
        }
    }

    /// The formats of the first messages, as far as their beginnings tell, and as nothing is open that may go on in the
    /// next message.
    fn formats_of(&self, messages: &[Offered<'_>]) -> Vec<Known> {
        let Reader { unfold, state, .. } = &*self.reader;
        let is_closed = unfold.is_idle() && !state.redactor.is_inside_key();
        let most = if is_closed { messages.len() } else { 1 };
        messages.iter().take(most).map_while(|(value, _)| state.format_by_beginning((*value)?)).collect()
    }

    /// Reads one message among its like.
    fn message_of(&mut self, format: Option<Known>, message: Offered<'_>) {
        let Reader { state, aside, .. } = &mut *self.reader;
        state.recogniser.remember(format.or(*aside));
        self.message(message);
        if format.is_none() {
            self.reader.aside = self.reader.state.recogniser.last();
        }
    }
}

/// Each format once, in the order of its last message: what comes after the stretch finds what its last message left.
fn by_last(formats: &[Known]) -> Vec<Known> {
    let mut found = Vec::new();
    for format in formats.iter().rev() {
        if !found.contains(format) {
            found.push(*format);
        }
    }
    found.reverse();
    found
}

impl State {
    /// The one format of this stream whose records begin like this message, which is one line.
    fn format_by_beginning(&self, value: &[u8]) -> Option<Known> {
        let line = value.strip_suffix(b"\n").unwrap_or(value);
        let is_told = self.labelling.format.is_some() || self.formats.has_mappings();
        if is_told || memchr::memchr(b'\n', line).is_some() {
            return None;
        }
        let key = first_key(line);
        let mut fitting = self.decoders.iter().filter_map(|(index, decoder)| {
            let begins = |beginning: &&str| line.starts_with(beginning.as_bytes());
            let fast = decoder.fast.filter(|fast| key.is_some_and(|key| fast.shape.index(key).is_some()));
            let plain = decoder.plain.filter(|plain| plain.beginnings.iter().any(begins));
            let confidence = fast.map(|fast| fast.confidence).or(plain.map(|plain| plain.confidence));
            confidence.map(|confidence| (*index, confidence))
        });
        fitting.next().filter(|_| fitting.next().is_none())
    }
}

/// The first key of an object.
fn first_key(line: &[u8]) -> Option<&str> {
    let inside = line.strip_prefix(b"{\"")?;
    let near = inside.get(..MAX_KEY_BYTES).unwrap_or(inside);
    let key = near.get(..memchr::memchr(b'"', near)?)?;
    std::str::from_utf8(key).ok().filter(|key| !key.contains('\\'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use offbound_schemas::record::SourceCount;

    use super::super::Paused;
    use super::super::message::Partition;
    use super::*;
    use crate::decode::FORMATS;
    use crate::fuzzing::{Collector, Numbers, check_count, sample};
    use crate::{FingerprintKey, IngestOptions};

    /// A reading of a partition of which nothing is read yet.
    fn begun() -> Paused {
        let formats = crate::Formats::default();
        let options = IngestOptions { formats, sources: Vec::new(), key: FingerprintKey::for_tests() };
        let topic = Arc::from("audit");
        Paused::of_partition(
            &Partition { topic: &topic, partition: 3, format: None, instance: None },
            &options,
        )
    }

    /// Reads messages in turns of so many; where there is no turn any more, one by one as if there were none. Rows come in
    /// the order of their places.
    fn read(messages: &[Offered<'_>], turns: &mut dyn Iterator<Item = usize>) -> (Collector, SourceCount) {
        let mut out = Collector::default();
        let mut run = begun().go_on(&mut out);
        let mut rest = messages;
        while let Some((first, behind)) = rest.split_first() {
            let Some(length) = turns.next() else {
                run.message(*first);
                rest = behind;
                continue;
            };
            let (turn, behind) = rest.split_at(length.min(rest.len()));
            run.messages(turn);
            rest = behind;
        }
        run.settle();
        let count = run.take_read().count;
        drop(run);
        check_count(&count, &out);
        let place = |location: &str, id: offbound_schemas::EventId| (location.to_owned(), id);
        out.rows.host_events.sort_by_key(|row| place(&row.location, row.event_id));
        out.rows.identity_assertions.sort_by_key(|row| place(&row.location, row.event_id));
        out.rows.placements.sort_by_key(|row| place(&row.location, row.event_id));
        out.letters.sort_by_key(|letter| place(&letter.location, letter.event_id));
        (out, count)
    }

    fn offered<'t>(texts: &[&'t str]) -> Vec<Offered<'t>> {
        (0..).zip(texts).map(|(at, text)| (Some(text.as_bytes()), at)).collect()
    }

    /// Messages in any order: samples of the formats that have a path of their own, and one in eight of all formats, or of
    /// `others`.
    fn messages(numbers: &mut Numbers, others: &[&'static str]) -> Vec<&'static str> {
        let lines = |format: &crate::decode::Format| format.sample.lines().collect::<Vec<_>>();
        let is_fast = |id: &str| crate::fast::ids().any(|fast| fast == id);
        let fast: Vec<&str> = FORMATS.iter().filter(|format| is_fast(format.id)).flat_map(lines).collect();
        let all: Vec<&str> = FORMATS.iter().flat_map(lines).chain(others.iter().copied()).collect();
        let one = |_| if numbers.once_in(8) { numbers.one(&all) } else { numbers.one(&fast) };
        (0..400).filter_map(one).collect()
    }

    /// Scenario: samples of all formats, in any order, read in turns of any length. Guarantees: the rows, places, identities, letters
    /// and counts of reading them one by one.
    #[test]
    fn turns_change_nothing() {
        for seed in 1..=20 {
            let mut numbers = Numbers::of(seed);
            let texts = messages(&mut numbers, &[]);
            let expected = read(&offered(&texts), &mut std::iter::empty());
            assert!(expected.0.rows.identity_assertions.len() > 100, "seed {seed}");
            let found = read(&offered(&texts), &mut std::iter::from_fn(|| Some(1 + numbers.below(120))));
            assert_eq!(found, expected, "seed {seed}");
        }
    }

    /// Scenario: the same with what no format is sure of among them, remarks, a key that begins and does not end, cut records.
    /// Guarantees: where turns end makes no difference.
    #[test]
    fn ends_of_turns_change_nothing() {
        let others = [
            "",
            "{\"kind\":1}",
            "{\"kind\":\"Event\"",
            "{\"process_exec\":{}}",
            "what is this",
            "type=",
            "type=PATH",
            "type=SYSCALL what is this",
            "# a remark",
            "-----BEGIN PRIVATE KEY-----",
            "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7",
        ];
        for seed in 1..=40 {
            let mut numbers = Numbers::of(seed);
            let texts = messages(&mut numbers, &others.repeat(4));
            let expected = read(&offered(&texts), &mut std::iter::repeat(1));
            let found = read(&offered(&texts), &mut std::iter::from_fn(|| Some(1 + numbers.below(120))));
            assert_eq!(found, expected, "seed {seed}");
        }
    }

    /// Scenario: a stream that has had every format, and samples of those that have a path of their own. Guarantees: the beginning of
    /// most of them tells their format, and of none another.
    #[test]
    fn beginnings_tell() {
        let mut out = Collector::default();
        let mut run = begun().go_on(&mut out);
        let lines: Vec<&str> = FORMATS.iter().flat_map(|format| format.sample.lines()).collect();
        run.messages(&offered(&lines));
        let (mut told, mut untold) = (0, Vec::new());
        for id in crate::fast::ids() {
            let index = crate::Formats::default().position(id).expect("it is a format");
            for line in
                FORMATS.iter().filter(|format| format.id == id).flat_map(|format| format.sample.lines())
            {
                let found = run.reader.state.format_by_beginning(line.as_bytes()).map(|(index, _)| index);
                assert!(found.is_none_or(|found| found == index), "{line}");
                told += usize::from(found.is_some());
                untold.extend(found.is_none().then_some(line));
            }
        }
        assert!(told > untold.len(), "{told}: {untold:?}");
    }

    /// Scenario: formats in turns. Guarantees: each once, and the last of them last.
    #[test]
    fn the_last_is_last() {
        assert_eq!(
            by_last(&[3, 1, 2, 1, 3, 2].map(|format| (format, 90))),
            [1, 3, 2].map(|format| (format, 90))
        );
    }

    /// Scenario: a key begins in the last of several messages, and goes on in the next, which is none of their formats.
    /// Guarantees: none of it comes out.
    #[test]
    fn keys_go_on() {
        let [audit, other] =
            ["linux-audit", "k8s-audit"].map(|id| sample(id).lines().next().expect("a format has a sample"));
        let begin = "type=USER_CMD msg=audit(1700000000.000:7): cwd=\"-----BEGIN PRIVATE KEY-----\"";
        let body = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7VJTUt9Us8cKj";
        for turn in [1, 9] {
            let texts = [audit, other, audit, other, audit, other, begin, body];
            let (out, _) = read(&offered(&texts), &mut std::iter::repeat(turn));
            assert!(!format!("{out:?}").contains(body), "turns of {turn}");
        }
    }

    /// Scenario: beginnings of lines. Guarantees: the first key of an object, where it is near, plain and whole.
    #[test]
    fn first_keys() {
        assert_eq!(first_key(br#"{"kind":"Event"}"#), Some("kind"));
        assert_eq!(first_key(br#"{"kind"#), None);
        assert_eq!(first_key(br#"{"k\"ind":1}"#), None);
        assert_eq!(first_key(b"type=SYSCALL"), None);
        assert_eq!(first_key(format!("{{\"{}\":1}}", "k".repeat(MAX_KEY_BYTES)).as_bytes()), None);
    }
}
