//! The laws within bounds: what facts give up follows from the events alone, takes nothing back, and is said.
//!
//! In: random worlds with little room and little time, a flood from one host beside a slow theft. Out: equality of
//! judgements, findings that survive, gaps that name the flooder.

use std::sync::PoisonError;

use offbound_correlate::{Bounds, Changes, Engine, Judgement};
use offbound_schemas::record::Finding;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{Decision, FindingState};
use offbound_schemas::{EventId, EventTime, FindingId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

use crate::live::LIVE;
use crate::world::{self, Event, World, world};
use crate::{Delivery, check, config, environment, judge_within, rules, runtime};

/// Each of these cases judges a world some twenty times; `PROPTEST_CASES` asks for more of them.
const BOUNDED_CASES: u32 = 6;
/// Fake credentials of the flood; `OFFBOUND_FLOOD` asks for more.
const FLOOD: usize = 1_500;
const SEC: i64 = 1_000_000_000;
const UNBOUNDED: Bounds =
    Bounds { retention_nanos: i64::MAX, facts_bytes: usize::MAX, loose_rows: usize::MAX };

fn bounded_config() -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    // Each step of shrinking takes seconds.
    Config { cases: asked.unwrap_or(BOUNDED_CASES), max_shrink_iters: 4, ..config() }
}

/// Room for a third to all of a world, and time for a tenth to all of it.
fn bounds() -> impl Strategy<Value = Bounds> {
    (prop::sample::select(vec![3_000, 6_000, 12_000]), prop::sample::select(vec![120, 400, 100_000]))
        .prop_map(|(facts_bytes, secs)| Bounds { retention_nanos: secs * SEC, facts_bytes, ..UNBOUNDED })
}

fn at_once(bounds: Bounds, events: &[Event]) -> (Judgement, u64) {
    judge_within(bounds, &Delivery { batches: vec![(events.to_vec(), None)] })
}

/// A world cut into batches, each sealed as far as it goes, with some events again.
fn cut(world: &World, cuts: &[usize], again: &[prop::sample::Index]) -> Delivery {
    let mut events = world.events.clone();
    events.sort_by_key(Event::key);
    let mut batches = Vec::new();
    let mut rest = events.as_slice();
    for cut in cuts {
        let (batch, after) = rest.split_at((*cut).min(rest.len()));
        batches.push((batch.to_vec(), after.first().map(Event::time)));
        rest = after;
    }
    let repeated = again.iter().map(|index| index.get(&events).clone()).collect();
    batches.push((repeated, None));
    batches.push((rest.to_vec(), None));
    Delivery { batches }
}

/// The same, late by less than the bound.
fn jittered(world: &World, jitter: &[i64], rows: usize) -> Delivery {
    let late = |(index, event): (usize, Event)| {
        (event.time().0 + jitter.get(index % jitter.len()).copied().unwrap_or_default(), event)
    };
    let mut arrival: Vec<(i64, Event)> = world.events.iter().cloned().enumerate().map(late).collect();
    arrival.sort_by_key(|(arrived, event)| (*arrived, event.key()));
    let mut newest = EventTime::MIN;
    let batches = arrival.chunks(rows).map(|chunk| {
        let events: Vec<Event> = chunk.iter().map(|(_, event)| event.clone()).collect();
        newest = events.iter().map(Event::time).fold(newest, EventTime::max);
        (events, Some(newest.plus_nanos(-world::LATENESS_NANOS)))
    });
    Delivery { batches: batches.collect() }
}

/// The judged worlds must be worth judging: rows are given up in them, and findings stand in spite of it.
#[test]
fn worlds_are_too_large() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut rows, mut findings) = (0, 0);
    for _ in 0..4 {
        let world = proptest::strategy::ValueTree::current(&world().new_tree(&mut runner).expect("a world"));
        let bounds = Bounds { retention_nanos: 400 * SEC, facts_bytes: 5_000, ..UNBOUNDED };
        let (judged, given_up) = at_once(bounds, &world.events);
        let told: u64 = judged
            .gaps
            .iter()
            .filter(|gap| gap.source.starts_with("facts:"))
            .filter_map(|gap| gap.lost)
            .sum();
        assert_eq!(told, given_up, "every row that was given up is in one gap");
        rows += given_up;
        findings += judged.findings.len();
    }
    assert!(rows > 40 && findings > 20, "{rows} rows, {findings} findings");
}

