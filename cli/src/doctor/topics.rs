//! Topics: those that are read, whether they can be read, and whether what the store has not read is still there; those
//! that results go to.
//!
//! In: the settings of a stream, a client. Out: checks, and the ends of every partition.
//! Law: one record of each topic is read at most, and nothing is written.

use std::collections::BTreeMap;

use offbound_ingest::kafka::{Connection, TopicPattern};
use offbound_store::PartitionOffset;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer as _;
use rdkafka::message::Message as _;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};

use super::check::Check;
use super::clocks;
use super::probe::{self, ANSWER, Probe};
use crate::clock::{self, Stopwatch};
use crate::config::stream::{ResultTopics, StreamSettings};

const PART: &str = "topics";
/// Topics of one pattern that are looked at, at most.
const MAX_TOPICS: usize = 50;
/// Longest wait for one record that should be there, in seconds.
const RECORD_SECS: f64 = 5.0;

/// A partition, and the offsets of its first record and of its next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) low: i64,
    pub(super) high: i64,
}

/// Checks all topics; gives the ends of the partitions that are read.
pub(super) fn check(
    probe: &Probe,
    connection: &Connection,
    settings: &StreamSettings,
    stored: &[PartitionOffset],
    checks: &mut Vec<Check>,
) -> Vec<Ends> {
    let metadata = match probe.metadata() {
        Ok(metadata) => metadata,
        Err(complaint) => {
            checks.push(Check::told(PART, "list", complaint));
            return Vec::new();
        }
    };
    let mut all = Vec::new();
    for topic in &settings.topics {
        for found in meant(&metadata, &topic.pattern, checks) {
            let ends = ends(probe, found, checks);
            newest(probe, found.name(), &ends, checks);
            all.extend(ends);
        }
    }
    checks.extend(stored.iter().filter_map(|at| retention(at, &all)));
    results(connection, &metadata, &settings.results, checks);
    all
}

/// The topics that a name or a pattern means.
fn meant<'m>(metadata: &'m Metadata, text: &str, checks: &mut Vec<Check>) -> Vec<&'m MetadataTopic> {
    if !text.starts_with('^') {
        return find(metadata, text, checks).into_iter().collect();
    }
    let pattern = match TopicPattern::parse(text) {
        Ok(pattern) => pattern,
        Err(problem) => {
            checks.push(Check::told(PART, text, problem));
            return Vec::new();
        }
    };
    // Topics of Kafka's own begin like this.
    let topics = metadata.topics().iter().filter(|topic| !topic.name().starts_with("__"));
    let mut found: Vec<&MetadataTopic> = topics.filter(|topic| pattern.fits(topic.name())).collect();
    found.sort_by_key(|topic| topic.name());
    let number = found.len();
    found.truncate(MAX_TOPICS);
    checks.push(match number {
        0 => Check::noted(
            PART,
            text,
            "fits no topic yet",
            "create one, or grant DESCRIBE on those that are there",
        ),
        _ if number > MAX_TOPICS => {
            Check::well(PART, text, format!("fits {number} topics; {MAX_TOPICS} are looked at"))
        }
        _ => Check::well(PART, text, format!("fits {number} topics")),
    });
    found
}

fn find<'m>(metadata: &'m Metadata, name: &str, checks: &mut Vec<Check>) -> Option<&'m MetadataTopic> {
    let found = metadata.topics().iter().find(|topic| topic.name() == name);
    let found = found.filter(|topic| topic.error().is_none() && !topic.partitions().is_empty());
    if found.is_none() {
        let advice = format!(
            "create it (`kafka-topics.sh --create --topic {name} …`), or grant READ and DESCRIBE on it"
        );
        checks.push(Check::failed(PART, name, "not there, or not to be seen by this user", advice));
    }
    found
}

/// The ends of every partition of a topic.
fn ends(probe: &Probe, topic: &MetadataTopic, checks: &mut Vec<Check>) -> Vec<Ends> {
    let mut ends = Vec::new();
    for partition in topic.partitions() {
        match probe.consumer.fetch_watermarks(topic.name(), partition.id(), ANSWER) {
            Ok((low, high)) => {
                ends.push(Ends { topic: topic.name().to_owned(), partition: partition.id(), low, high });
            }
            Err(error) => {
                let what = format!("{}/{}", topic.name(), partition.id());
                let advice = "look for the partition's leader, or grant DESCRIBE on the topic";
                checks.push(Check::failed(PART, what, error.to_string(), advice));
            }
        }
    }
    ends
}

/// Reads the newest record of a topic: that this can be done, and when it was written.
fn newest(probe: &Probe, topic: &str, ends: &[Ends], checks: &mut Vec<Check>) {
    let records: i64 = ends.iter().map(|end| end.high - end.low).sum();
    let held = format!("{} partitions, {records} records", ends.len());
    let Some(longest) = ends.iter().filter(|end| end.high > end.low).max_by_key(|end| end.high - end.low)
    else {
        checks.push(Check::well(PART, topic, format!("{held}; nothing there to be read")));
        return;
    };
    match read_last(probe, longest) {
        Ok(millis) => {
            checks.push(Check::well(PART, topic, format!("{held}; can be read")));
            checks.extend(millis.map(|millis| clocks::judge(topic, millis, clock::now().0 / 1_000_000)));
        }
        Err(problem) => {
            let advice = "grant READ on the topic to this user";
            checks.push(Check::failed(PART, topic, format!("{held}; cannot be read: {problem}"), advice));
        }
    }
}

