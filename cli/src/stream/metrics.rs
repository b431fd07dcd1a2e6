//! Metrics of a running stream, as OpenMetrics text.
//!
//! In: what each part counts. Out: the text of `/metrics`.
//! Owns: names, units and help of every metric. Law: labels come from the configuration and the rules (topics,
//! partitions, rule ids), never from a log: an attacker can't make series.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use offbound_correlate::Tracked;
use offbound_schemas::record::{Finding, SourceCount};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Bounds of the commit histogram, in seconds.
const COMMIT_SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Bounds of the histogram of steps, in seconds.
const STEP_SECONDS: [f64; 11] = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.5, 2.0];

type Labels = Vec<(&'static str, String)>;
/// Of what is counted often: its values are known.
type FixedLabels = [(&'static str, &'static str); 1];
type Seconds = Gauge<f64, AtomicU64>;

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    consumed: Family<Labels, Counter>,
    consumed_bytes: Family<Labels, Counter>,
    decoded: Family<Labels, Counter>,
    dead_lettered: Family<Labels, Counter>,
    lag: Family<Labels, Gauge>,
    watermark_delay: Family<Labels, Seconds>,
    findings: Family<Labels, Counter>,
    pub(crate) late: Gauge,
    pub(crate) queue_bytes: Gauge,
    pub(crate) seal_delay: Seconds,
    facts_bytes: Family<Labels, Gauge>,
    facts_given_up: Gauge,
    pub(crate) waiting_rows: Gauge,
    pub(crate) held_back: Gauge,
    pub(crate) looks_ahead: Gauge,
    pub(crate) outbox: Gauge,
    pub(crate) commits: Histogram,
    pub(crate) retries: Counter,
    steps: Family<FixedLabels, Histogram, fn() -> Histogram>,
}

/// What the thread that judges does, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Folds what came.
    Fold,
    /// Looks at it before it is sealed.
    Look,
    /// Moves the watermark.
    Seal,
    /// Prints and sends what is said.
    Tell,
}

