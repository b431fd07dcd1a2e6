//! Numbers by row, in as few bytes as those around them need.
//!
//! In: a number for each row; [`NONE`] where there is none. Out: the same back.
//! Owns: the form. Rows come in stretches; a stretch has a number that all are told from, one by which they grow from row to
//! row once it is full, the unit in which they differ from that, and as many bytes for each as the largest difference takes:
//! none at all where all are equal.
//! Law: every number comes back as it was set; the size follows from what was set, in its order, and from nothing else.

/// No number.
pub(crate) const NONE: i64 = i64::MIN;
/// Rows that have one form: what is told of a form takes a twentieth of a byte for each, and one that does not fit moves
/// no more than these.
const STRETCH_ROWS: usize = 1_024;
/// In so many bytes every number is told as it stands.
const WIDEST: usize = size_of::<i64>();

/// Numbers, one a row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    stretches: Vec<Stretch>,
    len: usize,
    bytes: usize,
}

/// The numbers of some rows.
#[derive(Debug, Clone)]
struct Stretch {
    base: i64,
    /// By how many units numbers are expected to grow in so many rows as a stretch has.
    slope: i64,
    /// What differences from that are told in; zero while there are none.
    unit: i64,
    width: usize,
    /// So many bytes for each row; as many as the widest takes at least, so that each can be read as if it were one.
    bytes: Vec<u8>,
}

impl Numbers {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Logical size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Logical size of the number of one row.
    pub(crate) fn bytes_of(&self, row: usize) -> usize {
        self.stretches.get(row / STRETCH_ROWS).map_or(0, |stretch| stretch.width)
    }

    /// The number of a row; none where there is no such row.
    pub(crate) fn get(&self, row: usize) -> i64 {
        match self.stretches.get(row / STRETCH_ROWS) {
            Some(stretch) if row < self.len => stretch.get(row % STRETCH_ROWS),
            _ => NONE,
        }
    }

    /// The same of a column of places and counts.
    pub(crate) fn unsigned(&self, row: usize) -> Option<u32> {
        u32::try_from(self.get(row)).ok()
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, number: i64) {
        let row = self.len % STRETCH_ROWS;
        if row == 0 {
            if let Some(full) = self.stretches.last_mut() {
                let before = full.width;
                full.settle();
                self.bytes = self.bytes - before * STRETCH_ROWS + full.width * STRETCH_ROWS;
            }
            self.stretches.push(Stretch::of(number));
        }
        let Some(stretch) = self.stretches.last_mut() else { return };
        let before = stretch.width * row;
        stretch.push(row, number);
        self.bytes = self.bytes - before + stretch.width * (row + 1);
        self.len += 1;
    }

    /// Gives a row another number.
    pub(crate) fn set(&mut self, row: usize, number: i64) {
        if row >= self.len {
            return;
        }
        let rows = (self.len - row / STRETCH_ROWS * STRETCH_ROWS).min(STRETCH_ROWS);
        let Some(stretch) = self.stretches.get_mut(row / STRETCH_ROWS) else { return };
        let before = stretch.width;
        stretch.set(rows, row % STRETCH_ROWS, number);
        self.bytes = self.bytes - before * rows + stretch.width * rows;
    }
}

impl Stretch {
    fn of(number: i64) -> Self {
        Self { base: number, slope: 0, unit: 0, width: 0, bytes: Vec::new() }
    }

    fn get(&self, row: usize) -> i64 {
        let expected = self.expected(row);
        let last = self.bytes.len().saturating_sub(WIDEST);
        let at = row * self.width;
        let from = self.bytes.get(at.min(last)..).and_then(|bytes| bytes.first_chunk());
        let Some(bytes) = from.filter(|_| self.width > 0) else { return expected };
        let behind = i64::from_le_bytes(*bytes) >> (at.saturating_sub(last) * 8);
        let unused = (WIDEST - self.width) * 8;
        let told = behind << unused >> unused;
        match told {
            _ if self.width == WIDEST => told,
            _ if told == least(self.width) => NONE,
            _ => expected.wrapping_add(told.wrapping_mul(self.unit)),
        }
    }

    fn expected(&self, row: usize) -> i64 {
        let grown = (self.slope * whole(row)).div_euclid(whole(STRETCH_ROWS));
        self.base.wrapping_add(grown.wrapping_mul(self.unit))
    }

