//! Free space where the store lies.
//!
//! In: a folder. Out: bytes, as `df` tells (asking the system itself would need `unsafe`).

use std::path::Path;
use std::process::{Command, Stdio};

/// Bytes that are free for this user; none where `df` is not there or says something else.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let mut command = Command::new("df");
    command.args(["-Pk", "--"]).arg(folder).env("LC_ALL", "C").stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// The fourth column of the line below the heading, in KiB.
fn parse(text: &str) -> Option<u64> {
    let line = text.lines().nth(1)?;
    line.split_whitespace().nth(3)?.parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: what `df -Pk` prints. Guarantees: KiB become bytes; anything else is not known.
    #[test]
    fn free_space_is_read() {
        let text =
            "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1000 400 600 40% /\n";
        assert_eq!(parse(text), Some(614_400));
        assert_eq!(parse("Filesystem\n"), None);
        assert_eq!(parse(""), None);
    }
}
