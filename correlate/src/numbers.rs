//! Numbers by row, in as few bytes as those around them need.
//!
//! In: a number for each row; [`NONE`] where there is none. Out: the same back.
//! Owns: the form. Rows come in stretches; a stretch has a number that all are told from, the unit in which they differ
//! from it, and as many bytes for each as the largest difference takes: none at all where all are equal.
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
    /// What differences are told in; zero while there are none.
    unit: i64,
    width: usize,
    /// So many bytes for each row, and behind them enough for the last to be read as if it were one of the widest.
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

    /// Adds a row.
    pub(crate) fn push(&mut self, number: i64) {
        let row = self.len % STRETCH_ROWS;
        if row == 0 {
            self.stretches.push(Stretch { base: number, unit: 0, width: 0, bytes: Vec::new() });
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
    fn get(&self, row: usize) -> i64 {
        let from = self.bytes.get(row * self.width..).and_then(|bytes| bytes.first_chunk());
        let Some(bytes) = from.filter(|_| self.width > 0) else { return self.base };
        let unused = (WIDEST - self.width) * 8;
        let told = i64::from_le_bytes(*bytes) << unused >> unused;
        match told {
            _ if self.width == WIDEST => told,
            _ if told == least(self.width) => NONE,
            _ => self.base + told * self.unit,
        }
    }

    fn push(&mut self, row: usize, number: i64) {
        match self.told(number) {
            Some(_) if self.width == 0 => {}
            Some(told) => {
                self.bytes.resize((row + 1) * self.width + WIDEST, 0);
                self.write(row, told);
            }
            None => {
                let mut numbers: Vec<i64> = (0..row).map(|row| self.get(row)).collect();
                numbers.push(number);
                self.form(&numbers);
            }
        }
        if row + 1 == STRETCH_ROWS {
            // It grows no more.
            self.bytes.shrink_to_fit();
        }
    }

    fn set(&mut self, rows: usize, row: usize, number: i64) {
        if let Some(told) = self.told(number) {
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
    fn told(&self, number: i64) -> Option<i64> {
        match self.width {
            0 => (number == self.base).then_some(0),
            WIDEST => Some(number),
            width if number == NONE => Some(least(width)),
            width => {
                let apart = number.checked_sub(self.base)?;
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
        let some = || numbers.iter().filter(|number| **number != NONE);
        self.base = some().next().copied().unwrap_or(NONE);
        let apart = some().map(|number| number.checked_sub(self.base).filter(|apart| *apart != NONE));
        let unit = apart.clone().try_fold(0, |unit, apart| Some(common(unit, apart?)));
        self.unit = unit.unwrap_or_default();
        let told = |apart: i64| apart.checked_div(self.unit).unwrap_or_default();
        // One that is none is told apart by a number too.
        let least = usize::from(self.base != NONE && some().count() < numbers.len());
        self.width = match unit {
            Some(_) => apart.flatten().map(|apart| width_of(told(apart))).fold(least, usize::max),
            None => WIDEST,
        };
        self.bytes.clear();
        self.bytes.resize(if self.width == 0 { 0 } else { numbers.len() * self.width + WIDEST }, 0);
        for (row, number) in numbers.iter().enumerate() {
            if let Some(told) = self.told(*number) {
                self.write(row, told);
            }
        }
    }
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
    }
}
