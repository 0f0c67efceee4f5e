//! Volumes: of tenants and of system services.

use std::fmt;
use std::str::FromStr;

use super::{AbsPath, ValueError, quoted};

/// A tenant's volume in a desktop: `NAME:/PATH[:ro|rw]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantVolume {
    /// The volume's name, the tenant's own.
    pub name: String,
    /// Where the desktop sees it.
    pub target: AbsPath,
    /// Whether the desktop can only read it.
    pub read_only: bool,
}

/// A folder of the machine, or a volume, in a service: `SOURCE:/PATH[:OPTIONS]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceVolume {
    /// A path of the machine, or a volume's name.
    pub source: String,
    /// Where the service sees it.
    pub target: AbsPath,
    /// Mount options, such as `ro`.
    pub options: Vec<String>,
}

/// A folder in memory: `/PATH[:OPTIONS]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tmpfs {
    /// Where the service sees it.
    pub target: AbsPath,
    /// Mount options, such as `size=64m`.
    pub options: String,
}

/// Mount options that Docker knows for a bind.
const OPTIONS: [&str; 9] =
    ["ro", "rw", "nocopy", "private", "rprivate", "shared", "rshared", "slave", "rslave"];

impl ServiceVolume {
    /// Whether the service can only read it.
    pub fn read_only(&self) -> bool {
        self.options.iter().any(|option| option == "ro")
    }
}

impl fmt::Display for ServiceVolume {
    /// As Docker's `Binds` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.target)?;
        match self.options.as_slice() {
            [] => Ok(()),
            options => write!(f, ":{}", options.join(",")),
        }
    }
}

impl FromStr for TenantVolume {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let hint = "NAME:/PATH[:ro], such as `data:/data`";
        let wrong = |why: &str| ValueError::not_a("a tenant's volume", text, why, hint);
        if text.starts_with(['/', '.', '~']) {
            return Err(wrong("a desktop sees no folder of the machine, only volumes of its tenant"));
        }
        let mut parts = text.splitn(3, ':');
        let (name, target) = (parts.next().unwrap_or_default(), parts.next());
        let target = target.ok_or_else(|| wrong("the path in the desktop is missing"))?;
        if !is_volume(name) {
            return Err(wrong("its name is not of letters, digits, `_`, `.` and `-`"));
        }
        let read_only = match parts.next() {
            None | Some("rw") => false,
            Some("ro") => true,
            Some(_) => return Err(wrong("after the path comes `ro` or `rw`")),
        };
        let target = mount_point(target).map_err(wrong)?;
        Ok(Self { name: name.to_owned(), target, read_only })
    }
}

impl FromStr for ServiceVolume {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let hint = "SOURCE:/PATH[:OPTIONS], such as `/usr:/usr:ro` or `data:/data`";
        let wrong = |why: &str| ValueError::not_a("a service's volume", text, why, hint);
        let mut parts = text.splitn(3, ':');
        let (source, target) = (parts.next().unwrap_or_default(), parts.next());
        let target = target.ok_or_else(|| wrong("the path in the service is missing"))?;
        let known =
            if source.starts_with('/') { source.parse::<AbsPath>().is_ok() } else { is_volume(source) };
        if !known {
            return Err(wrong("its source is neither an absolute path nor a volume's name"));
        }
        let options: Vec<String> = match parts.next() {
            Some(options) => options.split(',').map(str::to_owned).collect(),
            None => Vec::new(),
        };
        if let Some(option) = options.iter().find(|option| !OPTIONS.contains(&option.as_str())) {
            return Err(wrong(&format!("unknown option {} (known: {})", quoted(option), OPTIONS.join(", "))));
        }
        let target = mount_point(target).map_err(wrong)?;
        Ok(Self { source: source.to_owned(), target, options })
    }
}

impl FromStr for Tmpfs {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (path, options) = text.split_once(':').unwrap_or((text, ""));
        match mount_point(path) {
            Ok(target) => Ok(Self { target, options: options.to_owned() }),
            Err(why) => Err(ValueError::not_a(
                "a folder in memory",
                text,
                why,
                "/PATH[:OPTIONS], such as `/run:size=8m`",
            )),
        }
    }
}

/// A path in a container that something may be mounted on.
fn mount_point(text: &str) -> Result<AbsPath, &'static str> {
    let path: AbsPath = text.parse().map_err(|_| "its path is not absolute")?;
    if text.trim_matches('/').is_empty() {
        return Err("nothing can be mounted on `/`");
    }
    Ok(path)
}

/// Docker's rule for names of volumes.
fn is_volume(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    matches!(name.len(), 1..=63)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_have_named_volumes_only() {
        let volume = "data:/data:ro".parse::<TenantVolume>().unwrap();
        assert_eq!((volume.name.as_str(), volume.target.as_str(), volume.read_only), ("data", "/data", true));
        assert!(!"data:/data".parse::<TenantVolume>().unwrap().read_only);
        let cases = [
            ("/etc:/etc", "a desktop sees no folder of the machine, only volumes of its tenant"),
            ("./x:/x", "a desktop sees no folder of the machine, only volumes of its tenant"),
            ("data", "the path in the desktop is missing"),
            ("data:x", "its path is not absolute"),
            ("data:/", "nothing can be mounted on `/`"),
            ("data:/x:rshared", "after the path comes `ro` or `rw`"),
            ("da/ta:/x", "its name is not of letters, digits, `_`, `.` and `-`"),
        ];
        for (text, why) in cases {
            let message = text.parse::<TenantVolume>().unwrap_err().message;
            assert_eq!(message, format!("`{text}` is not a tenant's volume: {why}"));
        }
    }

    #[test]
    fn services_have_folders_too() {
        for text in ["/usr:/usr:ro", "data:/data", "/run:/run:rw,rshared"] {
            assert_eq!(text.parse::<ServiceVolume>().unwrap().to_string(), text);
        }
        for bad in ["/usr", "../x:/x", "/usr:usr", "/usr:/usr:readonly", "/usr:/", ":/x", "/a/../b:/b"] {
            assert!(bad.parse::<ServiceVolume>().is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_in_memory_may_have_options() {
        let tmpfs = "/run:size=8m,mode=755".parse::<Tmpfs>().unwrap();
        assert_eq!((tmpfs.target.as_str(), tmpfs.options.as_str()), ("/run", "size=8m,mode=755"));
        assert!("run".parse::<Tmpfs>().is_err());
    }
}
