//! Who the machine is, asked of the netboot server by its hardware's names, until somebody has said so there.

use std::fs;
use std::time::Duration;

use tokio::time::sleep;

use super::fetch::Copy;
use super::sources::{Gathered, shown};
use crate::machine::Machine;
use crate::{banner, http, log};
use dockos_control::error::{Fault, Result};

/// How often the server is asked.
const PAUSE: Duration = Duration::from_secs(5);
/// So many questions in a row without an answer mean that the server is away. One that told the machine to wait is waited
/// for: somebody may be about to assign it there.
const TRIES: u32 = 8;
/// The longest kernel command line (see `dockos_config::Cmdline`).
const MOST_BYTES: usize = 32 << 10;

/// What tells one machine from another.
#[derive(Debug, Default, PartialEq)]
struct Hardware {
    /// Names and addresses of the wired interfaces.
    cards: Vec<(String, String)>,
    serial: String,
    uuid: String,
}

/// Asks until the server knows the machine. Returns its words; those of last time where it does not answer, and has not
/// said in this boot that the machine shall wait.
pub(super) async fn ask(machine: &Machine, all: &mut Gathered, server: &str) -> Result<String> {
    let (mut shown_to_all, mut failures): (Option<Hardware>, u32) = (None, 0);
    loop {
        let hardware = Hardware::look(&machine.addresses.borrow());
        match http::text(&hardware.question(server), MOST_BYTES).await {
            Ok(Some(words)) => {
                all.fetched.push(Copy::of(server, words.clone().into_bytes()));
                all.found.push(shown(server));
                return Ok(words);
            }
            Ok(None) => {
                failures = 0;
                machine.waits_for("config", "somebody to assign this machine on the netboot server");
                if shown_to_all.as_ref() != Some(&hardware) {
                    introduce(machine, server, &hardware);
                    shown_to_all = Some(hardware);
                }
                sleep(PAUSE).await;
            }
            Err(fault) => {
                failures += 1;
                machine.waits_for("config", format!("{}: {fault}", shown(server)));
                if failures.is_multiple_of(TRIES) {
                    match &shown_to_all {
                        None => return of_last_time(all, server, fault),
                        // What was shown has scrolled away meanwhile.
                        Some(hardware) => introduce(machine, server, hardware),
                    }
                }
                count_down(failures, &fault).await;
            }
        }
    }
}

fn of_last_time(all: &mut Gathered, server: &str, fault: Fault) -> Result<String> {
    let Some(words) = Copy::last_of(server)? else {
        return Err(Fault::new(format!("{}: {fault}", shown(server))));
    };
    banner::yellow("The netboot server does not answer: this machine is what it was last time.", &fault);
    all.found.push(format!("{} (its word of last time)", shown(server)));
    String::from_utf8(words).map_err(|error| Fault::new(format!("the copy on the state disk: {error}")))
}

/// The screen of a machine that nobody knows.
fn introduce(machine: &Machine, server: &str, hardware: &Hardware) {
    let server = shown(server);
    let seconds = PAUSE.as_secs();
    let mac = hardware.cards.first().map_or("MAC", |(_, mac)| mac.as_str());
    let mut text = String::new();
    for (name, mac) in &hardware.cards {
        text.push_str(&format!("MAC address    {mac} ({name})\n"));
    }
    for (what, value) in [("serial number", &hardware.serial), ("UUID", &hardware.uuid)] {
        text.push_str(&format!("{what:<14} {}\n", if value.is_empty() { "none" } else { value.as_str() }));
    }
    text.push_str(&format!("IP address     {}\n\n", machine.addresses.borrow().join(", ")));
    text.push_str(&format!(
        "On the netboot server {server}, say what it is:\n    dockos netboot assign {mac} --group GROUP --hostname NAME\n\
         It is asked again every {seconds} s, and this machine then boots on by itself.\n\
         网络启动服务器尚未分配本机。请在服务器上分配，之后本机会自动继续启动。"
    ));
    banner::yellow("The netboot server does not know this machine yet.", &text);
}

async fn count_down(failures: u32, fault: &Fault) {
    tracing::warn!("the netboot server: {fault}");
    for left in (1..=PAUSE.as_secs()).rev() {
        log::consoles(&format!("\rnetboot server: try {} in {left} s ", failures + 1));
        sleep(Duration::from_secs(1)).await;
    }
    log::consoles("\n");
}

impl Hardware {
    /// The cards that have an address come first: the machine was booted by one of them.
    fn look(addresses: &[String]) -> Self {
        let mut cards: Vec<(String, String)> = fs::read_dir("/sys/class/net")
            .into_iter()
            .flatten()
            .flatten()
            // Bridges and the like have no device behind them.
            .filter(|entry| entry.path().join("device").exists())
            .filter_map(|entry| {
                let mac = fs::read_to_string(entry.path().join("address")).ok()?;
                Some((entry.file_name().to_string_lossy().into_owned(), mac.trim().to_owned()))
            })
            .collect();
        let has_address =
            |name: &str| addresses.iter().any(|address| address.ends_with(&format!(" on {name}")));
        cards.sort_by_key(|(name, _)| (!has_address(name), name.clone()));
        let dmi = |name| fs::read_to_string(format!("/sys/class/dmi/id/{name}")).unwrap_or_default();
        let (serial, uuid) = (dmi("product_serial").trim().to_owned(), dmi("product_uuid").trim().to_owned());
        Self { cards, serial, uuid }
    }

    /// The address to ask, with all that is known in its query.
    fn question(&self, server: &str) -> String {
        let mut url = server.to_owned();
        let macs = self.cards.iter().map(|(_, mac)| ("mac", mac.replace(':', "-")));
        for (key, value) in macs.chain([("serial", escape(&self.serial)), ("uuid", escape(&self.uuid))]) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&format!("{key}={value}"));
        }
        url
    }
}

/// Escapes for a query what is no letter, digit or one of `-._~` (RFC 3986, section 2.3).
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_the_hardware() {
        let hardware = Hardware {
            cards: vec![
                ("eth0".into(), "52:54:00:12:34:56".into()),
                ("eth1".into(), "52:54:00:12:34:57".into()),
            ],
            serial: "To Be Filled & more".into(),
            uuid: "0123-45".into(),
        };
        let query =
            "mac=52-54-00-12-34-56&mac=52-54-00-12-34-57&serial=To%20Be%20Filled%20%26%20more&uuid=0123-45";
        assert_eq!(hardware.question("http://h/machine"), format!("http://h/machine?{query}"));
        assert_eq!(hardware.question("http://h/m?x=1"), format!("http://h/m?x=1&{query}"));
    }

    proptest::proptest! {
        #[test]
        fn no_serial_number_breaks_the_question(serial in "\\PC{0,40}") {
            let question = Hardware { serial, ..Hardware::default() }.question("http://h/machine");
            proptest::prop_assert!(question.bytes().all(|b| b.is_ascii_graphic()));
            proptest::prop_assert_eq!(question.matches('&').count(), 1);
        }
    }
}
