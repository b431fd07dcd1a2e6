//! How long a stream's commit takes until it is durable, for 1,000 and 10,000 rows a commit:
//! `cargo build --release -p offbound -p offbound-bench && target/release/commit_latency FOLDER`.
//!
//! In: a folder on the disk in question; stores are made below it. Out: median, 99th percentile and the longest, in
//! milliseconds. Rows, a finding and an outbox item are made up; making them is not part of the time.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use offbound_schemas::record::Summary;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::{EventBatch, EventId, EventRows, EventTime};
use offbound_store::{Options, OutboxItem, OutboxKind, PartitionOffset, StreamCommit, Writer};

/// Commits of one run; the first few open files and grow tables, and count too.
const COMMITS: u64 = 200;
/// Nanoseconds between two events.
const STEP_NANOS: i64 = 1_000_000;

/// Rows that differ as those of a log do: few issuers, some workloads, many credentials.
fn rows(from: u64, count: u64) -> EventBatch {
    let row = |number: u64| IdentityAssertion {
        event_id: EventId::of(&[&number.to_le_bytes()]),
        event_time: EventTime(i64::try_from(number).unwrap_or_default() * STEP_NANOS),
        source: "k8s-audit:prod".to_owned(),
        location: format!("topic/audit/3:{number}"),
        credential_id: Some(format!("JTI={:032x}", number / 20)),
        subject: Some(format!("system:serviceaccount:team-{}:app-{}", number % 7, number % 200)),
        issuer: Some("https://kubernetes.default.svc".to_owned()),
        bound_pod_uid: Some(format!("{:08x}-0000-4000-8000-000000000000", number % 900)),
        dst: Some("kube-apiserver".to_owned()),
        raw: format!(
            "{{\"kind\":\"Event\",\"auditID\":\"{number:032x}\",\"verb\":\"get\",\"user\":{{\"username\":\
             \"system:serviceaccount:team-{}:app-{}\"}},\"requestURI\":\"/api/v1/namespaces/{}/configmaps/{}\"}}",
            number % 7,
            number % 200,
            number % 31,
            number % 1_009
        ),
        ..IdentityAssertion::default()
    };
    let identity_assertions = (from..from + count).map(row).collect();
    EventRows { identity_assertions, ..EventRows::default() }.to_batch()
}

fn summary() -> Summary {
    Summary {
        record_type: "summary".to_owned(),
        schema: "offbound.summary/1".to_owned(),
        read: 0,
        decoded: 0,
        skipped: BTreeMap::new(),
        dead_lettered: BTreeMap::new(),
        late: 0,
        bytes: 0,
        from: None,
        to: None,
        sources: Vec::new(),
        findings: BTreeMap::new(),
        incidents: BTreeMap::new(),
    }
}

/// Seconds that each commit took, sorted.
fn run(dir: &Path, rows_per_commit: u64) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut writer = Writer::create(dir, Options::default())?;
    let (summary, mut seconds) = (summary(), Vec::new());
    for number in 0..COMMITS {
        let batch = rows(number * rows_per_commit, rows_per_commit);
        let next = i64::try_from((number + 1) * rows_per_commit)?;
        let told = OutboxItem {
            kind: OutboxKind::Finding,
            key: number.to_string(),
            payload: "{\"type\":\"finding\"}".repeat(40),
        };
        #[allow(clippy::disallowed_methods, reason = "a measurement reads a clock")]
        let began = Instant::now();
        writer.append(&batch)?;
        writer.commit_stream(&StreamCommit {
            made_anew: &[],
            offsets: &[PartitionOffset { topic: "audit".to_owned(), partition: 3, next }],
            findings: &[],
            incidents: &[],
            dissolved: &[],
            gaps: &[],
            sources: &[],
            summary: &summary,
            outbox: &[told],
            watermark: None,
            meta: &[],
        })?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder on the disk to measure")?;
    for rows_per_commit in [1_000, 10_000] {
        let dir = Path::new(&folder).join(format!("latency-{rows_per_commit}"));
        let seconds = run(&dir, rows_per_commit)?;
        let at =
            |percent: usize| seconds.get(seconds.len() * percent / 100).map_or(0.0, |second| second * 1e3);
        println!(
            "{rows_per_commit} rows: median {:.1} ms, 99 of 100 {:.1} ms, longest {:.1} ms",
            at(50),
            at(99),
            seconds.last().map_or(0.0, |second| second * 1e3)
        );
    }
    Ok(())
}
