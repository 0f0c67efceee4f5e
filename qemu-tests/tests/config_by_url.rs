//! A config by URL: pinned, named by the SMBIOS, given by DHCP; and a server that is away changes nothing.

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY, Server};

const CONFIG: &[u8] = b"#cloud-config\nhostname: by-url\nruncmd: [ 'echo one > /run/which' ]\n";
/// sha256sum of CONFIG.
const SUM: &str = "4b522ab0a7b75d7b2c638ca8b709eb62d3e051853c2937c4c9764f877490ff97";
const STATE: &str = "dockos.state.create=empty-disk";

#[test]
fn config_by_url() -> Result<()> {
    let disk = Disk::empty("by-url", 16 << 30)?;
    let server = Server::start(&[("/lab.yml", CONFIG)])?;
    let word = format!("cloud-config-url={}#sha256={SUM}", server.url("/lab.yml"));
    let boot = |name: &str, word: &str| Machine::new(name).disk(&disk).append(word).append(STATE).start();

    let vm = boot("by-url-1", &word)?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname && cat /run/which")?, "by-url\none");
    vm.poweroff()?;

    // Another content than the pin names is refused; what was good is used.
    server.put("/lab.yml", b"#cloud-config\nhostname: forged\n");
    let vm = boot("by-url-2", &word)?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname")?, "by-url");
    assert!(vm.console().contains("The config of last time is used"), "no banner");
    vm.poweroff()?;

    // No server at all: the same, within bounds.
    drop(server);
    let vm = boot("by-url-3", &word)?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname && cat /run/which")?, "by-url\none");
    vm.poweroff()
}

#[test]
fn config_by_smbios_and_dhcp() -> Result<()> {
    let user = b"#cloud-config\nhostname: seeded\nwrite_files: [ { path: /run/user, content: user } ]\n";
    let server = Server::start(&[
        ("/seed/user-data", user),
        ("/seed/meta-data", b"local-hostname: meta\n"),
        ("/lab.yml", b"#cloud-config\nhostname: by-dhcp\n"),
        ("/late.yml", b"#cloud-config\nhostname: late\nnetwork: { ethernets: { eth0: { dhcp4: true } } }\n"),
    ])?;
    let serial = format!("type=1,serial=ds=nocloud;s={}", server.url("/seed/"));
    let vm = Machine::new("by-smbios").qemu_args(&["-smbios", &serial]).start()?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname && cat /run/user")?, "seeded\nuser");
    vm.poweroff()?;

    let vm = Machine::new("by-dhcp").boot_file(&server.url("/lab.yml")).append("ds=dhcp").start()?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname")?, "by-dhcp");
    vm.poweroff()?;

    // A key that was needed to fetch the file comes too late in it.
    let vm = Machine::new("by-url-late")
        .append(&format!("cloud-config-url={}", server.url("/late.yml")))
        .start()?;
    let reason = vm.wait_degraded(READY)?;
    assert!(reason.contains("/late.yml:3:1: error: `network` is set too late"), "{reason}");
    vm.poweroff()
}
