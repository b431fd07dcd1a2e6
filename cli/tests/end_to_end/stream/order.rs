//! What happens first, as the kernel saw it: what is durable, then what is told.
//!
//! In: the system calls of one stream, recorded by strace. Owns: what of them is a file that waits for the disk, and what is
//! a request to Kafka (a size, then the number of the request's kind, in plain text on loopback).

use std::path::Path;
use std::process::Command;

use super::{broker, feed, stream};
use crate::{said, scratch};

/// Kafka's number of a request to store records.
const PRODUCE: u16 = 0;
/// Kafka's number of a request to store a group's offsets.
const OFFSET_COMMIT: u16 = 8;
/// The system calls that are recorded.
const CALLS: &str = "trace=fsync,fdatasync,rename,renameat,renameat2,sendmsg,sendto,write,writev";

/// What a recorded call says of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    SegmentSynced,
    SegmentNamed,
    FolderSynced,
    DatabaseSynced,
    OffsetsTold,
    ResultsTold,
}

/// What a line of strace's is about, if it is about any of it.
fn event(line: &str) -> Option<Event> {
    let call = line.split_once(' ').map_or(line, |(_process, call)| call.trim_start());
    let name = call.split('(').next().unwrap_or_default();
    match name {
        "fsync" | "fdatasync" if call.contains(".parquet") => Some(Event::SegmentSynced),
        "fsync" | "fdatasync" if call.contains("/segments>") => Some(Event::FolderSynced),
        "fsync" | "fdatasync" if call.contains("offbound.db-wal>") => Some(Event::DatabaseSynced),
        "rename" | "renameat" | "renameat2" if call.contains(".parquet") => Some(Event::SegmentNamed),
        "sendmsg" | "sendto" | "write" | "writev" if call.contains("<TCP") || call.contains("<socket") => {
            match request(call)? {
                PRODUCE => Some(Event::ResultsTold),
                OFFSET_COMMIT => Some(Event::OffsetsTold),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The kind of the request whose bytes (in hex, as `-x` shows them) a call sends.
fn request(call: &str) -> Option<u16> {
    let bytes = call.split_once("\"\\x")?.1.split('"').next()?;
    let byte = |index: usize| u8::from_str_radix(bytes.split("\\x").nth(index)?, 16).ok();
    // Four bytes of size, two of the kind.
    Some(u16::from_be_bytes([byte(4)?, byte(5)?]))
}

fn recorded(folder: &Path, topic: &str, results: &str, environment: &str) -> String {
    let command = stream(folder, topic, &["--until-end", "--quiet", "--env", environment]);
    let trace = folder.join("trace");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-yy", "-x", "-s", "8", "-e", CALLS, "-e", "signal=none", "-o"]).arg(&trace);
    traced.arg(command.get_program()).args(command.get_args()).current_dir(folder).env_clear();
    traced.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // Incidents come by the outbox alone; findings go out provisionally before they are durable.
    traced.env("OFFBOUND_STREAM_INCIDENTS_TOPIC", results);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let output = traced.env("PATH", path).output();
    let output = output.expect("this test records system calls: install strace");
    assert!(output.status.success(), "{}", said(&output));
    std::fs::read_to_string(trace).expect("strace writes text")
}

/// Scenario: the system calls of a stream, from its first segment on. Guarantees: the segment is synced, then named, then
/// its folder is synced, then the database's log; only after that the first offset and the first result leave for Kafka.
#[test]
fn durable_before_told() {
    let (sample, topic, results) = ("stolen-pod-token", "order-logs", "order-incidents");
    broker().create_topic(results, 1, &[]).expect("a new topic");
    feed::fill(broker(), topic, &feed::records(sample), 61);
    let folder = scratch();
    let trace = recorded(folder.path(), topic, results, &feed::environment(sample));
    let lines: Vec<(Event, &str)> = trace.lines().filter_map(|line| Some((event(line)?, line))).collect();
    let first = |event: Event, after: usize| {
        let found = lines.iter().skip(after).position(|(found, _)| *found == event);
        assert!(found.is_some(), "no {event:?} behind call {after} of {}", lines.len());
        found.map_or(after, |at| at + after)
    };
    let mut reached = 0;
    let order = [Event::SegmentSynced, Event::SegmentNamed, Event::FolderSynced, Event::DatabaseSynced];
    for event in order {
        reached = first(event, reached);
        println!("{}", lines[reached].1);
    }
    for event in [Event::OffsetsTold, Event::ResultsTold] {
        let told = first(event, 0);
        println!("{}", lines[told].1);
        assert!(told > reached, "{event:?} before it was durable: {:#?}", &lines[..=reached]);
    }
}
