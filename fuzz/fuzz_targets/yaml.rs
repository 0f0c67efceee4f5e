//! A cloud-config and a service.yml.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dockos_fuzz::yaml(bytes));
