//! What a restart, retention and poison leave: every record once, and what is gone is told.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use offbound_ingest::kafka::{GapReason, Start};
use offbound_ingest::{fuzzing::Collector, read_bytes};
use offbound_schemas::table::HostEvent;
use offbound_schemas::{EventId, EventRows};
use offbound_testbed::Message;

use crate::{Member, Store, broker, create, done, ingest, numbers, options, record, send};

/// Scenario: a member is stopped in the middle, at an offset that the store has, and another begins there; three times.
/// Guarantees: each record comes once.
#[test]
fn every_record_once() {
    create("restart", 3);
    let store = Store::default();
    let mut seen = Vec::new();
    for part in 0..3 {
        send(broker(), "restart", 3, part * 300..(part + 1) * 300);
        let mut member = Member::start(options(broker(), "restart", &["restart"]), &store);
        member.until("its records", |member| member.rows.len() >= 300);
        member.during(Duration::from_millis(200));
        seen.extend(numbers(&member.rows));
        member.source.stop();
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..900).collect::<Vec<_>>());
}

/// One line that gives a row and whose bytes alone do not say which event it is.
fn same_line() -> String {
    let format = offbound_ingest::decode::FORMATS.iter().find(|format| {
        format.identity == offbound_ingest::decode::Identity::BytesAndOccurrence
            && (format.decoder)().is_stateless()
            && !ids(&[format.sample.lines().next().unwrap_or_default().to_owned()]).is_empty()
    });
    format.expect("there is such a format").sample.lines().next().unwrap_or_default().to_owned()
}

fn ids(lines: &[String]) -> Vec<EventId> {
    let mut collector = Collector::default();
    let text = lines.join("\n") + "\n";
    read_bytes("file.log", text.as_bytes(), &ingest(), &mut collector).expect("memory can be read");
    let mut ids = collector.event_ids();
    ids.sort();
    ids
}

/// Scenario: equal lines, of which each is an event of its own, with a restart between them, in one partition and over
/// several. Guarantees: the same ids as in a file that is read in one go.
#[test]
fn occurrences_go_on() {
    let line = same_line();
    for partitions in [1, 4] {
        let topic = format!("occurrences-{partitions}");
        create(&topic, partitions);
        let (store, mut found) = (Store::default(), Vec::new());
        for _life in 0..3 {
            let messages: Vec<Message<'_>> =
                (0..20).map(|at| Message::to(at % partitions, line.as_bytes())).collect();
            done(broker().produce(&topic, &messages));
            let mut member = Member::start(options(broker(), &topic, &[&topic]), &store);
            member.until("its records", |member| member.read >= 20);
            let rows = std::mem::take(&mut member.rows);
            let collector = Collector { rows, ..Collector::default() };
            found.extend(collector.event_ids());
            member.source.stop();
        }
        found.sort();
        assert_eq!(found, ids(&vec![line.clone(); 60]), "{partitions} partitions");
    }
}

/// Rows of an audit log, by id, without their places.
fn by_id(rows: &EventRows) -> Vec<(EventId, String)> {
    let rows = rows.host_events.iter().map(|row| {
        let row = HostEvent { location: String::new(), ..row.clone() };
        (row.event_id, format!("{row:?}"))
    });
    rows.collect()
}

/// Scenario: an audit log, whose events are made of several records, with restarts wherever they fall, before what is
/// inside the decoder has come out. Guarantees: all rows of the file come, and those that come twice are the same.
#[test]
fn events_of_many_records() {
    let topic = "audit-events";
    create(topic, 1);
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/identity-stops-it/n11-audit.log");
    let log = std::fs::read_to_string(log).expect("a file of ours");
    let lines: Vec<&str> = log.lines().collect();
    let (store, mut found) = (Store::default(), BTreeMap::new());
    let mut take = |rows: &EventRows| {
        for (id, row) in by_id(rows) {
            let before = found.insert(id, row.clone());
            assert!(before.is_none_or(|before| before == row), "{id:?} comes twice, in two forms");
        }
        found.clone()
    };
    let mut held = 0;
    for part in lines.chunks(lines.len() / 4 + 1) {
        let messages: Vec<Message<'_>> = part.iter().map(|line| Message::to(0, line.as_bytes())).collect();
        done(broker().produce(topic, &messages));
        let mut member = Member::start(options(broker(), topic, &[topic]), &store);
        let begin = store.get(topic, 0).unwrap_or_default();
        let (_, end) = done(broker().offsets(topic, 0));
        // What is inside a decoder is not counted yet, but it was delivered.
        let place = |offset: i64| usize::try_from(offset).unwrap_or_default();
        let sent: usize = lines[place(begin)..place(end)].iter().map(|line| line.len()).sum();
        member.until("what was sent", |member| member.bytes >= sent as u64);
        held += end - store.get(topic, 0).unwrap_or_default();
        take(&member.rows);
        member.source.stop();
    }
    assert!(held > 0, "nothing was ever inside a decoder");
    let mut member = Member::start(options(broker(), topic, &[topic]), &store);
    member.until("the end", |member| !member.ends.is_empty());
    let found = take(&member.rows);
    member.source.stop();
    let mut file = Collector::default();
    read_bytes("file.log", log.as_bytes(), &ingest(), &mut file).expect("memory can be read");
    assert_eq!(found, by_id(&file.rows).into_iter().collect());
}

