//! PID 1 fetches the root image itself: a server that dies in the middle is waited for and the rest fetched from where it
//! broke off; the image is then kept on the state disk, spares the next boot the transfer, and boots the machine when the
//! server is away.

use std::time::Duration;

use anyhow::{Result, ensure};
use qemu_tests::{Boot, Disk, Machine, READY, RootImage, Server, Vm};

const BOUND: Duration = Duration::from_secs(150);
const CONFIG: &str = "#cloud-config\ndockos: {state: {create: empty-disk}}\n";

fn boot(name: &str, disk: &Disk, words: &str) -> Result<Vm> {
    Machine::new(name).boot(Boot::Kernel).disk(disk).config(CONFIG).append(words).start()
}

/// What the boot says of where its root image is from.
fn origin(vm: &Vm) -> Result<String> {
    Ok(vm.boot_json()?.phase("root").and_then(|phase| phase.note.clone()).unwrap_or_default())
}

#[test]
fn root_image_outlives_its_server() -> Result<()> {
    let (rootfs, server) = (RootImage::read()?, Server::start(&[])?);
    server.put("/rootfs", &rootfs.file);
    server.limit_speed(8 << 20);
    let words = format!("dockos.root={}#sha256={}", server.url("/rootfs"), rootfs.sha256());
    let disk = Disk::empty("root-image", 4 << 30)?;

    let vm = boot("root-image-dies", &disk, &words)?;
    server.wait_sent("/rootfs", 10 << 20, Duration::from_secs(60))?;
    server.kill();
    vm.wait_for("root image: try 2 of", Duration::from_secs(30))?;
    server.limit_speed(0);
    server.revive()?;
    vm.wait_ready(READY)?;
    let sent: u64 = server.requests("/rootfs").iter().map(qemu_tests::Request::sent).sum();
    let whole = rootfs.file.len() as u64;
    ensure!(sent < whole + (4 << 20), "{sent} bytes were sent of a file of {whole}: it was not continued");
    assert_eq!(origin(&vm)?, server.url("/rootfs"));
    let kept = format!("/var/lib/dockos/root/{}.img", rootfs.sha256());
    vm.eventually(&format!("test -f {kept}"), Duration::from_secs(30))?;
    assert_eq!(vm.check(&format!("sha256sum {kept} | cut -d' ' -f1"))?, rootfs.sha256());
    vm.poweroff()?;

    let before = server.requests("/rootfs").len();
    let vm = boot("root-image-kept", &disk, &words)?;
    vm.wait_for("the state disk's copy of the server's image", BOUND)?;
    vm.wait_for("/dev/vda1 (xfs)", BOUND)?;
    assert_eq!(server.requests("/rootfs").len(), before, "the very image is on the state disk");
    vm.power_cut()?;

    // Another image than the kept one is wanted, and nobody has it.
    server.kill();
    let other = format!("dockos.root={}#sha256={}", server.url("/rootfs"), "0".repeat(64));
    let vm = boot("root-image-away", &disk, &other)?;
    vm.wait_for("The root image of last time is used", BOUND)?;
    vm.wait_ready(READY)?;
    // The look at the disk before its phase leaves its quotas as they are.
    assert_eq!(vm.check("dmesg | grep -c Quotacheck || true")?, "0");
    let origin = origin(&vm)?;
    ensure!(origin.starts_with("the state disk's copy of last time, sha256 "), "{origin}");
    ensure!(vm.check("dockos boot")?.contains(&origin), "`dockos boot` does not say it");
    vm.poweroff()?;
    disk.check_state()
}
