//! Dead letters, read again as if each still stood in its place.
//!
//! In: the letters of one input, in their order. Out: what reading their records gives today: rows, skips, dead
//! letters, the count. Owns: what a letter keeps for that beside its text ([`Kept`]).
//! Law: a record that is read now has the identity that it has when its input is read anew. Where that cannot be known,
//! because a secret in it was replaced and it is now taken apart otherwise, it stays a dead letter.

use offbound_schemas::EventTime;
use offbound_schemas::table::DeadLetter;
use serde::{Deserialize, Serialize};

use super::{INVALID_UTF8, Letter, PARSER, Place, Reader, Ready, Run, SECRET_REDACTED, State};
use crate::decode::Envelope;
use crate::envelope;
use crate::identity::content_hash;
use crate::open::Counters;
use crate::pipeline::{IngestOptions, IngestSink, SourceRead};
use crate::redact::Redactor;
use crate::unfold::Leaf;

/// Reads dead letters of one input again. Those that still cannot be read come to the sink as dead letters; one whose
/// text is what it was keeps its id.
pub struct LetterReader<'a>(Run<'a>);

impl<'a> LetterReader<'a> {
    /// A reader for the letters of the input at `location`: of a file, or of all messages of the topic of that name.
    pub fn new(location: &str, options: &IngestOptions, sink: &'a mut dyn IngestSink) -> Self {
        Self(Run::new(location, options, sink))
    }

    /// Whether a letter holds what it takes to read it again.
    #[must_use]
    pub fn can_read(letter: &DeadLetter) -> bool {
        Kept::read(letter).is_some()
    }

    /// Reads one letter, unless it does not hold what that takes.
    pub fn read(&mut self, letter: &DeadLetter) {
        let Some(kept) = Kept::read(letter) else { return };
        let line = letter.location.rsplit(':').next().and_then(|line| line.parse().ok()).unwrap_or(1);
        let Run { sink, reader } = &mut self.0;
        let Reader { unfold, state, .. } = &mut **reader;
        // What came in a message has no line, and letters of one topic are of many messages.
        if let Some(place) = Place::message(&letter.location) {
            state.place = place;
        }
        let take = &mut |leaf: Leaf<'_>| state.leaf_again(leaf, &letter.bytes, &kept, *sink);
        unfold.payload_of(&kept.envelope, &letter.bytes, line, take);
    }

    /// Whether the sink still wants rows.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.0.goes_on()
    }

    /// Ends the letters: gathered rows come out, the count is complete.
    #[must_use]
    pub fn finish(self) -> SourceRead {
        self.0.finish(&Counters::default())
    }
}

/// What a dead letter keeps beside its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// Hash of what the record said, before secrets were replaced.
    pub(super) content: [u8; 32],
    pub(super) envelope: Envelope,
    /// Whether the content was hashed as JSON.
    pub(super) is_json: bool,
    /// A secret was replaced.
    pub(super) replaced: bool,
    /// It held bytes that are no UTF-8.
    pub(super) escaped: bool,
}

/// [`Kept`] without the content, as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Context {
    layers: Vec<String>,
    host: Option<String>,
    time: Option<EventTime>,
    boot_id: Option<String>,
    unit: Option<String>,
    program: Option<String>,
    account: Option<String>,
    origin: Option<String>,
    stream: Option<String>,
    json: bool,
    replaced: bool,
    escaped: bool,
}

impl Kept {
    pub(super) fn of(ready: &Ready<'_>) -> Self {
        Self {
            content: ready.content,
            envelope: ready.envelope.clone(),
            is_json: ready.is_json,
            replaced: ready.flags.contains(&SECRET_REDACTED),
            escaped: ready.flags.contains(&INVALID_UTF8),
        }
    }

    /// The columns `content` and `context`. What envelopes say may hold secrets too.
    pub(super) fn written(self, redactor: &mut Redactor) -> (Option<String>, Option<String>) {
        let Envelope { layers, host, time, boot_id, unit, program, account, origin, stream } = self.envelope;
        let context = Context {
            layers: layers.into_iter().map(str::to_owned).collect(),
            host,
            time,
            boot_id,
            unit,
            program,
            account,
            origin,
            stream,
            json: self.is_json,
            replaced: self.replaced,
            escaped: self.escaped,
        };
        let context = serde_json::to_string(&context).expect("texts and yes or no can always be written");
        (Some(to_hex(&self.content)), Some(redactor.redact(&context).text.into_owned()))
    }

    fn read(letter: &DeadLetter) -> Option<Self> {
        let content = from_hex(letter.content.as_deref()?)?;
        let context: Context = serde_json::from_str(letter.context.as_deref()?).ok()?;
        let Context { layers, host, time, boot_id, unit, program, account, origin, stream, .. } = context;
        let layers = layers.iter().map(|layer| envelope::layer(layer)).collect::<Option<_>>()?;
        let envelope = Envelope { layers, host, time, boot_id, unit, program, account, origin, stream };
        let Context { json: is_json, replaced, escaped, .. } = context;
        Some(Self { content, envelope, is_json, replaced, escaped })
    }

    /// The content of a record found in this letter's text; none where only the original could tell.
    fn content_of(&self, leaf: &str, json: Option<&serde_json::Value>, text: &str) -> Option<[u8; 32]> {
        if !self.replaced {
            return Some(content_hash(leaf, json.is_some(), self.escaped));
        }
        (leaf == text && json.is_some() == self.is_json).then_some(self.content)
    }
}

