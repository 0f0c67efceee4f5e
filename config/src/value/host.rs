//! What of the machine is given away: devices, capabilities, logins.

use std::str::FromStr;

use super::{AbsPath, ValueError, quoted};

/// A device of the machine in a service: `/dev/NAME[:/dev/OTHER[:rwm]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The machine's device.
    pub host: AbsPath,
    /// Where the service sees it.
    pub container: AbsPath,
    /// Letters of `rwm`: read, write, make.
    pub permissions: String,
}

/// A Linux capability without its `CAP_`, or `ALL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability(String);

/// What the kernel keeps a container from, or not, as Docker's `--security-opt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityOpt(String);

/// A line of an `authorized_keys` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizedKey(String);

impl Capability {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SecurityOpt {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AuthorizedKey {
    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Device {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong =
            || ValueError::not_a("a device", text, "", "/dev/NAME[:/dev/OTHER[:rwm]], such as `/dev/fuse`");
        let parts: Vec<&str> = text.split(':').collect();
        let (host, container, permissions) = match parts[..] {
            [host] => (host, host, "rwm"),
            [host, container] => (host, container, "rwm"),
            [host, container, permissions] => (host, container, permissions),
            _ => return Err(wrong()),
        };
        if permissions.is_empty() || permissions.contains(|c| !"rwm".contains(c)) {
            return Err(wrong());
        }
        let path = |text: &str| text.parse().map_err(|_| wrong());
        Ok(Self { host: path(host)?, container: path(container)?, permissions: permissions.to_owned() })
    }
}

impl FromStr for Capability {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
            return Err(ValueError::not_a("a capability", text, "", "such as `NET_ADMIN` or `ALL`"));
        }
        Ok(Self(name.to_owned()))
    }
}

impl FromStr for SecurityOpt {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const WHOLE: [&str; 6] = [
            "no-new-privileges",
            "no-new-privileges:true",
            "no-new-privileges:false",
            "seccomp:unconfined",
            "seccomp=unconfined",
            "systempaths=unconfined",
        ];
        if !WHOLE.contains(&text) {
            let hint = "such as `no-new-privileges` or `seccomp:unconfined`";
            let why = if text.starts_with("seccomp") { "profiles in files are not read" } else { "" };
            return Err(ValueError::not_a("a security option", text, why, hint));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for AuthorizedKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let hint = "the one line of a .pub file, such as `ssh-ed25519 AAAA... teacher`";
        let line = text.trim();
        if line.contains("PRIVATE KEY") {
            // Not quoted: banners are read by many.
            return Err(ValueError::new("this is a private key, which must never be given away", hint));
        }
        if line.contains(char::is_control) || line.split_whitespace().nth(1).is_none() {
            return Err(ValueError::new(format!("{} is not a public key", quoted(text)), hint));
        }
        Ok(Self(line.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_up_to_three_parts() {
        let device = "/dev/kvm".parse::<Device>().unwrap();
        assert_eq!((device.container.as_str(), device.permissions.as_str()), ("/dev/kvm", "rwm"));
        let device = "/dev/sda:/dev/disk:r".parse::<Device>().unwrap();
        assert_eq!((device.container.as_str(), device.permissions.as_str()), ("/dev/disk", "r"));
        for bad in ["", "kvm", "/dev/a:/dev/b:x", "/dev/a:b", "/dev/a:/dev/b:r:w", "/dev/a:/dev/b:"] {
            assert!(bad.parse::<Device>().is_err(), "{bad}");
        }
    }

    #[test]
    fn capabilities_go_without_their_prefix() {
        for text in ["NET_ADMIN", "CAP_NET_ADMIN", "net_admin"] {
            assert_eq!(text.parse::<Capability>().unwrap().as_str(), "NET_ADMIN");
        }
        assert!("NET ADMIN".parse::<Capability>().is_err());
    }

    #[test]
    fn only_public_keys_are_taken() {
        assert!("ssh-ed25519 AAAA teacher\n".parse::<AuthorizedKey>().is_ok());
        assert!("ssh-ed25519".parse::<AuthorizedKey>().is_err());
        assert!("ssh-ed25519 AAAA\nssh-rsa BBBB".parse::<AuthorizedKey>().is_err());
        let error = "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret".parse::<AuthorizedKey>().unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}
