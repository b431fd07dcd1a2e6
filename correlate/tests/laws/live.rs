//! The live side: whoever applies all changes holds what one judgement of the same events gives.
//!
//! In: random worlds, delivered in any order within the bound, cut anyhow, with repetitions, with a look ahead of the
//! watermark now and then. Out: equality with a fresh judgement; revisions and states that make sense.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use offbound_correlate::{Again, Bounds, Changes, Engine, Judgement};
use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::vocabulary::FindingState;
use offbound_schemas::{EventId, EventTime, FindingId, IncidentId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use tokio::runtime::Runtime;

use crate::scenarios::{self, worlds};
use crate::world::{self, Event, World, world};
use crate::{at_once, config, environment, rules, runtime};

/// Each of these cases asks for changes some thirty times; `PROPTEST_CASES` asks for more of them.
const LIVE_CASES: u32 = 12;

fn live_config() -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    Config { cases: asked.unwrap_or(LIVE_CASES), ..config() }
}

pub(crate) static LIVE: LazyLock<Mutex<(Runtime, Engine)>> = LazyLock::new(|| {
    let runtime = runtime();
    let engine = runtime.block_on(Engine::live(environment(), &rules())).expect("the rules can be planned");
    Mutex::new((runtime, engine))
});

/// One incident at a time has its turn.
const ONE: Again = Again { at_most: 1, begins_round: true };

/// What somebody holds who applies every change.
#[derive(Debug, Default)]
struct Held {
    findings: BTreeMap<FindingId, Finding>,
    incidents: BTreeMap<IncidentId, Incident>,
    late: u64,
}

impl Held {
    fn apply(&mut self, changes: Changes) -> Result<(), TestCaseError> {
        let Changes { findings, incidents, dissolved, gaps: _, late } = changes;
        for finding in findings {
            let known = self.findings.get(&finding.id);
            let expected = known.map_or(1, |known| known.revision + 1);
            prop_assert_eq!(finding.revision, expected, "revisions of {} do not count up", finding.id);
            let news =
                known.is_none_or(|known| Finding { revision: finding.revision, ..known.clone() } != finding);
            prop_assert!(news, "{} was published again without a change", finding.id);
            self.findings.insert(finding.id, finding);
        }
        for id in dissolved {
            prop_assert!(self.incidents.remove(&id).is_some(), "incident {} was never published", id);
        }
        for incident in incidents {
            self.incidents.insert(incident.id, incident);
        }
        self.late += late;
        Ok(())
    }

    /// As a judgement would list it. Revision and merging describe the publishing, and how long a credential is still
    /// good for is told as of then.
    fn standing(&self) -> Result<(Vec<Finding>, Vec<Incident>), TestCaseError> {
        let standing = self.findings.values().filter(|finding| finding.state != FindingState::Withdrawn);
        let mut findings = Vec::new();
        for finding in standing {
            prop_assert_eq!(finding.state, FindingState::Confirmed, "{} stays provisional", finding.id);
            findings.push(Finding { revision: 1, ..finding.clone() });
        }
        findings.sort_by_key(|finding| (finding.first_time, finding.id));
        let mut incidents: Vec<Incident> = self.incidents.values().cloned().collect();
        incidents.sort_by_key(|incident| (incident.onset, incident.id));
        Ok((findings, lasting(incidents)))
    }
}

fn lasting(mut incidents: Vec<Incident>) -> Vec<Incident> {
    for incident in &mut incidents {
        incident.merged_from.clear();
        for exposure in &mut incident.residual_exposure {
            exposure.seconds = exposure.seconds.map(|seconds| seconds.min(1));
        }
    }
    incidents
}

/// How a world is delivered: each event's delay, rows per batch, how many may wait as they came, where it is looked at ahead
/// or sealed, where looking ahead rests (0) and goes on (1).
#[derive(Debug, Clone)]
struct Course {
    jitter: Vec<i64>,
    rows: usize,
    loose_rows: usize,
    looks: Vec<bool>,
    seals: Vec<bool>,
    rests: Vec<u8>,
    again: Vec<prop::sample::Index>,
}