    fn push(&mut self, row: usize, number: i64) {
        match self.told(row, number) {
            Some(_) if self.width == 0 => {}
            Some(told) => {
                self.bytes.resize(((row + 1) * self.width).max(WIDEST), 0);
                self.write(row, told);
            }
            None => {
                let mut numbers: Vec<i64> = (0..row).map(|row| self.get(row)).collect();
                numbers.push(number);
                self.form(&numbers);
            }
        }
    }

    /// It is full, and the next begins: its last row is not about to be set anew.
    fn settle(&mut self) {
        if self.width > 0 {
            let numbers: Vec<i64> = (0..STRETCH_ROWS).map(|row| self.get(row)).collect();
            self.form(&numbers);
        }
    }

    fn set(&mut self, rows: usize, row: usize, number: i64) {
        if let Some(told) = self.told(row, number) {
            self.write(row, told);
            return;
        }
        let mut numbers: Vec<i64> = (0..rows).map(|row| self.get(row)).collect();
        if let Some(slot) = numbers.get_mut(row) {
            *slot = number;
        }
        self.form(&numbers);
    }

    /// How a number is told in this form, if it can be.
    fn told(&self, row: usize, number: i64) -> Option<i64> {
        match self.width {
            0 => (number == self.expected(row)).then_some(0),
            WIDEST => Some(number),
            width if number == NONE => Some(least(width)),
            width => {
                let apart = number.checked_sub(self.expected(row))?;
                let told = if apart == 0 { 0 } else { apart.checked_div(self.unit)? };
                (told * self.unit == apart && width_of(told) <= width).then_some(told)
            }
        }
    }

    fn write(&mut self, row: usize, told: i64) {
        let (from, width) = (row * self.width, self.width);
        let written = told.to_le_bytes();
        if let Some((slot, told)) = self.bytes.get_mut(from..from + width).zip(written.get(..width)) {
            slot.copy_from_slice(told);
        }
    }

    /// Tells these numbers in as few bytes as they need.
    fn form(&mut self, numbers: &[i64]) {
        let mut form = Self::level(numbers);
        if numbers.len() == STRETCH_ROWS
            && let Some(growing) = form.growing(numbers).filter(|growing| growing.width < form.width)
        {
            form = growing;
        }
        if form.width > 0 {
            form.bytes = vec![0; (numbers.len() * form.width).max(WIDEST)];
        }
        for (row, number) in numbers.iter().enumerate() {
            if let Some(told) = form.told(row, *number) {
                form.write(row, told);
            }
        }
        *self = form;
    }

    /// A form for numbers that stay about the same.
    fn level(numbers: &[i64]) -> Self {
        let some = || numbers.iter().filter(|number| **number != NONE);
        let mut form = Self::of(some().next().copied().unwrap_or(NONE));
        let mut apart = some().map(|number| number.checked_sub(form.base).filter(|apart| *apart != NONE));
        match apart.try_fold(0, |unit, apart| Some(common(unit, apart?))) {
            Some(unit) => {
                form.unit = unit;
                form.width = form.needed(numbers).unwrap_or(WIDEST);
            }
            None => form.width = WIDEST,
        }
        form
    }

    /// The same for those that grow as much from row to row as from the first to the last of them, if that can be told.
    fn growing(&self, numbers: &[i64]) -> Option<Self> {
        let mut some = numbers.iter().enumerate().filter(|(_, number)| **number != NONE);
        let ((from, first), (to, last)) = (some.next()?, some.next_back()?);
        let units = last.checked_sub(*first)?.checked_div(self.unit)?;
        let slope = units.checked_mul(whole(STRETCH_ROWS))? / whole(to - from);
        // Wherever a number is expected there has to be one.
        slope.checked_mul(whole(STRETCH_ROWS))?;
        let mut form = Self { slope, unit: self.unit, ..Self::of(0) };
        form.base = first.wrapping_sub(form.expected(from));
        form.width = form.needed(numbers)?;
        Some(form)
    }

    /// The bytes that these numbers need, if that can be told.
    fn needed(&self, numbers: &[i64]) -> Option<usize> {
        let (mut needed, mut is_some, mut is_none) = (0, false, false);
        for (row, number) in numbers.iter().enumerate() {
            if *number == NONE {
                is_none = true;
                continue;
            }
            is_some = true;
            let apart = number.checked_sub(self.expected(row))?;
            needed = width_of(apart.checked_div(self.unit).unwrap_or_default()).max(needed);
        }
        // One that is none is told apart by a number too.
        Some(needed.max(usize::from(is_some && is_none)))
    }
}

