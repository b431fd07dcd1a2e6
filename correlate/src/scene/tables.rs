//! The scene's tables in Arrow: what rules select from.
//!
//! In: a scene. Out: batches per table.
//! Owns: the batch size. Law: rows are made a batch at a time, so that a large scene is never held twice.

use arrow::array::RecordBatch;
use offbound_schemas::table::{
    Coverage, GapRow, Use, bindings, coverage, gaps, issues, signals, taints, uses,
};

use super::Scene;
use super::uses::Reading;
use crate::fact::coverage::Kind;
use crate::fact::signal::Sign;
use crate::fact::usage::Usage;

/// Rows per batch.
const BATCH_ROWS: usize = 8_192;

/// The names of the tables that rules may read.
pub(crate) const RULE_TABLES: &[&str] =
    &[uses::NAME, signals::NAME, taints::NAME, bindings::NAME, issues::NAME, coverage::NAME, gaps::NAME];

/// The batches of one table.
pub(crate) fn batches(scene: &Scene<'_>, table: &str) -> Vec<RecordBatch> {
    match table {
        uses::NAME => use_batches(scene, &(0..scene.facts.uses.len()).collect::<Vec<_>>()),
        signals::NAME => sign_batches(scene, &scene.facts.signals.all().iter().collect::<Vec<_>>()),
        taints::NAME => vec![taints::to_batch(&super::taints::rows(scene, scene.facts.signals.all()))],
        bindings::NAME => chunked(
            &(0..scene.facts.bindings.len()).collect::<Vec<_>>(),
            |place| super::bindings::row(scene, &scene.facts.bindings.at(*place)?),
            |rows| bindings::to_batch(rows),
        ),
        issues::NAME => issue_batches(scene, &scene.facts.bindings.overlong().collect::<Vec<_>>()),
        coverage::NAME => vec![coverage::to_batch(&coverage_rows(scene))],
        gaps::NAME => vec![gaps::to_batch(&gap_rows(scene))],
        _ => Vec::new(),
    }
}

/// The batches of some uses, given by their places.
pub(crate) fn use_batches(scene: &Scene<'_>, places: &[usize]) -> Vec<RecordBatch> {
    let rows = |place: &usize| {
        let usage = scene.facts.uses.get(*place).filter(Usage::stands);
        usage.map(|usage| brief_rows(scene, &usage)).into_iter().flatten()
    };
    chunked(places, rows, |rows| uses::to_batch(rows))
}

fn brief_rows(scene: &Scene<'_>, usage: &Usage) -> Vec<Use> {
    Reading::briefly(scene, usage).iter().map(|reading| reading.row(scene)).collect()
}

/// The batches of those of some credentials that were issued for too long.
pub(crate) fn issue_batches(scene: &Scene<'_>, places: &[usize]) -> Vec<RecordBatch> {
    let row = |place: &usize| super::issues::row(scene, &scene.facts.bindings.at(*place)?);
    chunked(places, row, |rows| issues::to_batch(rows))
}

/// The batches of some signs.
pub(crate) fn sign_batches(scene: &Scene<'_>, signs: &[&Sign]) -> Vec<RecordBatch> {
    chunked(signs, |sign| [super::signals::row(scene, sign)], |rows| signals::to_batch(rows))
}

fn chunked<T, R, I: IntoIterator<Item = R>>(
    items: &[T],
    rows: impl Fn(&T) -> I,
    batch: impl Fn(&[R]) -> RecordBatch,
) -> Vec<RecordBatch> {
    let chunks = items.chunks(BATCH_ROWS);
    chunks.map(|chunk| batch(&chunk.iter().flat_map(&rows).collect::<Vec<R>>())).collect()
}

fn coverage_rows(scene: &Scene<'_>) -> Vec<Coverage> {
    let names = &scene.facts.names;
    let sorted = scene.facts.coverage.sorted();
    let rows =
        sorted.into_iter().flat_map(|(subject, stretches)| stretches.iter().map(move |part| (subject, part)));
    rows.map(|(subject, part)| {
        let (prefix, kind) = match subject.kind {
            Kind::Host => ("host", "host"),
            Kind::Destination => ("destination", "identity"),
        };
        Coverage {
            scope: format!("{prefix}:{}", names.text(subject.scope)),
            source: names.text(subject.source).to_owned(),
            kind: kind.to_owned(),
            from_time: part.from,
            to_time: part.to,
            rows: part.rows,
        }
    })
    .collect()
}

fn gap_rows(scene: &Scene<'_>) -> Vec<GapRow> {
    let gaps = scene.facts.gaps.sorted().into_iter();
    gaps.map(|(gap, location)| GapRow {
        source: gap.source,
        scope: gap.scope,
        from_time: gap.from,
        to_time: gap.to,
        lost: gap.lost,
        reason: gap.reason,
        location: Some(location),
    })
    .collect()
}
