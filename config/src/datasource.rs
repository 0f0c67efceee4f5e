//! Where a machine is told to look for its config: `cloud-config-url=` and `ds=` of the kernel command line, and the
//! serial number of QEMU's SMBIOS, which speaks the same language.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::suggest::nearest;
use crate::value::{Hostname, ValueError, quoted};

/// A cloud-config to fetch, written `URL` or `URL#sha256=HEX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigUrl {
    /// Where it is, by http or https.
    pub url: String,
    /// The SHA-256 that its bytes must have.
    pub sha256: Option<[u8; 32]>,
}

/// A datasource by name, as after cloud-init's `ds=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datasource {
    /// `ds=none`: nothing is looked for.
    None,
    /// `ds=dhcp`: the URL that the DHCP server gives.
    Dhcp,
    /// `ds=configdrive`: a disk labelled config-2, and nothing else.
    ConfigDrive,
    /// `ds=netboot;s=URL`: what the netboot server at this address says of the machine, once it does.
    Netboot(String),
    /// `ds=nocloud`: a disk labelled cidata, or what is named here in its place.
    NoCloud(NoCloud),
}

/// What `ds=nocloud` may say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoCloud {
    /// Where `user-data`, `meta-data` and the others are (`s=` or `seedfrom=`).
    pub seed: Option<Seed>,
    /// The machine's name (`h=` or `local-hostname=`).
    pub hostname: Option<Hostname>,
    /// What tells one life of the machine from the next (`i=` or `instance-id=`).
    pub instance_id: Option<String>,
}

/// A place with several files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// By http or https.
    Url(String),
    /// A folder of the machine.
    Path(String),
}

impl ConfigUrl {
    /// The checksum as it is written.
    pub fn sha256_hex(&self) -> Option<String> {
        self.sha256.map(|sum| sum.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The same with the SHA-256 that another word gives.
    pub(crate) fn pinned(self, hex: &str) -> Result<Self, ValueError> {
        let pin = sha256(hex)?;
        if self.sha256.is_some_and(|other| other != pin) {
            return Err(ValueError::new("the URL has another sha256 after its `#`", "keep one of them"));
        }
        Ok(Self { sha256: Some(pin), ..self })
    }
}

impl FromStr for ConfigUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (address, fragment) = text.split_once('#').map_or((text, None), |(a, f)| (a, Some(f)));
        let url = url(address)?;
        let sha256 = match fragment.map(|fragment| (fragment, fragment.strip_prefix("sha256="))) {
            None => None,
            Some((_, Some(hex))) => Some(sha256(hex)?),
            Some((fragment, None)) => {
                return Err(ValueError::not_a(
                    "a checksum",
                    fragment,
                    "",
                    "such as `#sha256=` and 64 hex digits",
                ));
            }
        };
        Ok(Self { url, sha256 })
    }
}

impl Datasource {
    /// Reads the serial number that QEMU gives by `-smbios type=1,serial=ds=nocloud;s=URL`; any other is a number.
    pub fn from_serial(serial: &str) -> Option<Result<Self, ValueError>> {
        serial.trim().strip_prefix("ds=").map(str::parse)
    }
}

impl FromStr for Datasource {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const KNOWN: &str = "one of: nocloud, nocloud-net, configdrive, dhcp, netboot, none";
        let (name, settings) = text.split_once(';').map_or((text, None), |(n, s)| (n, Some(s)));
        let datasource = match name.to_ascii_lowercase().as_str() {
            "nocloud" | "nocloud-net" => return Ok(Self::NoCloud(settings.unwrap_or_default().parse()?)),
            "configdrive" => Self::ConfigDrive,
            "netboot" => return netboot_server(settings.unwrap_or_default()).map(Self::Netboot),
            "dhcp" => Self::Dhcp,
            "none" => Self::None,
            _ => return Err(ValueError::not_a("a datasource of DockOS", name, "", KNOWN)),
        };
        match settings {
            None | Some("") => Ok(datasource),
            Some(settings) => Err(ValueError::not_a(
                "a setting of this datasource",
                settings,
                "",
                "only nocloud and netboot have any",
            )),
        }
    }
}

/// Reads `s=URL`.
fn netboot_server(settings: &str) -> Result<String, ValueError> {
    match settings.strip_prefix("s=") {
        Some(address) => url_of_address(address),
        None => Err(ValueError::new(
            "`ds=netboot` does not say where its server is",
            "write `ds=netboot;s=http://10.0.0.1/machine`",
        )),
    }
}

impl FromStr for NoCloud {
    type Err = ValueError;

    /// Reads `KEY=VALUE;KEY=VALUE`.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let mut nocloud = Self::default();
        for setting in text.split(';').filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            let new = match key {
                "s" | "seedfrom" => nocloud.seed.replace(value.parse()?).is_none(),
                "h" | "local-hostname" => nocloud.hostname.replace(value.parse()?).is_none(),
                "i" | "instance-id" if !value.is_empty() => {
                    nocloud.instance_id.replace(value.to_owned()).is_none()
                }
                _ => return Err(unknown_setting(key, value)),
            };
            if !new {
                return Err(ValueError::new(format!("{} is set twice", quoted(key)), "keep one of them"));
            }
        }
        Ok(nocloud)
    }
}

