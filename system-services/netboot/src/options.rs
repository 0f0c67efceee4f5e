//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use dockos_config::{AddressRange, ConfigFile, Hostname, InterfaceName, Name, NetbootDhcp};
use lexopt::Parser;
use lexopt::prelude::{Long, Short, Value};

/// What `--help` shows.
pub(crate) const HELP: &str = "\
dockos netboot: boots the machines of a room over the network

  dockos netboot serve [OPTION]...    serve boot files and configs until it is told to end
      --interface NAME                the card that the machines are reached by (that of the default route)
      --dhcp proxy | server | none    beside a DHCP server (proxy), as the only one (server), or HTTP alone (none)
      --range FIRST-LAST              the addresses to give away, with --dhcp server
      --port N                        the port for HTTP (80)
  dockos netboot list                 machines that asked: who they are, what they got; unknown ones first
  dockos netboot assign IDENTITY      say what a machine gets, by its MAC, serial number or UUID
      --group NAME | --config FILE    its group, or a config of its own
      --hostname NAME                 its name
  dockos netboot check                look at the boot files, machines.yml and all configs

  each takes
      --state FOLDER                  where machines.yml, configs/ and seen.json are (/var/lib/dockos/netboot)
      --boot FOLDER                   where vmlinuz, initramfs and rootfs are (boot/ in the state folder)
  dockos netboot --version
  dockos netboot --help

--dhcp proxy and server need root and dnsmasq. Everybody on the network can read what is served: no secrets.

Exit status: 0 done, 1 failed, 2 wrong use.
";

/// Where everything is, unless it is said otherwise.
const STATE: &str = "/var/lib/dockos/netboot";
/// This program on a center.
const ON_CENTER: &str = "/usr/lib/dockos/netboot";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Show the help.
    Help,
    /// Show the version.
    Version,
    /// Serve.
    Serve(Options),
    /// Show the machines.
    List(Folders),
    /// Assign a machine.
    Assign(Wish),
    /// Look at the files.
    Check(Folders),
}

/// Where the files are.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// The boot files.
    pub(crate) boot: PathBuf,
    /// All else.
    pub(crate) state: PathBuf,
}

impl Folders {
    /// How a verb is called for these folders here: a center has the command `dockos`, another Linux this program only.
    pub(crate) fn command(&self, verb: &str) -> String {
        let program = std::env::current_exe().unwrap_or_else(|_| ON_CENTER.into());
        let state = self.state.canonicalize().unwrap_or_else(|_| self.state.clone());
        match (program == Path::new(ON_CENTER), state == Path::new(STATE)) {
            (true, true) => format!("dockos netboot {verb}"),
            (_, true) => format!("{} {verb}", program.display()),
            _ => format!("{} {verb} --state {}", program.display(), state.display()),
        }
    }
}

/// How to serve.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// From which files.
    pub(crate) folders: Folders,
    /// By which card.
    pub(crate) interface: Option<String>,
    /// What to do of DHCP.
    pub(crate) dhcp: NetbootDhcp,
    /// Addresses to give away.
    pub(crate) range: Option<AddressRange>,
    /// The port for HTTP; 0 takes a free one.
    pub(crate) port: u16,
}

/// What a machine shall get.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// In which files.
    pub(crate) folders: Folders,
    /// Which machine: its MAC, serial number or UUID.
    pub(crate) identity: String,
    /// Its group.
    pub(crate) group: Option<Name>,
    /// Its own config.
    pub(crate) config: Option<ConfigFile>,
    /// Its name.
    pub(crate) hostname: Option<Hostname>,
}

/// All that may be on a command line.
#[derive(Default)]
struct Given {
    boot: Option<PathBuf>,
    state: Option<PathBuf>,
    interface: Option<InterfaceName>,
    dhcp: Option<NetbootDhcp>,
    range: Option<AddressRange>,
    port: Option<u16>,
    group: Option<Name>,
    config: Option<ConfigFile>,
    hostname: Option<Hostname>,
    identity: Option<String>,
}

/// Options of each verb besides `--state` and `--boot`.
const OF_VERB: [(&str, &[&str]); 4] = [
    ("serve", &["interface", "dhcp", "range", "port"]),
    ("list", &[]),
    ("assign", &["group", "config", "hostname"]),
    ("check", &[]),
];