fn whole(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// The least that can be told in so many bytes: it stands for none.
fn least(width: usize) -> i64 {
    i64::MIN >> ((WIDEST - width) * 8)
}

/// How many bytes it takes to tell a number, and that of none beside it.
fn width_of(told: i64) -> usize {
    match told {
        0 => 0,
        // A number that is not negative needs a bit for saying so; of negative ones the least is taken.
        _ => (told.unsigned_abs().ilog2() as usize + 2).div_ceil(8),
    }
}

/// The largest number that divides both.
fn common(mut one: i64, other: i64) -> i64 {
    let mut other = other.abs();
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = i64> {
        prop_oneof![
            Just(NONE),
            Just(i64::MIN + 1),
            Just(i64::MAX),
            -130i64..130,
            (-40_000i64..40_000).prop_map(|secs| secs * 1_000_000_000),
            (0i64..50_000_000).prop_map(|secs| 1_700_000_000_000_000_000 + secs * 1_000),
            any::<i64>(),
            (0u32..63).prop_map(|bit| 1 << bit),
            (0u32..63).prop_map(|bit| -(1 << bit)),
        ]
    }

    proptest! {
        /// Scenario: any numbers, some of them set anew, more than a stretch takes. Guarantees: each is as it was set last,
        /// and the size is the sum of those of the rows.
        #[test]
        fn numbers_come_back(
            first in prop::collection::vec(numbers(), 0..40),
            like in prop::collection::vec(numbers(), 1..4),
            rows in 0usize..1_500,
            again in prop::collection::vec((any::<prop::sample::Index>(), numbers()), 0..20),
        ) {
            let mut expected = first;
            expected.extend(like.iter().cycle().take(rows));
            let mut kept = Numbers::default();
            expected.iter().for_each(|number| kept.push(*number));
            for (row, number) in &again {
                if expected.is_empty() {
                    break;
                }
                let row = row.index(expected.len());
                expected[row] = *number;
                kept.set(row, *number);
            }
            let read: Vec<i64> = (0..kept.len()).map(|row| kept.get(row)).collect();
            prop_assert_eq!(read, expected);
            prop_assert_eq!(kept.get(kept.len()), NONE);
            prop_assert_eq!(kept.bytes(), (0..kept.len()).map(|row| kept.bytes_of(row)).sum::<usize>());
        }
    }

    fn check(numbers: &[i64], bytes_each: usize) {
        let mut kept = Numbers::default();
        numbers.iter().for_each(|number| kept.push(*number));
        if let Some(full) = kept.stretches.last_mut().filter(|_| numbers.len() == STRETCH_ROWS) {
            full.settle();
            kept.bytes = full.width * STRETCH_ROWS;
        }
        assert_eq!(kept.bytes(), numbers.len() * bytes_each, "{numbers:?}");
        assert!(numbers.iter().enumerate().all(|(row, number)| kept.get(row) == *number), "{numbers:?}");
    }

    /// Scenario: numbers that are equal, that are near each other, whole seconds, some that are none, and what is as far
    /// apart as can be. Guarantees: each takes the bytes that its neighbours need.
    #[test]
    fn numbers_take_what_they_need() {
        const DAY: i64 = 86_400_000_000_000;
        check(&[7; 2_000], 0);
        check(&[NONE; 2_000], 0);
        check(&[NONE, DAY, NONE, DAY], 1);
        check(&[DAY, DAY + 127_000_000_000, DAY - 127_000_000_000, NONE], 1);
        check(&[DAY, DAY - 128_000_000_000, DAY + 64_000_000_000], 1);
        check(&[DAY, DAY + 128_000_000_000, DAY + 1_000_000_000], 2);
        check(&[1, 1 + (1 << 39), 2], 6);
        check(&[i64::MAX, i64::MIN + 1], 8);
        let growing = |step: i64, jitter: i64| -> Vec<i64> {
            (0..1_024).map(|row| DAY + row * step + row * 7_919 % jitter * 1_000).collect()
        };
        check(&growing(1_000_000_000, 1), 0);
        check(&growing(1_000_000, 100), 1);
        check(&growing(-1_234_000, 100), 1);
    }
}
