//! How the time of looking for secrets grows with a line of what makes detectors look, over and over: `redact_growth`.
//!
//! In: nothing. Out: a line per text: both times, and the factor between them for eight times the text; exit code 1
//! where it grows like a square. Not a test: whoever shares the machine moves the figures.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use offbound_ingest::FingerprintKey;
use offbound_ingest::redact::Redactor;

/// Texts, each the beginning of what some detector looks for.
const PARTS: &[&str] = &[
    "token=",
    "password=",
    "\"password\":\"",
    "\"token\":\"",
    "eyJ.",
    "eyJhbGciOiIifQ.",
    "://a:",
    "\"data\":{\"Secret\"",
    "\"kty\":{",
    "-----BEGIN PRIVATE KEY-----",
    "%25",
    "+-",
    "\\u0025",
    "mysql -p",
    "curl -u ",
    "Cookie: a=b;",
    "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQg/",
    "audit(1): a0=414141 ",
    "Basic ",
    "{SHA}",
    "Q~",
    "\"name\":\"PASSWORD\",",
    "token>",
    "apikey=%41",
    "--token=%41",
    "cookie: ",
    "secretid=a+-",
    "-pass pass:",
    "\\",
    "\\nghp_",
    "unseal ",
    "zip -P ",
    "\"aws_secret_access_key\",",
    "://a@",
];
/// Bytes of the shorter text.
const SHORT_BYTES: usize = 16_384;
/// How much longer the longer one is.
const FACTOR: usize = 8;
/// Factors from here on are no noise: linear is 8, a square 64.
const SQUARE: f64 = 32.0;
/// Passes over each text; the best one counts, since others share the machine.
const PASSES: usize = 5;

fn main() -> ExitCode {
    let mut is_linear = true;
    for part in PARTS {
        let times = SHORT_BYTES / part.len();
        let (short, long) = (seconds(&part.repeat(times)), seconds(&part.repeat(times * FACTOR)));
        let factor = long / short;
        is_linear &= factor < SQUARE;
        println!("{part:?}: {:.3} ms, then {:.3} ms: {factor:.1} times", short * 1e3, long * 1e3);
    }
    if is_linear { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn seconds(text: &str) -> f64 {
    let pass = || {
        let start = Instant::now();
        black_box(Redactor::new(FingerprintKey::for_tests()).redact(text).count);
        start.elapsed().as_secs_f64()
    };
    (0..PASSES).map(|_| pass()).fold(f64::INFINITY, f64::min)
}
