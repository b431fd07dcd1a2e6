//! Time in cells: how a stretch of time is divided for a line of the screen.
//!
//! In: a stretch and the cells that fit. Out: cells of a round length that begin at round moments.
//! Owns: the list of lengths. Law: the cells cover the stretch; a moment is in one cell at most.

use offbound_schemas::EventTime;

const MILLI: i64 = 1_000_000;
pub(crate) const SECOND: i64 = 1_000 * MILLI;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Lengths of a cell: those that clocks and calendars are divided by.
const LENGTHS: &[i64] = &[
    MILLI,
    2 * MILLI,
    5 * MILLI,
    10 * MILLI,
    20 * MILLI,
    50 * MILLI,
    100 * MILLI,
    200 * MILLI,
    500 * MILLI,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
    3_640 * DAY,
];

/// Cells that a window may have: more than the widest terminal shows.
pub const CELLS_MAX: u32 = 512;

/// A stretch of time; `to` is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub from: EventTime,
    /// The moment after its last.
    pub to: EventTime,
}

impl Span {
    /// Its length; at least one nanosecond.
    #[must_use]
    pub fn nanos(self) -> i64 {
        self.to.0.saturating_sub(self.from.0).max(1)
    }

    /// The stretch of `nanos` around `middle`.
    #[must_use]
    pub fn around(middle: EventTime, nanos: i64) -> Self {
        let from = middle.0.saturating_sub(nanos / 2);
        Self { from: EventTime(from), to: EventTime(from.saturating_add(nanos.max(1))) }
    }

    /// The same with a twentieth of its length, and at least a second, on either side.
    #[must_use]
    pub fn with_margins(self) -> Self {
        let margin = (self.nanos() / 20).max(SECOND);
        let (from, to) = (self.from.0.saturating_sub(margin), self.to.0.saturating_add(margin));
        Self { from: EventTime(from), to: EventTime(to) }
    }
}

/// A stretch of time in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Where the first cell begins.
    pub from: EventTime,
    /// Length of a cell.
    pub cell_nanos: i64,
    /// Number of cells.
    pub cells: u32,
}

impl Window {
    /// Cells over `span`, at most `cells`, of the shortest round length with which they cover it.
    #[must_use]
    pub fn over(span: Span, cells: u32) -> Self {
        let cells = cells.clamp(1, CELLS_MAX);
        let window = |length: i64| {
            let from = span.from.0.div_euclid(length).saturating_mul(length);
            Self { from: EventTime(from), cell_nanos: length, cells }
        };
        let covers = |length: &&i64| {
            let window = window(**length);
            i128::from(window.from.0) + i128::from(**length) * i128::from(cells) >= i128::from(span.to.0)
        };
        match LENGTHS.iter().find(covers) {
            Some(length) => window(*length),
            // One cell cannot begin at a round moment and reach across another; nor are lengths without end.
            None => {
                let length = span.nanos().saturating_add(i64::from(cells) - 1) / i64::from(cells);
                Self { from: span.from, cell_nanos: length, cells }
            }
        }
    }

    /// The stretch of as many cells of the next shorter or greater length, with `moment` where it is in this one; none
    /// where there is no such length.
    #[must_use]
    pub fn zoomed(self, finer: bool, moment: EventTime) -> Option<Span> {
        let at = LENGTHS.iter().position(|length| *length >= self.cell_nanos)?;
        let length = *LENGTHS.get(if finer { at.checked_sub(1)? } else { at + 1 })?;
        let share = moment.0.saturating_sub(self.from.0).div_euclid(self.cell_nanos.max(1));
        let from = moment.0.div_euclid(length).saturating_sub(share).saturating_mul(length);
        let to = from.saturating_add(length.saturating_mul(i64::from(self.cells)));
        Some(Span { from: EventTime(from), to: EventTime(to) })
    }

    /// All of it.
    #[must_use]
    pub fn span(self) -> Span {
        let nanos = self.cell_nanos.saturating_mul(i64::from(self.cells));
        Span { from: self.from, to: EventTime(self.from.0.saturating_add(nanos)) }
    }