fn course() -> impl Strategy<Value = Course> {
    let jitter = prop::collection::vec(0i64..world::LATENESS_NANOS, 64);
    let looks = prop::collection::vec(any::<bool>(), 16);
    let seals = prop::collection::vec(any::<bool>(), 16);
    let rests = prop::collection::vec(0u8..5, 16);
    let again = prop::collection::vec(any::<prop::sample::Index>(), 0..20);
    let sizes = (1usize..20, prop::sample::select(vec![0, usize::MAX]));
    let all = (jitter, sizes, looks, seals, rests, again);
    all.prop_map(|(jitter, (rows, loose_rows), looks, seals, rests, again)| Course {
        jitter,
        rows,
        loose_rows,
        looks,
        seals,
        rests,
        again,
    })
}

impl Course {
    /// The events as they arrive: late by less than the bound, some of them twice.
    fn arrival(&self, world: &World) -> Vec<Event> {
        let repeated = self.again.iter().map(|index| index.get(&world.events).clone());
        let all = world.events.iter().cloned().chain(repeated).enumerate();
        let late = |(index, event): (usize, Event)| {
            let jitter = self.jitter.get(index % self.jitter.len()).copied().unwrap_or_default();
            (event.time().0 + jitter, event)
        };
        let mut arrival: Vec<(i64, Event)> = all.map(late).collect();
        arrival.sort_by_key(|(arrived, event)| (*arrived, event.key()));
        arrival.into_iter().map(|(_, event)| event).collect()
    }
}

/// Runs a course; gives what an observer holds at the end.
fn run(world: &World, course: &Course) -> Result<Held, TestCaseError> {
    let mut guard = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, engine) = &mut *guard;
    engine.forget();
    engine.bound(Bounds { loose_rows: course.loose_rows, ..Bounds::default() });
    let mut held = Held::default();
    let mut newest = EventTime::MIN;
    for (index, events) in course.arrival(world).chunks(course.rows).enumerate() {
        runtime.block_on(engine.push(&world::rows(events).to_batch())).expect("rows fit their tables");
        newest = events.iter().map(Event::time).fold(newest, EventTime::max);
        match course.rests.get(index % course.rests.len()) {
            Some(0) => engine.rest(),
            Some(1) => runtime.block_on(engine.resume()).expect("rows fit their tables"),
            _ => {}
        }
        if course.looks.get(index % course.looks.len()) == Some(&true) {
            // Most looks are short ones, which leave incidents for the next.
            let changes = match index % 3 {
                0 => runtime.block_on(engine.provisional()),
                1 => runtime.block_on(engine.glance(ONE)),
                _ => runtime.block_on(engine.glance(Again { begins_round: false, ..ONE })),
            };
            held.apply(changes.expect("the rules run"))?;
        }
        if course.seals.get(index % course.seals.len()) == Some(&true) {
            let watermark = newest.plus_nanos(-world::LATENESS_NANOS);
            let changes = if index % 2 == 0 {
                runtime.block_on(engine.advance(watermark))
            } else {
                runtime.block_on(engine.advance_by_turns(watermark, ONE))
            };
            held.apply(changes.expect("the rules run"))?;
        }
    }
    let mut is_new = true;
    while std::mem::take(&mut is_new) || engine.owes_turns() {
        let turn = runtime.block_on(engine.advance_by_turns(newest.plus_nanos(1), ONE));
        held.apply(turn.expect("the rules run"))?;
    }
    let again = runtime.block_on(engine.advance(newest.plus_nanos(1))).expect("the rules run");
    prop_assert!(again.is_empty(), "without new events, changes were told: {:?}", again);
    Ok(held)
}

