//! The only place that reads a clock: how long a run took, how much memory it needs, when records arrive.
//!
//! In: nothing. Out: seconds and bytes, for the line on standard error and for bounds of a question; the arrival clock of
//! a stream.
//! Law: none of this reaches a record; results never depend on the machine.

use std::fs;
use std::time::{Instant, SystemTime};

use offbound_schemas::EventTime;

/// The machine's clock: the moment at which records of a stream arrive.
#[allow(clippy::disallowed_methods, reason = "the one place where a clock may be read")]
pub(crate) fn now() -> EventTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    EventTime(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A running stopwatch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[allow(clippy::disallowed_methods, reason = "the one place where a clock may be read")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the start.
    pub(crate) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// The most memory that this process ever held, in bytes, where the system says (Linux).
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    field_of(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// The memory that this process holds now, in bytes, where the system says (Linux).
pub(crate) fn resident_memory_bytes() -> Option<u64> {
    field_of(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

fn field_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the kernel's status text. Guarantees: kibibytes become bytes, other text becomes nothing.
    #[test]
    fn memory_is_read_from_status() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(field_of(status, "VmHWM:"), Some(2048 * 1024));
        assert_eq!(field_of(status, "VmRSS:"), Some(1024));
        assert_eq!(field_of("VmRSS: 1 kB", "VmHWM:"), None);
    }
}
