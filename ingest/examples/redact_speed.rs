//! How fast records are searched for secrets, in MB/s per file: `redact_speed FILE…`.
//!
//! In: files of lines. Out: a line per file: size, share of lines with a secret, speed of the best of five passes.

use std::hint::black_box;
use std::time::Instant;

use offbound_ingest::FingerprintKey;
use offbound_ingest::redact::Redactor;

/// Passes over each file; the best one counts, since others share the machine.
const PASSES: usize = 5;

fn main() {
    for path in std::env::args().skip(1) {
        match std::fs::read_to_string(&path) {
            Ok(text) => measure(&path, &text),
            Err(error) => eprintln!("{path}: {error}"),
        }
    }
}

fn measure(path: &str, text: &str) {
    let mut best = f64::INFINITY;
    let (mut redacted, mut lines) = (0_u64, 0_u64);
    for _ in 0..PASSES {
        let mut redactor = Redactor::new(FingerprintKey::for_tests());
        (redacted, lines) = (0, 0);
        let start = Instant::now();
        for line in text.lines() {
            lines += 1;
            redacted += u64::from(black_box(redactor.redact(line)).count > 0);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    #[expect(clippy::cast_precision_loss, reason = "a speed has three digits")]
    let speed = text.len() as f64 / 1e6 / best;
    println!("{path}: {} bytes, {redacted} of {lines} lines redacted, {speed:.0} MB/s", text.len());
}
