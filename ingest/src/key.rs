//! The key of a record in a topic: which partition it belongs to.
//!
//! In: the bytes of one record. Out: the credential that it is about, the host, or what it places; none where it says
//! nothing of the kind. Owns: which row and which column decides.
//! Law: the key is a function of the record's bytes (and of the installation's key, where a token has no id of its
//! own): sent again, it goes to the same partition. Records of one event of a host have one key, whichever comes first.

use offbound_schemas::table::{HostEvent, IdentityAssertion, Placement};
use offbound_schemas::{EventId, EventRows};

use crate::decode::{Envelope, Record};
use crate::formats::Formats;
use crate::json;
use crate::recognise::Recogniser;
use crate::redact::{FingerprintKey, Redactor};
use crate::text;
use crate::unfold::{Leaf, Unfold};

/// Finds keys.
#[derive(Debug, Clone)]
pub struct KeyFinder {
    formats: Formats,
    key: FingerprintKey,
}

impl KeyFinder {
    /// For records of these formats; tokens without an id of their own are named by their fingerprint.
    #[must_use]
    pub fn new(formats: Formats, key: FingerprintKey) -> Self {
        Self { formats, key }
    }

    /// The key of a record; of the first of several.
    #[must_use]
    pub fn key(&self, record: &[u8]) -> Option<String> {
        let text = text::decode(record);
        let mut unfold = Unfold::new(self.formats.clone());
        let mut found = None;
        let mut take = |leaf: Leaf<'_>| {
            if found.is_none() {
                found = self.of_leaf(&leaf);
            }
        };
        unfold.document(&text.text, 1, &mut take);
        unfold.finish(&mut take);
        found
    }

    fn of_leaf(&self, leaf: &Leaf<'_>) -> Option<String> {
        let (Leaf::Record { text, envelope, .. } | Leaf::Refused { text, envelope, .. }) = leaf else {
            return None;
        };
        let rows = match leaf {
            Leaf::Record { json, .. } => self.rows(text, json.is_some(), envelope),
            _ => EventRows::default(),
        };
        key_of(&rows).map(str::to_owned).or_else(|| {
            let host = node(text).or(envelope.host.as_deref());
            host.map(str::to_owned)
        })
    }

    /// What a decoder makes of this record alone.
    fn rows(&self, text: &str, is_json: bool, envelope: &Envelope) -> EventRows {
        let mut rows = EventRows::default();
        let clean = Redactor::new(self.key.clone()).redact(text);
        let json = if is_json { json::parse(&clean.text).ok() } else { None };
        let record = Record {
            text: &clean.text,
            json: json.as_ref(),
            envelope,
            source: "",
            location: "",
            event_id: EventId::default(),
        };
        let index = Recogniser::default().recognise(&self.formats, &record);
        if let Some(format) = index.and_then(|index| self.formats.get(index)) {
            let mut decoder = format.decoder();
            // Whether it can be read is the consumer's to say.
            let _verdict = decoder.decode(&record, &mut rows);
            decoder.finish(&mut rows);
        }
        rows
    }
}

/// The key of a record that gave these rows: identity assertions by credential, host events by host, placements by what
/// is placed.
fn key_of(rows: &EventRows) -> Option<&str> {
    let EventRows { host_events, identity_assertions, placements } = rows;
    let assertions = identity_assertions.iter().find_map(of_assertion);
    let hosts = || host_events.iter().find_map(of_host_event);
    assertions.or_else(hosts).or_else(|| placements.iter().find_map(of_placement))
}

fn of_assertion(row: &IdentityAssertion) -> Option<&str> {
    [&row.credential_id, &row.credential_alias, &row.subject].into_iter().find_map(filled)
}

fn of_host_event(row: &HostEvent) -> Option<&str> {
    filled(&row.host)
}

fn of_placement(row: &Placement) -> Option<&str> {
    [&row.pod_uid, &row.native_id, &row.host_uid, &row.workload, &row.host].into_iter().find_map(filled)
}

fn filled(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// The host that a line of the Linux audit log names, also where the line alone gives no row.
fn node(text: &str) -> Option<&str> {
    let (node, _rest) = text.strip_prefix("node=")?.split_once(' ')?;
    Some(node).filter(|node| !node.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(record: &str, expected: Option<&str>) {
        let finder = KeyFinder::new(Formats::default(), FingerprintKey::for_tests());
        assert_eq!(finder.key(record.as_bytes()).as_deref(), expected, "{record}");
    }

    /// Scenario: records of every kind. Guarantees: assertions go by credential, host events by host; what says neither
    /// has no key, whatever its bytes.
    #[test]
    fn records_have_the_key_of_their_kind() {
        check(
            r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a1","stage":"ResponseComplete","requestURI":"/api","verb":"get","user":{"username":"system:serviceaccount:shop:web","extra":{"authentication.kubernetes.io/credential-id":["JTI=3f1"]}},"sourceIPs":["10.1.0.7"],"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-03-01T10:00:00.000000Z","stageTimestamp":"2026-03-01T10:00:00.000000Z"}"#,
            Some("JTI=3f1"),
        );
        check("", None);
        check("no record at all", None);
        check("\u{0}\u{1}{\"a\":", None);
        check(r#"{"a":1}"#, None);
    }

    /// Scenario: the lines of one audit event, one by one, with and without a host. Guarantees: one key for all of them,
    /// also for those that give no row alone.
    #[test]
    fn lines_of_an_event_stay_together() {
        let lines = [
            "type=SYSCALL msg=audit(1767225600.123:42): arch=c000003e syscall=59 success=yes exit=0 a0=1 ppid=1 pid=2 auid=0 uid=0 comm=\"sh\" exe=\"/bin/sh\" key=\"x\"",
            "type=EXECVE msg=audit(1767225600.123:42): argc=1 a0=\"sh\"",
            "type=PATH msg=audit(1767225600.123:42): item=0 name=\"/bin/sh\" inode=1",
            "type=EOE msg=audit(1767225600.123:42):",
        ];
        for line in lines {
            check(line, None);
            check(&format!("node=worker-3 {line}"), Some("worker-3"));
        }
    }

    /// Scenario: every sample line that a format shows of itself. Guarantees: the same key each time, and never an empty
    /// one.
    #[test]
    fn keys_are_functions_of_the_record() {
        let finder = KeyFinder::new(Formats::default(), FingerprintKey::for_tests());
        let mut keyed = 0;
        for format in Formats::default().iter() {
            let key = finder.key(format.sample().as_bytes());
            assert_eq!(finder.key(format.sample().as_bytes()), key, "{}", format.id());
            assert_ne!(key.as_deref(), Some(""), "{}", format.id());
            keyed += usize::from(key.is_some());
        }
        assert!(keyed * 10 >= Formats::default().iter().count() * 7, "only {keyed} formats have keys");
    }
}
