//! The files that make a machine's config, gathered from wherever they may be.
//!
//! Before the state disk is mounted: the root image, disks labelled for it, the firmware, the kernel command line
//! ([`local`]). Then the state disk ([`state`]). Last, what has to be fetched ([`fetched`]).

use std::path::Path;

use dockos_config::{Cmdline, Content, Datasource, Form, Layer, NoCloud, Part, Report, Seed, Source, Stage};

use crate::blockdev::BlockDevice;
use crate::cmdline;
use crate::machine::Machine;
use crate::medium;
use dockos_control::error::{Context, Fault, Result};

use super::fetch::{self, Copy, Fetched};
use super::media::{self, MediaFile, read_bounded};
use super::{firmware, netboot, wait_for_disks};

/// In the root image: what whoever builds an image of their own wants everywhere.
const ROOT_IMAGE: &str = "/usr/share/dockos/cloud-config.yml";
/// Labels of NoCloud disks (cloud-init's documentation names both spellings) and of OpenStack's ConfigDrive.
const NO_CLOUD: [&str; 2] = ["cidata", "CIDATA"];
const CONFIG_DRIVE: [&str; 2] = ["config-2", "CONFIG-2"];

/// In the order of their rank: of two that set the same key, the later one wins.
const NO_CLOUD_FILES: &[&str] = &["meta-data", "vendor-data", "network-config", "user-data"];
const CONFIG_DRIVE_FILES: &[&str] =
    &["openstack/latest/meta_data.json", "openstack/latest/vendor_data.json", "openstack/latest/user_data"];
const OEM_FILES: &[&str] = &["oem/cloud-config.yml", "cloud-config.yml"];

/// What was gathered.
#[derive(Default)]
pub(crate) struct Gathered {
    /// Files that are config.
    pub(crate) sources: Vec<Source>,
    /// What is wrong with those that cannot be read as config at all.
    pub(crate) refused: Vec<Report>,
    /// Files that are there and cannot be read.
    pub(crate) failures: Vec<Fault>,
    /// What was fetched, to be kept once the whole has shown to be good.
    pub(crate) fetched: Vec<Copy>,
    /// Where more of it has to be fetched from.
    pub(crate) to_fetch: Vec<ToFetch>,
    /// Where it was found, for the screen.
    pub(crate) found: Vec<String>,
}

/// Config that is not here yet.
#[derive(Clone, Debug)]
pub(crate) enum ToFetch {
    /// One file.
    Url { url: String, sha256: Option<String> },
    /// A NoCloud seed: a place with several files.
    Seed(Seed),
    /// Whatever URL the DHCP server gives.
    Dhcp,
    /// What the netboot server at this address says of the machine.
    Netboot(String),
}

impl Gathered {
    /// Whether all that is there can be read as config.
    pub(super) fn is_sound(&self) -> bool {
        self.refused.is_empty() && self.failures.is_empty()
    }

    fn add(&mut self, layer: Layer, stage: Stage, form: Form, name: &str, bytes: &[u8]) {
        match dockos_config::utf8(name, bytes) {
            Ok(text) => {
                self.sources.push(Source {
                    layer,
                    stage,
                    form,
                    name: name.to_owned(),
                    text: text.to_owned(),
                });
            }
            Err(report) => self.refused.push(report),
        }
    }

    /// User-data in any of its forms: configs and scripts.
    fn add_user_data(&mut self, layer: Layer, stage: Stage, name: &str, bytes: &[u8]) {
        match dockos_config::unpack(name, bytes) {
            Ok(data) => {
                for (number, part) in data.parts.into_iter().enumerate() {
                    match source_of(layer, stage, part, number) {
                        Ok(source) => self.sources.push(source),
                        Err(report) => self.refused.push(report),
                    }
                }
            }
            Err(report) => self.refused.push(report),
        }
    }

    fn add_no_cloud(&mut self, stage: Stage, name: &str, file: &str, bytes: &[u8]) {
        match file {
            "meta-data" => self.add(Layer::Datasource, stage, Form::MetaData, name, bytes),
            "network-config" => self.add(Layer::Datasource, stage, Form::NetworkConfig, name, bytes),
            "vendor-data" => self.add_user_data(Layer::Vendor, stage, name, bytes),
            _ => self.add_user_data(Layer::Datasource, stage, name, bytes),
        }
    }

    fn add_config_drive(&mut self, file: &MediaFile) {
        match file.name {
            "openstack/latest/meta_data.json" => {
                self.add(Layer::Datasource, Stage::Local, Form::ConfigDrive, file.name, &file.bytes);
            }
            _ => self.add_user_data(Layer::Datasource, Stage::Local, "user_data", &file.bytes),
        }
    }
}

/// A part of user-data as a layer. A script becomes a file and a command that runs it, after all other commands.
fn source_of(layer: Layer, stage: Stage, part: Part, number: usize) -> std::result::Result<Source, Report> {
    let name = part.source;
    let text = match part.content {
        Content::CloudConfig(text) => text,
        Content::Script(bytes) => {
            let path = format!("/run/dockos/scripts/{}-{number}", script_name(&name));
            let config = serde_json::json!({
                "write_files": [{ "path": path, "permissions": "0700", "content": dockos_config::utf8(&name, &bytes)? }],
                "runcmd": [[path]],
            });
            config.to_string()
        }
    };
    Ok(Source { layer, stage, form: Form::CloudConfig, name, text })
}

