//! The laws of ingest over a log of format `ec2-instances`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offbound_ingest::fuzzing::check("ec2-instances", bytes));
