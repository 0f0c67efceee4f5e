//! Files that become one config, what is shown of it, and changes of their text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dockos_fuzz::merge(bytes));