impl Metrics {
    /// Everything at zero.
    pub(crate) fn new() -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::with_prefix("offbound"),
            consumed: Family::default(),
            consumed_bytes: Family::default(),
            decoded: Family::default(),
            dead_lettered: Family::default(),
            lag: Family::default(),
            watermark_delay: Family::default(),
            findings: Family::default(),
            late: Gauge::default(),
            queue_bytes: Gauge::default(),
            seal_delay: Seconds::default(),
            facts_bytes: Family::default(),
            facts_given_up: Gauge::default(),
            waiting_rows: Gauge::default(),
            held_back: Gauge::default(),
            looks_ahead: Gauge::default(),
            outbox: Gauge::default(),
            commits: Histogram::new(COMMIT_SECONDS),
            retries: Counter::default(),
            steps: Family::new_with_constructor(|| Histogram::new(STEP_SECONDS)),
        };
        metrics.register_input();
        metrics.register_results();
        Arc::new(metrics)
    }

    fn register_input(&mut self) {
        let Self { registry, consumed, consumed_bytes, decoded, dead_lettered, lag, watermark_delay, .. } =
            self;
        registry.register("consumed_records", "Records read, by topic and partition", consumed.clone());
        registry.register_with_unit(
            "consumed",
            "Size of the messages read, by topic and partition",
            Unit::Bytes,
            consumed_bytes.clone(),
        );
        registry.register("decoded_records", "Records decoded, by topic and partition", decoded.clone());
        registry.register(
            "dead_lettered_records",
            "Records that could not be read, by topic, partition and reason",
            dead_lettered.clone(),
        );
        registry.register("lag_records", "Messages not yet read, by topic and partition", lag.clone());
        registry.register_with_unit(
            "watermark_delay",
            "How far the watermark lies behind the newest event, by topic and partition",
            Unit::Seconds,
            watermark_delay.clone(),
        );
    }

    fn register_results(&mut self) {
        let Self { registry, findings, late, queue_bytes, seal_delay, facts_bytes, .. } = self;
        registry.register("findings", "Findings published, by rule, severity and state", findings.clone());
        registry.register("late_events", "Events behind the watermark when they came", late.clone());
        registry.register_with_unit(
            "queue",
            "Messages that are read and not taken in yet",
            Unit::Bytes,
            queue_bytes.clone(),
        );
        registry.register_with_unit(
            "seal_delay",
            "How far the sealed moment lies behind the arrival clock",
            Unit::Seconds,
            seal_delay.clone(),
        );
        let help = "Logical size of the facts, by table";
        registry.register_with_unit("facts", help, Unit::Bytes, facts_bytes.clone());
        let Self { facts_given_up, waiting_rows, held_back, looks_ahead, outbox, commits, retries, .. } =
            self;
        let help = "Rows of facts given up for lack of room; gaps say whose";
        self.registry.register("facts_given_up_rows", help, facts_given_up.clone());
        self.registry.register("waiting_rows", "Events that wait for the watermark", waiting_rows.clone());
        let help = "Partitions not read while many events wait for the slowest";
        self.registry.register("held_back_partitions", help, held_back.clone());
        let help = "1 while findings are told before they are confirmed, 0 while that would come later than confirming them";
        self.registry.register("looking_ahead", help, looks_ahead.clone());
        looks_ahead.set(1);
        self.registry.register("outbox_records", "Results not yet taken by their topic", outbox.clone());
        self.registry.register_with_unit(
            "commit",
            "How long a commit took, until it was durable",
            Unit::Seconds,
            commits.clone(),
        );
        self.registry.register("commit_retries", "Commits tried again for want of room", retries.clone());
        let help = "How long a step of the judging took: fold, look, seal, tell";
        self.registry.register_with_unit("step", help, Unit::Seconds, self.steps.clone());
    }

    /// The account of one delivery.
    pub(crate) fn delivered(&self, topic: &str, partition: i32, count: &SourceCount, bytes: u64) {
        let labels = labels(topic, partition);
        self.consumed.get_or_create(&labels).inc_by(count.read);
        self.consumed_bytes.get_or_create(&labels).inc_by(bytes);
        self.decoded.get_or_create(&labels).inc_by(count.decoded);
        for (reason, number) in &count.dead_lettered {
            let mut labels = labels.clone();
            labels.push(("reason", reason.clone()));
            self.dead_lettered.get_or_create(&labels).inc_by(*number);
        }
    }

    /// The size of the facts.
    pub(crate) fn facts(&self, tracked: &Tracked) {
        for (table, bytes) in &tracked.bytes {
            let size = i64::try_from(*bytes).unwrap_or(i64::MAX);
            self.facts_bytes.get_or_create(&vec![("table", (*table).to_owned())]).set(size);
        }
        self.facts_given_up.set(i64::try_from(tracked.given_up).unwrap_or(i64::MAX));
    }

    /// Messages of a partition that are not read yet.
    pub(crate) fn lag(&self, topic: &str, partition: i32, messages: u64) {
        let messages = i64::try_from(messages).unwrap_or(i64::MAX);
        self.lag.get_or_create(&labels(topic, partition)).set(messages);
    }

    /// How far the watermark lies behind a partition's newest event.
    pub(crate) fn watermark_delay(&self, topic: &str, partition: i32, nanos: i64) {
        // A partition that fell silent early lies behind the watermark itself: nothing of it waits.
        self.watermark_delay.get_or_create(&labels(topic, partition)).set(seconds(nanos.max(0)));
    }

    /// A partition is not this member's any more.
    pub(crate) fn forget(&self, topic: &str, partition: i32) {
        let labels = labels(topic, partition);
        self.lag.remove(&labels);
        self.watermark_delay.remove(&labels);
    }

    /// A step of the judging took so long.
    pub(crate) fn step(&self, step: Step, seconds: f64) {
        let name = match step {
            Step::Fold => "fold",
            Step::Look => "look",
            Step::Seal => "seal",
            Step::Tell => "tell",
        };
        self.steps.get_or_create(&[("step", name)]).observe(seconds);
    }

    /// A finding went out: each revision counts, under the state that it has then.
    pub(crate) fn published(&self, finding: &Finding) {
        let labels = vec![
            ("rule", finding.rule.clone()),
            ("severity", finding.severity.to_string()),
            ("state", finding.state.as_str().to_owned()),
        ];
        self.findings.get_or_create(&labels).inc();
    }

    /// Everything, in the exposition format of OpenMetrics 1.0.0.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        encode(&mut text, &self.registry).ok();
        text
    }
}

fn labels(topic: &str, partition: i32) -> Labels {
    vec![("topic", topic.to_owned()), ("partition", partition.to_string())]
}

/// Seconds for a gauge.
#[allow(clippy::cast_precision_loss, reason = "a gauge needs no more than 53 bits")]
pub(crate) fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: one delivery, one lag. Guarantees: the text is OpenMetrics: names with units, totals, an end mark.
    #[test]
    fn the_text_is_open_metrics() {
        let metrics = Metrics::new();
        let count = SourceCount {
            read: 3,
            decoded: 2,
            dead_lettered: [("truncated-json".to_owned(), 1)].into(),
            ..SourceCount::default()
        };
        metrics.delivered("audit", 4, &count, 120);
        metrics.lag("audit", 4, 7);
        metrics.commits.observe(0.02);
        metrics.step(Step::Look, 0.003);
        let text = metrics.text();
        for line in [
            "offbound_consumed_records_total{topic=\"audit\",partition=\"4\"} 3",
            "offbound_consumed_bytes_total{topic=\"audit\",partition=\"4\"} 120",
            "offbound_dead_lettered_records_total{topic=\"audit\",partition=\"4\",reason=\"truncated-json\"} 1",
            "offbound_lag_records{topic=\"audit\",partition=\"4\"} 7",
            "offbound_commit_seconds_count 1",
            "offbound_step_seconds_bucket{le=\"0.004\",step=\"look\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        metrics.forget("audit", 4);
        assert!(!metrics.text().contains("offbound_lag_records{"));
    }
}