fn unknown_setting(key: &str, value: &str) -> ValueError {
    const KNOWN: [&str; 3] = ["seedfrom", "local-hostname", "instance-id"];
    let hint = "`s=` (seedfrom), `h=` (local-hostname) and `i=` (instance-id), parted by `;`";
    match nearest(key, &KNOWN) {
        Some(meant) if meant == key => ValueError::new(format!("{} has no value", quoted(key)), hint),
        Some(meant) => {
            ValueError::new(format!("unknown setting {}; did you mean `{meant}`?", quoted(key)), hint)
        }
        None if key == "i" && value.is_empty() => ValueError::new("`i` has no value", hint),
        None => ValueError::new(format!("unknown setting {}", quoted(key)), hint),
    }
}

impl Seed {
    /// Where one of the files is: cloud-init puts its name for `%s`, or after the address and a slash.
    pub fn file(&self, name: &str) -> String {
        let (Self::Url(base) | Self::Path(base)) = self;
        if base.contains("%s") {
            return base.replace("%s", name);
        }
        let slash = if base.ends_with('/') || base.contains('?') { "" } else { "/" };
        format!("{base}{slash}{name}")
    }
}

impl FromStr for Seed {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.contains("__dmi.") {
            return Err(ValueError::not_a(
                "a seed",
                text,
                "`__dmi.` is not filled in",
                "write the address out",
            ));
        }
        if text.contains('#') {
            return Err(ValueError::not_a(
                "a seed",
                text,
                "it has several files, so no checksum",
                "use `cloud-config-url=URL#sha256=HEX` to pin one file",
            ));
        }
        let path = text.strip_prefix("file://").unwrap_or(text);
        match path.starts_with('/') && !path.contains('\0') {
            true => Ok(Self::Path(path.to_owned())),
            false => url(text).map(Self::Url),
        }
    }
}

pub(crate) fn url(text: &str) -> Result<String, ValueError> {
    let wrong = |why| Err(ValueError::not_a("an address", text, why, "such as `http://10.0.0.1/lab.yml`"));
    let Some((scheme, rest)) = text.split_once("://") else { return wrong("it has no `http://`") };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return wrong("only http and https are fetched");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return wrong("it has a blank in it");
    }
    match rest.split(['/', '?']).next() {
        None | Some("") => wrong("it names no machine"),
        Some(host) if host.contains('@') => wrong("a name and password cannot be given here"),
        _ => Ok(text.to_owned()),
    }
}

/// A URL that PID 1 itself asks, before the machine has anything to ask for names: plain http, and an address.
pub(crate) fn url_of_address(text: &str) -> Result<String, ValueError> {
    let wrong = |why| ValueError::not_a("an address", text, why, "such as `http://10.0.0.1/rootfs`");
    let url = url(text)?;
    let rest = url.strip_prefix("http://").ok_or_else(|| wrong("it is asked by `http://` only"))?;
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>().is_ok() || host.parse::<SocketAddr>().is_ok() {
        true => Ok(url),
        false => Err(wrong("names are not looked up so early, write the address in numbers")),
    }
}

pub(crate) fn sha256(hex: &str) -> Result<[u8; 32], ValueError> {
    let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
    let bytes: Vec<u8> =
        digits.unwrap_or_default().chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
    let hint = "64 hex digits, as `sha256sum FILE` prints them";
    match bytes.try_into() {
        Ok(sum) if hex.len() == 64 => Ok(sum),
        _ => Err(ValueError::not_a("a SHA-256", hex, "", hint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cloud_inits_words_are_read() {
        let url = || Some(Seed::Url("http://10.0.0.1/c/".to_owned()));
        let full =
            NoCloud { seed: url(), hostname: "lab-01".parse().ok(), instance_id: Some("i-1".to_owned()) };
        let seeded = NoCloud { seed: url(), ..NoCloud::default() };
        let cases = [
            ("nocloud", Datasource::NoCloud(NoCloud::default())),
            ("nocloud;s=http://10.0.0.1/c/", Datasource::NoCloud(seeded.clone())),
            ("nocloud-net;seedfrom=http://10.0.0.1/c/;", Datasource::NoCloud(seeded)),
            ("nocloud-net;s=http://10.0.0.1/c/;h=lab-01;i=i-1", Datasource::NoCloud(full.clone())),
            ("NoCloud;i=i-1;h=lab-01;s=http://10.0.0.1/c/", Datasource::NoCloud(full)),
            ("configdrive", Datasource::ConfigDrive),
            ("none", Datasource::None),
            ("netboot;s=http://10.0.0.1/machine", Datasource::Netboot("http://10.0.0.1/machine".to_owned())),
        ];
        for (text, meant) in cases {
            assert_eq!(text.parse(), Ok(meant.clone()), "{text}");
            assert_eq!(Datasource::from_serial(&format!("ds={text}\n")), Some(Ok(meant)));
        }
        assert_eq!(Datasource::from_serial("VMware-56 4d"), None);
        assert!("netboot".parse::<Datasource>().is_err() && "netboot;s=x".parse::<Datasource>().is_err());
    }

    #[test]
    fn a_seed_has_several_files() {
        let cases = [
            ("http://10.0.0.1/c", "http://10.0.0.1/c/user-data"),
            ("http://10.0.0.1/c/", "http://10.0.0.1/c/user-data"),
            ("https://h/%s.yml", "https://h/user-data.yml"),
            ("https://h/get?file=", "https://h/get?file=user-data"),
            ("file:///oem/c", "/oem/c/user-data"),
            ("/oem/", "/oem/user-data"),
        ];
        for (seed, file) in cases {
            assert_eq!(seed.parse::<Seed>().unwrap().file("user-data"), file);
        }
    }
}
