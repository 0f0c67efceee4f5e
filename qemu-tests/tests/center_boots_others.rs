//! A center's netboot service: it serves what the center itself was booted from, lives through the death of its parts, and
//! follows the config.

use std::{fs, time::Duration};

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY, paths};

const CONFIG: &str = "#cloud-config
dockos:
  state: { create: empty-disk }
  center:
    netboot: { dhcp: proxy }
";

/// How long a part may take to come back, emulated.
const BACK: Duration = Duration::from_secs(60);

#[test]
fn a_center_serves_the_medium_it_was_booted_from() -> Result<()> {
    let disk = Disk::empty("center-boots-others", 4 << 30)?;
    let boot_files = ["vmlinuz", "initramfs", "rootfs"].map(|name| fs::read(paths::out().join(name)));
    let [kernel, initramfs, root] = boot_files;
    let (kernel, initramfs, root) = (kernel?, initramfs?, root?);
    let medium: [(&str, &[u8]); 3] =
        [("boot/vmlinuz", &kernel), ("boot/initramfs", &initramfs), ("boot/rootfs", &root)];
    let machine = Machine::new("center-boots-others").config(CONFIG).disk(&disk).media("DOCKOS", &medium);
    let vm = machine.start()?;
    vm.wait_ready(READY)?;
    let index = vm.eventually("wget -q -O - http://127.0.0.1/", BACK)?;
    assert!(index.contains(&format!("/rootfs           {:>10} bytes", root.len())), "{index}");
    assert!(index.contains("/undionly.kpxe") && index.contains("/snponly.efi"), "{index}");
    let sum = vm.check("wget -q -O - http://127.0.0.1/rootfs | sha256sum")?;
    assert_eq!(sum, vm.check("sha256sum < /var/lib/dockos/netboot/boot/rootfs")?);
    let checked = vm.check("dockos netboot check")?;
    assert!(checked.contains("0 machines, 0 groups, 0 configs"), "{checked}");

    // Root there is not root here.
    let status = vm.eventually("grep CapEff /proc/$(pidof dnsmasq)/status", BACK)?;
    assert_eq!(status.split_whitespace().last(), Some("0000000000003400"), "{status}");

    let before = vm.check("pidof dnsmasq")?;
    vm.check("kill -9 $(pidof dnsmasq)")?;
    vm.eventually(&format!("pidof dnsmasq | grep -v '^{before}$'"), BACK)?;
    vm.check("kill -9 $(pidof netboot)")?;
    vm.eventually("wget -q -O - http://127.0.0.1/ && pidof dnsmasq", BACK)?;

    // A machine that asks is listed, and assigned.
    vm.check(
        "cd /var/lib/dockos/netboot && echo 'groups: { lab: { config: lab.yml } }' > machines.yml && \
         printf '#cloud-config\\nhostname: lab\\n' > configs/lab.yml",
    )?;
    vm.run("wget -q -O - 'http://127.0.0.1/machine?mac=52-54-00-00-00-09'")?;
    vm.eventually("dockos netboot list | grep 'waits to be assigned  52:54:00:00:00:09'", BACK)?;
    vm.check("dockos netboot assign 525400000009 --group lab")?;
    vm.eventually(
        "wget -q -O - 'http://127.0.0.1/machine?mac=52-54-00-00-00-09' | grep cloud-config-url",
        BACK,
    )?;
    vm.poweroff()?;
    disk.check_state()
}

#[test]
fn a_center_without_boot_files_says_where_they_belong() -> Result<()> {
    let vm = Machine::new("center-without-boot-files")
        .config("#cloud-config\ndockos: { center: { netboot: {} } }\n")
        .start()?;
    let why = vm.wait_degraded(READY)?;
    assert!(
        why.contains("there is no /var/lib/dockos/netboot/boot/vmlinuz: boot this machine from"),
        "{why}"
    );
    // It tries until all are there, and says which is not.
    vm.check("cd /var/lib/dockos/netboot/boot && dd if=/dev/zero of=vmlinuz bs=1024 count=1 2>/dev/null")?;
    vm.eventually("system-docker logs netboot 2>&1 | grep 'boot/initramfs: cannot be served'", BACK * 2)?;
    vm.poweroff()
}