/// What a look ahead says when so many of a hundred parts of a world are sealed, after `first` was done to the engine.
fn looks_after(
    world: &World,
    sealed: usize,
    first: impl Fn(&mut Engine),
) -> Result<(Vec<Finding>, Vec<Incident>), TestCaseError> {
    let mut guard = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, engine) = &mut *guard;
    engine.forget();
    engine.bound(Bounds {
        loose_rows: if sealed.is_multiple_of(2) { 0 } else { usize::MAX },
        ..Bounds::default()
    });
    first(engine);
    runtime.block_on(engine.push(&world::rows(&world.events).to_batch())).expect("rows fit their tables");
    let watermark = world.events.get(world.events.len() * sealed / 100).map(Event::time);
    if let Some(watermark) = watermark {
        runtime.block_on(engine.advance(watermark)).expect("the rules run");
    }
    runtime.block_on(engine.resume()).expect("rows fit their tables");
    let changes = runtime.block_on(engine.provisional()).expect("the rules run");
    prop_assert!(changes.dissolved.is_empty());
    Ok((changes.findings, lasting(changes.incidents)))
}

fn check(world: &World, course: &Course) -> Result<(), TestCaseError> {
    let Judgement { findings, incidents, .. } = at_once(&world.events);
    let held = run(world, course)?;
    prop_assert_eq!(held.late, 0);
    let (live_findings, live_incidents) = held.standing()?;
    prop_assert_eq!(findings, live_findings, "STREAM-5 is broken");
    prop_assert_eq!(lasting(incidents), live_incidents, "STREAM-5 is broken");
    Ok(())
}

/// Scenario: a token is seen at another pod's address; then it arrives that this address had moved to the token's own pod
/// before. Guarantees: what was told ahead is taken back under its own ids, with the next revision, and nothing stays.
#[test]
fn what_was_told_too_early_is_withdrawn() {
    let mut guard = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, engine) = &mut *guard;
    engine.forget();
    engine.bound(Bounds::default());
    let early = [
        world::placement(0, 0),
        world::placement(1, 0),
        world::issue(0),
        world::presented(0, (0, 1, 2, 100, true)),
    ];
    runtime.block_on(engine.push(&world::rows(&early).to_batch())).expect("rows fit their tables");
    let told = runtime.block_on(engine.provisional()).expect("the rules run").findings;
    let ids: Vec<FindingId> = told.iter().map(|finding| finding.id).collect();
    assert!(told.iter().any(|finding| finding.rule == "CT-102"), "{told:?}");
    assert!(told.iter().all(|finding| finding.state == FindingState::Provisional), "{told:?}");
    let moved = |event: Event, id: &[u8], change: fn(&mut offbound_schemas::table::Placement)| {
        let Event::Placement(mut row) = event else { panic!("it is a placement") };
        (row.event_id, row.event_time) = (EventId::of(&[id]), world::at(90));
        change(&mut row);
        Event::Placement(row)
    };
    let late = [
        moved(world::placement(1, 0), b"gone", |row| row.end = Some(world::at(80))),
        moved(world::placement(0, 0), b"come", |row| row.addresses.push("10.0.0.1".to_owned())),
    ];
    runtime.block_on(engine.push(&world::rows(&late).to_batch())).expect("rows fit their tables");
    let changes = runtime.block_on(engine.advance(world::at(200))).expect("the rules run");
    let withdrawn: Vec<FindingId> = changes.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(withdrawn, ids);
    for finding in changes.findings {
        assert_eq!((finding.state, finding.revision), (FindingState::Withdrawn, 2));
    }
    assert!(runtime.block_on(engine.provisional()).expect("the rules run").is_empty());
}

