//! Keeping some rows of the facts, and forgetting the others with every text that only they needed.
//!
//! In: for each table, which rows stay. Out: facts as if the other rows had never been, but for what is remembered of them.
//! Owns: the new places and names of what stays. Leaves to `bounded` which rows these are.
//! Law: rows and names stay in their order, so that nothing that follows from what is kept reads otherwise.

use super::Facts;
use crate::names::{Name, Named, Names, Needed, Renaming};
use crate::scene::edges::Edges;
use crate::scene::learned::Learned;

/// What is remembered of facts beyond their rows: what was normal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remembered {
    pub(crate) edges: Edges,
    pub(crate) learned: Learned,
    /// Logical size.
    bytes: usize,
}

impl Remembered {
    /// What is worth remembering of what was learned.
    pub(crate) fn of(mut edges: Edges, mut learned: Learned) -> Self {
        edges.cut();
        learned.cut();
        Self { bytes: edges.bytes(), edges, learned }
    }

    /// Logical size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Where each row of a table goes.
#[derive(Debug)]
pub(crate) struct Moves {
    places: Vec<Option<u32>>,
}

impl Moves {
    /// Rows that are kept close up.
    pub(crate) fn of(kept: &[bool]) -> Self {
        let mut next = 0u32;
        let place = |kept: &bool| {
            let place = next;
            next += u32::from(*kept);
            kept.then_some(place)
        };
        Self { places: kept.iter().map(place).collect() }
    }

    /// Whether the row at `place` stays.
    pub(crate) fn keeps(&self, place: usize) -> bool {
        self.to(place).is_some()
    }

    /// The new place of a row.
    pub(crate) fn to(&self, place: usize) -> Option<usize> {
        self.places.get(place).copied().flatten().map(|place| place as usize)
    }

    /// Rows without those that do not stay, and without room for them.
    pub(crate) fn retain<T>(&self, rows: &mut Vec<T>) {
        let mut place = 0;
        rows.retain(|_| {
            place += 1;
            self.keeps(place - 1)
        });
        rows.shrink_to_fit();
    }
}

/// Which rows stay.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) uses: Moves,
    pub(crate) bindings: Moves,
    pub(crate) signals: Moves,
    pub(crate) placements: Moves,
    /// In the order of its sorted subjects.
    pub(crate) coverage: Moves,
    /// In the order in which they came.
    pub(crate) lineage: Moves,
    /// In the order of the workloads' names.
    pub(crate) edges: Moves,
}

impl Facts {
    /// Shows every name of one row after the other that is kept; the rest of what is kept comes last.
    fn each_kept_name(&mut self, kept: &Kept, visit: &mut impl FnMut(&mut Name)) {
        let uses = (0..self.uses.len()).filter(|place| kept.uses.keeps(*place));
        uses.for_each(|place| self.uses.get(place).each_name(visit));
        let credentials = (0..self.bindings.len()).filter(|place| kept.bindings.keeps(*place));
        credentials.for_each(|place| self.bindings.at(place).each_name(visit));
        each_of(self.signals.all_mut(), &kept.signals, visit);
        each_of(self.placements.stays_mut(), &kept.placements, visit);
        self.placements.each_key_name(&kept.placements, visit);
        self.uses.each_open_name(&kept.uses, visit);
        self.signals.each_open_name(&kept.signals, visit);
        for (place, (mut subject, _)) in self.coverage.sorted().into_iter().enumerate() {
            if kept.coverage.keeps(place) {
                subject.each_name(visit);
            }
        }
        self.coverage.each_log_name(visit);
        let processes = self.lineage.all().enumerate().filter(|(place, _)| kept.lineage.keeps(*place));
        for (_, (mut key, process)) in processes {
            visit(&mut key);
            let mut process = *process;
            process.each_name(visit);
        }
        let workloads = self.past.edges.sorted().into_iter().enumerate();
        let workloads = workloads.filter(|(place, _)| kept.edges.keeps(*place));
        let workloads: Vec<String> = workloads.map(|(_, (name, _))| name.to_owned()).collect();
        for workload in workloads {
            self.past.edges.each_name_of(&workload, visit);
        }
        self.past.learned.commands.each_name(visit);
        self.past.learned.readers.each_name(visit);
        self.past.learned.callers.each_name(visit);
        self.past.learned.leavers.each_name(visit);
    }

    /// Forgets every row that is not kept, and every name that nothing needs any more.
    pub(crate) fn keep(&mut self, kept: &Kept) {
        let mut needed = Needed::none(&self.names);
        self.each_kept_name(kept, &mut |name| {
            needed.mark(*name);
        });
        let (names, renaming) = needed.keep(&std::mem::take(&mut self.names));
        self.names = names;
        self.keep_rows(kept, &renaming);
        self.touched = super::touched::Touched::default();
    }

    fn keep_rows(&mut self, kept: &Kept, renaming: &Renaming) {
        let Kept { uses, bindings, signals, placements, coverage, lineage, edges } = kept;
        self.uses.keep(uses, renaming);
        self.bindings.keep(bindings, renaming);
        self.signals.keep(signals, renaming);
        self.placements.keep(placements, renaming);
        self.coverage.keep(coverage, renaming);
        self.issuing.cut();
        self.lineage.keep(lineage, renaming);
        self.past.edges.keep(edges, renaming);
        self.past.bytes = self.past.edges.bytes();
        renaming.rename(&mut self.past.learned.commands);
        renaming.rename(&mut self.past.learned.readers);
        renaming.rename(&mut self.past.learned.callers);
        renaming.rename(&mut self.past.learned.leavers);
    }
}

fn each_of(rows: &mut [impl Named], kept: &Moves, visit: &mut impl FnMut(&mut Name)) {
    for (place, row) in rows.iter_mut().enumerate() {
        if kept.keeps(place) {
            row.each_name(visit);
        }
    }
}

/// Numbers that were met.
#[derive(Debug)]
pub(crate) struct Once {
    met: Vec<bool>,
}

impl Once {
    /// None of so many yet.
    pub(crate) fn of(count: usize) -> Self {
        Self { met: vec![false; count] }
    }

    /// Whether this number is met for the first time.
    pub(crate) fn first(&mut self, number: u32) -> bool {
        self.met.get_mut(number as usize).is_some_and(|met| !std::mem::replace(met, true))
    }
}

/// What each row's names take that no row before it has.
#[derive(Debug)]
pub(crate) struct Charge {
    needed: Needed,
}

impl Charge {
    /// Nothing is charged yet.
    pub(crate) fn none(names: &Names) -> Self {
        Self { needed: Needed::none(names) }
    }

    /// The bytes of those names of something that nothing before it has.
    pub(crate) fn of(&mut self, names: &Names, named: &mut (impl Named + ?Sized)) -> usize {
        let mut bytes = 0;
        named.each_name(&mut |name| {
            if self.needed.mark(*name) {
                bytes += names.bytes_of(*name);
            }
        });
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: rows of which some stay. Guarantees: they close up in their order, and the others are gone.
    #[test]
    fn kept_rows_close_up() {
        let moves = Moves::of(&[true, false, false, true, true]);
        let mut rows = vec!["a", "b", "c", "d", "e"];
        moves.retain(&mut rows);
        assert_eq!(rows, ["a", "d", "e"]);
        assert_eq!((moves.to(1), moves.to(3), moves.to(9)), (None, Some(1), None));
    }
}
