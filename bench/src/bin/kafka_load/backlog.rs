//! Records that wait: how quickly they are read, beside the same records from files and the broker's own limit.
//!
//! In: how many records, and at which rate they came about. Out: rates. Owns: what is timed: whole processes from start to
//! end, and the stretch between the findings of the attacks at a tenth and at nine tenths, which leaves the start out.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use offbound_simulate::Span;
use offbound_testbed::Broker;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::findings::Findings;
use crate::processes::{LOGS, Process, Reader, cpu_seconds, load, peak_mib};
use crate::sender::Sender;
use crate::traffic::{Traffic, Wanted};
use crate::{PARTITIONS, Problem};

/// 2026-03-02T00:00:00Z: records of the past.
const FROM_NANOS: i64 = 1_772_409_600_000_000_000;
/// Records of one second of their own time, where nothing says it.
pub(crate) const RECORDS_PER_SEC: u64 = 50_000;
/// Attacks of the whole.
const ATTACKS: u64 = 500;
/// Longest time without a new finding before a run counts as stuck.
const PATIENCE: Duration = Duration::from_secs(600);
/// Time without a new finding after which a peer has come to the end.
const QUIET: Duration = Duration::from_secs(15);

/// Runs it. The rate decides how many of them lie within the lateness of the last one.
pub(crate) fn run(records: u64, rate: u64, who: &Reader) -> Result<(), Problem> {
    let length = i64::try_from(records * 1_000_000_000 / rate.max(1))?;
    let span = Span { from_nanos: FROM_NANOS, length_nanos: length };
    let wanted = Wanted { lines: records, span, partitions: PARTITIONS, beat: (records / ATTACKS).max(1) };
    let traffic = Traffic::generate(&wanted)?;
    let number = traffic.records.len() + traffic.first.len();
    println!("{number} records, {:.0} MB; load of the machine {}", traffic.bytes() as f64 / 1e6, load());
    let broker = crate::broker()?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("environment.toml"), &traffic.environment)?;
    if let Reader::Offbound(path) = who {
        replay(path, &traffic, folder.path(), number)?;
    }
    let sender = Sender::new(broker.bootstrap())?;
    let began = Instant::now();
    sender.all(&traffic, &traffic.first, rate)?;
    sender.all(&traffic, &traffic.records, rate)?;
    println!("sent: {:.0} records/s", number as f64 / began.elapsed().as_secs_f64());
    let secs = drain(&broker, number)?;
    println!("broker to a consumer that does nothing: {:.0} records/s", number as f64 / secs);
    read(who, &broker, &traffic, folder.path(), number)
}

/// The same records from files, a file per format.
fn replay(path: &str, traffic: &Traffic, folder: &Path, number: usize) -> Result<(), Problem> {
    let logs = folder.join("logs");
    fs::create_dir_all(&logs)?;
    let mut files = std::collections::BTreeMap::new();
    for record in traffic.first.iter().chain(&traffic.records) {
        let name = traffic.name(record);
        if !files.contains_key(name) {
            files.insert(name, BufWriter::new(File::create(logs.join(name))?));
        }
        if let Some(file) = files.get_mut(name) {
            file.write_all(traffic.text(record))?;
            file.write_all(b"\n")?;
        }
    }
    files.into_values().try_for_each(|mut file| file.flush())?;
    let began = Instant::now();
    let mut command = Command::new(fs::canonicalize(path)?);
    command.args(["replay", "logs", "--quiet", "--env", "environment.toml", "--store", "store-of-files"]);
    command.args(["--format", "ndjson"]).current_dir(folder).stdout(Stdio::null());
    let code = command.status()?.code();
    let secs = began.elapsed().as_secs_f64();
    println!("files, replay --store: {secs:.1} s, {:.0} records/s, exit code {code:?}", number as f64 / secs);
    fs::remove_dir_all(logs)?;
    fs::remove_dir_all(folder.join("store-of-files"))?;
    Ok(())
}

/// Reads all partitions to their ends and does nothing with what it reads; gives the seconds.
fn drain(broker: &Broker, number: usize) -> Result<f64, Problem> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .set("group.id", "drain")
        .set("enable.partition.eof", "true")
        .set("queued.max.messages.kbytes", "65536")
        .create()?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset(LOGS, partition, Offset::Beginning)?;
    }
    let began = Instant::now();
    consumer.assign(&assignment)?;
    let (mut read, mut ends) = (0, 0);
    while ends < PARTITIONS {
        match consumer.poll(Duration::from_secs(10)) {
            Some(Ok(_)) => read += 1,
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            Some(Err(error)) => return Err(error.into()),
            None => return Err("the broker gives nothing".into()),
        }
    }
    if read == number {
        Ok(began.elapsed().as_secs_f64())
    } else {
        Err(format!("{read} of {number} records").into())
    }
}

/// Lets the reader read everything.
fn read(
    who: &Reader,
    broker: &Broker,
    traffic: &Traffic,
    folder: &Path,
    number: usize,
) -> Result<(), Problem> {
    let findings = Findings::listen(broker.bootstrap())?;
    let broker_before = broker.cpu_seconds().unwrap_or_default();
    let began = Instant::now();
    let mut reader = Process::start(who, broker.bootstrap(), folder, true)?;
    let (mut cpu, mut peak, mut found, mut news) = (0.0, 0, 0, Instant::now());
    // offbound ends by itself behind the last record; a peer is done with the last attack that it finds (it reads the
    // partitions of a backlog in any order, and may meet an attack before it has heard of its place).
    loop {
        let all = findings.found(0..traffic.attacks);
        let is_done = match who {
            Reader::Offbound(_) => reader.has_ended(),
            Reader::Peer(_) => {
                let is_quiet = all > 0 && news.elapsed() > QUIET;
                all == traffic.attacks as usize || is_quiet || reader.has_ended()
            }
        };
        if is_done {
            break;
        }
        (cpu, peak) = (cpu_seconds(reader.id()).max(cpu), peak_mib(reader.id()).max(peak));
        if all > found {
            (found, news) = (all, Instant::now());
        }
        if news.elapsed() > PATIENCE {
            return Err("the reader is stuck".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    let end = if matches!(who, Reader::Peer(_)) && found > 0 { news } else { Instant::now() };
    let secs = end.duration_since(began).as_secs_f64();
    println!(
        "topic: {secs:.1} s from start to end, {:.0} records/s; processor time {cpu:.1} s, of the broker {:.1} s; peak memory {peak} MiB",
        number as f64 / secs,
        broker.cpu_seconds().unwrap_or_default() - broker_before,
    );
    // The last findings may still be on their way.
    thread::sleep(Duration::from_millis(500));
    println!("attacks found: {} of {}", findings.found(0..traffic.attacks), traffic.attacks);
    let (early, late) = (traffic.attacks / 10, traffic.attacks / 10 * 9);
    if let Some((from, to)) = findings.of(early).zip(findings.of(late)) {
        let place =
            |attack| traffic.records.iter().position(|record| record.attack == Some(attack)).unwrap_or(0);
        let between = (place(late) - place(early)) as f64;
        println!(
            "between a tenth and nine tenths: {:.0} records/s",
            between / to.saturating_duration_since(from).as_secs_f64()
        );
    }
    Ok(())
}
