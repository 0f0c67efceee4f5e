//! Whom the machine trusts: the image's authorities, and those of the config. Engines, the fetch program and system
//! services read one file.

use std::fs;
use std::path::Path;

use dockos_config::{CaCerts, Config};

use crate::machine::Machine;
use dockos_control::error::{Context, Result};
use dockos_control::files;

/// The file.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// It as the image has it, once the config changed it.
const IMAGE: &str = "/run/dockos/ca-certificates.crt";

/// Writes the file anew where the config adds or removes authorities. Programs read it when they start: before any of
/// them does.
pub(crate) fn apply(machine: &Machine) {
    machine.check(write(&machine.config()).context(|| "ca_certs".to_owned()));
}

fn write(config: &Config) -> Result<()> {
    let wish = wish(config);
    if *wish == CaCerts::default() && !Path::new(IMAGE).exists() {
        return Ok(());
    }
    if !Path::new(IMAGE).exists() {
        fs::copy(BUNDLE, IMAGE).context(|| format!("copy {BUNDLE}"))?;
    }
    let image = fs::read_to_string(IMAGE).context(|| format!("read {IMAGE}"))?;
    files::write_durably(Path::new(BUNDLE), bundle(&image, wish).as_bytes(), 0o644)
}

/// Only one of both spellings can be set.
fn wish(config: &Config) -> &CaCerts {
    if config.ca_certs == CaCerts::default() { &config.ca_certs_old } else { &config.ca_certs }
}

fn bundle(image: &str, wish: &CaCerts) -> String {
    let mut text = if wish.remove_defaults { String::new() } else { image.to_owned() };
    for certificates in &wish.trusted {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(certificates.as_str());
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_of_the_config_come_after_the_images() {
        let one = "-----BEGIN CERTIFICATE-----\n  MIIBszCCAVmgAwIBAgIUXg==\n  -----END CERTIFICATE-----";
        let text = |remove| {
            format!(
                "ca_certs:\n  remove_defaults: {remove}\n  trusted:\n  - |-\n   {}\n",
                one.replace("\n  ", "\n   ")
            )
        };
        let read = |remove| dockos_config::parse("test.yml", &text(remove)).unwrap();
        let one = one.replace("  ", "");
        assert_eq!(bundle("image\n", wish(&read(false))), format!("image\n{one}\n"));
        assert_eq!(bundle("image\n", wish(&read(true))), format!("{one}\n"));
        assert_eq!(bundle("image\n", &CaCerts::default()), "image\n");
    }
}
