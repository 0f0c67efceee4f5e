//! `vm run`: one boot with a config, a state disk that stays, and the tenants' ports on this host.

use std::{
    fs,
    io::{IsTerminal as _, stdin},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{link::Link, pc};
use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use dockos_config::{Config, Protocol, parse_user_data};
use qemu_tests::{Disk, Forward, Https, Machine, READY, Store, get, is_free, paths};

/// The page of desktops: its port, and the one that leads there.
pub(crate) const HTTPS: u16 = 443;
const HTTPS_HERE: u16 = 8443;
/// How long the tenant's page may take once the machine is ready.
const PAGE: Duration = Duration::from_secs(30);

#[derive(Args)]
pub(crate) struct Options {
    /// The cloud-config
    #[arg(long, default_value_os_t = paths::workspace().join("examples/lab.yml"))]
    config: PathBuf,
    /// The state disk, made when it does not exist
    #[arg(long, default_value_os_t = paths::out().join("state.img"))]
    state: PathBuf,
    /// Size of a new state disk (16G, 512M)
    #[arg(long, default_value = "16G", value_parser = bytes)]
    size: u64,
    /// An image archive that a new state disk's user Docker has from the start, besides those in out/desktops that the
    /// config has desktops of; may be given several times
    #[arg(long, value_name = "ARCHIVE")]
    image: Vec<PathBuf>,
    /// Memory in MiB
    #[arg(long, default_value_t = 2048)]
    memory: u32,
    /// HOST:GUEST, a TCP port of this host that leads into the machine; the desktops' own ports need no mention
    #[arg(long, value_parser = forward)]
    forward: Vec<Forward>,
    /// Begin with an empty state disk: what is on it is lost
    #[arg(long)]
    fresh: bool,
    /// More words for the kernel command line
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    append: String,
    /// No root shell on the terminal
    #[arg(long)]
    no_shell: bool,
}

/// Boots as the options say.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let config =
        fs::read(&options.config).with_context(|| format!("cannot read {}", options.config.display()))?;
    if options.fresh && options.state.exists() {
        fs::remove_file(&options.state)
            .with_context(|| format!("cannot remove {}", options.state.display()))?;
    }
    let read = parse_user_data(&options.config.display().to_string(), &config);
    // A bad one boots all the same, and the machine shows this on its own screen: that is worth seeing too.
    let read = read.map_err(|report| eprintln!("{report}")).unwrap_or_default();
    let disk = state_disk(options, &read)?;
    let forwards = forwards(options, &read)?;
    let mut machine = pc("run").config(&config).disk(&disk).memory(options.memory).append(&options.append);
    for forward in &forwards {
        machine = machine.forward(*forward);
    }
    let folder = tempfile::tempdir()?;
    if let Some(link) = Link::new(&read, &forwards)? {
        machine = link.given_to(machine, folder.path())?;
        println!("desktops:    {} (once, when the machine is ready)", link.url);
    }
    println!("config:      {}", options.config.display());
    println!("state disk:  {} (--fresh empties it)", options.state.display());
    if stdin().is_terminal() {
        on_terminal(machine, options, &forwards, web_port(&read))
    } else {
        unattended(machine, &forwards, web_port(&read))
    }
}

/// The state disk as it is, or a new one, with the images asked for.
fn state_disk(options: &Options, config: &Config) -> Result<Disk> {
    let images = [options.image.clone(), built_images(config)].concat();
    if !images.is_empty() && !options.state.exists() {
        options.state.parent().map_or(Ok(()), fs::create_dir_all)?;
        Store::of(&images, options.size)?.copy_to(&options.state)?;
        fs::write(noted(&options.state), versions(&images))?;
    }
    // Unknown is which images a disk has that somebody else filled.
    if fs::read_to_string(noted(&options.state)).is_ok_and(|noted| noted != versions(&images)) {
        eprintln!(
            "images were built anew since the state disk was filled, and it has the old ones: --fresh takes the new \
             ones, and empties the homes"
        );
    }
    Disk::persistent(&options.state, options.size)
}

/// Where it is noted which images a state disk was filled with.
fn noted(state: &Path) -> PathBuf {
    state.with_extension("images")
}

/// The archives as they are now.
fn versions(images: &[PathBuf]) -> String {
    let version = |image: &PathBuf| {
        let data = image.metadata().ok();
        let modified = data.as_ref().and_then(|data| data.modified().ok());
        format!("{} {:?} {modified:?}\n", image.display(), data.map(|data| data.len()))
    };
    images.iter().map(version).collect()
}

/// Archives of the images that `make desktops` makes and the config has desktops of.
fn built_images(config: &Config) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for desktop in &config.dockos.desktops {
        let course = config.dockos.course_of(desktop).and_then(|course| course.image.clone());
        let image = desktop.image.clone().or(course).map(|image| image.to_string());
        let image = image.or_else(|| desktop.course.as_ref().map(|name| format!("dockos/{name}")));
        let Some(name) = image.as_deref().and_then(|image| image.strip_prefix("dockos/")) else { continue };
        let archive = paths::out().join(format!("desktops/{name}.tar"));
        match (archive.exists(), name) {
            (true, _) if !found.contains(&archive) => found.push(archive),
            // It is in the root image.
            (_, "hello") | (true, _) => {}
            (false, _) => eprintln!("dockos/{name} is not built: `make desktops COURSES={name}` does it"),
        }
    }
    found
}