/// Reads the arguments, the program's name first.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = Parser::from_iter(arguments);
    let verb = match parser.next().map_err(|error| error.to_string())? {
        None => return Err("say what to do: serve, list, assign or check".to_owned()),
        Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Short('V') | Long("version")) => return Ok(Command::Version),
        Some(Value(verb)) => verb.to_string_lossy().into_owned(),
        Some(other) => return Err(other.unexpected().to_string()),
    };
    let Some((_, known)) = OF_VERB.iter().find(|(name, _)| *name == verb) else {
        return Err(format!("there is no `{verb}`; say serve, list, assign or check"));
    };
    let mut given = Given::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let option = match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long(option) if matches!(option, "state" | "boot") || known.contains(&option) => {
                option.to_owned()
            }
            Value(identity) if verb == "assign" && given.identity.is_none() => {
                given.identity = Some(identity.to_string_lossy().into_owned());
                continue;
            }
            other => return Err(other.unexpected().to_string()),
        };
        let value = parser.value().map_err(|error| error.to_string())?;
        given.take(&option, value)?;
    }
    given.command(&verb)
}

impl Given {
    fn take(&mut self, option: &str, value: OsString) -> Result<(), String> {
        if matches!(option, "state" | "boot") {
            let place = if option == "state" { &mut self.state } else { &mut self.boot };
            *place = Some(PathBuf::from(value));
            return Ok(());
        }
        let text = value.into_string().map_err(|_| format!("--{option}: its value is not UTF-8"))?;
        match option {
            "interface" => self.interface = Some(parsed(option, &text)?),
            "range" => self.range = Some(parsed(option, &text)?),
            "group" => self.group = Some(parsed(option, &text)?),
            "config" => self.config = Some(parsed(option, &text)?),
            "hostname" => self.hostname = Some(parsed(option, &text)?),
            "port" => {
                self.port = Some(
                    text.parse().map_err(|_| format!("--port `{text}`: give a number from 0 to 65535"))?,
                )
            }
            _ => self.dhcp = Some(dhcp(&text)?),
        }
        Ok(())
    }

    fn command(self, verb: &str) -> Result<Command, String> {
        let state = self.state.unwrap_or_else(|| STATE.into());
        let folders = Folders { boot: self.boot.unwrap_or_else(|| state.join("boot")), state };
        match verb {
            "serve" => {
                let dhcp = self.dhcp.unwrap_or_default();
                if (dhcp == NetbootDhcp::Server) != self.range.is_some() {
                    return Err("--range goes with --dhcp server, which needs it".to_owned());
                }
                let interface = self.interface.map(|name| name.as_str().to_owned());
                let port = self.port.unwrap_or(80);
                Ok(Command::Serve(Options { folders, interface, dhcp, range: self.range, port }))
            }
            "assign" => {
                let identity = self.identity.ok_or("say which machine: its MAC, serial number or UUID")?;
                if self.group.is_some() == self.config.is_some() {
                    return Err("say what it gets: --group NAME or --config FILE".to_owned());
                }
                let (group, config, hostname) = (self.group, self.config, self.hostname);
                Ok(Command::Assign(Wish { folders, identity, group, config, hostname }))
            }
            "list" => Ok(Command::List(folders)),
            _ => Ok(Command::Check(folders)),
        }
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(option: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("--{option}: {error}"))
}

fn dhcp(text: &str) -> Result<NetbootDhcp, String> {
    let all = [NetbootDhcp::Proxy, NetbootDhcp::Server, NetbootDhcp::None];
    let found = all.into_iter().find(|way| way.as_str() == text);
    found.ok_or_else(|| format!("--dhcp `{text}`: give proxy, server or none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Command, String> {
        parse(["dockos-netboot"].iter().chain(arguments).map(OsString::from))
    }

    #[test]
    fn wrong_use_is_told() {
        for (arguments, message) in [
            (&[][..], "say what to do"),
            (&["start"][..], "there is no `start`"),
            (&["serve", "--dhcp", "proxi"][..], "--dhcp `proxi`"),
            (&["serve", "--dhcp", "server"][..], "--range"),
            (&["serve", "--range", "10.0.0.1-10.0.0.9"][..], "--range"),
            (&["serve", "--range", "10.0.0.1"][..], "last address"),
            (&["serve", "--port", "70000"][..], "--port `70000`"),
            (&["serve", "--interface", "a b"][..], "--interface"),
            (&["serve", "x"][..], "x"),
            (&["list", "--port", "1"][..], "--port"),
            (&["assign", "--group", "a"][..], "which machine"),
            (&["assign", "52:54:00:12:34:56"][..], "--group NAME or --config"),
            (&["assign", "x", "--config", "../x"][..], "--config"),
        ] {
            let error = parsed(arguments).err().unwrap_or_default();
            assert!(error.contains(message), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn boot_files_are_in_the_state_folder_unless_it_is_said_otherwise() {
        let Ok(Command::Serve(options)) = parsed(&["serve", "--state", "/s"]) else {
            panic!("not understood")
        };
        assert_eq!(options.folders.boot, PathBuf::from("/s/boot"));
        assert_eq!((options.port, options.dhcp), (80, NetbootDhcp::Proxy));
        assert!(HELP.contains(STATE));
    }
}
