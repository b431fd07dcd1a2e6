//! The laws of ingest over a log of format `k8s-audit`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offbound_ingest::fuzzing::check("k8s-audit", bytes));