/// Scenario: retention passes the stored offset while nobody reads, and again while a member waits with a full queue.
/// Guarantees: a gap with the exact interval each time; reading goes on behind it; nothing else is missing.
#[test]
fn retention_gaps_are_exact() {
    create("retention", 1);
    let store = Store::default();
    send(broker(), "retention", 1, 0..100);
    store.keep("retention", 0, 20);
    done(broker().delete_records("retention", 0, 50));
    let mut member = Member::start(options(broker(), "retention", &["retention"]), &store);
    member.until("what is left", |member| member.rows.len() >= 50);
    let gap = member.gaps.pop().expect("records are gone");
    assert_eq!((gap.from, gap.to, gap.reason), (20, 50, GapReason::Retention));
    assert!(gap.to_time.is_some() && member.gaps.is_empty());
    assert_eq!(numbers(&member.rows), (50..100).collect::<Vec<_>>());
    member.source.stop();

    // The store is ahead of what the topic has: it was made anew.
    store.keep("retention", 0, 1_000);
    let mut member = Member::start(options(broker(), "retention-2", &["retention"]), &store);
    member.until("what is there", |member| member.rows.len() >= 50);
    let gap = member.gaps.pop().expect("offsets are gone");
    assert_eq!((gap.from, gap.to, gap.reason), (100, 1_000, GapReason::Truncated));
    member.source.stop();
}

/// Scenario: retention passes a member that reads too slowly. Guarantees: what was read and what is in gaps is everything,
/// each once.
#[test]
fn retention_overtakes_a_reader() {
    let topic = "overtaken";
    create(topic, 1);
    let store = Store::default();
    let mut slow = options(broker(), "overtaken", &[topic]);
    slow.queue_bytes = 10_000;
    slow.chunk_bytes = 5_000;
    slow.connection.extra = vec![
        ("queued.max.messages.kbytes".to_owned(), "8".to_owned()),
        ("fetch.message.max.bytes".to_owned(), "4096".to_owned()),
    ];
    let all = 6_000;
    for part in 0..all / 500 {
        // Small batches: a broker gives out no part of one.
        send(broker(), topic, 1, part * 500..(part + 1) * 500);
    }
    let mut member = Member::start(slow, &store);
    member.until("its first records", |member| !member.rows.is_empty());
    std::thread::sleep(Duration::from_millis(300));
    done(broker().delete_records(topic, 0, 5_000));
    member.until("the last record", |member| numbers(&member.rows).last() == Some(&(all - 1)));
    let mut known = numbers(&member.rows);
    for gap in &member.gaps {
        assert_eq!(gap.reason, GapReason::Retention);
        assert!(gap.from_time.is_some());
        known.extend(gap.from as usize..gap.to as usize);
    }
    known.sort_unstable();
    assert_eq!(known, (0..all).collect::<Vec<_>>(), "{:?}", member.gaps);
    assert_eq!(member.gaps.len(), 1, "{:?}", member.gaps);
    member.source.stop();
}

/// Scenario: a partition that was never seen, with records in it, and the wish for new ones only. Guarantees: the old ones
/// do not come, the new ones do.
#[test]
fn latest_begins_with_what_comes() {
    create("latest", 1);
    send(broker(), "latest", 1, 0..10);
    let mut options = options(broker(), "latest", &["latest"]);
    options.start = Start::Latest;
    let mut member = Member::start(options, &Store::default());
    member.until("its partition", |member| !member.assigned.is_empty());
    send(broker(), "latest", 1, 10..20);
    member.until("new records", |member| member.rows.len() >= 10);
    assert_eq!(numbers(&member.rows), (10..20).collect::<Vec<_>>());
    member.source.stop();
}

/// Scenario: messages that hold no record between sound ones: tombstones, empty values, headers only, noise, another
/// encoding, a value longer than a record may be. Guarantees: each is a named skip or a dead letter with its place and
/// bytes; every sound record is read.
#[test]
fn poison() {
    done(broker().create_topic("poison", 1, &[("max.message.bytes", "4000000")]));
    let noise: Vec<u8> = (0..1_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1_200_000));
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let sound: Vec<String> = (0..7).map(record).collect();
    let headers: &[(&str, &[u8])] = &[("h", b"v")];
    let empty = Message { partition: Some(0), payload: None, headers, ..Message::default() };
    let poison: [Message<'_>; 6] = [
        empty,
        Message::to(0, b""),
        Message::to(0, &noise),
        Message::to(0, &utf16),
        Message::to(0, long.as_bytes()),
        Message::to(0, b"{\"a\":"),
    ];
    let mut messages = vec![Message::to(0, sound[0].as_bytes())];
    for (message, sound) in poison.into_iter().zip(&sound[1..]) {
        messages.extend([message, Message::to(0, sound.as_bytes())]);
    }
    done(broker().produce("poison", &messages));
    let mut member = Member::start(options(broker(), "poison", &["poison"]), &Store::default());
    member.until("all messages", |member| member.read == 13);
    assert_eq!(numbers(&member.rows), (0..7).collect::<Vec<_>>());
    let letters: Vec<(&str, &str)> =
        member.letters.iter().map(|letter| (letter.location.as_str(), letter.reason.as_str())).collect();
    let expected = [
        ("poison/0/3", "empty-message"),
        ("poison/0/5", "binary-file"),
        ("poison/0/7", "utf-16"),
        ("poison/0/9", "too-long"),
        ("poison/0/11", "truncated-json"),
    ];
    assert_eq!(letters, expected);
    assert_eq!(member.letters.last().map(|letter| letter.bytes.as_str()), Some("{\"a\":"));
    member.source.stop();
}
