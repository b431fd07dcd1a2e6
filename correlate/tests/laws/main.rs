//! The laws of correlation, as properties of random worlds.
//!
//! In: worlds of pods, tokens, uses, host events and placements, drawn from a seed. Out: equality of judgements.
//! Law STREAM-1 to STREAM-3, STREAM-5 and MATCH-1, at least 256 cases each; within bounds and without reaching them.

mod bounded;
mod live;
mod looked_at;
mod scenarios;
mod world;

use std::sync::{LazyLock, Mutex, PoisonError};

use offbound_correlate::environment::Environment;
use offbound_correlate::{Bounds, Engine, Judgement, RuleSet};
use offbound_schemas::EventTime;
use offbound_schemas::table::uses;
use offbound_schemas::vocabulary::{Match, Severity};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestCaseError};
use tokio::runtime::Runtime;
use world::{Event, world};

const CASES: u32 = 256;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be made")
}

fn environment() -> Environment {
    Environment::parse(world::ENVIRONMENT, "laws.toml").expect("the environment is sound")
}

fn rules() -> RuleSet {
    RuleSet::builtin().expect("the built-in rules are sound")
}

/// Planning takes longer than any case: one engine serves all of them, one after the other.
static ENGINE: LazyLock<Mutex<(Runtime, Engine)>> = LazyLock::new(|| {
    let runtime = runtime();
    let engine = runtime.block_on(Engine::new(environment(), &rules())).expect("the rules can be planned");
    Mutex::new((runtime, engine))
});

/// One way of delivering a world: batches, each followed by a watermark.
struct Delivery {
    batches: Vec<(Vec<Event>, Option<EventTime>)>,
}

/// Judges a delivery; what comes in several batches waits packed.
fn judge(delivery: &Delivery) -> Judgement {
    let mut bounds = Bounds::default();
    if delivery.batches.len() > 1 {
        bounds.loose_rows = 0;
    }
    judge_within(bounds, delivery).0
}

/// Judges within other bounds than the usual; also tells how many rows there was no room for.
fn judge_within(bounds: Bounds, delivery: &Delivery) -> (Judgement, u64) {
    let mut guard = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, engine) = &mut *guard;
    engine.forget();
    engine.bound(bounds);
    for (events, watermark) in &delivery.batches {
        runtime.block_on(engine.push(&world::rows(events).to_batch())).expect("rows fit their tables");
        if let Some(watermark) = watermark {
            runtime.block_on(engine.seal(*watermark)).expect("rows fit their tables");
        }
    }
    let judgement = runtime.block_on(engine.judge()).expect("the rules run");
    (judgement, engine.tracked().given_up)
}

fn at_once(events: &[Event]) -> Judgement {
    judge(&Delivery { batches: vec![(events.to_vec(), None)] })
}

fn check(law: &str, expected: &Judgement, found: &Judgement) -> Result<(), TestCaseError> {
    prop_assert_eq!(expected, found, "{} is broken", law);
    Ok(())
}

fn config() -> Config {
    Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() }
}

/// The judged worlds must be worth judging: findings of several rules have to occur among them.
#[test]
fn worlds_are_not_empty() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut rules = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let world = world().new_tree(&mut runner).expect("a world can be drawn").current();
        rules.extend(at_once(&world.events).findings.into_iter().map(|finding| finding.rule));
    }
    let expected = [
        "CT-101", "CT-102", "CT-106", "CT-107", "CT-108", "CT-201", "CT-203", "CT-205", "CT-208", "CT-301",
        "CT-303", "CT-306", "CT-401", "CT-403",
    ];
    for rule in expected {
        assert!(rules.contains(rule), "no drawn world has a {rule}; there are {rules:?}");
    }
}

/// Worlds of agents: an account that two environments share has to occur among them.
#[test]
fn worlds_of_agents_have_shared_accounts() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut shared = 0;
    for _ in 0..64 {
        let world = scenarios::worlds(&scenarios::AGENTS);
        let world = world.new_tree(&mut runner).expect("a world can be drawn").current();
        let findings = at_once(&world.events).findings;
        shared += usize::from(findings.iter().any(|finding| finding.rule == "CT-304"));
    }
    assert!(shared > 4, "{shared} of 64 worlds have a shared account");
}

