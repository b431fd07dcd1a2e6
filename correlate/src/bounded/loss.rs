//! Losses: gaps that say which rows were given up, whose they were, and of which time.
//!
//! In: a listing after the choice. Out: gap records; the stretch of time in which nobody's absence proves anything.
//! Owns: how many are named. Law: every row that was given up for lack of room is counted in exactly one gap.

use std::collections::BTreeMap;

use offbound_schemas::EventTime;
use offbound_schemas::record::Gap;

use super::rows::{Fate, Listing, Table};
use crate::fact::Facts;
use crate::fact::gap::OTHERS;

/// Holders that are named each time and table: those with the most rows. The others share one gap.
const MAX_NAMED: usize = 32;

/// Rows of one holder: how many, and the time that they are of.
#[derive(Debug, Clone, Copy)]
struct Lost {
    rows: u64,
    from: EventTime,
    to: EventTime,
}

impl Lost {
    fn with(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

/// Adds the gaps of everything that was given up; tells how many rows that was.
pub(super) fn note(facts: &mut Facts, listing: &Listing) -> u64 {
    let mut lost: BTreeMap<(Table, u32), Lost> = BTreeMap::new();
    for row in listing.rows().iter().filter(|row| row.fate == Fate::GivenUp) {
        let (from, to) = listing.span(facts, row);
        let one = Lost { rows: 1, from, to };
        lost.entry((row.table, row.holder)).and_modify(|known| *known = known.with(one)).or_insert(one);
        if row.table == Table::Placements {
            let known = facts.lost_stays.unwrap_or((from, to));
            facts.lost_stays = Some((known.0.min(from), known.1.max(listing.stay_until(facts, row))));
        }
    }
    let rows = lost.values().map(|lost| lost.rows).sum();
    for table in Table::ALL {
        let mut of_table: BTreeMap<String, Lost> = BTreeMap::new();
        for ((_, holder), lost) in lost.iter().filter(|((of, _), _)| of == table) {
            let who = listing.who(*holder).text(&facts.names);
            of_table.entry(who).and_modify(|known| *known = known.with(*lost)).or_insert(*lost);
        }
        let mut holders: Vec<(String, Lost)> = of_table.into_iter().collect();
        holders.sort_by(|(one, a), (other, b)| (b.rows, one).cmp(&(a.rows, other)));
        let others = holders.split_off(holders.len().min(MAX_NAMED));
        let others = others.into_iter().map(|(_, lost)| lost).reduce(Lost::with);
        holders.extend(others.map(|lost| (OTHERS.to_owned(), lost)));
        for (scope, lost) in holders {
            let of_hosts = matches!(table, Table::Signals | Table::Coverage | Table::Lineage);
            facts.gaps.given_up(gap(*table, scope, lost), of_hosts);
        }
    }
    rows
}

fn gap(table: Table, scope: String, lost: Lost) -> Gap {
    Gap {
        record_type: "gap".to_owned(),
        schema: "offbound.gap/1".to_owned(),
        source: format!("facts:{}", table.name()),
        scope,
        from: lost.from,
        to: lost.to,
        lost: Some(lost.rows),
        reason:
            "the bound on the memory of facts was reached: whoever holds the most gives up its oldest rows"
                .to_owned(),
    }
}
