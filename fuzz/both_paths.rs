//! Both paths over very many changed inputs, without the fuzzer's instrumentation: `both_paths FORMAT INPUTS [SEED]`.
//!
//! In: `fuzz/corpus/FORMAT/`: seeds, and what a fuzzer that looks at coverage made of them. Out: how many inputs were
//! read, or the one on which the paths differ or panic, and exit code 1. Owns: how inputs are made of others.
//! Law FLOW-2: fast ≡ strict. Equal corpora and seeds give equal inputs.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use offbound_ingest::fuzzing::change::change;
use offbound_ingest::fuzzing::{Account, Numbers, Pair, fast_formats};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Longest input, in bytes: two or three records.
const MAX_INPUT_BYTES: usize = 4_096;
/// Most changes of one input.
const MAX_CHANGES: usize = 3;
/// Once in so many inputs, another one is put behind it.
const JOINED: usize = 8;
/// Inputs between two reports.
const REPORT_INPUTS: u64 = 1_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let format = arguments.first().and_then(|id| fast_formats().find(|format| format == id));
    let number = |at: usize| arguments.get(at).and_then(|number| number.parse::<u64>().ok());
    let (Some(format), Some(inputs)) = (format, number(1)) else {
        eprintln!(
            "usage: both_paths FORMAT INPUTS [SEED], FORMAT one of {:?}",
            fast_formats().collect::<Vec<_>>()
        );
        return ExitCode::from(2);
    };
    match corpus(format) {
        Ok(corpus) => run(format, &corpus, inputs, &mut Numbers::of(number(2).unwrap_or_default())),
        Err(error) => {
            eprintln!("corpus/{format}: {error}; write the seeds first (fuzz/README.md)");
            ExitCode::from(2)
        }
    }
}

/// The inputs to begin with, in the order of their names.
fn corpus(format: &str) -> io::Result<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(format);
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().map(fs::read).collect()
}

fn run(format: &'static str, corpus: &[Vec<u8>], inputs: u64, numbers: &mut Numbers) -> ExitCode {
    let mut pair = Pair::new(format);
    for done in 1..=inputs {
        let input = input(format, corpus, numbers);
        if catch_unwind(AssertUnwindSafe(|| pair.read(&input))).is_err() {
            eprintln!("{format}: input {done} is {}", input.escape_ascii());
            return ExitCode::FAILURE;
        }
        if done % REPORT_INPUTS == 0 || done == inputs {
            let Account { inputs, records, fast } = pair.account();
            println!("{format}: {inputs} inputs, {records} records, {fast} of them on the fast path");
        }
    }
    match catch_unwind(AssertUnwindSafe(|| pair.finish())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// One of the corpus, or two, changed.
fn input(format: &str, corpus: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let one = |numbers: &mut Numbers| corpus.get(numbers.below(corpus.len())).cloned().unwrap_or_default();
    let mut input = one(numbers);
    if numbers.once_in(JOINED) {
        input = [input, one(numbers)].join(&b'\n');
    }
    for _ in 0..=numbers.below(MAX_CHANGES) {
        input = change(format, &input, numbers);
    }
    input.truncate(MAX_INPUT_BYTES);
    input
}
