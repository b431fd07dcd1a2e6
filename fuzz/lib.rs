//! What the targets of formats with a fast path share.
//!
//! In: inputs and seeds from the fuzzer. Out: both paths read the input, and changed inputs that still look like logs.
//! Owns: how often the fuzzer's own changes are used, and when it is told how far the run is.

use std::cell::RefCell;

use offbound_ingest::fuzzing::change::change;
use offbound_ingest::fuzzing::{Account, Numbers, Pair};

/// Once in so many changes it is the fuzzer's own, which knows nothing of logs but what coverage tells it.
const OWN_CHANGE: usize = 8;

/// Inputs between two reports.
const REPORT_INPUTS: u64 = 1 << 20;

thread_local! {
    static PAIR: RefCell<Option<Pair>> = const { RefCell::new(None) };
}

/// Reads one input on both paths.
pub fn read(format: &'static str, input: &[u8]) {
    PAIR.with_borrow_mut(|pair| {
        let pair = pair.get_or_insert_with(|| Pair::new(format));
        pair.read(input);
        let Account { inputs, records, fast } = pair.account();
        if inputs % REPORT_INPUTS == 0 {
            eprintln!("{format}: {inputs} inputs, {records} records, {fast} of them on the fast path");
        }
    });
}

/// Changes the first `size` bytes of `data`; gives how many they are now.
pub fn mutate(format: &str, data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let numbers = &mut Numbers::of(u64::from(seed));
    if numbers.once_in(OWN_CHANGE) {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let changed = change(format, data.get(..size).unwrap_or_default(), numbers);
    let size = changed.len().min(max_size);
    data[..size].copy_from_slice(&changed[..size]);
    size
}

/// The target of a format with a fast path.
#[macro_export]
macro_rules! both_paths {
    ($format:literal) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::read($format, bytes));
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutate($format, data, size, max_size, seed)
        });
    };
}
