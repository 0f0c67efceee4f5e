//! A config and an image archive that `dockos iso customize` put into the ISO: the room's desktop runs on a machine that
//! has no network at all.

use anyhow::Result;
use qemu_tests::{
    Boot, Machine, READY,
    media::{archive, choose_serial, customize},
};

const IMAGE: &str = "room/hello:1";
const CONFIG: &str = "#cloud-config
hostname: lab-42
dockos:
  state: { ram: true }
  desktops:
    - { name: hello, tenant: alice, image: 'room/hello:1', memory: 64M }
";

#[test]
fn iso_customized() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (image, iso) = (folder.path().join("hello.tar"), folder.path().join("room.iso"));
    archive(IMAGE, &image)?;
    customize(&[&image], CONFIG, &iso)?;
    let vm = Machine::new("iso-customized").boot(Boot::Stick(iso)).without_nic().start()?;
    choose_serial(&vm)?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname")?, "lab-42");
    assert_eq!(vm.check("docker ps --format '{{.Names}} {{.Image}}'")?, format!("desktop-hello {IMAGE}"));
    vm.poweroff()
}