/// The name of a script's own file: where it comes from, so that no two have the same.
fn script_name(source: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    source.chars().map(plain).collect()
}

/// What is there before the state disk is.
pub(super) async fn local(machine: &Machine) -> Gathered {
    let mut all = Gathered::default();
    add_file(&mut all, Layer::RootImage, Stage::Local, Path::new(ROOT_IMAGE));
    if machine.cmdline.datasource != Some(Datasource::None) {
        add_disks(machine, &mut all).await;
        match firmware::user_data() {
            Ok(Some(bytes)) => {
                all.found.push("fw_cfg".to_owned());
                all.add_user_data(Layer::Datasource, Stage::Local, "fw_cfg", &bytes);
            }
            Ok(None) => {}
            Err(fault) => all.failures.push(fault),
        }
        add_serial(machine, &mut all);
    }
    add_command_line(machine, &mut all);
    all
}

async fn add_disks(machine: &Machine, all: &mut Gathered) {
    let disks = wait_for_disks(machine, |disks| disks.iter().any(is_datasource)).await;
    if let Some(label) = machine.cmdline.medium.as_deref().filter(|label| !is_there(&disks, label)) {
        machine.problem(format!("config: the boot medium, labelled {label}, did not turn up"));
    }
    let media = medium::PLACES.map(|(label, _)| first(machine, &disks, &[label]));
    let media: Vec<BlockDevice> = media.into_iter().flatten().cloned().collect();
    for disk in &media {
        for file in read_disk(all, disk, OEM_FILES).await {
            all.found.push(format!("{} on {}", file.name, disk.path()));
            // Of two media, errors say which.
            let label = if media.len() > 1 { disk.label().unwrap_or_default() } else { "" };
            let name = format!("{label}/{}", file.name);
            all.add_user_data(Layer::Oem, Stage::Local, &name, &file.bytes);
        }
    }
    machine.media.replace(media);
    let no_cloud = match machine.cmdline.datasource {
        Some(Datasource::ConfigDrive) => None,
        _ => first(machine, &disks, &NO_CLOUD),
    };
    if let Some(disk) = no_cloud {
        for file in read_disk(all, disk, NO_CLOUD_FILES).await {
            all.add_no_cloud(Stage::Local, file.name, file.name, &file.bytes);
        }
        all.found.push(format!("user-data on {}", disk.path()));
    } else if let Some(disk) = first(machine, &disks, &CONFIG_DRIVE) {
        for file in read_disk(all, disk, CONFIG_DRIVE_FILES).await {
            all.add_config_drive(&file);
        }
        all.found.push(format!("ConfigDrive on {}", disk.path()));
    }
}

fn is_datasource(disk: &BlockDevice) -> bool {
    disk.label().is_some_and(|label| NO_CLOUD.contains(&label) || CONFIG_DRIVE.contains(&label))
}

fn is_there(disks: &[BlockDevice], label: &str) -> bool {
    disks.iter().any(|disk| disk.label() == Some(label))
}

/// The first disk with such a label; others of the same are a problem, for which of them is meant nobody can know.
fn first<'a>(machine: &Machine, disks: &'a [BlockDevice], labels: &[&str]) -> Option<&'a BlockDevice> {
    let labelled = |disk: &&BlockDevice| disk.label().is_some_and(|label| labels.contains(&label));
    // The first partition of a stick with an ISO on it may begin where the ISO does.
    let of_another = |disk: &&BlockDevice| {
        !(disk.is_partition && disks.iter().any(|whole| whole.name == disk.disk && labelled(&whole)))
    };
    let mut found = disks.iter().filter(labelled).filter(of_another);
    let first = found.next()?;
    for other in found {
        let (label, other, first) = (first.label().unwrap_or_default(), other.path(), first.path());
        machine.problem(format!("config: {other} is labelled {label} too, {first} is used"));
    }
    Some(first)
}

/// Those of the files that are on the disk. One that cannot be read is no config that can be trusted.
async fn read_disk(all: &mut Gathered, disk: &BlockDevice, names: &'static [&'static str]) -> Vec<MediaFile> {
    match media::read(disk, names).await {
        Ok(files) => files,
        Err(fault) => {
            all.failures.push(Fault::new(format!("{}: {fault}", disk.path())));
            Vec::new()
        }
    }
}

/// QEMU's way to give a URL without a disk.
fn add_serial(machine: &Machine, all: &mut Gathered) {
    let Some(serial) = firmware::serial() else { return };
    match Datasource::from_serial(&serial) {
        Some(Ok(Datasource::NoCloud(seed))) => add_seed(all, "the SMBIOS serial number", &seed),
        Some(Err(error)) => machine.problem(format!("config: the SMBIOS serial number: {error}")),
        _ => {}
    }
}

