//! Not everything is looked at when everything is judged at once: uses that no rule asks for have no rows, and an incident
//! goes through the uses and signs of its findings and places only. That changes nothing.
//!
//! In: random worlds. Out: equality of what was judged with what follows from all uses.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use offbound_correlate::testing::{Rules, judge_through_everything};
use offbound_correlate::{Engine, FactTable, Judgement};
use offbound_schemas::FindingId;
use offbound_schemas::table::{issues, signals, taints, uses};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::Config;
use tokio::runtime::Runtime;

use crate::world::{self, Event, world};
use crate::{at_once, config, environment, rules, runtime};

/// Every case runs each rule twice; `worlds_are_not_empty` says that such worlds are worth it.
const LOOKED_AT_CASES: u32 = 64;

/// An engine, and the same rules by themselves.
static WHOLE: LazyLock<Mutex<(Runtime, Engine, Rules)>> = LazyLock::new(|| {
    let runtime = runtime();
    let engine = runtime.block_on(Engine::new(environment(), &rules())).expect("the rules can be planned");
    let rules = runtime.block_on(Rules::builtin()).expect("the rules can be planned");
    Mutex::new((runtime, engine, rules))
});

/// What every rule selects from the rows of all uses and signs, by id.
fn selected(events: &[Event]) -> BTreeSet<FindingId> {
    let mut guard = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, engine, planned) = &mut *guard;
    engine.forget();
    runtime.block_on(engine.push(&world::rows(events).to_batch())).expect("rows fit their tables");
    let wanted = [uses::NAME, signals::NAME, taints::NAME, issues::NAME];
    let tables: Vec<FactTable> = runtime.block_on(engine.fact_tables(&wanted)).expect("facts can be shown");
    let rows = |name: &str| {
        let table = tables.iter().find(|(table, _)| *table == name);
        table.map(|(_, batches)| batches.clone()).unwrap_or_default()
    };
    let mut ids = BTreeSet::new();
    for rule in rules().rules() {
        let candidates = runtime.block_on(planned.candidates(&rule.id, rows)).expect("the rule runs");
        for candidate in candidates.expect("the rule is built in") {
            let parts = [rule.id.as_bytes(), candidate.entity.as_bytes(), candidate.anchor.as_bytes()];
            ids.insert(FindingId::of(&parts));
        }
    }
    ids
}

/// What is judged when each incident goes through all uses and signs.
fn through_everything(events: &[Event]) -> Judgement {
    let mut guard = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, engine, _) = &mut *guard;
    engine.forget();
    runtime.block_on(engine.push(&world::rows(events).to_batch())).expect("rows fit their tables");
    runtime.block_on(judge_through_everything(engine)).expect("everything can be judged")
}

/// Scenario: 64 drawn worlds. Guarantees: several of them have more than one incident, so that the law below has something to
/// leave out.
#[test]
fn worlds_have_several_incidents() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut worlds = 0;
    for _ in 0..64 {
        let world = world().new_tree(&mut runner).expect("a world can be drawn").current();
        worlds += usize::from(at_once(&world.events).incidents.len() > 1);
    }
    assert!(worlds > 8, "{worlds} of 64 have several incidents");
}

proptest! {
    #![proptest_config(Config { cases: LOOKED_AT_CASES, ..config() })]

    /// Scenario: any world, judged at once. Guarantees: its incidents are those that come of going through all uses and signs.
    #[test]
    fn what_incidents_leave_out_changes_nothing(world in world()) {
        crate::check("leaving out", &through_everything(&world.events), &at_once(&world.events))?;
    }
}

proptest! {
    #![proptest_config(Config { cases: LOOKED_AT_CASES, ..config() })]

    /// Scenario: any world, judged at once. Guarantees: its findings are those that the rules select when they are given
    /// all uses.
    #[test]
    fn uses_that_no_rule_looks_at_change_nothing(world in world()) {
        let judged: BTreeSet<FindingId> =
            at_once(&world.events).findings.iter().map(|finding| finding.id).collect();
        prop_assert_eq!(selected(&world.events), judged);
    }
}
