//! Records as they happen: how soon a finding is there.
//!
//! In: a rate and a time. Out: rates, quantiles, histogram, processor time of everybody. Owns: warm-up, and what counts.

use std::fs;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use offbound_simulate::Span;
use offbound_testbed::Broker;

use crate::findings::Findings;
use crate::processes::{Process, Reader, cpu_seconds, load, peak_mib};
use crate::report::{histogram, millis, quantile, quantiles};
use crate::sender::{Sender, moment_of};
use crate::traffic::{Traffic, Wanted};
use crate::{PARTITIONS, Problem};

/// Attacks a second.
const ATTACKS_PER_SEC: u64 = 20;
/// Records of the first seconds do not count: caches and the group settle, and the broker compiles itself, with most of a
/// core for half a minute.
const WARM_UP: Duration = Duration::from_secs(30);
/// Longest wait until the reader has found its first attack.
const READY_TIME: Duration = Duration::from_secs(180);
/// Longest wait for findings behind the last record.
const LAST_TIME: Duration = Duration::from_secs(60);
/// A slice of time whose median is shown, so that a reader that falls behind is seen to.
const SLICE: Duration = Duration::from_secs(5);
/// About how many records are generated a second, on a machine with other work.
const GENERATED_PER_SEC: u64 = 150_000;

/// Processor seconds: of the reader, of the broker, of the load itself.
#[derive(Debug, Clone, Copy, Default)]
struct Cpu {
    reader: f64,
    broker: f64,
    load: f64,
}

impl Cpu {
    fn now(reader: &Process, broker: &Broker) -> Self {
        Self {
            reader: cpu_seconds(reader.id()),
            broker: broker.cpu_seconds().unwrap_or_default(),
            load: cpu_seconds(std::process::id()),
        }
    }
}

/// Runs it.
pub(crate) fn run(rate: u64, seconds: u64, who: &Reader) -> Result<(), Problem> {
    let traffic = generate(rate, Duration::from_secs(seconds) + WARM_UP)?;
    let broker = crate::broker()?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("environment.toml"), &traffic.environment)?;
    let findings = Findings::listen(broker.bootstrap())?;
    let sender = Sender::new(broker.bootstrap())?;
    let mut reader = Process::start(who, broker.bootstrap(), folder.path(), false)?;
    sender.all(&traffic, &traffic.first, rate)?;
    wait_until_ready(&traffic, &sender, &findings, &mut reader)
        .map_err(|problem| format!("{problem}: {}", last_words(folder.path())))?;

    let start = Instant::now() + Duration::from_millis(100);
    let counted = usize::try_from(WARM_UP.as_secs() * rate)?;
    let mut before = Cpu::default();
    let late = sender.at_rate(&traffic, rate, start, |number| {
        if number == counted {
            before = Cpu::now(&reader, &broker);
        }
    })?;
    let sent = start.elapsed();
    let after = Cpu::now(&reader, &broker);
    let attacks = attacks_of(&traffic, rate, counted);
    let last = Instant::now();
    let numbers = || attacks.iter().map(|(attack, _)| *attack);
    while findings.found(numbers()) < attacks.len() && last.elapsed() < LAST_TIME {
        thread::sleep(Duration::from_millis(50));
    }
    let times: Vec<(Duration, Duration)> = attacks
        .iter()
        .filter_map(|(attack, moment)| Some((*moment, findings.of(*attack)? - (start + *moment))))
        .collect();
    tell_load(&traffic, rate, sent, late);
    tell(&times, attacks.len());
    tell_cost((before, after), sent.saturating_sub(WARM_UP), peak_mib(reader.id()));
    Ok(())
}

/// Traffic of so long from a few seconds from now on.
#[allow(clippy::disallowed_methods, reason = "records that happen now have the time of now")]
fn generate(rate: u64, all: Duration) -> Result<Traffic, Problem> {
    let lines = rate * all.as_secs();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let ahead = Duration::from_secs(2 * lines / GENERATED_PER_SEC + 5);
    let span = Span {
        from_nanos: i64::try_from((now + ahead).as_nanos())?,
        length_nanos: i64::try_from(all.as_nanos())?,
    };
    let beat = (rate / ATTACKS_PER_SEC).max(1);
    Ok(Traffic::generate(&Wanted { lines, span, partitions: PARTITIONS, beat })?)
}

/// The attacks that count, with the moments at which they are meant to be sent.
fn attacks_of(traffic: &Traffic, rate: u64, counted: usize) -> Vec<(u32, Duration)> {
    let records = traffic.records.iter().enumerate().skip(counted);
    records.filter_map(|(number, record)| Some((record.attack?, moment_of(number, rate)))).collect()
}

fn tell_load(traffic: &Traffic, rate: u64, sent: Duration, late: Duration) {
    let records = traffic.records.len();
    println!(
        "offered {rate} records/s for {:.0} s ({:.0} bytes a record), sent {:.0} records/s, the last {:.1} ms late; load of the machine {}",
        moment_of(records, rate).as_secs_f64(),
        traffic.bytes() as f64 / (records + traffic.first.len()) as f64,
        records as f64 / sent.as_secs_f64(),
        millis(late),
        load(),
    );
}

fn tell_cost((before, after): (Cpu, Cpu), time: Duration, peak_mib: u64) {
    let cores = |one: f64, other: f64| (one - other) / time.as_secs_f64();
    println!(
        "processor time in cores: reader {:.2}, broker {:.2}, load {:.2}; peak memory of the reader {peak_mib} MiB",
        cores(after.reader, before.reader),
        cores(after.broker, before.broker),
        cores(after.load, before.load),
    );
}

/// Sends an attack that does not count again and again, until it is found.
fn wait_until_ready(
    traffic: &Traffic,
    sender: &Sender,
    findings: &Findings,
    reader: &mut Process,
) -> Result<(), Problem> {
    let attack =
        traffic.records.iter().find(|record| record.attack.is_some()).ok_or("no attack is planted")?;
    let began = Instant::now();
    while findings.found([attack.attack.unwrap_or_default()]) == 0 {
        if reader.has_ended() {
            return Err("the reader ended".into());
        }
        if began.elapsed() > READY_TIME {
            return Err("the reader finds nothing".into());
        }
        sender.send(attack.partition, traffic.text(attack))?;
        thread::sleep(Duration::from_millis(250));
    }
    Ok(())
}

/// The last line that the reader said.
fn last_words(folder: &std::path::Path) -> String {
    let log = fs::read_to_string(folder.join("reader.log")).unwrap_or_default();
    log.lines().last().unwrap_or("it said nothing").to_owned()
}

fn tell(times: &[(Duration, Duration)], attacks: usize) {
    let sorted = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        std::mem::take(times)
    };
    let sorted_all = sorted(&mut times.iter().map(|(_, time)| *time).collect());
    println!("intended send to finding, {} of {attacks} attacks: {}", times.len(), quantiles(&sorted_all));
    print!("{}", histogram(&sorted_all));
    let mut medians = String::new();
    for slice in times
        .chunk_by(|(one, _), (other, _)| one.as_secs() / SLICE.as_secs() == other.as_secs() / SLICE.as_secs())
    {
        let of_slice = sorted(&mut slice.iter().map(|(_, time)| *time).collect());
        medians.push_str(&format!(" {:.1}", millis(quantile(&of_slice, 0.5))));
    }
    println!("medians of every {} s, in ms:{medians}", SLICE.as_secs());
}
