//! Reading with several threads gives what reading with one gives: rows, dead letters, their order, the account.

use std::io;
use std::thread;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::crew::{Crew, Reading, Source, read_all};
use crate::decode::FORMATS;
use crate::divide::PART_BYTES;
use crate::fuzzing::Collector;
use crate::pipeline::read_stream;
use crate::{FingerprintKey, Formats, IngestOptions, Mapping, SourceRead, read_bytes};

/// A mapping of CSV, for streams whose first line says what the others are.
const FLOWS: &str = "version = 1\nid = \"flows\"\ntable = \"host_events\"\n[csv]\n[recognise]\nhas = [\"at\", \"to\"]\n\
    [time]\npath = \"at\"\n[column]\naction = { const = \"net_connect\" }\ndst_addr = \"to\"\n";

fn options() -> IngestOptions {
    let flows = Mapping::parse(FLOWS, "flows.toml").expect("the mapping is sound");
    let formats = Formats::with(vec![flows]).expect("one mapping");
    IngestOptions { sources: Vec::new(), formats, key: FingerprintKey::for_tests() }
}

/// Reads with one thread that has the input and `helpers` that help it.
fn read_divided(bytes: impl io::Read, part_bytes: usize, helpers: usize) -> (SourceRead, Collector) {
    let options = options();
    let crew = Crew::new(&options, 1, part_bytes);
    let mut collector = Collector::default();
    let finished = thread::scope(|scope| {
        (0..helpers).for_each(|_| drop(scope.spawn(|| crew.help())));
        let reading = Reading(&crew);
        let finished = read_stream("a.log", bytes, &options, Some(&crew), &mut collector);
        drop(reading);
        finished
    });
    (finished.expect("memory can be read").read, collector)
}

fn read_whole(bytes: impl io::Read) -> (SourceRead, Collector) {
    let mut collector = Collector::default();
    let read = read_bytes("a.log", bytes, &options(), &mut collector);
    (read.expect("memory can be read"), collector)
}

fn check(bytes: &[u8], part_bytes: usize, helpers: usize) {
    let (whole, rows) = read_whole(bytes);
    let (divided, same) = read_divided(bytes, part_bytes, helpers);
    assert_eq!(divided, whole, "{part_bytes} bytes a part, {helpers} helpers");
    assert_eq!(same, rows, "{part_bytes} bytes a part, {helpers} helpers");
}

/// A line that ties records together, or stands by itself.
fn line() -> impl Strategy<Value = String> {
    let sample = any::<Index>().prop_map(|index| index.get(FORMATS).sample.to_owned());
    let pretty = any::<Index>().prop_map(|index| {
        let sample = index.get(FORMATS).sample;
        let value = serde_json::from_str::<serde_json::Value>(sample);
        value.map_or(sample.to_owned(), |value| format!("{value:#}"))
    });
    let piece = any::<Index>().prop_map(|index| {
        let (first, last) = index.get(FORMATS).sample.split_at(9);
        let at = "2026-03-01T10:00:00.000000000Z stdout";
        format!("{at} P {first}\n{at} F {last}")
    });
    let fixed = prop::sample::select(vec![
        "",
        "{\"open\": [1,",
        "]}",
        "# a comment",
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
        "-----END PRIVATE KEY-----",
        "plain text",
        "\u{feff}{\"a\":1}",
    ]);
    prop_oneof![6 => sample, 1 => pretty, 1 => piece, 2 => fixed.prop_map(str::to_owned)]
}

