//! Findings, incidents, gaps, summary, source counts and dead letters.

use std::collections::BTreeMap;

use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;
use offbound_schemas::{FindingId, IncidentId};
use offbound_store::{LetterFilter, MAX_DEAD_LETTERS_PER_READ, Refusal, Reread, Store, StoreError};

use crate::made_up::{finding, gap, incident, letter, summary};

/// Scenario: conclusions are committed twice, the second time others. Guarantees: only the second are there, equal
/// and in the order given, for the writer and for a reader; each is found by its id.
#[test]
fn conclusions_are_replaced_together() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut writer = Store::create(home.path())?;
    assert_eq!((writer.store().findings()?, writer.store().summary()?), (Vec::new(), None));
    writer.commit_results(&[finding(1), finding(2)], &[incident(1)], &[gap(None)], &summary(1))?;
    let (findings, incidents, gaps) = ([finding(9), finding(3)], [incident(7), incident(2)], [gap(Some(4))]);
    writer.commit_results(&findings, &incidents, &gaps, &summary(2))?;
    let reader = Store::open(home.path())?;
    for store in [writer.store(), &reader] {
        assert_eq!(store.findings()?, findings);
        assert_eq!(store.incidents()?, incidents);
        assert_eq!(store.gaps()?, gaps);
        assert_eq!(store.summary()?, Some(summary(2)));
        let all = store.conclusions()?;
        assert_eq!((all.findings, all.incidents), (store.findings()?, store.incidents()?));
        assert_eq!((all.gaps, all.summary), (store.gaps()?, store.summary()?));
        assert_eq!(store.finding(findings[1].id)?.as_ref(), findings.get(1));
        assert_eq!(store.incident(incidents[0].id)?.as_ref(), incidents.first());
        assert_eq!(store.finding(FindingId::of(&[b"absent"]))?, None);
        assert_eq!(store.incident(IncidentId::of(&[b"absent"]))?, None);
    }
    Ok(())
}

/// Scenario: a commit that the database refuses half-way, at its incidents. Guarantees: the earlier conclusions stay.
#[test]
fn a_refused_commit_changes_nothing() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut writer = Store::create(home.path())?;
    writer.commit_results(&[finding(1)], &[], &[], &summary(1))?;
    let database = rusqlite::Connection::open(home.path().join("offbound.db")).expect("the database opens");
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON incidents BEGIN SELECT RAISE(ABORT, 'not today'); END";
    database.execute_batch(refuse).expect("a trigger can be made");
    assert!(writer.commit_results(&[finding(2)], &[incident(1)], &[], &summary(2)).is_err());
    let store = Store::open(home.path())?;
    assert_eq!(store.findings()?, [finding(1)]);
    assert_eq!((store.incidents()?, store.summary()?), (Vec::new(), Some(summary(1))));
    Ok(())
}

/// Scenario: counts of a source that is read again. Guarantees: the later count stands; the list is by location.
#[test]
fn counts_are_kept_by_location() -> Result<(), StoreError> {
    let count = |location: &str, read| SourceCount {
        location: location.to_owned(),
        format: "falco".to_owned(),
        read,
        decoded: read,
        skipped: [("heartbeat".to_owned(), 1)].into(),
        dead_lettered: BTreeMap::new(),
        unmapped: [("newField".to_owned(), read)].into(),
    };
    let mut writer = Store::temporary()?;
    writer.put_sources(&[count("b.log", 1), count("a.log", 2)])?;
    writer.put_sources(&[count("b.log", 3)])?;
    assert_eq!(writer.store().sources()?, [count("a.log", 2), count("b.log", 3)]);
    Ok(())
}