fn to_hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

impl State {
    /// Like [`State::leaf`] for a text whose secrets are replaced already: markers in it are our own.
    fn leaf_again(&mut self, leaf: Leaf<'_>, whole: &str, kept: &Kept, sink: &mut dyn IngestSink) {
        match leaf {
            Leaf::Skipped(name) => self.skip(name),
            Leaf::Refused { text, reject, envelope, line } => {
                let content = kept.content_of(&text, None, whole);
                let kept = content.map(|content| Kept { content, envelope, is_json: false, ..*kept });
                let letter = Letter::of(&text, line, reject.reason, reject.detail);
                self.dead_letter(Letter { kept, ..letter }, sink);
            }
            Leaf::Record { text, json, envelope, line } => {
                let Some(content) = kept.content_of(&text, json.as_ref(), whole) else {
                    let detail =
                        format!("a secret in it was replaced before {PARSER} took it apart; read its input");
                    return self.dead_letter(Letter::of(&text, line, "redacted", detail), sink);
                };
                let flags = [(kept.replaced, SECRET_REDACTED), (kept.escaped, INVALID_UTF8)];
                let flags = flags.into_iter().filter_map(|(is_set, flag)| is_set.then_some(flag)).collect();
                let ready = Ready {
                    text: &text,
                    json: json.as_ref(),
                    envelope: &envelope,
                    content,
                    is_json: json.is_some(),
                    line,
                    flags,
                };
                self.record(&ready, sink);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::FORMATS;
    use crate::fuzzing::{Collector, check_count};
    use crate::{FingerprintKey, Formats, SourceRule, read_bytes};

    fn options(rules: &[&str]) -> IngestOptions {
        let formats = Formats::default();
        let sources =
            rules.iter().map(|rule| SourceRule::parse(rule, &formats).expect("a sound rule")).collect();
        IngestOptions { formats, sources, key: FingerprintKey::for_tests() }
    }

    fn read(bytes: &[u8], rules: &[&str]) -> Collector {
        let mut collector = Collector::default();
        read_bytes("n1.log", bytes, &options(rules), &mut collector).expect("memory can be read");
        collector
    }

    fn read_again(letters: &[DeadLetter]) -> (Collector, SourceRead) {
        let (mut collector, options) = (Collector::default(), options(&[]));
        let mut reader = LetterReader::new("n1.log", &options, &mut collector);
        letters.iter().for_each(|letter| reader.read(letter));
        let read = reader.finish();
        check_count(&read.count, &collector);
        (collector, read)
    }

    /// Reads `bytes` with a wrong format for all of it, and then what that refused.
    fn check(name: &str, bytes: &[u8]) {
        let clean = read(bytes, &[]);
        let wrong = read(bytes, &["keycloak=*"]);
        assert_eq!(wrong.event_ids(), [], "{name}");
        assert!(!wrong.letters.is_empty() && wrong.letters.iter().all(LetterReader::can_read), "{name}");
        let (again, _) = read_again(&wrong.letters);
        assert_eq!(again, clean, "{name}");
    }

    /// Scenario: samples of formats, also in envelopes, with a secret and with bytes that are no UTF-8, each read as what
    /// it is not, then its dead letters. Guarantees: the very rows that reading the input rightly gives.
    #[test]
    fn letters_give_the_rows_of_their_input() {
        let sample = |id: &str| FORMATS.iter().find(|format| format.id == id).map(|format| format.sample);
        let audit = sample("k8s-audit").expect("Kubernetes audit is a format");
        check("plain", format!("{audit}\n").as_bytes());
        check("twice", format!("{audit}\n{audit}\n").as_bytes());
        check("CRI", format!("2026-03-01T10:00:00.000000000Z stdout F {audit}\n").as_bytes());
        let with_secret = audit.replacen('{', r#"{"password":"hunter2-and-more","#, 1);
        check("secret", format!("{with_secret}\n").as_bytes());
        let mut odd = audit.replacen('{', r#"{"note":"?","#, 1).into_bytes();
        odd.iter_mut().filter(|byte| **byte == b'?').take(1).for_each(|byte| *byte = 0xff);
        check("no UTF-8", &odd);
        let host = sample("linux-audit").expect("Linux audit is a format");
        check(
            "syslog",
            format!("<13>Mar  1 10:00:00 n7 audispd: {}\n", host.lines().next().unwrap_or(host)).as_bytes(),
        );
    }

    /// Scenario: letters that still cannot be read, and one that is not whole. Guarantees: the former come back under
    /// the same id with all that they kept; the latter is never read.
    #[test]
    fn what_still_fails_stays() {
        let letters = read(b"what is this, password=hunter2-and-more\n{\"a\": \n", &[]).letters;
        assert_eq!(letters.len(), 2, "{letters:?}");
        let (again, read_now) = read_again(&letters);
        assert_eq!(again.letters, letters);
        assert_eq!(read_now.count.read, 2);
        let long = read("x ".repeat(super::super::MAX_LETTER_BYTES).as_bytes(), &[]).letters;
        assert!(!long.is_empty() && !long.iter().any(LetterReader::can_read), "{}", long.len());
        assert_eq!(read_again(&long).1.count.read, 0);
    }
}
