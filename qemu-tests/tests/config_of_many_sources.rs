//! Every place that a config can come from before a state disk or a network is there, in one machine: each says
//! something, the higher one wins, and `dockos config show --origin` tells which it was.

use anyhow::Result;
use qemu_tests::{Machine, READY};

const OEM: &[u8] = b"#cloud-config\nhostname: from-oem\ntimezone: Asia/Shanghai\nwrite_files:\n  - { path: /run/from, content: oem }\n  - { path: /run/oem, content: oem }\n";
const META: &[u8] = b"instance-id: i-1\nlocal-hostname: from-meta-data\n";
const VENDOR: &[u8] = b"#cloud-config\nhostname: from-vendor-data\nruncmd: [ 'echo vendor >> /run/order' ]\n";
const NETWORK: &[u8] =
    b"version: 2\nethernets:\n  nics: { match: { name: \"*\" }, addresses: [ 10.0.2.77/24 ] }\n";
const FW_CFG: &str = "#cloud-config\nwrite_files: [ { path: /run/fw-cfg, content: fw_cfg } ]\n";

/// A config and a script in one message.
const USER: &str = "MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=\"cut\"\r
\r
--cut\r
Content-Type: text/cloud-config\r
\r
#cloud-config\r
hostname: from-user-data\r
runcmd: [ 'echo user >> /run/order' ]\r
write_files: [ { path: /run/from, content: user } ]\r
--cut\r
Content-Type: text/x-shellscript; name=\"late.sh\"\r
Content-Disposition: attachment; filename=\"late.sh\"\r
\r
#!/bin/sh\r
echo script >> /run/order\r
--cut--\r
";

#[test]
fn config_of_many_sources() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("dockos-fw-cfg-{}", std::process::id()));
    std::fs::write(&folder, FW_CFG)?;
    let fw_cfg = format!("name=opt/dockos/cloud-config,file={}", folder.display());
    let vm = Machine::new("many-sources")
        .media("DOCKOS_OEM", &[("cloud-config.yml", OEM)])
        .media(
            "cidata",
            &[
                ("meta-data", META),
                ("vendor-data", VENDOR),
                ("network-config", NETWORK),
                ("user-data", USER.as_bytes()),
            ],
        )
        .qemu_args(&["-fw_cfg", &fw_cfg])
        .append("cc.locale=zh_CN.UTF-8 dockos.docker.log_level=warn dockos.state.ram=true")
        .append("\"cc.runcmd[]=echo 'command line' >> /run/order\"")
        .start()?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname")?, "from-user-data");
    assert_eq!(vm.check("cat /run/from /run/oem /run/fw-cfg")?, "useroemfw_cfg");
    assert_eq!(vm.check("cat /run/order")?, "vendor\nuser\nscript\ncommand line");
    assert!(vm.check("ip -4 addr")?.contains("10.0.2.77/24"), "network-config does not count");
    let shown = vm.check("dockos config show --origin")?;
    for (value, origin) in [
        ("hostname: from-user-data", "user-data"),
        ("timezone: Asia/Shanghai", "cloud-config.yml"),
        ("locale: zh_CN.UTF-8", "kernel command line"),
        ("log_level: warn", "kernel command line"),
    ] {
        let line = shown.lines().find(|line| line.contains(value)).unwrap_or_default();
        assert!(line.contains(origin), "{value} is not from {origin}: {line:?} in\n{shown}");
    }
    // Windows' line ends are the message's, not the script's business: it ran. The config itself is fine.
    vm.check("dockos config check")?;
    std::fs::remove_file(&folder)?;
    vm.poweroff()
}

#[test]
fn config_drive() -> Result<()> {
    let meta = br#"{"hostname": "lab-31.school.example", "uuid": "1-2", "public_keys": {"me": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxYV0n1kZ0m2e8y2m6C5cZ6qgJw0w0n1kZ0m2e8y2m6 me"}}"#;
    let vm = Machine::new("config-drive")
        .media(
            "config-2",
            &[
                ("openstack/latest/meta_data.json", meta),
                ("openstack/latest/user_data", b"#cloud-config\nruncmd: [ 'echo hello > /run/hello' ]\n"),
            ],
        )
        .start()?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname && cat /run/hello")?, "lab-31\nhello");
    assert!(vm.check("cat /root/.ssh/authorized_keys")?.contains(" me"));
    vm.poweroff()
}
