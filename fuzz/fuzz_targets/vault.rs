//! The laws of ingest over a log of format `vault`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offbound_ingest::fuzzing::check("vault", bytes));