/// The time of a partition's last record, in milliseconds, where it has one.
fn read_last(probe: &Probe, end: &Ends) -> Result<Option<i64>, String> {
    let failed = |error: rdkafka::error::KafkaError| error.to_string();
    let mut list = TopicPartitionList::new();
    let last = Offset::Offset(end.high - 1);
    list.add_partition_offset(&end.topic, end.partition, last).map_err(failed)?;
    probe.consumer.assign(&list).map_err(failed)?;
    let began = Stopwatch::start();
    let found = loop {
        match probe.consumer.poll(ANSWER / 40) {
            Some(Ok(message)) => break Ok(message.timestamp().to_millis()),
            Some(Err(error)) => break Err(error.to_string()),
            // The last offset may be a mark of a transaction, which is no record.
            None if began.seconds() > RECORD_SECS => break Ok(None),
            None => {}
        }
    };
    probe.consumer.unassign().map_err(failed)?;
    found
}

/// Whether what the store has not read of a partition is still there.
fn retention(stored: &PartitionOffset, all: &[Ends]) -> Option<Check> {
    let PartitionOffset { topic, partition, next } = stored;
    let end = all.iter().find(|end| end.topic == *topic && end.partition == *partition)?;
    let what = format!("{topic}/{partition}");
    if *next < end.low {
        let found = format!("retention has deleted {} records before the store had them", end.low - next);
        return Some(Check::failed(
            PART,
            what,
            found,
            "`stream` reports the gap; give the topic a longer retention.ms",
        ));
    }
    if *next > end.high {
        let found = format!("the store is at offset {next}, the topic ends at {}", end.high);
        return Some(Check::failed(
            PART,
            what,
            found,
            "the topic was made anew: `stream` reports the gap and begins anew",
        ));
    }
    None
}

/// The topics that results go to.
fn results(connection: &Connection, metadata: &Metadata, topics: &ResultTopics, checks: &mut Vec<Check>) {
    let ResultTopics { findings, incidents, gaps, dead_letters } = topics;
    let named: Vec<&String> = [findings, incidents, gaps, dead_letters].into_iter().flatten().collect();
    if named.is_empty() {
        let how = "without stream.findings_topic, results are in the store and on standard output";
        checks.push(Check::not_configured(PART, "results", how));
        return;
    }
    let there: Vec<&str> =
        named.iter().filter_map(|name| find(metadata, name, checks)).map(MetadataTopic::name).collect();
    let policies = policies(connection, &there).unwrap_or_default();
    for name in there {
        let policy = policies.get(name).map_or("not to be seen by this user", String::as_str);
        checks.push(Check::well(PART, name, format!("for results; cleanup.policy {policy}")));
    }
}

/// How each topic is cleaned up.
fn policies(connection: &Connection, topics: &[&str]) -> Option<BTreeMap<String, String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let config = probe::config(connection, None).ok()?;
    let admin: AdminClient<DefaultClientContext> = config.create().ok()?;
    let asked: Vec<ResourceSpecifier<'_>> =
        topics.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER));
    let answers = runtime.block_on(admin.describe_configs(&asked, &options)).ok()?;
    let policy = |answer: rdkafka::admin::ConfigResourceResult| {
        let resource = answer.ok()?;
        let value = resource.get("cleanup.policy")?.value.clone()?;
        match resource.specifier {
            rdkafka::admin::OwnedResourceSpecifier::Topic(name) => Some((name, value)),
            _ => None,
        }
    };
    Some(answers.into_iter().filter_map(policy).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::State;

    /// Scenario: stored offsets before, within and behind what a topic holds, and of a topic that is not read any more.
    /// Guarantees: only what is lost fails, with how much.
    #[test]
    fn what_retention_took() {
        let ends = [Ends { topic: "a".to_owned(), partition: 0, low: 100, high: 200 }];
        let at = |topic: &str, next| PartitionOffset { topic: topic.to_owned(), partition: 0, next };
        for (stored, expected) in [
            (at("a", 100), None),
            (at("a", 200), None),
            (at("a", 90), Some("10 records")),
            (at("a", 300), Some("anew")),
            (at("b", 0), None),
        ] {
            let check = retention(&stored, &ends);
            assert_eq!(check.is_some(), expected.is_some(), "{check:?}");
            if let (Some(check), Some(expected)) = (check, expected) {
                let told = format!("{} {}", check.found, check.advice.unwrap_or_default());
                assert!(check.state == State::Failed && told.contains(expected), "{told}");
            }
        }
    }
}
