//! `dockos netboot list`: machines that asked, those that wait to be assigned first.

use std::fmt::Write;

use dockos_control::error::{Fault, Result};

use crate::options::Folders;
use crate::room::read_machines;
use crate::seen::{Machine, Seen, now};

/// The table.
pub(crate) fn table(folders: &Folders) -> Result<String> {
    let seen = Seen::load(&folders.state);
    let (room, ..) = read_machines(&folders.state).map_err(Fault::new)?;
    let gets = |machine: &Machine| {
        let identity = &machine.known;
        let found = room.find(&identity.macs, identity.serial.as_ref(), identity.uuid)?;
        Some(found.group.map_or_else(|| found.config.to_string(), |group| format!("group {group}")))
    };
    let mut rows: Vec<[String; 6]> = Vec::new();
    let mut machines: Vec<&Machine> = seen.machines.iter().collect();
    machines.sort_by_key(|machine| (gets(machine).is_some(), std::cmp::Reverse(machine.last)));
    for machine in machines {
        let dash = || "-".to_owned();
        rows.push([
            gets(machine).unwrap_or_else(|| "waits to be assigned".to_owned()),
            machine.macs.first().cloned().unwrap_or_else(dash),
            machine.serial.clone().unwrap_or_else(dash),
            machine.uuid.clone().unwrap_or_else(dash),
            machine.address.clone(),
            ago(machine.last),
        ]);
    }
    let mut text = laid_out(["GETS", "MAC", "SERIAL", "UUID", "ADDRESS", "ASKED"].map(str::to_owned), &rows);
    if rows.is_empty() {
        text = "no machine has asked yet\n".to_owned();
    }
    for rival in &seen.rivals {
        let _ = writeln!(text, "warning: {} {} too, heard {}", rival.address, rival.what, ago(rival.last));
    }
    Ok(text)
}

fn ago(then: u64) -> String {
    match now().saturating_sub(then) {
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds @ 120..7200 => format!("{} min ago", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

fn laid_out<const N: usize>(head: [String; N], rows: &[[String; N]]) -> String {
    let all = || [&head].into_iter().chain(rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    all().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    #[test]
    fn those_who_wait_come_first() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders { boot: dir.path().join("boot"), state: dir.path().to_owned() };
        assert_eq!(table(&folders).unwrap(), "no machine has asked yet\n");
        let mut seen = Seen::default();
        for mac in ["525400000001", "525400000002"] {
            seen.note(
                &Identity::from_query(&format!("mac={mac}")).unwrap(),
                "10.0.0.9".to_owned(),
                |_| None,
                |_| None,
            );
        }
        seen.note_rival("10.0.0.2", "tells machines where to boot from");
        seen.save(dir.path()).unwrap();
        let machines = "groups: {a: {config: a.yml}}\nmachines: [{mac: 525400000001, group: a}]\n";
        std::fs::write(dir.path().join("machines.yml"), machines).unwrap();
        let table = table(&folders).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("GETS                  MAC"), "{table}");
        assert!(lines[1].starts_with("waits to be assigned  52:54:00:00:00:02"), "{table}");
        assert!(lines[2].starts_with("group a               52:54:00:00:00:01"), "{table}");
        assert!(lines[3].starts_with("warning: 10.0.0.2 tells machines where to boot from too"), "{table}");
    }
}