/// Severities of a rule's findings in the drawn worlds of a scenario.
fn severities(scenario: &scenarios::Scenario, rule: &str) -> Vec<Severity> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut severities = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let world = scenarios::worlds(scenario).new_tree(&mut runner).expect("a world can be drawn");
        let findings = at_once(&world.current().events).findings;
        severities.extend(findings.into_iter().filter(|it| it.rule == rule).map(|finding| finding.severity));
    }
    severities.into_iter().collect()
}

/// The same of hosts: what is taken there, and what was refused, occur among their worlds.
#[test]
fn hosts_are_robbed() {
    assert_eq!(severities(&scenarios::MACHINES, "CT-204"), [Severity::High, Severity::Critical]);
    assert_eq!(severities(&scenarios::ESCAPES, "CT-205"), [Severity::High, Severity::Critical]);
}

/// The same of rests: whoever awakes, at home or elsewhere, occurs among their worlds.
#[test]
fn sleepers_awake() {
    assert_eq!(severities(&scenarios::RESTS, "CT-307"), [Severity::Medium, Severity::High]);
}

proptest! {
    #![proptest_config(config())]

    /// Scenario: the same events, cut into batches and sealed at any moments. Guarantees: STREAM-1.
    #[test]
    fn stream_1_cutting_changes_nothing(world in world(), cuts in prop::collection::vec(0usize..200, 0..12)) {
        let mut events = world.events.clone();
        events.sort_by_key(Event::key);
        let mut batches = Vec::new();
        let mut rest = events.as_slice();
        for cut in cuts {
            let (batch, after) = rest.split_at(cut.min(rest.len()));
            let watermark = after.first().map(Event::time);
            batches.push((batch.to_vec(), watermark));
            rest = after;
        }
        batches.push((rest.to_vec(), None));
        check("STREAM-1", &at_once(&world.events), &judge(&Delivery { batches }))?;
    }

    /// Scenario: events arrive out of order by less than the bound. Guarantees: STREAM-2, and nothing is late.
    #[test]
    fn stream_2_order_within_the_bound_changes_nothing(world in world(), jitter in prop::collection::vec(0i64..world::LATENESS_NANOS, 256)) {
        let mut arrival: Vec<(i64, Event)> = world.events.iter().cloned().enumerate()
            .map(|(index, event)| (event.time().0 + jitter[index % jitter.len()], event)).collect();
        arrival.sort_by_key(|(arrived, event)| (*arrived, event.key()));
        let mut newest = EventTime::MIN;
        let mut batches = Vec::new();
        for chunk in arrival.chunks(7) {
            let events: Vec<Event> = chunk.iter().map(|(_, event)| event.clone()).collect();
            newest = events.iter().map(Event::time).max().unwrap_or(newest).max(newest);
            batches.push((events, Some(newest.plus_nanos(-world::LATENESS_NANOS))));
        }
        let found = judge(&Delivery { batches });
        prop_assert_eq!(found.late, 0);
        check("STREAM-2", &at_once(&world.events), &found)?;
    }

    /// Scenario: one event comes after the watermark has passed it. Guarantees: it is counted late (STREAM-2).
    #[test]
    fn stream_2_beyond_the_bound_is_counted(world in world(), pick in any::<prop::sample::Index>()) {
        let mut events = world.events.clone();
        events.sort_by_key(Event::key);
        let straggler = events.remove(pick.index(events.len()));
        let last = events.last().map(Event::time).unwrap_or(EventTime::MIN);
        prop_assume!(straggler.time() < last);
        let batches = vec![(events, Some(last)), (vec![straggler], None)];
        prop_assert_eq!(judge(&Delivery { batches }).late, 1);
    }

    /// Scenario: any events are delivered again, anywhere later. Guarantees: STREAM-3.
    #[test]
    fn stream_3_redelivery_changes_nothing(world in world(), again in prop::collection::vec(any::<prop::sample::Index>(), 1..40)) {
        let mut events = world.events.clone();
        events.sort_by_key(Event::key);
        let repeated: Vec<Event> = again.iter().map(|index| events[index.index(events.len())].clone()).collect();
        let middle = events.len() / 2;
        let (first, second) = events.split_at(middle);
        let watermark = second.first().map(Event::time);
        let batches = vec![(first.to_vec(), watermark), (repeated.clone(), None), (second.to_vec(), None), (repeated, None)];
        check("STREAM-3", &at_once(&world.events), &judge(&Delivery { batches }))?;
    }

    /// Scenario: a source of placements, or of issuing, is taken away. Guarantees: MATCH-1.
    #[test]
    fn match_1_less_evidence_decides_less(world in world(), taken in 0usize..4) {
        let full = off_place(&world.events);
        let left: Vec<Event> = world.events.iter().filter(|event| event.source() != world::EVIDENCE_SOURCES[taken]).cloned().collect();
        for (key, place) in off_place(&left) {
            prop_assert_eq!(full.get(&key), Some(&place), "a use is off its place only without {}", world::EVIDENCE_SOURCES[taken]);
        }
    }

    /// Scenario: the log that tells of all tokens is taken away, or ends somewhere, or is silent for a while. Guarantees: no
    /// token is said not to be issued that was not before.
    #[test]
    fn match_1_a_log_that_tells_less_accuses_nobody(world in world(), from in -600i64..900, secs in 0i64..1_500) {
        let full = unissued(&world.events);
        let silence = world::at(from)..world::at(from + secs);
        let is_told = |event: &&Event| event.source() != "token-log" || !silence.contains(&event.time());
        let left: Vec<Event> = world.events.iter().filter(is_told).cloned().collect();
        let issued: Vec<&Event> = world.events.iter().filter(|event| !is_told(event)).collect();
        // Whoever leaves out a record from among others that lie close together lies: that is no silence.
        prop_assume!(issued.is_empty() || secs > 900);
        prop_assert!(unissued(&left).is_subset(&full));
        let without: Vec<Event> =
            world.events.iter().filter(|event| event.source() != "token-log").cloned().collect();
        prop_assert!(unissued(&without).is_empty());
    }
}

