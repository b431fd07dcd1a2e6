//! The moment of a question: what is committed after it began does not show, in any table.

use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use offbound_schemas::record::Gap;
use offbound_schemas::table::{DeadLetter, HostEvent, host_events};
use offbound_schemas::{EventId, EventRows, EventTime};
use offbound_store::Writer;

use super::*;
use crate::hunt::tables::TABLES;
use crate::interrupt::Interrupt;
use crate::judge::{Totals, Window};

/// Commits one event, one dead letter, and so many gaps in place of those before.
fn commit(writer: &mut Writer, number: u8) {
    let event_id = EventId::of(&[&[number]]);
    let event = HostEvent { event_id, event_time: EventTime(i64::from(number)), ..HostEvent::default() };
    let rows = EventRows { host_events: vec![event], ..EventRows::default() };
    writer.append(&rows.to_batch()).expect("the store takes rows");
    let letter = DeadLetter { event_id, location: format!("x.log:{number}"), ..DeadLetter::default() };
    writer.append_dead_letters(&[letter]).expect("the store takes letters");
    let gap = |at: u8| Gap {
        record_type: "gap".to_owned(),
        schema: "offbound.gap/1".to_owned(),
        source: "test".to_owned(),
        scope: at.to_string(),
        from: EventTime(0),
        to: EventTime(1),
        lost: None,
        reason: "made up".to_owned(),
    };
    let gaps: Vec<Gap> = (0..number).map(gap).collect();
    let totals = Totals { bytes: 0, late: 0, from: None, to: None };
    let summary = totals.sum_up(Vec::new(), std::iter::empty(), std::iter::empty());
    writer.commit_results(&[], &[], &gaps, &summary).expect("the store takes conclusions");
}

/// How many rows each table of these gives.
fn counted(tables: &[Source]) -> Vec<(&str, usize)> {
    let counted = tables.iter().map(|(table, rows)| {
        let mut count = 0;
        let (columns, all) = ([host_events::column::event_id], Narrowing::default());
        let read = rows.read(&columns, &all, RowOrder::Canonical, &mut |batch| {
            count += batch.num_rows();
            ControlFlow::Continue(())
        });
        read.expect("the table can be read");
        (table.spec.name, count)
    });
    counted.collect()
}

/// Scenario: tables are taken for a question, then more is committed before any row is read.
/// Guarantees: every table is as it was at the one moment; the next question sees everything.
#[test]
fn a_question_has_one_moment() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let dir = home.path().join("store");
    let mut writer = Store::create(&dir).expect("a store can be made");
    (1..4).for_each(|number| commit(&mut writer, number));
    let sources = Sources {
        store: Some(dir),
        environment: None,
        facts: offbound_correlate::Bounds::default(),
        window: Window { since: None, until: None },
        interrupt: Interrupt::default(),
    };
    let runtime = RuntimeEnvBuilder::new().build().expect("an environment can be made");
    let asked: Vec<Table> = TABLES
        .iter()
        .filter(|table| ["host_events", "gaps", "dead_letters"].contains(&table.spec.name))
        .copied()
        .collect();
    let before = rows_of(&asked, &sources, &runtime).expect("the store can be read");
    (4..6).for_each(|number| commit(&mut writer, number));
    let after = rows_of(&asked, &sources, &runtime).expect("the store can be read");
    assert_eq!(counted(&before), [("host_events", 3), ("gaps", 3), ("dead_letters", 3)]);
    assert_eq!(counted(&after), [("host_events", 5), ("gaps", 5), ("dead_letters", 5)]);
}
