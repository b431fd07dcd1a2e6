//! How fast a source reads a backlog, and how soon it delivers what comes: `cargo run --release --example kafka_rate`.
//!
//! In: a real Apache Kafka, started here. Out: records and megabytes a second, processor time of both sides, and the
//! time from send to delivery at a given rate. Arguments: records of the backlog, records a second.

use std::env;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use offbound_ingest::kafka::{Connection, KafkaSource, Notice, Offsets, SourceOptions, TopicRule};
use offbound_ingest::{FingerprintKey, Formats, IngestOptions};
use offbound_testbed::{Broker, BrokerOptions, Message};

const PARTITIONS: i32 = 12;
/// Records that are sent at a time.
const BATCH: usize = 50_000;
/// How long records are sent at a rate.
const LIVE_TIME: Duration = Duration::from_secs(10);
/// Between two sends at a rate.
const BEAT: Duration = Duration::from_millis(10);

struct Nothing;

impl Offsets for Nothing {
    fn stored(&self, _topic: &str, _partition: i32) -> Option<i64> {
        None
    }
}

fn record(number: usize, sent_nanos: u128) -> String {
    let (minute, second, micro) = (number / 60_000_000 % 60, number / 1_000_000 % 60, number % 1_000_000);
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"00000000-0000-4000-8000-{number:012}","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods/{number}","verb":"get","user":{{"username":"system:serviceaccount:shop:orders","uid":"{sent_nanos}","groups":["system:serviceaccounts","system:authenticated"]}},"sourceIPs":["10.0.0.1"],"userAgent":"orders/1.0","objectRef":{{"resource":"pods","namespace":"shop","name":"orders-{number}","apiVersion":"v1"}},"responseStatus":{{"metadata":{{}},"code":200}},"requestReceivedTimestamp":"2026-03-01T10:{minute:02}:{second:02}.{micro:06}Z","stageTimestamp":"2026-03-01T10:{minute:02}:{second:02}.{micro:06}Z","annotations":{{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}}}"#
    )
}

fn send(broker: &Broker, topic: &str, records: &[String]) -> Result<(), Box<dyn Error>> {
    let places = (0..PARTITIONS).cycle();
    let messages: Vec<Message<'_>> =
        places.zip(records).map(|(partition, record)| Message::to(partition, record.as_bytes())).collect();
    Ok(broker.produce(topic, &messages)?)
}

fn source(broker: &Broker, topic: &str) -> Result<KafkaSource, Box<dyn Error>> {
    let formats = Formats::default();
    let ingest =
        IngestOptions { formats: formats.clone(), sources: Vec::new(), key: FingerprintKey::for_tests() };
    let rule = TopicRule::parse(topic, &formats)?;
    let options = SourceOptions::new(Connection::plaintext(broker.bootstrap()), topic, vec![rule], ingest);
    Ok(KafkaSource::start(options, Box::new(Nothing))?)
}

/// Processor time of this process, in seconds.
fn own_cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

fn backlog(broker: &Broker, records: usize) -> Result<(), Box<dyn Error>> {
    broker.create_topic("backlog", PARTITIONS, &[])?;
    for from in (0..records).step_by(BATCH) {
        let batch: Vec<String> = (from..records.min(from + BATCH)).map(|number| record(number, 0)).collect();
        send(broker, "backlog", &batch)?;
    }
    let (cpu, of_broker) = (own_cpu_seconds(), broker.cpu_seconds().unwrap_or_default());
    let mut source = source(broker, "backlog")?;
    let (mut read, mut rows, mut bytes, mut deliveries, mut started) = (0, 0, 0, 0, None);
    while read < records as u64 {
        if let Some(Notice::Delivery(delivery)) = source.next(Duration::from_secs(1)) {
            started.get_or_insert_with(Instant::now);
            read += delivery.stretches.iter().map(|stretch| stretch.count.read).sum::<u64>();
            rows += delivery.rows.num_rows();
            bytes += delivery.bytes;
            deliveries += 1;
        }
    }
    let secs = started.map_or(0.0, |started: Instant| started.elapsed().as_secs_f64());
    println!(
        "backlog: {read} records, {rows} rows, {deliveries} deliveries in {secs:.2} s: {:.0} records/s, {:.0} MB/s; \
         processor time: {:.2} s here, {:.2} s of the broker",
        read as f64 / secs,
        bytes as f64 / secs / 1e6,
        own_cpu_seconds() - cpu,
        broker.cpu_seconds().unwrap_or_default() - of_broker,
    );
    source.stop();
    Ok(())
}

fn live(broker: &Broker, rate: usize) -> Result<(), Box<dyn Error>> {
    broker.create_topic("live", PARTITIONS, &[])?;
    let mut source = source(broker, "live")?;
    let started = Instant::now();
    let beats = (LIVE_TIME.as_millis() / BEAT.as_millis()) as u32;
    let each = rate * BEAT.as_millis() as usize / 1_000;
    let all = each as u64 * u64::from(beats);
    thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        let sender = scope.spawn(|| {
            let producer = broker.producer("live").map_err(|error| error.to_string())?;
            for beat in 0..beats {
                thread::sleep((BEAT * beat).saturating_sub(started.elapsed()));
                // The intended moment, not that of the send.
                let due = (BEAT * beat).as_nanos();
                let batch: Vec<String> = (0..each).map(|at| record(beat as usize * each + at, due)).collect();
                let places = (0..PARTITIONS).cycle();
                for (partition, record) in places.zip(&batch) {
                    producer
                        .send(&Message::to(partition, record.as_bytes()))
                        .map_err(|error| error.to_string())?;
                }
            }
            producer.flush().map_err(|error| error.to_string())
        });
        let (mut read, mut times, mut deliveries) = (0, Vec::new(), 0);
        while read < all {
            let Some(Notice::Delivery(delivery)) = source.next(Duration::from_secs(1)) else { continue };
            let now = started.elapsed().as_nanos();
            deliveries += 1;
            read += delivery.stretches.iter().map(|stretch| stretch.count.read).sum::<u64>();
            for row in delivery.rows.to_rows()?.identity_assertions {
                let due = row.subject_uid.and_then(|uid| uid.parse::<u128>().ok()).unwrap_or_default();
                times.push(now.saturating_sub(due));
            }
        }
        sender.join().map_err(|_failed| "the sender failed")??;
        times.sort_unstable();
        let at =
            |share: usize| times.get(times.len() * share / 1_000).copied().unwrap_or_default() as f64 / 1e6;
        println!(
            "live: {read} records at {rate} a second in {deliveries} deliveries: send to delivery p50 {:.1} ms, \
             p90 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms",
            at(500),
            at(900),
            at(990),
            at(999),
        );
        Ok(())
    })?;
    source.stop();
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1).map(|argument| argument.parse::<usize>());
    let records = arguments.next().transpose()?.unwrap_or(1_000_000);
    let rate = arguments.next().transpose()?.unwrap_or(50_000);
    let broker = Broker::start(BrokerOptions { for_load: true, ..BrokerOptions::default() })?;
    backlog(&broker, records)?;
    live(&broker, rate)
}
