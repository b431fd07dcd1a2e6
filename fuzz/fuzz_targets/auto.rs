//! The laws of ingest over any mixture of logs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offbound_ingest::fuzzing::check("auto", bytes));
