//! Batches: see `coffer::sim::fuzzed`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coffer::sim::fuzzed::check_batch(bytes));
