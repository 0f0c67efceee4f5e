//! Files, mounts and swap.

use std::collections::BTreeSet;

use super::Checker;
use crate::schema::Config;
use crate::value::{AbsPath, SwapSize, quoted};
use crate::yaml::Step::{Item, Key};

/// Folders of the machine that nothing can be mounted on, nor below.
const OWN: [&str; 15] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/docker",
    "/var/lib/dockos",
    "/var/run",
];

/// Folders of the machine that nothing can be mounted on.
const OWN_ROOTS: [&str; 4] = ["/", "/tmp", "/var", "/var/lib"];

/// Whether nothing can be mounted on a folder: a path without links, as [`std::fs::canonicalize`] gives it.
pub fn is_own_folder(path: &str) -> bool {
    OWN_ROOTS.contains(&path) || OWN.iter().any(|own| is_below(path, own))
}

impl Checker<'_> {
    pub(super) fn files(&mut self, config: &Config) {
        let mut seen = BTreeSet::new();
        for (i, file) in config.write_files.iter().enumerate() {
            if file.path.as_str().ends_with('/') {
                let message = format!("{} is a folder, not a file", quoted(file.path.as_str()));
                self.at(&[Key("write_files"), Item(i), Key("path")], message, "add the name of the file");
            }
            let path = file.path.as_str();
            if !seen.insert(path) && !file.append {
                let message = format!("{} is written already", quoted(path));
                let hint = "set `append: true` to add to it, or remove one of both";
                self.at(&[Key("write_files"), Item(i), Key("path")], message, hint);
            }
        }
    }

    pub(super) fn mounts(&mut self, config: &Config) {
        let mut seen = BTreeSet::new();
        for (i, mount) in config.mounts.iter().enumerate() {
            let at = [Key("mounts"), Item(i), Item(1)];
            let target = plain(&mount.target);
            if is_own_folder(&target) {
                let message = format!("{} is the machine's own", quoted(&target));
                self.at(&at, message, "mount it elsewhere, such as on `/mnt/data` or `/home`");
            } else if !seen.insert(target.clone()) {
                let message = format!("something is mounted on {} already", quoted(&target));
                self.at(&at, message, "choose another path");
            }
        }
    }

    pub(super) fn swap(&mut self, config: &Config) {
        let swap = &config.swap;
        if let Some(file) = &swap.filename {
            let path = plain(file);
            if !is_below(&path, "/var") || OWN.iter().any(|own| is_below(&path, own)) || path == "/var" {
                let message = format!("no swap file can be at {}", quoted(&path));
                self.at(
                    &[Key("swap"), Key("filename")],
                    message,
                    "put it on the state disk, such as `/var/swap`",
                );
            }
        }
        if swap.size.is_none() && (swap.filename.is_some() || swap.maxsize.is_some()) {
            self.warn(&[Key("swap")], "without `size` there is no swap", "add `size: auto`, or a size");
        }
        if matches!((swap.size, swap.maxsize), (Some(SwapSize::Bytes(_)), Some(_))) {
            let path = [Key("swap"), Key("maxsize")];
            self.warn(&path, "`maxsize` bounds only `size: auto`", "remove one of them");
        }
    }
}

/// A path without the slashes that say nothing.
fn plain(path: &AbsPath) -> String {
    let parts: Vec<&str> = path.as_str().split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    format!("/{}", parts.join("/"))
}

/// Whether a path is a folder or in it.
fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