proptest! {
    #![proptest_config(bounded_config())]

    /// Scenario: a world with little room, cut into batches anyhow, repeated in part, out of order within the bound.
    /// Guarantees: STREAM-1 to STREAM-3 for findings, incidents and gaps.
    #[test]
    fn stream_1_to_3_within_bounds(
        world in world(),
        bounds in bounds(),
        cuts in prop::collection::vec(1usize..30, 0..8),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        jitter in prop::collection::vec(0i64..world::LATENESS_NANOS, 64),
        rows in 1usize..20,
    ) {
        let (expected, _) = at_once(bounds, &world.events);
        check("STREAM-1", &expected, &judge_within(bounds, &cut(&world, &cuts, &again)).0)?;
        check("STREAM-2", &expected, &judge_within(bounds, &jittered(&world, &jitter, rows)).0)?;
    }

    /// Scenario: a world that the bounds hold. Guarantees: it is judged as without bounds.
    #[test]
    fn what_fits_is_judged_as_ever(world in world()) {
        let (expected, _) = at_once(UNBOUNDED, &world.events);
        check("STREAM-1", &expected, &at_once(Bounds::default(), &world.events).0)?;
    }

    /// Scenario: the same live, with looks ahead. Guarantees: nothing is withdrawn or dissolved that was confirmed for lack
    /// of room or time, and what was told adds up to what a judgement says.
    #[test]
    fn stream_5_within_bounds(world in world(), bounds in bounds(), rows in 10usize..40) {
        live(&world, bounds, rows)?;
    }
}

fn live(world: &World, bounds: Bounds, rows: usize) -> Result<(), TestCaseError> {
    // A live engine holds two sets of facts.
    let twice = Bounds { facts_bytes: bounds.facts_bytes * 2, ..bounds };
    let (expected, _) = at_once(bounds, &world.events);
    let mut guard = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, engine) = &mut *guard;
    engine.forget();
    engine.bound(twice);
    let mut told = std::collections::BTreeMap::<FindingId, Finding>::new();
    let mut apply = |changes: Changes| {
        told.extend(changes.findings.into_iter().map(|finding| (finding.id, finding)));
    };
    let mut newest = EventTime::MIN;
    for (events, watermark) in jittered(world, &[0, 5 * SEC, 25 * SEC], rows).batches {
        runtime.block_on(engine.push(&world::rows(&events).to_batch())).expect("rows fit their tables");
        newest = events.iter().map(Event::time).fold(newest, EventTime::max);
        apply(runtime.block_on(engine.provisional()).expect("the rules run"));
        if let Some(watermark) = watermark {
            apply(runtime.block_on(engine.advance(watermark)).expect("the rules run"));
        }
    }
    apply(runtime.block_on(engine.advance(newest.plus_nanos(1))).expect("the rules run"));
    engine.bound(Bounds::default());
    let standing: Vec<FindingId> = told
        .values()
        .filter(|finding| finding.state == FindingState::Confirmed)
        .map(|finding| finding.id)
        .collect();
    let mut ids: Vec<FindingId> = expected.findings.iter().map(|finding| finding.id).collect();
    ids.sort_unstable();
    prop_assert_eq!(standing, ids, "STREAM-5 is broken");
    Ok(())
}

/// One fake credential after the other, from the address of `from`.
fn fakes(from: usize, count: usize) -> impl Iterator<Item = Event> {
    (0..count).map(move |number| {
        let Event::Assertion(used) = world::presented(number, (0, from, 1, 0, false)) else {
            unreachable!("a use is an assertion")
        };
        Event::Assertion(Box::new(IdentityAssertion {
            event_id: EventId::of(&[b"fake", &number.to_le_bytes()]),
            event_time: world::at(100).plus_nanos(i64::try_from(number).expect("small") * SEC / 100),
            credential_id: Some(format!("JTI=fake-{number:032x}")),
            location: format!("fake:{number}"),
            subject: None,
            decision: Decision::Deny,
            ..*used
        }))
    })
}

