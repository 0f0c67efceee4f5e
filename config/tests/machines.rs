//! `machines.yml`: what is right is read, and what is wrong is said with its place. `UPDATE_EXPECTED=1` writes what is
//! expected.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, in their helpers too")]

mod common;

use std::fs;

use dockos_config::{MachineMac, MachineSerial, MachineUuid, parse_machines};
use proptest::prelude::*;

use common::repo;

const GOOD: &str = include_str!("machines/good.yml");

fn mac(text: &str) -> MachineMac {
    text.parse().unwrap()
}

#[test]
fn every_mistake_is_said() {
    for name in ["bad", "clash"] {
        let file = repo(&format!("config/tests/machines/{name}.yml"));
        let report = parse_machines("machines.yml", &fs::read_to_string(&file).unwrap()).unwrap_err();
        let expected = file.with_extension("expected");
        let shown = format!("{report}\n");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &shown).unwrap();
        }
        assert_eq!(shown, fs::read_to_string(&expected).unwrap(), "{name}");
    }
}

#[test]
fn a_machine_is_found_by_mac_then_serial_then_uuid_then_the_default() {
    let (room, report) = parse_machines("machines.yml", GOOD).unwrap();
    assert!(report.diagnostics.is_empty(), "{report}");
    let serial: MachineSerial = "pf3x1234".parse().unwrap();
    let uuid: MachineUuid = "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap();
    let known = mac("52-54-00-12-34-56");
    let other = mac("52:54:00:00:00:01");
    for (macs, serial, uuid, config, name) in [
        (&[other, known][..], Some(&serial), Some(uuid), "lab-a.yml", Some("lab-01")),
        (&[other][..], Some(&serial), Some(uuid), "teacher.yml", None),
        (&[other][..], None, Some(uuid), "exam.yml", None),
        (&[other][..], None, None, "lab-a.yml", None),
        (&[][..], None, None, "lab-a.yml", None),
    ] {
        let found = room.find(macs, serial, uuid).unwrap();
        assert_eq!((found.config.as_str(), found.hostname.map(|name| name.as_str())), (config, name));
    }
    let names: Vec<&str> = room.configs().iter().map(|file| file.as_str()).collect();
    assert_eq!(names, ["exam.yml", "lab-a.yml", "teacher.yml"]);
}

#[test]
fn without_a_default_others_wait() {
    let (room, _) = parse_machines("machines.yml", "groups: {a: {config: a.yml}}").unwrap();
    assert_eq!(room.find(&[mac("52:54:00:00:00:01")], None, None), None);
    let (room, _) = parse_machines("machines.yml", "").unwrap();
    assert_eq!(room.find(&[], None, None), None);
}

#[test]
fn a_room_of_thousands_is_read_in_a_moment() {
    let mut text = "groups: {a: {config: a.yml}}\nmachines:\n".to_owned();
    for i in 0..10_000 {
        text += &format!("  - {{mac: 525400{i:06x}, group: a, hostname: m{i}}}\n");
    }
    let start = std::time::Instant::now();
    let (room, _) = parse_machines("machines.yml", &text).unwrap();
    assert_eq!(room.machines.len(), 10_000);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(at in 0..GOOD.len(), length in 0..30usize, new in "\\PC{0,12}") {
        let text = format!("{}{new}{}", &GOOD[..at], &GOOD[(at + length).min(GOOD.len())..]);
        let _ = parse_machines("machines.yml", &text);
    }

    #[test]
    fn no_identity_makes_it_panic(text in "\\PC{0,80}") {
        let _ = (text.parse::<MachineMac>(), text.parse::<MachineSerial>(), text.parse::<MachineUuid>());
    }
}
