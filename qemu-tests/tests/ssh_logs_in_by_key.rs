//! A key of the config logs in as root by ssh, as an admin of the whole machine; a password never does.

use std::{fs, path::PathBuf, process::Output, thread::sleep, time::Duration};

use anyhow::{Context, Result, ensure};
use qemu_tests::{Machine, READY, Vm, tool};

#[test]
fn ssh_logs_in_by_key() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("dockos-ssh-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let key = folder.join("key");
    let made = tool("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status()?;
    ensure!(made.success(), "ssh-keygen failed");
    let public = fs::read_to_string(key.with_extension("pub"))?;
    let config = format!(
        "#cloud-config\nhostname: lab-05\nssh_authorized_keys: ['{}']\ndockos: {{ state: {{ ram: true }} }}\n",
        public.trim()
    );
    let vm = Machine::new("ssh").config(config).reach(22).start()?;
    vm.wait_ready(READY)?;
    let others = vm.check("netstat -ltnu | tail -n +3 | grep -v ':22 ' || true")?;
    assert_eq!(others, "", "ssh is not the only open port");

    let admin = Ssh { vm: &vm, key: Some(key.clone()) };
    let seen =
        admin.run("hostname && docker ps && system-docker ps && dockos boot && id -un && touch /var/here")?;
    for expected in ["lab-05", "ready at", "root"] {
        assert!(seen.contains(expected), "{expected} is missing in: {seen}");
    }
    vm.check("test -e /var/here")?;
    let stranger = Ssh { vm: &vm, key: None }.once("true")?;
    assert!(!stranger.status.success(), "a login without a key");
    assert!(String::from_utf8_lossy(&stranger.stderr).contains("publickey"), "{stranger:?}");

    // An admin's `poweroff` over ssh is the machine's.
    let _ = admin.once("poweroff")?;
    vm.wait_for("dockos: power off", Duration::from_secs(60))?;
    fs::remove_dir_all(folder)?;
    vm.quit()
}

struct Ssh<'a> {
    vm: &'a Vm,
    key: Option<PathBuf>,
}

impl Ssh<'_> {
    fn once(&self, command: &str) -> Result<Output> {
        let port = self.vm.port(22)?.to_string();
        let mut ssh = tool("ssh");
        ssh.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]);
        ssh.args([
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "ConnectTimeout=20",
        ]);
        if let Some(key) = &self.key {
            ssh.arg("-i").arg(key);
        }
        ssh.args(["-p", &port, "root@127.0.0.1", command]).output().context("run ssh")
    }

    /// Tries for a while: the first login makes the host key, which takes its time on an emulated CPU.
    fn run(&self, command: &str) -> Result<String> {
        let mut last = None;
        for _ in 0..5 {
            let output = self.once(command)?;
            if output.status.success() {
                return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            last = Some(output);
            sleep(Duration::from_secs(3));
        }
        Err(self.vm.report(anyhow::anyhow!("no login: {last:?}")))
    }
}
