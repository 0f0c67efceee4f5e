//! A kernel command line, and the serial number of QEMU's SMBIOS.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dockos_fuzz::cmdline(bytes));