    /// The stretch of a cell.
    #[must_use]
    pub fn cell(self, index: u32) -> Span {
        let from = self.from.0.saturating_add(self.cell_nanos.saturating_mul(i64::from(index)));
        Span { from: EventTime(from), to: EventTime(from.saturating_add(self.cell_nanos)) }
    }

    /// The cell of a moment; none when it lies outside.
    #[must_use]
    pub fn cell_of(self, time: EventTime) -> Option<u32> {
        let index = time.0.checked_sub(self.from.0)?.div_euclid(self.cell_nanos.max(1));
        u32::try_from(index).ok().filter(|index| *index < self.cells)
    }

    /// First and last cell that a stretch touches, its ends included; none when it lies outside.
    #[must_use]
    pub fn cells_of(self, from: EventTime, to: EventTime) -> Option<(u32, u32)> {
        let span = self.span();
        if to < span.from || from >= span.to {
            return None;
        }
        let first = if from < span.from { 0 } else { self.cell_of(from)? };
        let last = self.cell_of(to).unwrap_or(self.cells.saturating_sub(1));
        Some((first, last.max(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: stretches from a nanosecond to centuries, also before 1970, on one cell and on many. Guarantees: the cells
    /// cover the stretch, begin at a multiple of their length, and every moment of it is in the cell that says so.
    #[test]
    fn cells_cover_their_span() {
        for (from, nanos) in [(0, 1), (1_772_359_447_250_000_000, 480 * SECOND), (-7, DAY), (5, 10_000 * DAY)]
        {
            for cells in [1, 7, 60, 300, 9_000] {
                let span = Span { from: EventTime(from), to: EventTime(from + nanos) };
                let window = Window::over(span, cells);
                assert!(window.span().from <= span.from && window.span().to >= span.to, "{span:?} {cells}");
                // One cell cannot begin at a round moment and reach across another; nor are lengths without end.
                let is_round = window.from.0.rem_euclid(window.cell_nanos) == 0;
                assert!(is_round || cells <= 7, "{window:?}");
                for moment in [from, from + nanos / 2, from + nanos - 1] {
                    let cell = window.cell_of(EventTime(moment)).expect("inside");
                    assert!((window.cell(cell).from.0..window.cell(cell).to.0).contains(&moment));
                }
                assert_eq!(window.cell_of(window.span().to), None);
            }
        }
    }

    /// Scenario: a window, zoomed in and out as far as it goes. Guarantees: each step has the next length and as many
    /// cells, and the moment stays in its cell.
    #[test]
    fn zooming_keeps_the_moment() {
        let moment = EventTime(1_772_359_447_250_000_000);
        let mut window = Window::over(Span::around(moment, 480 * SECOND), 60);
        let cell = window.cell_of(moment).expect("inside");
        for finer in [true, false] {
            while let Some(span) = window.zoomed(finer, moment) {
                let next = Window::over(span, window.cells);
                assert_eq!(next.cell_nanos < window.cell_nanos, finer);
                assert_eq!((next.cells, next.span()), (window.cells, span));
                assert_eq!(next.cell_of(moment), Some(cell));
                window = next;
            }
        }
        assert_eq!(window.cell_nanos, *LENGTHS.last().expect("there are lengths"));
    }

    /// Scenario: stretches before, across, in and after a window. Guarantees: the cells that they touch.
    #[test]
    fn stretches_touch_cells() {
        let window = Window { from: EventTime(100), cell_nanos: 10, cells: 5 };
        let touched = |from, to| window.cells_of(EventTime(from), EventTime(to));
        assert_eq!(touched(0, 99), None);
        assert_eq!(touched(0, 100), Some((0, 0)));
        assert_eq!(touched(115, 131), Some((1, 3)));
        assert_eq!(touched(0, 900), Some((0, 4)));
        assert_eq!(touched(150, 160), None);
    }
}
