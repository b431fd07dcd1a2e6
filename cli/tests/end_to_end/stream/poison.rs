//! Messages that hold no record: dead letters with bytes and places, and nothing else changes.

use std::collections::BTreeMap;

use offbound_schemas::table::DeadLetter;
use offbound_store::{MAX_DEAD_LETTERS_PER_READ, Store};
use offbound_testbed::{Message, Stored};
use serde_json::Value;

use super::feed::PARTITIONS;
use super::{assert_same, broker, comparable, conclusions, feed, replayed, stream, stream_to_end};
use crate::{run, said, scratch};

/// A message that holds no record, and what becomes of it: the reason of its dead letter; none where it is skipped.
struct Poison {
    payload: Option<Vec<u8>>,
    reason: Option<&'static str>,
}

fn poisons() -> Vec<Poison> {
    let noise = (0..1_048_576_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let oversize = format!("{{\"a\":\"{}\"}}", "x".repeat(1_200_000)).into_bytes();
    let utf16 = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    [
        (None, None),
        (Some(Vec::new()), Some("empty-message")),
        (Some(noise), Some("binary-file")),
        (Some(oversize), Some("too-long")),
        (Some(utf16), Some("utf-16")),
        (Some(b"{\"a\":".to_vec()), Some("truncated-json")),
        (Some(b"not a log record at all {{{".to_vec()), Some("unknown-format")),
    ]
    .into_iter()
    .map(|(payload, reason)| Poison { payload, reason })
    .collect()
}

/// The messages of a sample with every poison in every partition between them; those without a value have headers only.
fn poisoned<'m>(messages: Vec<Message<'m>>, poisons: &'m [Poison]) -> Vec<Message<'m>> {
    const HEADERS: &[(&str, &[u8])] = &[("origin", b"a shipper")];
    let every = (0..PARTITIONS).flat_map(|partition| poisons.iter().map(move |poison| (partition, poison)));
    let mut every = every.map(|(partition, poison)| Message {
        partition: Some(partition),
        payload: poison.payload.as_deref(),
        headers: HEADERS,
        ..Message::default()
    });
    let step = messages.len() / (poisons.len() * PARTITIONS as usize) + 1;
    let mut mixed = Vec::new();
    for (number, message) in messages.into_iter().enumerate() {
        mixed.extend((number % step == 0).then(|| every.next()).flatten());
        mixed.push(message);
    }
    mixed.extend(every);
    mixed
}

/// What the topic itself says should have become of its poison: place and reason, with the message.
fn expected<'s>(
    stored: &'s [Stored],
    topic: &str,
    poisons: &[Poison],
) -> BTreeMap<String, (&'static str, &'s [u8])> {
    let letters = stored.iter().filter_map(|record| {
        let poison = poisons.iter().find(|poison| poison.payload == record.payload)?;
        let place = format!("{topic}/{}/{}", record.partition, record.offset);
        Some((place, (poison.reason?, record.payload.as_deref()?)))
    });
    letters.collect()
}

fn letters(folder: &std::path::Path) -> Vec<DeadLetter> {
    let store = Store::open(&folder.join("store")).expect("a store");
    let page =
        |after: usize| store.dead_letters(after as u64, MAX_DEAD_LETTERS_PER_READ).expect("a sound store");
    let mut letters = page(0);
    while letters.len() < usize::try_from(store.dead_letter_count().expect("a sound store")).expect("a few") {
        letters.extend(page(letters.len()));
    }
    letters
}

