//! Every example boots, and its config is the one in force.

use std::fs;

use anyhow::{Context, Result};
use qemu_tests::{Disk, Machine, READY, Store, paths};

#[test]
fn examples_boot() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let mut examples = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    examples.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    examples.sort();
    assert!(examples.len() >= 7, "{examples:?}");
    for path in examples {
        let name = path.file_stem().context("a name")?.to_string_lossy().into_owned();
        let config = fs::read(&path)?;
        let disk = disk_for(&name, &String::from_utf8_lossy(&config))?;
        let mut machine = Machine::new(&format!("example-{name}")).config(&config).disk(&disk);
        // What boots others has to have what they boot: the center is booted from a medium.
        let boot_files =
            if String::from_utf8_lossy(&config).contains("netboot:") { boot_files()? } else { Vec::new() };
        if !boot_files.is_empty() {
            let files: Vec<(&str, &[u8])> =
                boot_files.iter().map(|(path, bytes)| (&path[..], &bytes[..])).collect();
            machine = machine.media("DOCKOS", &files);
        }
        let vm = machine.start()?;
        vm.wait_ready(READY)?;
        vm.check("dockos config check && dockos config show > /dev/null")?;
        assert_eq!(vm.check("dockos config diff")?, "", "{name}");
        vm.poweroff()?;
    }
    Ok(())
}

/// A state disk: empty, or one that has the image of a desktop that the example runs.
fn disk_for(name: &str, config: &str) -> Result<Disk> {
    let name = format!("example-{name}");
    match config.contains("course: c") {
        true => Store::of_desktops(&["c"], 16 << 30)?.disk(&name),
        false => Disk::empty(&name, 16 << 30),
    }
}

/// The boot files by their paths on a medium.
fn boot_files() -> Result<Vec<(String, Vec<u8>)>> {
    let file = |name| Ok((format!("boot/{name}"), fs::read(paths::out().join(name))?));
    ["vmlinuz", "initramfs", "rootfs"].into_iter().map(file).collect()
}
