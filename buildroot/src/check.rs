//! What must hold for every root image; a build that breaks it fails and names the file.

use anyhow::{Context, Result, bail};

use crate::{
    elf,
    tree::{Kind, Node, Tree},
};

/// Where links may lead although the image has nothing there: file systems that PID 1 mounts.
const MOUNTED: [&str; 2] = ["/proc/", "/run/"];
/// Where the loader looks.
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "usr/lib64"];

/// Finds all that is wrong with the tree.
pub(crate) fn check(tree: &Tree) -> Result<()> {
    let mut faults = Vec::new();
    for (path, node) in tree.nodes() {
        let found = match &node.kind {
            Kind::Dir => Vec::new(),
            Kind::Link(target) => dangling(tree, path, target).into_iter().collect(),
            Kind::Bytes(_) | Kind::Copy(_) => file_faults(tree, path, node)?,
        };
        faults.extend(found);
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!("the root image would be broken:\n  {}", faults.join("\n  "))
}

fn dangling(tree: &Tree, path: &str, target: &str) -> Option<String> {
    let outside = MOUNTED.iter().any(|dir| target.starts_with(dir));
    (!outside && tree.resolve(path).is_none())
        .then(|| format!("/{path}: links to {target}, which is not in it"))
}

fn file_faults(tree: &Tree, path: &str, node: &Node) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    if node.mode & 0o6000 != 0 {
        faults.push(format!("/{path}: is setuid or setgid ({:o}); nothing in DockOS may be", node.mode));
    }
    if node.mode & 0o022 != 0 {
        faults.push(format!("/{path}: others may write it ({:o})", node.mode));
    }
    let content = node.content()?.unwrap_or_default();
    if elf::is_elf(&content) {
        let needs = elf::needs(&content).with_context(|| format!("/{path} is a damaged ELF file"))?;
        let interpreter = needs.interpreter.filter(|loader| tree.resolve(loader).is_none());
        faults.extend(interpreter.map(|loader| format!("/{path}: its loader {loader} is not in it")));
        let missing = needs
            .libraries
            .iter()
            .filter(|name| !LIBRARIES.iter().any(|dir| tree.resolve(&format!("{dir}/{name}")).is_some()));
        faults.extend(missing.map(|name| format!("/{path}: its library {name} is not in it")));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named() {
        let mut tree = Tree::default();
        tree.add("usr/bin/su", Node::own(0o4755, Kind::Bytes(Vec::new()))).unwrap();
        tree.add("usr/bin/x", Node::own(0o777, Kind::Link("gone".into()))).unwrap();
        tree.add("etc/mtab", Node::own(0o777, Kind::Link("/proc/self/mounts".into()))).unwrap();
        tree.add("usr/bin/sh", Node::own(0o755, Kind::Copy("/bin/sh".into()))).unwrap();
        let message = check(&tree).unwrap_err().to_string();
        for part in
            ["/usr/bin/su: is setuid", "/usr/bin/x: links to gone", "/usr/bin/sh: its library libc.so.6"]
        {
            assert!(message.contains(part), "{part} in {message}");
        }
        assert!(!message.contains("mtab"), "{message}");
    }
}
