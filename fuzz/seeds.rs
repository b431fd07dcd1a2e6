//! Writes the seeds: for each format its sample line, and for `auto` all of them; for formats with a fast path also what
//! that takes of the project's samples and of shorter texts that are made of them, and for the audit system the lines
//! that its changes are made of.
//!
//! In: the list of formats, `samples/`. Out: `fuzz/corpus/<target>/`. Law: seeds are the project's own text, and the
//! same each time.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use offbound_ingest::decode::FORMATS;
use offbound_ingest::fuzzing::change::change;
use offbound_ingest::fuzzing::change::text::LINES;
use offbound_ingest::fuzzing::{Numbers, RECORDS, fast_formats, sample, taken};

/// Longest line that is a seed, in bytes: as long as inputs are in a long run.
const MAX_LINE_BYTES: usize = 2_048;

/// Most lines of one file; the next ones say the same with other names.
const LINES_PER_FILE: usize = 40;

/// Changes that are tried on the seeds of a format: enough for some hundred short ones.
const TRIALS: usize = 20_000;

/// Made-up records in envelopes of queues and clouds, some of them damaged.
const WRAPPED: &[&str] = &[
    r#"{"Type":"Notification","TopicArn":"arn:aws:sns:r:1:t","Message":"{\"a\":1}","Timestamp":"2026-03-01T10:00:00Z"}"#,
    r#"{"Records":[{"messageId":"m","receiptHandle":"r","body":"{}","attributes":{"SentTimestamp":"1"},"eventSource":"aws:sqs"}]}"#,
    r#"{"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"{}"}]}"#,
    r#"{"QueryResultRows":[[{"eventID":"1"},{"eventJson":"{}"}]]}"#,
    r#"{"message":{"data":"eyJhIjoxfQ==","messageId":"7","publishTime":"2026-03-01T10:00:00Z"},"subscription":"s"}"#,
    r#"{"message":{"data":"eyJhIjoxfQ","messageId":"7"}}"#,
    r#"{"logName":"l","textPayload":"hi","resource":{"labels":{}},"timestamp":"2026-03-01T10:00:00Z"}"#,
    r#"{"logName":"l","jsonPayload":{"message":"hi"}}"#,
    r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"n1"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","body":{"stringValue":"hi"}},{"timeUnixNano":"1","body":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"7"}]}}}]}}}]}]}]}"#,
    r#"{"type":"ADDED","object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}}"#,
];

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for format in FORMATS {
        for target in [format.id, "auto"] {
            write(&corpus, target, &format!("sample-{}", format.id), format.sample)?;
        }
    }
    for format in fast_formats() {
        write(&corpus, format, "plain", sample(format))?;
    }
    for (number, record) in WRAPPED.iter().enumerate() {
        write(&corpus, "auto", &format!("wrapped-{number}"), record)?;
    }
    for (number, line) in LINES.iter().enumerate() {
        write(&corpus, "linux-audit", &format!("line-{number}"), line)?;
    }
    write(&corpus, "linux-audit", "lines", &LINES.join("\n"))?;
    let mut records: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for record in RECORDS.iter().map(|record| record.as_bytes()) {
        for format in fast_formats().filter(|format| taken(format, record) > 0) {
            records.entry(format).or_default().push(record.to_vec());
        }
    }
    for text in samples()? {
        for line in text.lines().filter(|line| line.len() <= MAX_LINE_BYTES).take(LINES_PER_FILE) {
            if let Some(format) = fast_formats().find(|format| taken(format, line.as_bytes()) > 0) {
                records.entry(format).or_default().push(line.as_bytes().to_vec());
            }
        }
    }
    for (format, mut records) in records {
        grow(format, &mut records);
        for (number, record) in records.iter().enumerate() {
            write(&corpus, format, &format!("record-{number}"), record)?;
        }
    }
    Ok(())
}

/// Adds shorter records that the fast path still takes: most time then goes into those, and into what comes next to
/// them.
fn grow(format: &str, records: &mut Vec<Vec<u8>>) {
    let numbers = &mut Numbers::of(0);
    for _ in 0..TRIALS {
        let Some(record) = records.get(numbers.below(records.len())) else { return };
        let changed = change(format, record, numbers);
        if changed.len() < record.len() && taken(format, &changed) > 0 {
            records.push(changed);
        }
    }
}

fn write(corpus: &Path, target: &str, name: &str, text: impl AsRef<[u8]>) -> io::Result<()> {
    fs::create_dir_all(corpus.join(target))?;
    fs::write(corpus.join(target).join(name), text)
}

/// The logs among the samples that are plain text.
fn samples() -> io::Result<Vec<String>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples"))? {
        let folder = folder?.path();
        if folder.is_dir() {
            let entries = fs::read_dir(folder)?;
            paths.extend(
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?,
            );
        }
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "ndjson" || ending == "log"));
    paths.sort();
    paths.into_iter().map(fs::read_to_string).collect()
}
