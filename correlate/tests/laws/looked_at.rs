//! Uses that no rule looks at have no rows when everything is judged at once: that changes nothing.
//!
//! In: random worlds. Out: equality of what was judged with what the rules select from the rows of all uses.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use offbound_correlate::testing::Rules;
use offbound_correlate::{Engine, FactTable};
use offbound_schemas::FindingId;
use offbound_schemas::table::{signals, taints, uses};
use proptest::prelude::*;
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
    let wanted = [uses::NAME, signals::NAME, taints::NAME];
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