/// Credentials that are said not to be issued.
fn unissued(events: &[Event]) -> std::collections::BTreeSet<String> {
    let findings = at_once(events).findings.into_iter().filter(|finding| finding.rule == "CT-107");
    findings.filter_map(|finding| finding.credential).map(|credential| credential.id).collect()
}

/// Uses off their place, host or pod, by the event that shows them, with where they were seen: all of them, not only those
/// that a finding has room for.
fn off_place(events: &[Event]) -> std::collections::BTreeMap<String, String> {
    let mut guard = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, engine) = &mut *guard;
    engine.forget();
    engine.bound(Bounds::default());
    runtime.block_on(engine.push(&world::rows(events).to_batch())).expect("rows fit their tables");
    let tables = runtime.block_on(engine.fact_tables(&[uses::NAME])).expect("facts can be shown");
    let mut off = std::collections::BTreeMap::new();
    for batch in tables.iter().flat_map(|(_, batches)| batches) {
        let uses = uses::View::new(batch).expect("the table's shape");
        for row in (0..uses.len()).filter(|row| uses.match_grade(*row) >= 2) {
            let id = uses.use_id(row);
            if uses.host_match(row) == Match::Mismatch {
                // A host, or an address outside.
                let place = (uses.observed_host(row), uses.src_addr(row));
                off.insert(format!("host {id}"), format!("{:?}", place.0.or(place.1)));
            }
            if uses.pod_match(row) == Match::Mismatch {
                off.insert(format!("pod {id}"), format!("{:?}", uses.observed_pod_uid(row)));
            }
        }
    }
    off
}
