//! Bounded facts: which rows stay when some are too old, or when all together are too large.
//!
//! In: facts, what stands on them, bounds. Out: smaller facts, gaps that say what was lost, and what was told on rows that
//! are gone. Owns: the order: what is too old, then what nothing stands on, then what something stands on.
//! Law: a function of facts and bounds; whoever holds the most gives first, its oldest first.

mod holder;
mod loss;
mod rows;
mod share;

use std::collections::BTreeSet;

use offbound_schemas::EventTime;

use crate::environment::Environment;
use crate::fact::Facts;
use crate::fact::keep::Kept;
use crate::fact::placement::Before;
use crate::place::{PlaceIndex, Places};
use crate::standing::Unit;
use rows::{Fate, Listing, Table};
use share::Item;

/// What is left after facts were too large, in parts of the bound: what is left is looked at anew, so that a quarter more
/// room for the past would cost twice as much for each row that comes.
const LEFT_OF_FOUR: usize = 2;
/// Rounds of measuring and giving up: a text that several rows need is freed only with the last of them.
const MAX_ROUNDS: usize = 8;

/// What facts have to fit into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// What was last heard of before is too old.
    pub(crate) horizon: EventTime,
    /// The most bytes, by logical size.
    pub(crate) bytes: usize,
}

/// Makes facts fit. Gives back what stood on rows that are gone, which stays as it was told, and how many rows there was
/// no room for.
pub(crate) fn shrink(
    environment: &Environment,
    facts: &mut Facts,
    units: Vec<Unit>,
    limits: Limits,
) -> (Vec<Unit>, u64) {
    let (mut standing, mut released): (Vec<Unit>, Vec<Unit>) =
        units.into_iter().partition(|unit| unit.until >= limits.horizon);
    let places = Places::new(
        environment,
        &facts.names,
        &facts.placements,
        (PlaceIndex::default(), &Before::default()),
    );
    let holding = holder::Ground::new(environment, &facts.placements, &places);
    let mut listing = Listing::new(facts, &holding);
    listing.pin(facts, &standing);
    listing.expire(facts, limits.horizon);
    // Texts that nothing needs any more, and what is open to be repeated, are in no row.
    let before = facts.bytes();
    if listing.measure(facts).max(before) > limits.bytes {
        let target = limits.bytes / 4 * LEFT_OF_FOUR;
        fit(facts, &mut listing, (&mut standing, &mut released), target);
    }
    let lost = loss::note(facts, &listing);
    let kept = listing.kept();
    facts.keep(&kept);
    (released, lost)
}

fn fit(
    facts: &mut Facts,
    listing: &mut Listing,
    (standing, released): (&mut Vec<Unit>, &mut Vec<Unit>),
    target: usize,
) {
    for _ in 0..MAX_ROUNDS {
        let excess = listing.measure(facts).saturating_sub(target);
        if excess == 0 {
            return;
        }
        if listing.give_up(excess) > 0 {
            continue;
        }
        // Nothing is left but what something stands on.
        let items: Vec<Item> = standing.iter().map(|unit| listing.item_of(unit)).collect();
        let chosen = share::choose(&items, listing.holders(), excess);
        if chosen.is_empty() {
            return;
        }
        let chosen: BTreeSet<usize> = chosen.into_iter().collect();
        let mut place = 0;
        let (given, left) = std::mem::take(standing).into_iter().partition(|_| {
            place += 1;
            chosen.contains(&(place - 1))
        });
        *standing = left;
        listing.release(facts, standing, &given);
        released.extend::<Vec<Unit>>(given);
    }
}

impl Listing {
    /// Which rows stay.
    fn kept(&self) -> Kept {
        let of = |table| self.moves(table, Fate::stays);
        Kept {
            uses: of(Table::Uses),
            bindings: of(Table::Bindings),
            signals: of(Table::Signals),
            placements: of(Table::Placements),
            coverage: of(Table::Coverage),
            lineage: of(Table::Lineage),
            edges: of(Table::Remembered),
        }
    }
}
