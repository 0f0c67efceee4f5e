//! All files of all unpacked packages, from which the image takes what it needs.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use glob::Pattern;

use crate::{
    elf,
    tree::{Kind, Node, Tree},
    util::files_below,
};

/// Where Debian's programs look for libraries.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// Files by their path in the image.
pub(crate) struct Pool {
    files: BTreeMap<String, (String, PathBuf)>,
}

impl Pool {
    /// Lists the files of packages, given as names and unpacked folders.
    pub(crate) fn new<'a>(packages: impl Iterator<Item = (&'a str, &'a Path)>) -> Result<Self> {
        let mut files = BTreeMap::new();
        for (name, dir) in packages {
            let root = dir.join("root");
            for file in files_below(&root)? {
                let path = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy();
                files.insert(merged(&path), (name.to_owned(), file.clone()));
            }
        }
        Ok(Self { files })
    }

    /// Adds all files of a package that match a glob to the tree, with the libraries they need.
    pub(crate) fn take(&self, package: &str, glob: &str, tree: &mut Tree) -> Result<()> {
        let pattern = Pattern::new(glob).with_context(|| format!("{package}: `{glob}` is no glob"))?;
        let found: Vec<_> = self.of(package).filter(|path| pattern.matches(path)).collect();
        if found.is_empty() {
            bail!("package {package} has no file {glob}; correct packages.toml");
        }
        found.into_iter().try_for_each(|path| self.add(path, tree))
    }

    /// The paths of one package.
    fn of<'a>(&'a self, package: &'a str) -> impl Iterator<Item = &'a str> {
        self.files.iter().filter(move |(_, (name, _))| name == package).map(|(path, _)| path.as_str())
    }

    /// The contents, in order, of a package's files below a folder.
    pub(crate) fn concatenate(&self, package: &str, folder: &str) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        for path in self.of(package).filter(|path| path.starts_with(folder)) {
            let file = self.host_path(path)?;
            all.extend(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
            all.push(b'\n');
        }
        Ok(all)
    }

    /// Where a file of the image lies on the build machine.
    pub(crate) fn host_path(&self, path: &str) -> Result<&Path> {
        self.files
            .get(path)
            .map(|(_, file)| file.as_path())
            .with_context(|| format!("no package has /{path}"))
    }

    /// Adds one file, what it links to, and the libraries it needs.
    fn add(&self, path: &str, tree: &mut Tree) -> Result<()> {
        if tree.nodes().contains_key(path) {
            return Ok(());
        }
        let Some((package, file)) = self.files.get(path) else { bail!("no package has /{path}") };
        let data =
            fs::symlink_metadata(file).with_context(|| format!("cannot look at {}", file.display()))?;
        let (mode, kind) = if data.is_symlink() {
            let target =
                fs::read_link(file).with_context(|| format!("cannot read the link {}", file.display()))?;
            (0o777, Kind::Link(target.to_string_lossy().into_owned()))
        } else {
            (data.permissions().mode() & 0o7777, Kind::Copy(file.clone()))
        };
        let node = Node { mode, owner: 0, kind, component: package.clone() };
        tree.add(path, node.clone())?;
        match &node.kind {
            Kind::Link(target) => self.add(&beside(path, target), tree),
            _ => self.add_needs(path, &node, tree),
        }
        .with_context(|| format!("needed by /{path}"))
    }

    fn add_needs(&self, path: &str, node: &Node, tree: &mut Tree) -> Result<()> {
        let Some(content) = node.content()?.filter(|content| elf::is_elf(content)) else { return Ok(()) };
        let needs = elf::needs(&content).with_context(|| format!("/{path} is a damaged ELF file"))?;
        if let Some(loader) = needs.interpreter {
            self.add(&merged(loader.trim_start_matches('/')), tree)?;
        }
        needs.libraries.iter().try_for_each(|name| self.add(&format!("{LIBRARIES}/{name}"), tree))
    }
}

/// Old top-level folders are links into /usr in the image.
fn merged(path: &str) -> String {
    let first = path.split('/').next().unwrap_or_default();
    if ["bin", "sbin", "lib", "lib64"].contains(&first) { format!("usr/{path}") } else { path.to_owned() }
}

/// Where a link at `path` with text `target` leads.
fn beside(path: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return merged(absolute);
    }
    let mut words: Vec<_> = path.split('/').collect();
    words.pop();
    for word in target.split('/') {
        match word {
            "." => {}
            ".." => drop(words.pop()),
            word => words.push(word),
        }
    }
    words.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_beside_or_from_the_root() {
        for (path, target, leads) in [
            ("usr/bin/runc", "../sbin/runc", "usr/sbin/runc"),
            ("usr/lib/libx.so", "libx.so.1", "usr/lib/libx.so.1"),
            ("usr/lib64/ld.so", "/lib/x/ld.so", "usr/lib/x/ld.so"),
        ] {
            assert_eq!(beside(path, target), leads, "{path} -> {target}");
        }
    }
}
