//! Commits of a running stream: everything together, once, and never backwards.

use offbound_schemas::record::{Finding, Summary};
use offbound_schemas::{EventId, EventTime};
use offbound_store::{
    Columns, EventTable, OutboxItem, OutboxKind, PartitionOffset, Store, StoreError, StreamCommit, Writer,
};

use crate::made_up::{finding, gap, incident, letter, summary};
use crate::rows::{Row, batch, tiny};

/// A commit of nothing.
pub(crate) fn nothing(summary: &Summary) -> StreamCommit<'_> {
    StreamCommit {
        made_anew: &[],
        offsets: &[],
        findings: &[],
        incidents: &[],
        dissolved: &[],
        gaps: &[],
        sources: &[],
        summary,
        outbox: &[],
        watermark: None,
        meta: &[],
    }
}

pub(crate) fn offset(topic: &str, partition: i32, next: i64) -> PartitionOffset {
    PartitionOffset { topic: topic.to_owned(), partition, next }
}

pub(crate) fn item(kind: OutboxKind, key: &str) -> OutboxItem {
    OutboxItem { kind, key: key.to_owned(), payload: format!("{{\"key\":\"{key}\"}}") }
}

/// Rows of one table with these ids.
pub(crate) fn rows(ids: std::ops::Range<u16>) -> Vec<Row> {
    ids.map(|id| Row::new(EventTable::HostEvents, i64::from(id), id)).collect()
}

/// How many events a scan gives.
pub(crate) fn scanned(store: &Store) -> Result<usize, StoreError> {
    let mut count = 0;
    store.scan_in_order(&Columns::without_text(), 50, |batch| {
        count += batch.num_rows();
        Ok::<(), StoreError>(())
    })?;
    Ok(count)
}

/// Scenario: rows, letters and conclusions of a stretch of a stream, with a reader beside; rows so many that segments
/// are written before the commit. Guarantees: the reader sees nothing before the commit and everything after it, and
/// the version tells it when to look.
#[test]
fn a_commit_appears_as_a_whole() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut writer = Writer::create(home.path(), tiny(10, 5))?;
    let reader = Store::open(home.path())?;
    let before = reader.version()?;
    rows(0..35).chunks(5).try_for_each(|rows| writer.append(&batch(rows)))?;
    writer.append_dead_letters(&[letter(1)])?;
    assert_eq!((scanned(&reader)?, reader.dead_letter_count()?, reader.version()?), (0, 0, before));

    let account = summary(1);
    let told = [item(OutboxKind::Finding, "a"), item(OutboxKind::Gap, "b")];
    let commit = StreamCommit {
        made_anew: &[],
        offsets: &[offset("audit", 1, 35), offset("audit", 0, 7)],
        findings: &[finding(1), finding(2)],
        incidents: &[incident(1)],
        gaps: &[gap(None)],
        outbox: &told,
        watermark: Some(EventTime(-5)),
        meta: &[("topics".to_owned(), "audit".to_owned()), ("watermark".to_owned(), "mine".to_owned())],
        ..nothing(&account)
    };
    let committed = writer.commit_stream(&commit)?;
    assert_eq!((committed.rows, committed.number), (35, reader.version()?));
    assert!(committed.number > before && committed.bytes > 0 && committed.segments >= 3, "{committed:?}");
    assert_eq!((scanned(&reader)?, reader.dead_letter_count()?), (35, 1));
    assert_eq!(reader.offsets()?, [offset("audit", 0, 7), offset("audit", 1, 35)]);
    assert_eq!(reader.findings()?, [finding(1), finding(2)]);
    assert_eq!((reader.incidents()?, reader.gaps()?), (vec![incident(1)], vec![gap(None)]));
    assert_eq!((reader.watermark()?, reader.outbox_len()?), (Some(EventTime(-5)), 2));
    assert_eq!(reader.meta("watermark")?.as_deref(), Some("mine"), "a stream's keys are its own");
    assert_eq!((reader.meta("topics")?.as_deref(), reader.meta("commits")?), (Some("audit"), None));
    assert_eq!(
        reader.record(EventId(rows(3..4)[0].event_id()))?.map(|found| found.event_time),
        Some(EventTime(3))
    );
    Ok(())
}