proptest! {
    #![proptest_config(live_config())]

    /// Scenario: a run ends; the next one is given what it published, and its events again. Guarantees: nothing is told
    /// twice, and revisions go on.
    #[test]
    fn a_restart_tells_only_differences(world in world(), course in course()) {
        let held = run(&world, &course)?;
        let mut guard = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
        let (runtime, engine) = &mut *guard;
        engine.forget();
        engine.bound(Bounds::default());
        let findings: Vec<Finding> = held.findings.values().cloned().collect();
        let incidents: Vec<Incident> = held.incidents.values().cloned().collect();
        engine.restore(&findings, &incidents);
        runtime.block_on(engine.push(&world::rows(&world.events).to_batch())).expect("rows fit their tables");
        let end = world.events.iter().map(Event::time).fold(EventTime::MIN, EventTime::max).plus_nanos(1);
        runtime.block_on(engine.seal(end)).expect("rows fit their tables");
        let changes = runtime.block_on(engine.advance(end)).expect("the rules run");
        prop_assert_eq!((changes.findings, changes.incidents, changes.dissolved), Default::default());
    }

    /// Scenario: a world comes in order, and a part of it is sealed; looking ahead was kept all along, or rested until
    /// then. Guarantees: the look says the same.
    #[test]
    fn looking_ahead_resumes_where_it_would_be(world in world(), sealed in 0usize..100) {
        let told = looks_after(&world, sealed, |_| {})?;
        let rested = looks_after(&world, sealed, Engine::rest)?;
        prop_assert_eq!(told, rested);
    }

    /// Scenario: a world is delivered in any order within the bound, in batches, repeated in part, looked at ahead of the
    /// watermark and sealed at any moments; looking ahead rests now and then. Guarantees: STREAM-5, nothing is told twice,
    /// revisions count up.
    #[test]
    fn stream_5_changes_add_up(world in world(), course in course()) {
        check(&world, &course)?;
    }

    /// Scenario: credentials whose names and subjects are told after their uses. Guarantees: STREAM-5.
    #[test]
    fn stream_5_late_names(world in worlds(&scenarios::NAMES), course in course()) {
        check(&world, &course)?;
    }

    /// Scenario: pods that end, move and are told of late, nodes with several names. Guarantees: STREAM-5.
    #[test]
    fn stream_5_moving_pods(world in worlds(&scenarios::MOVES), course in course()) {
        check(&world, &course)?;
    }

    /// Scenario: agents and entries come to be known after the SVIDs that they hand out. Guarantees: STREAM-5.
    #[test]
    fn stream_5_agents_and_entries(world in worlds(&scenarios::AGENTS), course in course()) {
        check(&world, &course)?;
    }

    /// Scenario: workloads that are refused alone and in crowds. Guarantees: STREAM-5.
    #[test]
    fn stream_5_probes_and_crowds(world in worlds(&scenarios::PROBES), course in course()) {
        check(&world, &course)?;
    }

    /// Scenario: commands and readers that become routine, acts that two sensors record. Guarantees: STREAM-5.
    #[test]
    fn stream_5_habits(world in worlds(&scenarios::HABITS), course in course()) {
        check(&world, &course)?;
    }

    /// Scenario: metadata services are called by agents and intruders, what they hand out is used anywhere, and machines get
    /// other names. Guarantees: STREAM-5.
    #[test]
    fn stream_5_machines(world in worlds(&scenarios::MACHINES), course in course()) {
        check(&world, &course)?;
    }

    /// Scenario: containers are left, late known to be whose, and the other identities of their hosts are used.
    /// Guarantees: STREAM-5.
    #[test]
    fn stream_5_escapes(world in worlds(&scenarios::ESCAPES), course in course()) {
        check(&world, &course)?;
    }

    /// Scenario: weeks in which workloads rest and awake, and some uses are late known to be whose. Guarantees: STREAM-5.
    #[test]
    fn stream_5_rests(world in worlds(&scenarios::RESTS), course in course()) {
        check(&world, &course)?;
    }

    /// Scenario: credentials that expire, are revoked, or never end. Guarantees: STREAM-5.
    #[test]
    fn stream_5_ends(world in worlds(&scenarios::ENDS), course in course()) {
        check(&world, &course)?;
    }
}
