//! Paths of keys: what is read is written, and read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dockos_fuzz::key_path(bytes));
