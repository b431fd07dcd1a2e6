//! One character for a cell, and what the characters mean.
//!
//! Law: what is worse hides what is less bad, never the other way round; each character has one meaning, in colour and
//! without.

use offbound_schemas::vocabulary::Severity;

use super::super::ink::{Ink, Line};
use super::lane::LaneRow;
use crate::port::{Count, Mark};
use crate::theme::Role;

/// Records from which a cell is drawn as many, as very many.
const MANY: u64 = 10;
const VERY_MANY: u64 = 100;

/// The character of a cell.
pub(super) fn of(lane: &LaneRow, cell: u32) -> (&'static str, Role) {
    if let Some(found) = lane.found(cell) {
        return if found.worst >= Severity::High { ("X", Role::Bad) } else { ("x", Role::Warn) };
    }
    if let Some(mark) = lane.marks(cell).min_by_key(|mark| importance(*mark)) {
        return of_mark(mark);
    }
    let count = lane.count(cell).unwrap_or_default();
    match (count.records, lane.is_unseen(cell)) {
        (0, true) => ("?", Role::Doubt),
        (0, false) => (" ", Role::Plain),
        (_, true) => ("%", Role::Doubt),
        _ => of_count(count),
    }
}

const fn importance(mark: Mark) -> u8 {
    match mark {
        Mark::Onset => 0,
        Mark::Contained => 1,
        Mark::Failed => 2,
        Mark::Held => 3,
    }
}

const fn of_mark(mark: Mark) -> (&'static str, Role) {
    match mark {
        Mark::Onset => ("V", Role::Bad),
        Mark::Failed => ("F", Role::Bad),
        Mark::Held => ("h", Role::Good),
        Mark::Contained => ("[", Role::Good),
    }
}

fn of_count(count: Count) -> (&'static str, Role) {
    match count {
        Count { revoked: 1.., .. } => ("r", Role::Strong),
        Count { issued: 1.., .. } => ("m", Role::Strong),
        Count { records, denied, .. } if denied == records => ("d", Role::Good),
        Count { records: VERY_MANY.., .. } => ("#", Role::Plain),
        Count { records: MANY.., .. } => ("|", Role::Plain),
        Count { records: 2.., .. } => (":", Role::Plain),
        _ => (".", Role::Plain),
    }
}

/// What the characters mean, in `room` columns.
pub(super) fn legend(room: u16) -> Vec<Line> {
    const MEANINGS: &str = "X finding, high or critical  x finding  V onset  F control failed  h control held  \
                            [ contained  m issued  r revoked  d all refused  . 1  : 2-9  | 10-99  # 100 and more  \
                            ? not observed  % partly observed";
    let mut lines: Vec<Line> = vec![Line::new()];
    let mut used = 0;
    for meaning in MEANINGS.split("  ") {
        let needed = meaning.len() + 2;
        if used + needed > usize::from(room) && used > 0 {
            lines.push(Line::new());
            used = 0;
        }
        used += needed;
        if let Some(line) = lines.last_mut() {
            let (sign, rest) = meaning.split_at(1);
            line.extend([
                Ink::fixed(sign).role(Role::Strong),
                Ink::fixed(rest).role(Role::Dim),
                Ink::fixed("  "),
            ]);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: counts from one to many, issued, revoked, refused. Guarantees: the character of each, no two alike.
    #[test]
    fn counts_have_characters() {
        let count = |records, issued, revoked, denied| Count { records, issued, revoked, denied };
        let cases = [
            (count(1, 0, 0, 0), "."),
            (count(9, 0, 0, 8), ":"),
            (count(10, 0, 0, 0), "|"),
            (count(100, 0, 0, 0), "#"),
            (count(3, 0, 0, 3), "d"),
            (count(3, 1, 0, 2), "m"),
            (count(3, 1, 1, 3), "r"),
        ];
        for (count, expected) in cases {
            assert_eq!(of_count(count).0, expected, "{count:?}");
        }
    }

    /// Scenario: wide and narrow screens. Guarantees: no meaning is lost, and no line is too long.
    #[test]
    fn the_legend_fits() {
        let signs = |room| legend(room).iter().flatten().filter(|ink| ink.width() == 1).count();
        for room in [40, 78, 118, 300] {
            assert!(
                legend(room).iter().all(|line| super::super::super::ink::width(line) <= usize::from(room))
            );
            assert_eq!(signs(room), 15, "{room}");
        }
    }
}
