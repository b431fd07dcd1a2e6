//! The consumer group: who is in it, and how far behind it is in each partition.
//!
//! In: a client, the ends of partitions. Out: checks. Decides purely in [`lag`].

use rdkafka::consumer::Consumer as _;
use rdkafka::{Offset, TopicPartitionList};

use super::check::Check;
use super::probe::{ANSWER, Probe};
use super::topics::Ends;

const PART: &str = "group";
/// Partitions that are shown, those that are furthest behind first.
const MAX_SHOWN: usize = 12;

/// Checks the group.
pub(super) fn check(probe: &Probe, group: &str, ends: &[Ends], checks: &mut Vec<Check>) {
    checks.push(members(probe, group));
    if ends.is_empty() {
        return;
    }
    let mut list = TopicPartitionList::new();
    for end in ends {
        list.add_partition(&end.topic, end.partition);
    }
    match probe.consumer.committed_offsets(list, ANSWER) {
        Ok(committed) => {
            let offset = |end: &Ends| match committed.find_partition(&end.topic, end.partition)?.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            checks.push(lag(group, &ends.iter().map(|end| (end, offset(end))).collect::<Vec<_>>()));
        }
        Err(error) => {
            let advice = format!("grant READ on group {group} to this user");
            checks.push(Check::failed(PART, "lag", error.to_string(), advice));
        }
    }
}

fn members(probe: &Probe, group: &str) -> Check {
    let found = probe.consumer.fetch_group_list(Some(group), ANSWER).map(|list| {
        let found = list.groups().iter().find(|found| found.name() == group);
        found.map(|found| (found.state().to_owned(), found.members().len()))
    });
    match found {
        Ok(Some((state, members))) if members > 0 => {
            Check::well(PART, group, format!("{members} members, {}", state.to_lowercase()))
        }
        Ok(_) => Check::well(PART, group, "nobody reads in it now"),
        Err(error) => {
            let advice = format!("grant DESCRIBE on group {group} to this user");
            Check::failed(PART, group, error.to_string(), advice)
        }
    }
}

/// How far behind the group is: in total, and where most.
fn lag(group: &str, partitions: &[(&Ends, Option<i64>)]) -> Check {
    if partitions.iter().all(|(_, committed)| committed.is_none()) {
        let found = format!("group {group} has read nothing of these topics yet");
        return Check::well(PART, "lag", found);
    }
    let behind = |end: &Ends, committed: Option<i64>| end.high - committed.unwrap_or(end.low).max(end.low);
    let mut lags: Vec<(i64, String)> = partitions
        .iter()
        .map(|(end, committed)| (behind(end, *committed).max(0), format!("{}/{}", end.topic, end.partition)))
        .collect();
    lags.sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
    let total: i64 = lags.iter().map(|(behind, _)| behind).sum();
    let shown: Vec<String> =
        lags.iter().take(MAX_SHOWN).map(|(behind, partition)| format!("{partition} {behind}")).collect();
    let more = if lags.len() > MAX_SHOWN { ", …" } else { "" };
    Check::well(PART, "lag", format!("{total} records in all: {}{more}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: partitions read to the end, in part, never, and whose committed records are gone. Guarantees: the lag of
    /// each is what is there to be read, the largest first.
    #[test]
    fn lags() {
        let ends: Vec<Ends> =
            (0..4).map(|partition| Ends { topic: "a".to_owned(), partition, low: 10, high: 100 }).collect();
        let committed = [Some(100), Some(60), None, Some(3)];
        let partitions: Vec<(&Ends, Option<i64>)> = ends.iter().zip(committed).collect();
        assert_eq!(lag("g", &partitions).found, "220 records in all: a/2 90, a/3 90, a/1 40, a/0 0");
        let never: Vec<(&Ends, Option<i64>)> = ends.iter().map(|end| (end, None)).collect();
        assert!(lag("g", &never).found.contains("nothing"));
    }
}