fn web_port(config: &Config) -> Option<u16> {
    config.dockos.web.as_ref().map(|web| web.port.map_or(HTTPS, |port| port.get()))
}

/// QEMU in the foreground, the serial console on this terminal.
fn on_terminal(
    machine: Machine,
    options: &Options,
    forwards: &[Forward],
    web: Option<u16>,
) -> Result<ExitCode> {
    for Forward { host, guest } in forwards.iter().filter(|forward| Some(forward.guest) != web) {
        println!("port {guest:<5}   http://localhost:{host}");
    }
    println!("Ctrl-A X quits as a power cut would; `poweroff` in the machine is the orderly way.\n");
    let machine = if options.no_shell { machine } else { machine.append("dockos.shell=ttyS0") };
    let folder = tempfile::tempdir()?;
    let status = machine.command(folder.path())?.args(["-serial", "mon:stdio"]).status();
    let status = status.context("cannot run qemu-system-x86_64: is it installed?")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Boots to ready, shows what there is to see, powers off.
fn unattended(machine: Machine, forwards: &[Forward], web: Option<u16>) -> Result<ExitCode> {
    println!("no terminal: booting to ready and off again");
    let vm = machine.start()?;
    println!("console:     {}", vm.console().path().display());
    let ready = vm.wait_ready(READY)?;
    println!("\nready in {ready:.3} s\n\n{}\n\n{}\n", vm.check("dockos boot")?, vm.check("docker ps -a")?);
    for Forward { host, guest } in forwards {
        if Some(*guest) == web {
            let page = Https::to(*host)?.get("/login").map_err(|error| vm.report(error))?;
            println!("port {guest}, as https://localhost:{host}/login, answers {}\n", page.status);
            continue;
        }
        let page = get(*host, "/", PAGE).map_err(|error| vm.report(error))?;
        let shown: Vec<&str> = page.lines().take(5).collect();
        println!("port {guest}, as http://localhost:{host}, answers:\n  {}\n", shown.join("\n  "));
    }
    vm.poweroff()?;
    println!("powered off cleanly");
    Ok(ExitCode::SUCCESS)
}

/// The ports asked for and those of the config's desktops, each at a host port that is free.
fn forwards(options: &Options, config: &Config) -> Result<Vec<Forward>> {
    let mut wanted = options.forward.clone();
    let ports = config.dockos.desktops.iter().flat_map(|desktop| &desktop.ports);
    let tcp = ports.filter(|port| port.protocol == Protocol::Tcp).map(|port| port.host.get());
    wanted.extend(tcp.map(|port| Forward { host: port, guest: port }));
    if let Some(guest) = web_port(config) {
        // Ports below 1024 are root's.
        wanted.push(Forward { host: if guest == HTTPS { HTTPS_HERE } else { guest }, guest });
    }
    let mut forwards: Vec<Forward> = Vec::new();
    for Forward { host, guest } in wanted {
        if forwards.iter().any(|forward| forward.guest == guest) {
            continue;
        }
        let is_taken = |port: u16| !is_free(port) || forwards.iter().any(|forward| forward.host == port);
        let chosen = (host..=u16::MAX).find(|port| !is_taken(*port));
        let chosen = chosen.with_context(|| format!("no host port from {host} up is free"))?;
        if chosen != host {
            println!("port {host} of this host is taken; using {chosen}");
        }
        forwards.push(Forward { host: chosen, guest });
    }
    Ok(forwards)
}

fn forward(text: &str) -> Result<Forward> {
    let (host, guest) = text.split_once(':').context("expected HOST:GUEST, such as 8080:80")?;
    Ok(Forward { host: host.parse()?, guest: guest.parse()? })
}

/// `16G`, `512M` or plain bytes.
fn bytes(text: &str) -> Result<u64> {
    let (digits, shift) = match text.strip_suffix(['G', 'M']) {
        Some(digits) => (digits, if text.ends_with('G') { 30 } else { 20 }),
        None => (text, 0),
    };
    let Ok(count) = digits.parse::<u64>() else { bail!("expected a size such as 16G or 512M") };
    ensure!(count.leading_zeros() > shift, "{text} is more than any disk holds");
    Ok(count << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_forwards_are_read() {
        assert_eq!(bytes("16G").unwrap(), 16 << 30);
        assert_eq!(bytes("512M").unwrap(), 512 << 20);
        assert_eq!(bytes("42").unwrap(), 42);
        assert!(bytes("16T").is_err() && bytes("").is_err() && bytes("99999999999G").is_err());
        assert_eq!(forward("8080:80").unwrap(), Forward { host: 8080, guest: 80 });
        assert!(forward("8080").is_err() && forward("a:b").is_err());
    }
}
