//! Rules over small batches: plans that are kept, beside planning each time; and the live engine's whole round.
//!
//! In: a folder of logs with attacks in them. Out: milliseconds per rule and for the catalogue, on standard output.
//! Law: no time is printed before both ways gave the same candidates, some of them at least.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::concat_batches;
use offbound_bench::{Failure, store_logs};
use offbound_correlate::environment::Environment;
use offbound_correlate::testing::Rules;
use offbound_correlate::{Engine, RuleSet};
use offbound_schemas::table::{signals, taints, uses};
use offbound_store::{Columns, Store};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Rows of each table that a rule is run over, and events of a batch of the engine.
const BATCH_ROWS: usize = 1_000;
/// Runs of each way; their median counts.
const ROUNDS: usize = 101;
/// Batches of the engine that are timed, after everything before them was taken in.
const TIMED_BATCHES: usize = 200;
/// Tables that rules read here.
const TABLES: [&str; 3] = [uses::NAME, signals::NAME, taints::NAME];

type Tables = Vec<(&'static str, Vec<RecordBatch>)>;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: rules FOLDER");
        return ExitCode::from(3);
    };
    match run(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(folder: &str) -> Result<(), Failure> {
    let (mut writer, _reads) = store_logs(Store::temporary()?, &[folder.to_owned()])?;
    writer.flush()?;
    let file = Path::new(folder).join("environment.toml");
    let text = std::fs::read_to_string(&file)?;
    let environment = || {
        Environment::parse(&text, &file.display().to_string())
            .map_err(|_problems| "the environment file is not sound; offbound replay says why")
    };
    let runtime = Builder::new_current_thread().build()?;
    let tables = small(facts(&runtime, environment()?, writer.store())?)?;
    per_rule(&runtime, &tables)?;
    live(&runtime, environment()?, writer.store())
}

/// The facts that the logs lead to.
fn facts(runtime: &Runtime, environment: Environment, store: &Store) -> Result<Tables, Failure> {
    let mut engine = runtime.block_on(Engine::new(environment, &RuleSet::default()))?;
    store.scan_in_order(&Columns::without_text(), BATCH_ROWS, |batch| -> Result<(), Failure> {
        Ok(runtime.block_on(engine.push(&batch))?)
    })?;
    Ok(runtime.block_on(engine.fact_tables(&TABLES))?)
}

/// At most [`BATCH_ROWS`] rows of each table; of the uses those around the first that is not where it belongs.
fn small(tables: Tables) -> Result<Tables, Failure> {
    let mut found = Tables::new();
    for (name, batches) in tables {
        let Some(first) = batches.first() else { continue };
        let whole = concat_batches(&first.schema(), &batches)?;
        let middle = if name == uses::NAME { off_place(&whole) } else { 0 };
        let start = middle.saturating_sub(BATCH_ROWS / 2).min(whole.num_rows().saturating_sub(BATCH_ROWS));
        let rows = whole.slice(start, BATCH_ROWS.min(whole.num_rows() - start));
        println!("{name}: {} of {} rows", rows.num_rows(), whole.num_rows());
        found.push((name, vec![rows]));
    }
    Ok(found)
}

/// The first use that is not where it belongs.
fn off_place(uses: &RecordBatch) -> usize {
    let matches = uses.column_by_name(uses::column::place_match);
    let matches = matches.and_then(|column| column.as_string_view_opt());
    matches.and_then(|cells| cells.iter().position(|cell| cell == Some("mismatch"))).unwrap_or(0)
}

/// Every rule, by kept plan and planned anew, in turns.
fn per_rule(runtime: &Runtime, tables: &Tables) -> Result<(), Failure> {
    let rules = runtime.block_on(Rules::builtin())?;
    let given = |name: &str| {
        tables
            .iter()
            .find(|(table, _)| *table == name)
            .map(|(_, batches)| batches.clone())
            .unwrap_or_default()
    };
    let (mut kept_all, mut anew_all, mut kept_medians, mut candidates) = (0.0, 0.0, Vec::new(), 0);
    for rule in RuleSet::builtin()?.rules() {
        let (mut kept, mut anew) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let (mine, took) = timed(|| runtime.block_on(rules.candidates(&rule.id, given)));
            kept.push(took);
            let (theirs, took) = timed(|| runtime.block_on(rules.candidates_planned_anew(&rule.id, given)));
            anew.push(took);
            let (mine, theirs) = (mine?.unwrap_or_default(), theirs?.unwrap_or_default());
            if mine != theirs {
                return Err(format!("{}: the two ways found different candidates", rule.id).into());
            }
            candidates += if round == 0 { mine.len() } else { 0 };
        }
        let (kept, anew) = (median(&mut kept), median(&mut anew));
        println!("{}: kept {kept:.3} ms, planned anew {anew:.3} ms, ratio {:.1}", rule.id, anew / kept);
        kept_medians.push(kept);
        (kept_all, anew_all) = (kept_all + kept, anew_all + anew);
    }
    if candidates == 0 {
        return Err("no rule found anything: plant attacks in the logs".into());
    }
    let (rules, middle) = (kept_medians.len(), median(&mut kept_medians));
    println!("the median rule {middle:.3} ms, aim 0.2; {candidates} candidates, the same both ways");
    println!(
        "{rules} rules: kept {kept_all:.2} ms, planned anew {anew_all:.2} ms, ratio {:.1}, aim 8",
        anew_all / kept_all
    );
    Ok(())
}

/// What a running stream pays for a batch of events: folding, looking again where something changed, provisional results.
fn live(runtime: &Runtime, environment: Environment, store: &Store) -> Result<(), Failure> {
    let events: u64 = store.contents()?.iter().map(|table| table.rows).sum();
    let batches = usize::try_from(events)?.div_ceil(BATCH_ROWS);
    let mut engine = runtime.block_on(Engine::live(environment, &RuleSet::builtin()?))?;
    let (mut number, mut times) = (0_usize, Vec::new());
    store.scan_in_order(&Columns::without_text(), BATCH_ROWS, |batch| -> Result<(), Failure> {
        let (pushed, folding) = timed(|| runtime.block_on(engine.push(&batch)));
        pushed?;
        number += 1;
        if number + TIMED_BATCHES >= batches {
            let (changes, judging) = timed(|| runtime.block_on(engine.provisional()));
            changes?;
            // The first round looks at everything.
            if number + TIMED_BATCHES > batches {
                times.push(folding + judging);
            }
        }
        Ok(())
    })?;
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    println!(
        "the live engine over {BATCH_ROWS} events, after {events}: median {:.2} ms, 90 % {:.2} ms, most {:.2} ms",
        at(50),
        at(90),
        times.last().copied().unwrap_or_default()
    );
    Ok(())
}

/// What a piece of work gives, and its milliseconds.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed().as_secs_f64() * 1_000.0)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
