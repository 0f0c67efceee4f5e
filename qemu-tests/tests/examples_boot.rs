//! Every example boots, and its config is the one in force.

use std::fs;

use anyhow::{Context, Result};
use qemu_tests::{Disk, Machine, READY};

#[test]
fn examples_boot() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let mut examples = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    examples.sort();
    assert!(examples.len() >= 7, "{examples:?}");
    for path in examples {
        let name = path.file_stem().context("a name")?.to_string_lossy().into_owned();
        let disk = Disk::empty(&format!("example-{name}"), 16 << 30)?;
        let config = fs::read(&path)?;
        let vm = Machine::new(&format!("example-{name}")).config(config).disk(&disk).start()?;
        vm.wait_ready(READY)?;
        vm.check("dockos config check && dockos config show > /dev/null")?;
        assert_eq!(vm.check("dockos config diff")?, "", "{name}");
        vm.poweroff()?;
    }
    Ok(())
}
