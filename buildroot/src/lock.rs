//! Which packages a build uses, to the byte: what apt resolved, kept until the lists are updated.

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};

/// One resolved package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Locked {
    /// The binary package.
    pub(crate) name: String,
    /// Its version, with epoch.
    pub(crate) version: String,
    /// `amd64` or `all`.
    pub(crate) arch: String,
    /// The source package it was built from.
    pub(crate) source: String,
    /// Of the .deb, from the signed list.
    pub(crate) sha256: String,
}

impl Locked {
    /// The name under which apt stores the package.
    pub(crate) fn file_name(&self) -> String {
        format!("{}_{}_{}.deb", self.name, self.version.replace(':', "%3a"), self.arch)
    }

    /// How apt is asked for this very version.
    pub(crate) fn pinned(&self) -> String {
        format!("{}={}", self.name, self.version)
    }
}

/// `NAME=VERSION` of each `Inst NAME (VERSION ...` line that `apt-get --simulate` prints.
pub(crate) fn parse_simulation(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
            let version = rest.split_once('(')?.1.split_whitespace().next()?;
            Some(format!("{name}={version}"))
        })
        .collect()
}

/// The packages described by the paragraphs that `apt-cache show` prints, sorted by name.
pub(crate) fn parse_show(text: &str) -> Result<Vec<Locked>> {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    let mut packages = paragraphs.map(parse_paragraph).collect::<Result<Vec<_>>>()?;
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    // A package that two archives carry is described twice.
    packages.dedup();
    Ok(packages)
}

fn parse_paragraph(paragraph: &str) -> Result<Locked> {
    let field = |name: &str| {
        paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    let need =
        |name| field(name).ok_or_else(|| anyhow!("apt describes a package without {name}:\n{paragraph}"));
    let name = need("Package")?;
    let source = field("Source").unwrap_or_else(|| name.clone());
    // "Source: glibc (2.41-1)" when its version differs from the binary's.
    let source = source.split(' ').next().unwrap_or_default().to_owned();
    Ok(Locked {
        version: need("Version")?,
        arch: need("Architecture")?,
        sha256: need("SHA256")?,
        name,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulation() {
        let text = "Reading package lists...\nInst libc6 (2.41-12+deb13u4 Debian:13/stable [amd64]) []\n\
                    Inst zlib1g [old] (1:1.3 Debian:13/stable, Debian-Security:13 [amd64])\nConf libc6 (2.41 x)\n";
        assert_eq!(parse_simulation(text), ["libc6=2.41-12+deb13u4", "zlib1g=1:1.3"]);
    }

    #[test]
    fn show() {
        let text = "Package: runc\nSource: runc (1.1)\nVersion: 1:1.1-2+b4\nArchitecture: amd64\nSHA256: ab\n\n\
                    Package: netbase\nVersion: 6.5\nArchitecture: all\nDescription: x\n y: z\nSHA256: cd\n\n";
        let packages = parse_show(text).unwrap();
        assert_eq!(packages.len(), 2);
        assert_eq!(packages[0].file_name(), "netbase_6.5_all.deb");
        assert_eq!(packages[1].source, "runc");
        assert_eq!(packages[1].file_name(), "runc_1%3a1.1-2+b4_amd64.deb");
        assert!(parse_show("Package: x\n").is_err());
    }
}
