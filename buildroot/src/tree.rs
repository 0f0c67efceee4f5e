//! The root image before it is packed: a sorted map from path to directory, file or link, and its form as a tar.
//! Owners, times and order are decided here alone, so the build machine's never leak into the image.

use std::{borrow::Cow, collections::BTreeMap, fs, io::Write, path::PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tar::{Builder, EntryType, Header};

/// Everything in an image, by path relative to its root.
pub(crate) type Nodes = BTreeMap<String, Node>;

/// One file, directory or link.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Permission bits.
    pub(crate) mode: u32,
    /// User and group.
    pub(crate) owner: u64,
    /// What it is.
    pub(crate) kind: Kind,
    /// The package or crate that it comes from, or `dockos`.
    pub(crate) component: String,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A directory.
    Dir,
    /// A symbolic link.
    Link(String),
    /// A file with these bytes.
    Bytes(Vec<u8>),
    /// A file with the bytes of this one.
    Copy(PathBuf),
}

impl Node {
    /// A node of our own.
    pub(crate) fn own(mode: u32, kind: Kind) -> Self {
        Self { mode, owner: 0, kind, component: "dockos".into() }
    }

    /// A file's bytes; `None` for what is no file.
    pub(crate) fn content(&self) -> Result<Option<Cow<'_, [u8]>>> {
        match &self.kind {
            Kind::Bytes(bytes) => Ok(Some(Cow::Borrowed(bytes))),
            Kind::Copy(path) => {
                let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                Ok(Some(Cow::Owned(bytes)))
            }
            Kind::Dir | Kind::Link(_) => Ok(None),
        }
    }
}

/// The tree of one image.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Nodes,
}

impl Tree {
    /// All nodes, sorted by path.
    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// All nodes, to be changed.
    pub(crate) fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.values_mut()
    }

    /// Adds a node, and the directories above it. Two different sources for one path are an error.
    pub(crate) fn add(&mut self, path: &str, node: Node) -> Result<()> {
        let path = path.trim_matches('/');
        ensure!(
            !path.is_empty() && !path.split('/').any(|word| word == ".."),
            "`{path}` is no path in an image"
        );
        for (slash, _) in path.match_indices('/') {
            let dir =
                self.nodes.entry(path[..slash].to_owned()).or_insert_with(|| Node::own(0o755, Kind::Dir));
            ensure!(matches!(dir.kind, Kind::Dir), "{path}: {} is no directory", &path[..slash]);
        }
        if let Some(old) = self.nodes.insert(path.to_owned(), node)
            && !matches!(old.kind, Kind::Dir)
        {
            bail!("/{path} comes from {} and from elsewhere too", old.component);
        }
        Ok(())
    }

    /// Changes a node's permission bits.
    pub(crate) fn chmod(&mut self, path: &str, mode: u32) -> Result<()> {
        let node = self
            .nodes
            .get_mut(path)
            .with_context(|| format!("/{path} has a mode but is not in the image"))?;
        node.mode = mode;
        Ok(())
    }

    /// Follows links, in every part of the path, to the node that a program opening `path` would get.
    pub(crate) fn resolve(&self, path: &str) -> Option<(&str, &Node)> {
        self.resolve_within(path, 40)
    }

    fn resolve_within(&self, path: &str, links: u32) -> Option<(&str, &Node)> {
        let mut done: Vec<&str> = Vec::new();
        let mut words = path.split('/');
        while let Some(word) = words.next() {
            match word {
                "" | "." => continue,
                ".." => drop(done.pop()),
                word => done.push(word),
            }
            if let Some(Node { kind: Kind::Link(target), .. }) = self.nodes.get(&done.join("/")) {
                done.pop();
                let base = if target.starts_with('/') { String::new() } else { done.join("/") };
                let rest = words.collect::<Vec<_>>().join("/");
                return self.resolve_within(&format!("{base}/{target}/{rest}"), links.checked_sub(1)?);
            }
        }
        self.nodes.get_key_value(&done.join("/")).map(|(path, node)| (path.as_str(), node))
    }

    /// Writes the tree as a tar whose every time is `epoch`.
    pub(crate) fn write_tar(&self, out: impl Write, epoch: u64) -> Result<()> {
        let mut tar = Builder::new(out);
        for (path, node) in &self.nodes {
            append(&mut tar, path, node, epoch).with_context(|| format!("cannot pack /{path}"))?;
        }
        tar.finish().context("cannot finish the tar")
    }
}

fn append(tar: &mut Builder<impl Write>, path: &str, node: &Node, epoch: u64) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(node.mode);
    header.set_uid(node.owner);
    header.set_gid(node.owner);
    header.set_mtime(epoch);
    header.set_size(0);
    match &node.kind {
        Kind::Dir => {
            header.set_entry_type(EntryType::Directory);
            tar.append_data(&mut header, format!("{path}/"), std::io::empty())?;
        }
        Kind::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            tar.append_link(&mut header, path, target)?;
        }
        Kind::Bytes(_) | Kind::Copy(_) => {
            let content = node.content()?.unwrap_or_default();
            header.set_entry_type(EntryType::Regular);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content.as_ref())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(target: &str) -> Node {
        Node::own(0o777, Kind::Link(target.into()))
    }

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.add("usr/lib/libx.so.1.2", Node::own(0o644, Kind::Bytes(b"x".to_vec()))).unwrap();
        tree.add("usr/lib/libx.so.1", link("libx.so.1.2")).unwrap();
        tree.add("lib", link("usr/lib")).unwrap();
        tree.add("loop", link("/loop")).unwrap();
        tree
    }

    #[test]
    fn links_are_followed_and_loops_end() {
        let tree = tree();
        assert_eq!(tree.resolve("/lib/libx.so.1").unwrap().0, "usr/lib/libx.so.1.2");
        assert_eq!(tree.resolve("/lib/../lib/libx.so.1.2").unwrap().0, "usr/lib/libx.so.1.2");
        assert!(tree.resolve("/lib/liby.so").is_none());
        assert!(tree.resolve("/loop").is_none());
    }

    #[test]
    fn one_path_has_one_source() {
        let mut tree = tree();
        assert!(tree.add("lib", link("elsewhere")).is_err());
        assert!(tree.add("lib/x", link("y")).is_err(), "below a link");
        assert!(tree.add("a/../b", link("y")).is_err());
    }

    #[test]
    fn tars_are_the_same_whatever_the_order_of_adding() {
        let pack = |tree: &Tree| {
            let mut bytes = Vec::new();
            tree.write_tar(&mut bytes, 7).unwrap();
            bytes
        };
        let mut other = Tree::default();
        for (path, node) in tree().nodes().iter().rev() {
            other.add(path, node.clone()).unwrap();
        }
        assert_eq!(pack(&tree()), pack(&other));
    }
}
