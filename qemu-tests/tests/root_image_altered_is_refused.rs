//! A root image that is not the one on the kernel command line never runs: the screen says why, and the machine reboots.

use std::time::Duration;

use anyhow::Result;
use qemu_tests::{Boot, Machine, RootImage, Server};

const BOUND: Duration = Duration::from_secs(120);
const REFUSED: &str = "The root image is not the one that was asked for, and is not used.";

#[test]
fn root_image_altered_is_refused() -> Result<()> {
    let (good, server) = (RootImage::read()?, Server::start(&[])?);
    let altered = good.clone().altered();
    server.put("/rootfs", &altered.file);
    let words = format!("dockos.root={}#sha256={}", server.url("/rootfs"), good.sha256());
    let vm = Machine::new("root-image-altered").boot(Boot::Kernel).append(&words).start()?;
    vm.wait_for(REFUSED, BOUND)?;
    vm.wait_for(&format!("wanted  sha256 {}", good.sha256()), BOUND)?;
    vm.wait_for(&format!("found   sha256 {}", altered.sha256()), BOUND)?;
    vm.wait_for("DockOS stopped: the root image was refused", BOUND)?;
    vm.wait_for("rebooting in 1 s", BOUND)?;
    vm.power_cut()?;

    let words = format!("dockos.root=#sha256={}", altered.sha256());
    let vm = Machine::new("root-image-loaded-altered").append(&words).start()?;
    vm.wait_for(REFUSED, BOUND)?;
    vm.wait_for("what the boot loader loaded", BOUND)?;
    vm.wait_for("rebooting in 1 s", BOUND)?;
    vm.power_cut()?;

    let cut = good.file.get(..good.file.len() / 2).unwrap_or_default();
    server.put("/rootfs", cut);
    let words = format!("dockos.root={}#sha256={}", server.url("/rootfs"), good.sha256());
    let vm = Machine::new("root-image-cut").boot(Boot::Kernel).append(&words).start()?;
    vm.wait_for("the server's file is cut short, or no root image", BOUND)?;
    vm.quit()
}