/// Scenario: findings that change, an incident that another one takes over, the same gap twice, over three commits and
/// a restart. Guarantees: each id once, in the place where it first stood, with its last state; every revision is kept,
/// once; what was not named stays.
#[test]
fn later_commits_change_what_they_name() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut writer = Store::create(home.path())?;
    let accounts = [summary(1), summary(2)];
    let revised = Finding { revision: 2, ..finding(1) };
    let first = StreamCommit {
        findings: &[finding(1), finding(2)],
        incidents: &[incident(1), incident(2)],
        gaps: &[gap(None)],
        watermark: Some(EventTime(5)),
        ..nothing(&accounts[0])
    };
    writer.commit_stream(&first)?;
    drop(writer);
    let mut writer = Store::create(home.path())?;
    let second = StreamCommit {
        findings: &[revised.clone(), finding(3)],
        incidents: &[incident(3)],
        dissolved: &[incident(1).id],
        gaps: &[gap(None), gap(Some(3))],
        ..nothing(&accounts[1])
    };
    writer.commit_stream(&second)?;
    writer.commit_stream(&second)?;
    let store = writer.store();
    assert_eq!(store.findings()?, [revised.clone(), finding(2), finding(3)]);
    assert_eq!(store.finding_revisions(finding(1).id)?, [finding(1), revised]);
    assert_eq!(store.finding_revisions(finding(3).id)?, [finding(3)]);
    assert_eq!(store.incidents()?, [incident(2), incident(3)]);
    assert_eq!(store.gaps()?, [gap(None), gap(Some(3))]);
    assert_eq!((store.watermark()?, store.summary()?), (Some(EventTime(5)), Some(summary(2))));
    Ok(())
}

/// Scenario: a commit whose offset lies before the committed one, after a restart too. Guarantees: it is refused by
/// topic and partition, nothing of it is stored, what was appended waits, and a commit that goes on is taken.
#[test]
fn offsets_never_go_backwards() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let summary = summary(1);
    let mut writer = Store::create(home.path())?;
    writer.commit_stream(&StreamCommit {
        offsets: &[offset("a", 0, 9), offset("b", 0, 4)],
        ..nothing(&summary)
    })?;
    drop(writer);
    let mut writer = Store::create(home.path())?;
    writer.append(&batch(&rows(0..3)))?;
    let back = [offset("a", 0, 10), offset("b", 0, 3)];
    let refused =
        writer.commit_stream(&StreamCommit { offsets: &back, findings: &[finding(1)], ..nothing(&summary) });
    let refused = refused.expect_err("offset 3 lies before 4").to_string();
    assert!(refused.contains("\"b\", partition 0") && refused.contains("4, which is committed"), "{refused}");
    assert_eq!(writer.store().offsets()?, [offset("a", 0, 9), offset("b", 0, 4)]);
    assert_eq!((writer.store().findings()?.len(), scanned(writer.store())?), (0, 0));
    writer.commit_stream(&StreamCommit {
        offsets: &[offset("b", 0, 4), offset("b", 1, 0)],
        ..nothing(&summary)
    })?;
    assert_eq!(writer.store().offsets()?, [offset("a", 0, 9), offset("b", 0, 4), offset("b", 1, 0)]);
    let anew = [("b".to_owned(), 0)];
    writer.commit_stream(&StreamCommit {
        offsets: &[offset("b", 0, 1)],
        made_anew: &anew,
        ..nothing(&summary)
    })?;
    assert_eq!(writer.store().offsets()?, [offset("a", 0, 9), offset("b", 0, 1), offset("b", 1, 0)]);
    assert_eq!(scanned(writer.store())?, 3);
    Ok(())
}

/// Scenario: items of every kind, some delivered, before and after a restart. Guarantees: they come in the order of
/// their commits, keep their numbers, and go only when they are done; a number is never used again.
#[test]
fn the_outbox_keeps_its_order() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let summary = summary(1);
    let mut writer = Store::create(home.path())?;
    for (number, kind) in OutboxKind::ALL.into_iter().enumerate() {
        let told = [item(kind, &format!("{number}")), item(kind, &format!("{number}+"))];
        writer.commit_stream(&StreamCommit { outbox: &told, ..nothing(&summary) })?;
    }
    let all = writer.outbox(usize::MAX)?;
    let keys: Vec<&str> = all.iter().map(|(_, item)| item.key.as_str()).collect();
    assert_eq!(keys, ["0", "0+", "1", "1+", "2", "2+", "3", "3+"]);
    assert_eq!(all.first().map(|(_, first)| first), Some(&item(OutboxKind::Finding, "0")));
    let numbers: Vec<u64> = all.iter().map(|(number, _)| *number).collect();
    assert!(numbers.is_sorted());
    writer.outbox_done(&numbers[1..])?;
    drop(writer);
    let mut writer = Store::create(home.path())?;
    assert_eq!(writer.outbox(usize::MAX)?, all[..1]);
    writer.outbox_done(&numbers[..1])?;
    writer.commit_stream(&StreamCommit { outbox: &[item(OutboxKind::Gap, "x")], ..nothing(&summary) })?;
    assert!(writer.outbox(1)?.iter().all(|(number, _)| *number > numbers[7]));
    assert_eq!(writer.store().outbox_len()?, 1);
    Ok(())
}
