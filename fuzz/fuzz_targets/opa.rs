//! The laws of ingest over a log of format `opa`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offbound_ingest::fuzzing::check("opa", bytes));