/// Scenario: more dead letters than one read gives, each delivered twice. Guarantees: each is there once, in the order
/// in which it came, and pages follow each other.
#[test]
fn dead_letters_come_in_pages() -> Result<(), StoreError> {
    let letters: Vec<DeadLetter> = (0..1_300).map(letter).collect();
    let mut writer = Store::temporary()?;
    for _ in 0..2 {
        writer.append_dead_letters(&letters)?;
        writer.flush()?;
    }
    let store = writer.store();
    assert_eq!(store.dead_letter_count()?, 1_300);
    assert_eq!(store.dead_letters(0, usize::MAX)?, letters[..MAX_DEAD_LETTERS_PER_READ]);
    assert_eq!(store.dead_letters(1_290, 100)?, letters[1_290..]);
    assert_eq!(store.dead_letters(5, 2)?, letters[5..7]);
    Ok(())
}

/// Scenario: letters of two inputs that came by turns, read input by input, one page after the other, counted, found by
/// the beginning of an id. Guarantees: each once, whole, in the order of its input; filters hold.
#[test]
fn dead_letters_are_read_input_by_input() -> Result<(), StoreError> {
    let at = |number: u64| {
        let (input, reason) =
            if number.is_multiple_of(2) { ("b:1.log", "no-time") } else { ("a.log", "bad-json") };
        let location = format!("{input}:{number}");
        DeadLetter { location, reason: reason.to_owned(), ..letter(number) }
    };
    let letters: Vec<DeadLetter> = (0..9).map(at).collect();
    let mut writer = Store::temporary()?;
    writer.append_dead_letters(&letters)?;
    writer.flush()?;
    let (store, all) = (writer.store(), LetterFilter::default());
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let page = store.dead_letters_by_input(&all, after.as_ref(), 2)?;
        let Some((place, _)) = page.last() else { break };
        after = Some(place.clone());
        read.extend(page.into_iter().map(|(place, letter)| (place.input, letter)));
    }
    let of = |rest, input: &str| -> Vec<_> {
        letters.iter().skip(rest).step_by(2).map(|letter| (input.to_owned(), letter.clone())).collect()
    };
    assert_eq!(read, [of(1, "a.log"), of(0, "b:1.log")].concat());
    let filter = LetterFilter { reason: Some("no-time".to_owned()), source: Some("unknown".to_owned()) };
    assert_eq!(store.dead_letters_by_input(&filter, None, 100)?.len(), 5);
    let counts = store.dead_letter_counts(&all)?;
    let counts: Vec<_> = counts.iter().map(|count| (count.reason.as_str(), count.count)).collect();
    assert_eq!(counts, [("bad-json", 4), ("no-time", 5)]);
    let id = at(3).event_id.to_string();
    assert_eq!(store.find_dead_letters(id.get(..20).unwrap_or_default(), 2)?, [at(3)]);
    assert_eq!(store.find_dead_letters("", 2)?.len(), 2);
    Ok(())
}

/// Scenario: of three letters that were read again, one was read and one was refused otherwise; that is settled twice.
/// Guarantees: the one goes, the other keeps its text and place under the new reason, the third is as it was, and the
/// account changes with them.
#[test]
fn letters_that_were_read_again_are_settled() -> Result<(), StoreError> {
    let mut writer = Store::temporary()?;
    writer.append_dead_letters(&[letter(0), letter(1), letter(2)])?;
    let (source, reason, detail) = ("falco".to_owned(), "no-time".to_owned(), "no time".to_owned());
    let renewed = DeadLetter { source, reason, detail, parser: "offbound/1".to_owned(), ..letter(1) };
    let refusal = Refusal {
        event_id: renewed.event_id,
        source: renewed.source.clone(),
        reason: renewed.reason.clone(),
        detail: renewed.detail.clone(),
        parser: renewed.parser.clone(),
    };
    let account = SourceCount { location: "x.log".to_owned(), read: 3, decoded: 1, ..SourceCount::default() };
    let reread =
        Reread { read: vec![letter(0).event_id], refused: vec![refusal], sources: vec![account.clone()] };
    for _ in 0..2 {
        writer.settle_dead_letters(&reread)?;
        assert_eq!(writer.store().dead_letters(0, 10)?, [renewed.clone(), letter(2)]);
        assert_eq!(writer.store().sources()?, std::slice::from_ref(&account));
    }
    Ok(())
}
