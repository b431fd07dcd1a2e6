//! How much memory a piece of input takes: measured in a process of its own, as the rise of the peak of what is resident.
//!
//! In: the name of a test and what it does. Out: a failure when memory rises by more than [`MAX_RISE_KB`].
//! The test binary starts itself again for that one test, since other tests share the memory of a process; there the
//! peak is set back when everything is warm. What the test itself makes (the input, what is collected) counts too.

use std::env;
use std::fs;
use std::process::Command;

use crate::collector::read;

/// Highest rise of memory, in KiB, whatever comes.
const MAX_RISE_KB: u64 = 32 * 1024;
/// Set in the process of its own.
const CHILD: &str = "OFFBOUND_HOSTILE_CHILD";

/// Peak of resident memory in KiB, where the system tells it.
fn peak_kb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Runs `work` in a process of its own and compares the rise of memory. `test` is the path of the calling test.
pub(crate) fn bounded(test: &str, work: fn()) {
    if env::var(CHILD).is_ok_and(|child| child == test) {
        return measured(work);
    }
    let itself = env::current_exe().expect("a test knows its binary");
    let output = Command::new(itself)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .output()
        .expect("the binary can be started again");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{test}: {said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "there is no test {test}: {said}");
}

/// Sets the peak back to what is resident now, where the system can.
fn forget_peak() {
    // A system that cannot keeps its peak: then the rise is measured from a higher place, and the test is milder.
    fs::write("/proc/self/clear_refs", "5").unwrap_or_default();
}

fn measured(work: fn()) {
    // What is made once and stays: automata, tables, buffers.
    let formats = offbound_ingest::decode::FORMATS.iter().map(|format| format.sample);
    let _warm = read("warm.log", formats.collect::<Vec<_>>().join("\n").as_bytes());
    forget_peak();
    let before = peak_kb();
    work();
    if let (Some(before), Some(after)) = (before, peak_kb()) {
        let rise = after - before;
        assert!(rise <= MAX_RISE_KB, "memory rose by {rise} KiB");
        println!("memory rose by {rise} KiB");
    }
}
