//! A machine that its netboot server does not know shows who it is and asks on, while the server is started anew too; once it
//! is assigned it boots on by itself, and where the server is away at the next boot, it is what it was.

use std::time::Duration;

use anyhow::{Result, ensure};
use qemu_tests::{Disk, Machine, READY, Server, Vm, sha256};

const CONFIG: &[u8] =
    b"#cloud-config\nfinal_message: assigned\nwrite_files: [{path: /etc/group-is, content: lab-a}]\n";
const LOCAL: &str = "#cloud-config\ndockos: {state: {create: empty-disk}}\n";
const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn boot(name: &str, disk: &Disk, server: &Server) -> Result<Vm> {
    let words = format!("ds=netboot;s={}", server.url("/machine"));
    Machine::new(name).disk(disk).config(LOCAL).smbios("PF3X 1234", UUID).append(&words).start()
}

#[test]
fn unknown_machine_waits_to_be_assigned() -> Result<()> {
    let server = Server::start(&[])?;
    let disk = Disk::empty("unknown-machine", 4 << 30)?;
    let vm = boot("unknown-machine", &disk, &server)?;
    for text in ["does not know this machine yet", "MAC address", "PF3X 1234", UUID, "dockos netboot assign"]
    {
        vm.wait_for(text, Duration::from_secs(120))?;
    }
    let asked = server.requests("/machine");
    let target = asked.first().map(|request| request.target.clone()).unwrap_or_default();
    ensure!(target.contains("?mac=52-54-00-") && target.contains("&serial=PF3X%201234&uuid="), "{target}");

    // More failures than a server that has said nothing yet is given.
    server.kill();
    vm.wait_for("netboot server: try 10 in", Duration::from_secs(120))?;
    server.revive()?;

    let pin = sha256(CONFIG);
    let words = format!("cloud-config-url={}#sha256={pin} cc.hostname=lab-07\n", server.url("/config.yml"));
    server.put("/config.yml", CONFIG);
    server.put("/machine", words.as_bytes());
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname; cat /etc/group-is")?, "lab-07\nlab-a");
    vm.poweroff()?;

    server.kill();
    let vm = boot("unknown-machine-alone", &disk, &server)?;
    vm.wait_for("this machine is what it was last time", Duration::from_secs(150))?;
    vm.wait_for("(its word of last time), http", Duration::from_secs(60))?;
    vm.wait_for("  1 file", Duration::from_secs(60))?;
    vm.power_cut()
}
