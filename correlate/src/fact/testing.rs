//! Facts out of rows of text, for the tests of folds.
//!
//! In: what rows hold unless they say otherwise, and rows, as `examples::text` has them. Out: the facts that they make.

use offbound_schemas::table::{host_events, identity_assertions};
use offbound_schemas::{EventId, EventTime};

use super::Facts;
use crate::environment::Environment;
use crate::examples::text::Tables;

/// Folds rows in the order of their times, as the engine does.
pub(super) fn in_order(defaults: &str, rows: &str) -> Facts {
    folded(defaults, rows, true)
}

/// Folds rows as they stand.
pub(super) fn as_they_stand(defaults: &str, rows: &str) -> Facts {
    folded(defaults, rows, false)
}

/// Rows of one table, of which each line says only what is in it.
pub(super) fn rows_of<'r>(table: &str, rows: impl IntoIterator<Item = &'r str>) -> String {
    rows.into_iter().map(|row| format!("{table}: {row}\n")).collect()
}

fn folded(defaults: &str, rows: &str, is_sorted: bool) -> Facts {
    let mut tables = Tables::with_defaults(defaults).expect("the defaults are well formed");
    tables.add(rows).expect("the rows are well formed");
    let (environment, mut facts) = (Environment::default(), Facts::default());
    let order = |count: usize, key: &dyn Fn(usize) -> (EventTime, EventId)| {
        let mut order: Vec<usize> = (0..count).collect();
        if is_sorted {
            order.sort_by_key(|row| key(*row));
        }
        order
    };
    let batch = tables.batch(host_events::NAME).expect("the rows fit the table");
    let view = host_events::View::new(&batch).expect("it is that table");
    for row in order(view.len(), &|row| (view.event_time(row), view.event_id(row))) {
        facts.host_event(&view, row);
    }
    let batch = tables.batch(identity_assertions::NAME).expect("the rows fit the table");
    let view = identity_assertions::View::new(&batch).expect("it is that table");
    for row in order(view.len(), &|row| (view.event_time(row), view.event_id(row))) {
        facts.assertion(&environment, &view, row);
    }
    facts
}
