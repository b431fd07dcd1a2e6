//! Waiting for something to become true, with an end.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `is_true` or so long; says whether it became true.
#[must_use]
pub fn wait_until(longest: Duration, mut is_true: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + longest;
    loop {
        if is_true() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(PAUSE);
    }
}
