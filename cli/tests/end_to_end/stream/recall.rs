//! What an earlier run told and did not live to make durable: nobody but the next run can take it back.

use offbound_schemas::FindingId;
use offbound_schemas::record::Finding;
use offbound_schemas::vocabulary::FindingState;
use offbound_store::Store;
use offbound_testbed::Message;

use super::{broker, conclusions, feed, group_of, replayed, stream, stream_to_end, to_end, told};
use crate::scratch;

/// A finding like this one that no events support.
fn unsupported(like: &Finding, digit: char) -> Finding {
    let id: FindingId = digit.to_string().repeat(32).parse().expect("an id");
    Finding { id, state: FindingState::Provisional, revision: 3, incident: None, ..like.clone() }
}

/// Puts a word into a topic, as somebody told it.
fn tell(topic: &str, word: &Finding, key: FindingId, headers: &[(&str, &[u8])]) {
    let (key, payload) = (key.to_string(), serde_json::to_vec(word).expect("a record"));
    let message = Message { key: Some(key.as_bytes()), headers, ..Message::to(0, &payload) };
    broker().produce(topic, &[message]).expect("the broker takes it");
}

/// Scenario: the topic of findings holds provisional words that no event supports: of this group; of this store under
/// another group; of another deployment; without a sender; under a foreign key; and rubbish. Guarantees: the first two are
/// withdrawn, each under its next revision; nobody takes back what others said; findings are those of a replay besides.
#[test]
fn what_was_told_and_not_kept_is_withdrawn() {
    let sample = "identity-stops-it";
    let (logs, results, folder) = ("recall-logs", "recall-findings", scratch());
    feed::fill(broker(), logs, &feed::records(sample), 11);
    broker().create_topic(results, 1, &[]).expect("a new topic");
    let expected = conclusions(replayed(&feed::folder(sample)).path()).findings;
    let like = expected.first().expect("the sample has findings");
    let [ours, store_s, theirs, nobody_s, misplaced] =
        ['1', '2', '3', '4', '5'].map(|it| unsupported(like, it));

    let group = group_of(logs);
    let by_us: [(&str, &[u8]); 1] = [("offbound-group", group.as_bytes())];
    tell(results, &ours, ours.id, &by_us);
    tell(results, &theirs, theirs.id, &[("offbound-group", b"elsewhere"), ("offbound-store", b"another")]);
    tell(results, &nobody_s, nobody_s.id, &[]);
    tell(results, &misplaced, ours.id, &by_us);
    let rubbish = Message { headers: &by_us, ..Message::to(0, b"{\"record_type\":") };
    broker().produce(results, &[rubbish]).expect("the broker takes it");
    let environment = feed::environment(sample);
    let options = ["--env", environment.as_str(), "--findings-topic", results];
    stream_to_end(folder.path(), logs, &options);

    let name = Store::open(&folder.path().join("store")).and_then(|store| store.meta("name"));
    let name = name.expect("a sound store").expect("its name");
    tell(results, &store_s, store_s.id, &[("offbound-store", name.as_bytes())]);
    to_end(stream(folder.path(), logs, &[&options[..], &["--group", "recall-other-group"]].concat()));

    let standing = conclusions(folder.path()).findings;
    let said: Vec<Finding> = broker()
        .read(results)
        .expect("the topic")
        .iter()
        .filter_map(|record| serde_json::from_slice(record.payload.as_deref()?).ok())
        .collect();
    let last = told::last_words(&said);
    for word in [&ours, &store_s] {
        let expected = (FindingState::Withdrawn, word.revision + 1);
        let in_topic = last.get(&word.id).map(|it| (it.state, it.revision));
        let in_store = standing.iter().find(|it| it.id == word.id).map(|it| (it.state, it.revision));
        assert_eq!((in_topic, in_store), (Some(expected), Some(expected)), "{}", word.id);
    }
    for word in [&theirs, &nobody_s, &misplaced] {
        assert_eq!(last.get(&word.id), Some(&word));
        assert!(standing.iter().all(|it| it.id != word.id), "{}", word.id);
    }
    let stand = |findings: &[Finding]| {
        let standing = findings.iter().filter(|it| it.state != FindingState::Withdrawn);
        standing.map(|it| it.id).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(stand(&standing), stand(&expected));
}