/// Scenario: a host floods the log with fake credential ids, while a token of another host, issued before the flood, is
/// used off its place at its beginning and at its end. Guarantees: the facts stay below their bound, the theft is found with
/// both uses and is never withdrawn, and the gaps name the flooder and nobody else.
#[test]
fn a_flood_pushes_nobody_else_out() {
    let asked = std::env::var("OFFBOUND_FLOOD").ok().and_then(|count| count.parse().ok());
    let flood = asked.unwrap_or(FLOOD);
    let last = 100 + i64::try_from(flood / 100).expect("small");
    let mut events: Vec<Event> = (0..world::PODS).map(|pod| world::placement(pod, 0)).collect();
    events.push(world::issue(1));
    events.push(world::presented(900_001, (1, 1, 1, 50, true)));
    // Pod 1 is on host h1. The flood comes from pod 2, on h2; the thief sits in pod 0, on h0.
    events.push(world::presented(900_002, (1, 0, 1, 90, true)));
    events.extend(fakes(2, flood));
    events.push(world::presented(900_003, (1, 0, 1, last + 10, true)));
    let bounds = Bounds { retention_nanos: 30 * 24 * 3_600 * SEC, facts_bytes: 80_000, ..UNBOUNDED };
    let runtime = runtime();
    let mut engine =
        runtime.block_on(Engine::new(environment(), &rules())).expect("the rules can be planned");
    engine.bound(bounds);
    events.sort_by_key(Event::key);
    for chunk in events.chunks(500) {
        runtime.block_on(engine.push(&world::rows(chunk).to_batch())).expect("rows fit their tables");
        let until = chunk.last().map(Event::time).expect("a chunk has events");
        runtime.block_on(engine.seal(until)).expect("the rules run");
        let bytes: usize = engine.tracked().bytes.iter().map(|(_, bytes)| bytes).sum();
        assert!(bytes <= bounds.facts_bytes, "{bytes} bytes: {:?}", engine.tracked());
    }
    let judged = runtime.block_on(engine.judge()).expect("the rules run");
    let thefts: Vec<&Finding> = judged.findings.iter().filter(|finding| finding.rule == "CT-101").collect();
    let [theft] = thefts.as_slice() else { panic!("{:?}", judged.findings) };
    assert_eq!((theft.count, theft.first_time, theft.last_time), (2, world::at(90), world::at(last + 10)));
    let scopes: std::collections::BTreeSet<&str> = judged.gaps.iter().map(|gap| gap.scope.as_str()).collect();
    assert_eq!(scopes.into_iter().collect::<Vec<_>>(), ["host:h2"], "{:?}", judged.gaps);
    let lost: u64 = judged.gaps.iter().filter_map(|gap| gap.lost).sum();
    assert!(lost > flood as u64 / 2, "{lost} rows");
}

/// Scenario: a theft, then quiet for longer than facts are kept, then other events. Guarantees: what was found stays as it
/// was, although nothing of it is held any more, and nothing is called a gap.
#[test]
fn age_takes_nothing_back() {
    let early = [
        world::placement(0, 0),
        world::placement(1, 0),
        world::issue(0),
        world::presented(0, (0, 1, 2, 100, true)),
    ];
    let later: Vec<Event> =
        (0..40).map(|n| world::presented(1_000 + n, (3, 3, 1, 500 + 60 * n as i64, true))).collect();
    let bounds = Bounds { retention_nanos: 700 * SEC, facts_bytes: usize::MAX, ..UNBOUNDED };
    let (before, _) = at_once(UNBOUNDED, &early);
    let all: Vec<Event> = early.iter().chain(&later).cloned().collect();
    let (after, given_up) = at_once(bounds, &all);
    for finding in &before.findings {
        assert!(after.findings.contains(finding), "{} is gone or other: {:?}", finding.rule, after.findings);
    }
    assert!(before.findings.iter().any(|finding| finding.rule == "CT-102"), "{:?}", before.findings);
    assert!(after.gaps.is_empty() && given_up == 0, "{:?}", after.gaps);
}