fn add_command_line(machine: &Machine, all: &mut Gathered) {
    let text = cmdline::text();
    all.add(
        Layer::CommandLine,
        Stage::Local,
        Form::CommandLine,
        dockos_config::CMDLINE_SOURCE,
        text.as_bytes(),
    );
    match &machine.cmdline.datasource {
        Some(Datasource::NoCloud(seed)) => add_seed(all, dockos_config::CMDLINE_SOURCE, seed),
        Some(Datasource::Dhcp) => all.to_fetch.push(ToFetch::Dhcp),
        Some(Datasource::Netboot(server)) => all.to_fetch.push(ToFetch::Netboot(server.clone())),
        _ => {}
    }
    if let Some(url) = &machine.cmdline.url {
        all.to_fetch.push(ToFetch::Url { url: url.url.clone(), sha256: url.sha256_hex() });
    }
}

/// A seed's own words are meta-data; its files are elsewhere.
fn add_seed(all: &mut Gathered, name: &str, seed: &NoCloud) {
    if let Some(hostname) = &seed.hostname {
        let meta_data = format!("local-hostname: {hostname}\n");
        all.add(Layer::Datasource, Stage::Local, Form::MetaData, name, meta_data.as_bytes());
    }
    if let Some(place) = &seed.seed {
        all.to_fetch.push(ToFetch::Seed(place.clone()));
    }
}

fn add_file(all: &mut Gathered, layer: Layer, stage: Stage, path: &Path) {
    let name = path.display().to_string();
    match read_bounded(path).context(|| format!("read {name}")) {
        Ok(Some(bytes)) => {
            all.found.push(name.clone());
            all.add_user_data(layer, stage, &name, &bytes);
        }
        Ok(None) => {}
        Err(fault) => all.failures.push(fault),
    }
}

/// What the state disk holds.
pub(super) fn state(all: &mut Gathered) {
    for (layer, path) in dockos_control::state_files() {
        add_file(all, layer, Stage::State, &path);
    }
}

/// Fetches what is not here yet; the network is up. A file that cannot be had is a problem that is named.
pub(super) async fn fetched(machine: &Machine, all: &mut Gathered) -> Result<()> {
    for place in std::mem::take(&mut all.to_fetch) {
        match place {
            ToFetch::Url { url, sha256 } => {
                fetch_one(machine, all, &url, sha256.as_deref(), "user-data").await?;
            }
            ToFetch::Seed(Seed::Path(path)) => {
                for file in NO_CLOUD_FILES {
                    let name = Seed::Path(path.clone()).file(file);
                    if let Some(bytes) = read_bounded(Path::new(&name)).context(|| format!("read {name}"))? {
                        all.add_no_cloud(Stage::State, &name, file, &bytes);
                    }
                }
            }
            // Its network-config would come too late: the network is up, or nothing could be fetched.
            ToFetch::Seed(seed) => {
                for file in ["meta-data", "vendor-data", "user-data"] {
                    fetch_one(machine, all, &seed.file(file), None, file).await?;
                }
            }
            ToFetch::Dhcp => {
                let url = machine.config_url.borrow().clone();
                let url = url.ok_or_else(|| Fault::new("the DHCP server gives no URL of a config"))?;
                fetch_one(machine, all, &url, None, "user-data").await?;
            }
            ToFetch::Netboot(server) => assigned(machine, all, &server).await?,
        }
    }
    Ok(())
}

/// What the netboot server says: words as of a kernel command line, and by them where the config is.
async fn assigned(machine: &Machine, all: &mut Gathered, server: &str) -> Result<()> {
    let words = netboot::ask(machine, all, server).await?;
    all.add(Layer::CommandLine, Stage::Fetched, Form::CommandLine, &shown(server), words.as_bytes());
    match Cmdline::parse(&words).url {
        Some(url) => fetch_one(machine, all, &url.url, url.sha256_hex().as_deref(), "user-data").await,
        None => Ok(()),
    }
}

async fn fetch_one(
    machine: &Machine,
    all: &mut Gathered,
    url: &str,
    sha256: Option<&str>,
    file: &'static str,
) -> Result<()> {
    let name = shown(url);
    machine.waits_for("config", name.clone());
    match fetch::fetch(machine, url, sha256, file == "user-data").await? {
        Fetched::New(bytes, copy) => {
            all.found.push(name.clone());
            all.add_no_cloud(Stage::Fetched, &name, file, &bytes);
            all.fetched.push(copy);
        }
        Fetched::Cached(bytes, fault) => {
            crate::banner::yellow("The config of last time is used: its server does not answer.", &fault);
            all.found.push(format!("{name} (the copy of last time)"));
            all.add_no_cloud(Stage::Fetched, &name, file, &bytes);
        }
        Fetched::Missing => {}
    }
    Ok(())
}

/// A URL without the password and the query that may be in it.
pub(super) fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let shown_of = |url| shown(url);
        assert_eq!(shown_of("http://center/lab.yml"), "http://center/lab.yml");
        assert_eq!(shown_of("https://me:pw@center:8443/lab.yml?token=x"), "https://center:8443/lab.yml");
        assert_eq!(shown_of("https://center?token=a/b"), "https://center");
    }
}
