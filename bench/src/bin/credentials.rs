//! What a tracked credential takes: credentials that are issued and used once each, and the memory of the process.
//!
//! In: how many, and in how many steps (`credentials 10000000 10`); `--live` for an engine that also looks ahead. Out: on
//! standard output one JSON object a step: credentials, resident bytes, bytes per credential since the first step, and
//! logical bytes. Law: nothing but the engine's public interface; memory is what the system says it is.

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use offbound_correlate::environment::Environment;
use offbound_correlate::{Bounds, Engine, RuleSet};
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use offbound_schemas::{EventId, EventRows, EventTime};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const DEFAULT_COUNT: u64 = 10_000_000;
const DEFAULT_STEPS: u64 = 10;
/// Credentials whose records are pushed together: about 10 MiB of rows.
const PER_BATCH: u64 = 5_000;
/// Workloads that share them; each runs in a pod of its own.
const WORKLOADS: u64 = 1_000;
/// A thousand credentials a second, as a busy cluster issues them.
const NANOS_APART: i64 = 1_000_000;
const START_NANOS: i64 = 1_700_000_000_000_000_000;
const PAGE_BYTES: u64 = 4_096;

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("credentials: {error}; usage: credentials [COUNT [STEPS]] [--live]");
            ExitCode::from(2)
        }
    }
}

fn run(mut arguments: Vec<String>) -> Result<(), Box<dyn Error>> {
    let before = arguments.len();
    arguments.retain(|argument| argument != "--live");
    let is_live = arguments.len() < before;
    let mut numbers = arguments.iter().map(|argument| argument.parse::<u64>());
    let count = numbers.next().transpose()?.unwrap_or(DEFAULT_COUNT);
    let steps = numbers.next().transpose()?.unwrap_or(DEFAULT_STEPS).max(1);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut first: Option<Size> = None;
    runtime.block_on(feed(count, steps, is_live, |size| {
        let from = *first.get_or_insert(size);
        let credentials = size.credentials - from.credentials;
        let slope = size.resident_bytes.saturating_sub(from.resident_bytes).checked_div(credentials);
        println!(
            "{{\"credentials\":{},\"resident_bytes\":{},\"bytes_per_credential\":{},\"logical_bytes\":{}}}",
            size.credentials,
            size.resident_bytes,
            slope.map_or_else(|| "null".to_owned(), |bytes| bytes.to_string()),
            size.logical_bytes,
        );
    }))
}

/// How large everything is after a step.
#[derive(Debug, Clone, Copy)]
struct Size {
    credentials: u64,
    resident_bytes: u64,
    logical_bytes: u64,
}

async fn feed(
    count: u64,
    steps: u64,
    is_live: bool,
    mut tell: impl FnMut(Size),
) -> Result<(), Box<dyn Error>> {
    let (environment, rules) = (Environment::default(), RuleSet::builtin()?);
    let mut engine = match is_live {
        true => Engine::live(environment, &rules).await?,
        false => Engine::new(environment, &rules).await?,
    };
    engine.bound(Bounds { retention_nanos: i64::MAX, facts_bytes: usize::MAX, ..Bounds::default() });
    let per_step = (count / steps).max(1);
    for number in (0..count).step_by(usize::try_from(PER_BATCH)?) {
        let end = (number + PER_BATCH).min(count);
        engine.push(&rows(number..end).to_batch()).await?;
        engine.seal(time(end)).await?;
        if end % per_step < PER_BATCH || end == count {
            let logical = engine.tracked().bytes.into_iter().map(|(_, bytes)| bytes as u64).sum();
            tell(Size { credentials: end, resident_bytes: resident_bytes()?, logical_bytes: logical });
        }
    }
    Ok(())
}

/// When the credential of a number is issued; it is used at once.
fn time(number: u64) -> EventTime {
    EventTime(
        START_NANOS.saturating_add(i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(NANOS_APART)),
    )
}

fn rows(numbers: std::ops::Range<u64>) -> EventRows {
    let identity_assertions = numbers.flat_map(|number| [issued(number), used(number)]).collect();
    EventRows { identity_assertions, ..EventRows::default() }
}

fn issued(number: u64) -> IdentityAssertion {
    let workload = number % WORKLOADS;
    let at = time(number);
    // Tokens are valid from a whole second on.
    let iat = EventTime(at.0 - at.0.rem_euclid(1_000_000_000));
    IdentityAssertion {
        event_id: EventId::of(&[b"issue", &number.to_le_bytes()]),
        event_time: at,
        source: "k8s-audit".to_owned(),
        location: format!("audit/0:{number}"),
        phase: Phase::Issue,
        decision: Decision::Allow,
        credential_id: Some(id(number)),
        credential_kind: Some("k8s-token".to_owned()),
        id_kind: IdKind::Jti,
        subject: Some(format!("system:serviceaccount:shop:w{workload}")),
        bound_pod_uid: Some(format!("3c5a0000-0000-4000-8000-{workload:012x}")),
        bound_host: Some(format!("n{}", workload % 50)),
        iat: Some(iat),
        exp: Some(iat.plus_nanos(3_600_000_000_000)),
        ..IdentityAssertion::default()
    }
}

fn used(number: u64) -> IdentityAssertion {
    let workload = number % WORKLOADS;
    IdentityAssertion {
        event_id: EventId::of(&[b"use", &number.to_le_bytes()]),
        event_time: time(number).plus_nanos(NANOS_APART / 2),
        location: format!("audit/1:{number}"),
        source: "k8s-audit".to_owned(),
        phase: Phase::Present,
        decision: Decision::Allow,
        enforcement: Enforcement::Enforced,
        credential_id: Some(id(number)),
        credential_kind: Some("k8s-token".to_owned()),
        id_kind: IdKind::Jti,
        subject: Some(format!("system:serviceaccount:shop:w{workload}")),
        src_addr: Some(format!("10.0.{}.{}", workload / 250, workload % 250)),
        addr_quality: AddrQuality::Direct,
        dst: Some(format!("service-{}", workload % 20)),
        action: Some("get pods".to_owned()),
        ..IdentityAssertion::default()
    }
}

/// A token's id: a random UUID, as Kubernetes gives one.
fn id(number: u64) -> String {
    let EventId(bytes) = EventId::of(&[b"token", &number.to_le_bytes()]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("JTI={}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).ok_or("/proc/self/statm names no resident pages")?;
    Ok(pages.parse::<u64>()? * PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: credentials issued and used once each. Guarantees: the logical size that bounds go by is at most 100 bytes
    /// each, texts included, and grows with their number only.
    #[test]
    fn a_credential_is_small() {
        let mut sizes = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be made");
        runtime.block_on(feed(20_000, 2, false, |size| sizes.push(size))).expect("the rules can be planned");
        let [half, whole] = sizes.as_slice() else { panic!("{sizes:?}") };
        let each = (whole.logical_bytes - half.logical_bytes) / (whole.credentials - half.credentials);
        assert!((60..=100).contains(&each), "{each} bytes each: {sizes:?}");
    }
}
