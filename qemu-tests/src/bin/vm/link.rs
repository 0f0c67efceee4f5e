//! A link that logs in to the page of desktops once: the config's first user gets one, as there are no default passwords.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use anyhow::{Context as _, Result};
use dockos_config::Config;
use qemu_tests::{Forward, Machine, sha256};

/// Random bytes of the word in the link.
const RANDOM: usize = 16;

/// A link to log in with, for this run of the machine.
pub(crate) struct Link {
    user: String,
    sum: String,
    /// What to open in a browser.
    pub(crate) url: String,
}

impl Link {
    /// A link for the first user of the page, if the config has a page with users.
    pub(crate) fn new(config: &Config, forwards: &[Forward]) -> Result<Option<Self>> {
        let Some(web) = &config.dockos.web else { return Ok(None) };
        let port = web.port.map_or(super::run::HTTPS, |port| port.get());
        let forward = forwards.iter().find(|forward| forward.guest == port);
        let (Some(user), Some(forward)) = (web.users.first(), forward) else { return Ok(None) };
        let mut random = [0; RANDOM];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let word: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let url = format!("https://localhost:{}/link/{word}", forward.host);
        Ok(Some(Self { user: user.name.to_string(), sum: sha256(word.as_bytes()), url }))
    }

    /// Gives it to the machine, in a config of its own; the machine's last words say the link.
    pub(crate) fn given_to(&self, machine: Machine, folder: &Path) -> Result<Machine> {
        let Self { user, sum, url } = self;
        let config = format!(
            "#cloud-config\nfinal_message: \"{user}'s desktops: {url} (works once)\"\n\
             dockos: {{ web: {{ users: [ {{ name: {user}, link_sha256: {sum} }} ] }} }}\n"
        );
        let file = folder.join("link.yml");
        fs::write(&file, config).with_context(|| format!("cannot write {}", file.display()))?;
        let device =
            format!("name=opt/dockos/cloud-config,file={}", file.display().to_string().replace(',', ",,"));
        Ok(machine.qemu_args(&["-fw_cfg", &device]))
    }
}
