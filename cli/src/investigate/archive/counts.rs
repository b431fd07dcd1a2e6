//! How much was recorded on each lane in each cell, and where not all could be.
//!
//! In: lanes and cells. Out: counts, and stretches that were not observed. Owns: one question to each event table,
//! whatever the number of lanes. Law: an event counts once on each lane that it is of.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::EventTime;
use offbound_schemas::record::Gap;
use offbound_schemas::table::{host_events, identity_assertions};
use offbound_schemas::vocabulary::{Decision, Outcome, Phase};
use offbound_store::EventTable;
use offbound_tui::{Count, Counts, CountsRequest, LaneCounts, LaneOf, Window};

use super::Asking;
use super::lanes::{Marks, Pick, keys, texts};
use super::sql::{Numbers, Texts, event_time, first_and_last, one_of, within};
use crate::exit::Failure;

/// Source of gaps that are of our own memory, not of what was recorded.
const OWN_GAPS: &str = "facts:";
/// Scope of gaps of which nobody knows whose they are.
const OF_SOURCES: &str = "source:";

/// Answers a request.
pub(super) fn answer(asking: &Asking<'_>, request: &CountsRequest) -> Result<Counts, Failure> {
    let marks = texts(asking, &request.lanes)?;
    let mut cells: Vec<BTreeMap<u32, Count>> = vec![BTreeMap::new(); marks.len()];
    for table in EventTable::ALL {
        count(asking, table, request.window, &marks, &mut cells)?;
    }
    let heard = heard(asking, &marks)?;
    let gaps = asking.store()?.gaps()?;
    let lanes = cells.into_iter().zip(&marks).zip(&request.lanes);
    let lanes = lanes.map(|((counts, marks), of)| {
        let unseen = unseen(of, marks, &heard, &gaps);
        let within = |part: &(EventTime, EventTime, String)| request.window.cells_of(part.0, part.1);
        let shown: Vec<_> = unseen.iter().filter(|part| within(part).is_some()).collect();
        let why: BTreeSet<&String> = shown.iter().map(|(_, _, why)| why).collect();
        LaneCounts {
            counts: counts.into_iter().collect(),
            unseen: shown.iter().filter_map(|part| within(part)).collect(),
            why_unseen: why.into_iter().cloned().collect(),
        }
    });
    Ok(Counts { window: request.window, lanes: lanes.collect() })
}

/// Adds what a table has of these lanes.
fn count(
    asking: &Asking<'_>,
    table: EventTable,
    window: Window,
    marks: &[Marks],
    cells: &mut [BTreeMap<u32, Count>],
) -> Result<(), Failure> {
    if !marks.iter().any(|marks| marks.has_any(table)) {
        return Ok(());
    }
    let keys = keys(table);
    let names: Vec<String> = (0..keys.len()).map(|at| format!("key_{at}")).collect();
    let named: Vec<String> =
        keys.iter().zip(&names).map(|(key, name)| format!("{} AS {name}", named(key, marks))).collect();
    let is_named: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
    let takes_all = marks.iter().any(|marks| marks.all_of == Some(table));
    let [issued, revoked, denied] = kinds(table);
    let sql = format!(
        "SELECT {keys}, cell, count(*), sum(issued), sum(revoked), sum(denied) FROM (SELECT {named}, \
         (arrow_cast({event_time}, 'Int64') - {from}) / {length} AS cell, {issued} AS issued, {revoked} AS revoked, \
         {denied} AS denied FROM {table} WHERE {span}) WHERE {wanted} GROUP BY {keys}, cell",
        keys = names.join(", "),
        named = named.join(", "),
        from = window.from.0,
        length = window.cell_nanos,
        table = table.name(),
        span = within(event_time, window.span()),
        wanted = if takes_all { "true".to_owned() } else { is_named.join(" OR ") },
    );
    for batch in asking.rows(sql)? {
        let texts = (0..keys.len()).map(|at| Texts::of(&batch, at)).collect::<Result<Vec<_>, _>>()?;
        let number = |at: usize| Numbers::of(&batch, keys.len() + at);
        let (cell, all, issued, revoked, denied) =
            (number(0)?, number(1)?, number(2)?, number(3)?, number(4)?);
        for row in 0..batch.num_rows() {
            let values: Vec<Option<&str>> = texts.iter().map(|texts| texts.get(row)).collect();
            let Some(at) = cell.get(row).and_then(|cell| u32::try_from(cell).ok()) else { continue };
            for (marks, cells) in marks.iter().zip(cells.iter_mut()) {
                if marks.names(table, &keys, &values) {
                    let count = cells.entry(at).or_default();
                    count.records += all.count(row);
                    count.issued += issued.count(row);
                    count.revoked += revoked.count(row);
                    count.denied += denied.count(row);
                }
            }
        }
    }
    Ok(())
}

