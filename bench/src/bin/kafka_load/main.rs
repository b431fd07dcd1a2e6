//! Load on a real Apache Kafka: how soon a finding is there, and how many records a second can be read.
//!
//! In: the program (or a peer) that reads the topic. Out: figures on standard output. Owns: the order of a run.
//! Law: the load is open: each record has its moment, whether the reader keeps up or not, and times count from that
//! moment, not from when the record could be sent.
//!
//! `kafka_load live RATE SECONDS WHO…` sends RATE records a second; `kafka_load backlog RECORDS [at RATE] WHO…` lets them be
//! read that wait, and came about at that rate. WHO is `offbound PATH`, or `peer COMMAND…`.

mod backlog;
mod findings;
mod live;
mod processes;
mod report;
mod sender;
mod traffic;

use std::process::ExitCode;

use offbound_testbed::{Broker, BrokerOptions};

use processes::{FINDINGS, LOGS, Reader};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Anything that ends a run.
pub(crate) type Problem = Box<dyn std::error::Error>;

/// Partitions of the topic with the logs.
pub(crate) const PARTITIONS: i32 = 12;

const USAGE: &str = "usage: kafka_load live RATE SECONDS WHO… | kafka_load backlog RECORDS [at RATE] WHO…, where WHO is `offbound PATH` or `peer COMMAND…`";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("kafka_load: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Problem> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["live", rate, seconds, who @ ..] => live::run(rate.parse()?, seconds.parse()?, &reader(who)?),
        ["backlog", records, "at", rate, who @ ..] => {
            backlog::run(records.parse()?, rate.parse()?, &reader(who)?)
        }
        ["backlog", records, who @ ..] => {
            backlog::run(records.parse()?, backlog::RECORDS_PER_SEC, &reader(who)?)
        }
        _ => Err(USAGE.into()),
    }
}

fn reader(words: &[&str]) -> Result<Reader, Problem> {
    match words {
        ["offbound", path] => Ok(Reader::Offbound((*path).to_owned())),
        ["peer", command @ ..] if !command.is_empty() => {
            Ok(Reader::Peer(command.iter().map(|word| (*word).to_owned()).collect()))
        }
        _ => Err(USAGE.into()),
    }
}

/// A broker with both topics.
fn broker() -> Result<Broker, Problem> {
    let broker = Broker::start(BrokerOptions { for_load: true, ..BrokerOptions::default() })?;
    broker.create_topics(&[(LOGS, PARTITIONS), (FINDINGS, 1)], &[])?;
    Ok(broker)
}