/// Scenario: tombstones and headers without a value, empty values, a mebibyte of noise, values longer than a record may be,
/// another encoding, half a record and words, in every partition between the records of a sample. Guarantees: each is a
/// named skip, or a dead letter with its place, length and bytes, in the store and once in its topic; every partition goes
/// on, and findings and incidents are those of the sample alone.
#[test]
fn poison_changes_nothing_else() {
    let (sample, topic, results) = ("stolen-pod-token", "poisoned-logs", "poisoned-letters");
    let (poisons, records) = (poisons(), feed::records(sample));
    broker().create_topic(topic, PARTITIONS, &[("max.message.bytes", "4000000")]).expect("a new topic");
    broker().create_topic(results, 1, &[]).expect("a new topic");
    let messages = poisoned(feed::interleaved(&records, 31), &poisons);
    broker().produce(topic, &messages).expect("the broker takes them");
    let streamed = scratch();
    let environment = feed::environment(sample);
    let mut command = stream(streamed.path(), topic, &["--until-end", "--quiet", "--env", &environment]);
    let output = command.env("OFFBOUND_STREAM_DEAD_LETTERS_TOPIC", results).output().expect("it runs");
    assert!(output.status.success(), "{}", said(&output));

    let stored = broker().read(topic).expect("the topic is there");
    let expected = expected(&stored, topic, &poisons);
    assert_eq!(expected.len(), 6 * PARTITIONS as usize);
    let letters = letters(streamed.path());
    for letter in &letters {
        let Some((reason, bytes)) = expected.get(&letter.location) else {
            assert_eq!(letter.location, "", "a letter of a sound record: {letter:?}");
            continue;
        };
        assert_eq!(
            (letter.reason.as_str(), letter.length),
            (*reason, bytes.len() as u64),
            "{}",
            letter.location
        );
        assert_eq!(letter.bytes.is_empty(), bytes.is_empty(), "{}", letter.location);
        if bytes.len() < 100 && std::str::from_utf8(bytes).is_ok() {
            assert_eq!(letter.bytes.as_bytes(), *bytes, "{}", letter.location);
        }
    }
    assert_eq!(letters.len(), expected.len(), "each once");
    let mut told: Vec<String> =
        broker().read(results).expect("the topic is there").iter().map(place).collect();
    told.sort();
    assert_eq!(told, expected.into_keys().collect::<Vec<_>>(), "each is told once");

    let replayed = replayed(&feed::folder(sample));
    let (found, alone) = (conclusions(streamed.path()), conclusions(replayed.path()));
    assert_same("findings beside poison", &comparable(&found), &comparable(&alone));
    let (found, alone) = (found.summary.expect("it sums up"), alone.summary.expect("it sums up"));
    assert_eq!(found.skipped.get("tombstone"), Some(&12));
    let poison = poisons.len() as u64 * PARTITIONS as u64;
    assert_eq!(found.read, alone.read + poison, "every message is in the account");
}

/// The place that a told dead letter names.
fn place(record: &Stored) -> String {
    let letter: Value =
        serde_json::from_slice(record.payload.as_deref().expect("no tombstones")).expect("it is JSON");
    letter["location"].as_str().expect("every letter has a place").to_owned()
}

/// Scenario: a topic is read under a wrong label, and its dead letters are read again later. Guarantees: findings and
/// incidents are those of the right label, the account of the topic is too, and no letter is left.
#[test]
fn letters_of_a_topic_are_read_again() {
    let (sample, audit, others) = ("stolen-pod-token", "mislabelled-audit", "mislabelled-others");
    let (of_audit, of_others): (Vec<_>, Vec<_>) =
        feed::records(sample).into_iter().partition(|record| record.file.starts_with("k8s-audit"));
    assert!(!of_audit.is_empty());
    feed::fill(broker(), audit, &of_audit, 37);
    feed::fill(broker(), others, &of_others, 41);
    let (streamed, environment) = (scratch(), feed::environment(sample));
    stream_to_end(
        streamed.path(),
        others,
        &["--topic", &format!("cloudtrail={audit}"), "--env", &environment],
    );
    assert_eq!(letters(streamed.path()).len(), of_audit.len());
    let again = ["dead-letters", "replay", "--quiet", "--store", "store", "--env", &environment];
    let output = run(streamed.path(), &again);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(letters(streamed.path()).len(), 0);
    let replayed = replayed(&feed::folder(sample));
    let (found, expected) = (conclusions(streamed.path()), conclusions(replayed.path()));
    assert_same("after reading letters again", &comparable(&found), &comparable(&expected));
    let (found, expected) = (found.summary.expect("it sums up"), expected.summary.expect("it sums up"));
    assert_eq!((found.read, found.decoded), (expected.read, expected.decoded));
    assert_eq!(found.dead_lettered, BTreeMap::new());
    let account = found.sources.iter().find(|source| source.location == audit).expect("the topic's account");
    assert_eq!(account.dead_lettered, BTreeMap::new());
    assert_eq!(account.read, of_audit.len() as u64);
}