/// A key column, where it is one that a lane is known by; else null, so that groups are few.
fn named((column, pick): &(String, Pick), marks: &[Marks]) -> String {
    let texts: BTreeSet<&String> = marks.iter().flat_map(pick).collect();
    let texts: Vec<String> = texts.into_iter().cloned().collect();
    match one_of(column, &texts) {
        Some(condition) => format!("CASE WHEN {condition} THEN {column} END"),
        None => "CAST(NULL AS VARCHAR)".to_owned(),
    }
}

/// Whether one was issued, revoked, refused, as 1 or 0.
fn kinds(table: EventTable) -> [String; 3] {
    let is = |column: &str, words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let condition = one_of(column, &words).unwrap_or_else(|| "false".to_owned());
        format!("CASE WHEN {condition} THEN 1 ELSE 0 END")
    };
    let none = || "0".to_owned();
    match table {
        EventTable::HostEvents => {
            use host_events::column::outcome;
            [none(), none(), is(outcome, &[Outcome::Denied.as_str(), Outcome::Killed.as_str()])]
        }
        EventTable::IdentityAssertions => {
            use identity_assertions::column::{decision, phase};
            let issued = [Phase::Issue.as_str(), Phase::Renew.as_str(), Phase::Exchange.as_str()];
            [
                is(phase, &issued),
                is(phase, &[Phase::Revoke.as_str()]),
                is(decision, &[Decision::Deny.as_str()]),
            ]
        }
        EventTable::Placements => [none(), none(), none()],
    }
}

/// First and last host event of a host in the whole store.
type Heard = BTreeMap<String, (EventTime, EventTime)>;

fn heard(asking: &Asking<'_>, marks: &[Marks]) -> Result<Heard, Failure> {
    use host_events::column::host;
    let hosts: BTreeSet<&String> = marks.iter().flat_map(|marks| &marks.hosts).collect();
    let hosts: Vec<String> = hosts.into_iter().cloned().collect();
    let Some(wanted) = one_of(host, &hosts) else { return Ok(Heard::new()) };
    let sql = format!(
        "SELECT {host}, {times} FROM {table} WHERE {wanted} GROUP BY {host}",
        times = first_and_last(),
        table = host_events::NAME
    );
    let mut heard = Heard::new();
    for batch in asking.rows(sql)? {
        let (names, first, last) = (Texts::of(&batch, 0)?, Numbers::of(&batch, 1)?, Numbers::of(&batch, 2)?);
        for row in 0..batch.num_rows() {
            if let (Some(name), Some(first), Some(last)) = (names.get(row), first.get(row), last.get(row)) {
                heard.insert(name.to_owned(), (EventTime(first), EventTime(last)));
            }
        }
    }
    Ok(heard)
}

/// The stretches in which not all of a lane was observed, and why.
fn unseen(of: &LaneOf, marks: &Marks, heard: &Heard, gaps: &[Gap]) -> Vec<(EventTime, EventTime, String)> {
    let mut parts = Vec::new();
    for host in &marks.hosts {
        match heard.get(host) {
            None => parts.push((EventTime::MIN, EventTime::MAX, format!("no host event of {host} at all"))),
            Some((first, last)) => {
                let before = format!("no host event of {host} before {first}");
                parts.push((EventTime::MIN, first.plus_nanos(-1), before));
                parts.push((
                    last.plus_nanos(1),
                    EventTime::MAX,
                    format!("no host event of {host} after {last}"),
                ));
            }
        }
    }
    if marks.is_cut {
        let why = "the workload has more pods than are looked up: host events of the others are not counted";
        parts.push((EventTime::MIN, EventTime::MAX, why.to_owned()));
    }
    let scopes: BTreeSet<String> = marks
        .hosts
        .iter()
        .map(|host| format!("host:{host}"))
        .chain(marks.pods.iter().map(|pod| format!("pod:{pod}")))
        .collect();
    let is_of_hosts = *of == LaneOf::HostEvents || !scopes.is_empty();
    let is_affected = |gap: &&Gap| {
        let is_anybodys = gap.scope.starts_with(OF_SOURCES) || *of == LaneOf::HostEvents;
        !gap.source.starts_with(OWN_GAPS) && (scopes.contains(&gap.scope) || (is_of_hosts && is_anybodys))
    };
    parts.extend(gaps.iter().filter(is_affected).map(|gap| {
        let lost = gap.lost.map_or_else(|| "an unknown number".to_owned(), |lost| lost.to_string());
        let why = format!("{} of {}: {} ({lost} lost)", gap.source, gap.scope, gap.reason);
        (gap.from, gap.to, why)
    }));
    parts
}
