//! User-data in all its forms, and the meta-data beside it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dockos_fuzz::user_data(bytes));
