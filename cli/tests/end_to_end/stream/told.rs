//! What was told to the topic of findings, beside what the store holds.
//!
//! In: a topic, conclusions. Owns: the promise to whoever reads the topic: an id is an id of the store, a settled word is a
//! revision of the store's, and the last word is the store's last word.

use std::collections::BTreeMap;
use std::path::Path;

use offbound_schemas::FindingId;
use offbound_schemas::record::Finding;
use offbound_schemas::vocabulary::FindingState;
use offbound_store::Store;
use offbound_testbed::Broker;

/// Every finding that a topic holds, in the order of offsets; the topic has one partition.
pub(super) fn findings(broker: &Broker, topic: &str) -> Vec<Finding> {
    let records = broker.read(topic).expect("the topic is there");
    let finding = |record: offbound_testbed::Stored| {
        let finding: Finding =
            serde_json::from_slice(&record.payload.expect("no tombstones")).expect("a finding");
        assert_eq!(record.key.as_deref(), Some(finding.id.to_string().as_bytes()));
        finding
    };
    records.into_iter().map(finding).collect()
}

/// The last word on every id.
pub(super) fn last_words(told: &[Finding]) -> BTreeMap<FindingId, &Finding> {
    told.iter().map(|finding| (finding.id, finding)).collect()
}

/// Checks a topic against the store in `folder`. Provisional words may be missing or repeated, and say nothing that the
/// store does not know; every other word is one of its revisions, and the last of them its last. Returns how many words
/// were told.
pub(super) fn check(broker: &Broker, topic: &str, folder: &Path) -> usize {
    let store = Store::open(&folder.join("store")).expect("a store");
    let standing = store.findings().expect("a sound store");
    let told = findings(broker, topic);
    for finding in told.iter().filter(|finding| finding.state != FindingState::Provisional) {
        let revisions = store.finding_revisions(finding.id).expect("a sound store");
        assert!(
            revisions.contains(finding),
            "told, and no revision of the store's: {finding:?} {revisions:?}"
        );
    }
    let last = last_words(&told);
    for finding in &standing {
        let word = last.get(&finding.id).map(|finding| (finding.state, finding.revision));
        if finding.state != FindingState::Provisional {
            assert_eq!(word, Some((finding.state, finding.revision)), "the last word on {}", finding.id);
        }
    }
    let known = |id: &FindingId| standing.iter().any(|finding| finding.id == *id);
    let strange: Vec<_> = last.iter().filter(|(id, _)| !known(id)).collect();
    assert!(strange.is_empty(), "told, and not known to the store: {strange:?}");
    told.len()
}