/// Many lines of one format, with other lines here and there.
fn log() -> impl Strategy<Value = String> {
    let strays = prop::collection::vec((any::<Index>(), line()), 0..4);
    (any::<Index>(), 0..40_usize, strays).prop_map(|(format, count, strays)| {
        let sample = format.get(FORMATS).sample;
        // Different lines, equal ones among them.
        let own = |number: usize| sample.replacen("03", &format!("0{}", number % 7 + 1), 1);
        let mut lines: Vec<String> = (0..count).map(own).collect();
        strays.into_iter().for_each(|(at, stray)| lines.insert(at.index(lines.len() + 1), stray));
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Scenario: logs of one format with strays, and mixtures of anything, in parts of any size, with no helper up to
    /// three. Guarantees: the results of one thread.
    #[test]
    fn threads_change_nothing(
        text in prop_oneof![log(), prop::collection::vec(line(), 0..24).prop_map(|lines| lines.join("\n"))],
        part_bytes in 1..6_000_usize,
        helpers in 0..4_usize,
    ) {
        check(text.as_bytes(), part_bytes, helpers);
    }
}

/// Scenario: CSV with its header in the first part only, and fields of several lines across parts. Guarantees: the
/// results of one thread, whatever a part holds.
#[test]
fn the_header_counts_for_every_part() {
    let records =
        ["1772359200,10.1.0.7,plain\n", "1772359201,10.1.0.8,\"two\nlines\"\n", "1772359202,10.1.0.9\n"];
    let text = format!("at,to,note\n{}", records.concat().repeat(20));
    let (whole, _) = read_whole(text.as_bytes());
    assert_eq!((whole.count.format.as_str(), whole.count.decoded), ("flows", 40));
    for part_bytes in (1..200).step_by(7) {
        check(text.as_bytes(), part_bytes, 2);
    }
}

/// Scenario: the same record again, parts apart, in a format whose records have no id of their own. Guarantees: it is
/// numbered through, whoever reads it.
#[test]
fn occurrences_are_numbered_through() {
    for format in FORMATS {
        let text = format!("{}\n", format.sample).repeat(9);
        check(text.as_bytes(), format.sample.len() + 2, 2);
    }
}

/// Scenario: a stream that fails in its middle. Guarantees: what came before it is read, and the failure is told with
/// the line that it cut.
#[test]
fn a_failing_stream_is_told() {
    struct Failing;
    impl io::Read for Failing {
        fn read(&mut self, _out: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    for format in FORMATS {
        let text = format!("{}\n", format.sample).repeat(20) + "cut";
        let bytes = || io::Read::chain(text.as_bytes(), Failing);
        let (whole, rows) = read_whole(bytes());
        assert_eq!(whole.count.dead_lettered.get("read-error"), Some(&1), "{}", format.id);
        assert_eq!(read_divided(bytes(), 700, 2), (whole, rows), "{}", format.id);
    }
}

/// Scenario: several sources, one of them large, one unreadable, on several threads. Guarantees: each has the account
/// that it has alone, in the order of the sources, and a sink that wants no more ends the reading of all.
#[test]
fn many_sources() {
    let format = FORMATS.first().expect("there are formats");
    let line = format!("{}\n", format.sample);
    let large = line.repeat(PART_BYTES * 3 / line.len());
    let texts = ["", line.as_str(), large.as_str(), "no log\n"];
    let sources: Vec<Source<'_>> =
        texts.iter().map(|text| Source::BuiltIn("a.log", text.as_bytes())).collect();
    for threads in [0, 1, 2, 5] {
        let answers = read_all(&sources, &options(), threads, |_| Collector::default());
        for (answer, text) in answers.into_iter().zip(texts) {
            let read = answer.expect("it was read").expect("memory can be read");
            assert_eq!(read, read_whole(text.as_bytes()).0);
        }
    }
}

/// Scenario: a sink that wants no more. Guarantees: no source has an account, since none was read whole.
#[test]
fn a_full_sink_ends_all() {
    struct Full;
    impl crate::IngestSink for Full {
        fn rows(&mut self, _rows: offbound_schemas::EventBatch) -> std::ops::ControlFlow<()> {
            std::ops::ControlFlow::Break(())
        }
        fn dead_letter(&mut self, _letter: offbound_schemas::table::DeadLetter) {}
        fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
    }
    let large =
        FORMATS.first().map(|format| format!("{}\n", format.sample)).unwrap_or_default().repeat(9_000);
    let source = Source::BuiltIn("a.log", large.as_bytes());
    let answers = read_all(&[source, source, source], &options(), 2, |_| Full);
    assert_eq!((answers.len(), answers.iter().flatten().count()), (3, 0));
}

/// Scenario: more records that cannot be read than are kept of a part. Guarantees: all come out, in order.
#[test]
fn many_dead_letters() {
    check("?\n".repeat(9_000).as_bytes(), 10_000, 1);
}
