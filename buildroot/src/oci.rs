//! Container images that come inside the root image, as archives that `docker load` and OCI tools both read.
//! Layers are plain tars: the root image compresses them, and loading them costs no time to unpack.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    tree::{Kind, Node, Tree},
    util::{rfc3339, sha256},
};

const PAGE: &str = "<!doctype html>\n<title>DockOS</title>\n<h1>Hello from a desktop</h1>\n\
                    <p>This page is served by a tenant's container.</p>\n";

/// `dockos/skeleton`: empty mount points. System services run on it with the host's /usr and /etc bound read-only.
pub(crate) fn skeleton(epoch: u64) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    for dir in ["dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var"] {
        let mode = if dir == "tmp" { 0o1777 } else { 0o755 };
        tree.add(dir, Node::own(mode, Kind::Dir))?;
    }
    for dir in ["bin", "sbin", "lib", "lib64"] {
        tree.add(dir, Node::own(0o777, Kind::Link(format!("usr/{dir}"))))?;
    }
    archive("dockos/skeleton", &tree, json!({ "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] }), epoch)
}

/// `dockos/hello`: busybox serving a page on port 8080 as an unprivileged user.
pub(crate) fn hello(busybox: &Path, applets: &[PathBuf], epoch: u64) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    for dir in ["dev", "etc", "proc", "root", "sys", "tmp"] {
        let mode = if dir == "tmp" { 0o1777 } else { 0o755 };
        tree.add(dir, Node::own(mode, Kind::Dir))?;
    }
    tree.add("bin/busybox", Node::own(0o755, Kind::Copy(busybox.into())))?;
    let names = applets.iter().filter_map(|applet| applet.file_name()).map(|name| name.to_string_lossy());
    for name in names.filter(|name| !["busybox", "linuxrc"].contains(&name.as_ref())) {
        tree.add(&format!("bin/{name}"), Node::own(0o777, Kind::Link("busybox".into())))?;
    }
    for (path, text) in [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n"),
        ("etc/group", "root:x:0:\nuser:x:1000:\n"),
        ("www/index.html", PAGE),
    ] {
        tree.add(path, Node::own(0o644, Kind::Bytes(text.into())))?;
    }
    let home = Node { owner: 1000, ..Node::own(0o755, Kind::Dir) };
    tree.add("home/user", home)?;
    let config = json!({
        "User": "user",
        "ExposedPorts": { "8080/tcp": {} },
        "Env": ["PATH=/bin"],
        "Cmd": ["busybox", "httpd", "-f", "-p", "8080", "-h", "/www"],
        "WorkingDir": "/home/user",
    });
    archive("dockos/hello", &tree, config, epoch)
}

/// An archive of one image with one layer. Loaders stream it, so what they read first comes first.
fn archive(name: &str, tree: &Tree, config: Value, epoch: u64) -> Result<Vec<u8>> {
    let mut layer = Vec::new();
    tree.write_tar(&mut layer, epoch)?;
    let created = rfc3339(epoch);
    let config = serde_json::to_vec(&json!({
        "architecture": "amd64",
        "config": config,
        "created": created,
        "history": [{ "created": created, "created_by": "DockOS buildroot" }],
        "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    }))?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    }))?;
    let index = serde_json::to_vec(&index(name, &manifest))?;
    let docker = serde_json::to_vec(&json!([{
        "Config": blob(&config),
        "RepoTags": [format!("{name}:latest")],
        "Layers": [blob(&layer)],
    }]))?;
    let layout = br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec();
    let files = [
        ("manifest.json".to_owned(), docker),
        ("index.json".to_owned(), index),
        ("oci-layout".to_owned(), layout),
        (blob(&config), config),
        (blob(&manifest), manifest),
        (blob(&layer), layer),
    ];
    pack(files, epoch).with_context(|| format!("cannot pack the image {name}"))
}

/// The index of an archive with one image.
pub(crate) fn index(name: &str, manifest: &[u8]) -> Value {
    let mut image = descriptor("application/vnd.oci.image.manifest.v1+json", manifest);
    image["annotations"] = json!({
        "io.containerd.image.name": format!("docker.io/{name}:latest"),
        "org.opencontainers.image.ref.name": "latest",
    });
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [image],
    })
}

/// How a manifest names a blob.
pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

fn blob(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", sha256(bytes))
}

fn pack(files: impl IntoIterator<Item = (String, Vec<u8>)>, epoch: u64) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(epoch);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes.as_slice())?;
    }
    Ok(tar.into_inner()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn archives_name_blobs_that_they_hold() {
        let bytes = skeleton(1_700_000_000).unwrap();
        let mut tar = tar::Archive::new(bytes.as_slice());
        let mut files = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.push((entry.path().unwrap().to_string_lossy().into_owned(), content));
        }
        assert_eq!(files[0].0, "manifest.json");
        let manifest: Value = serde_json::from_slice(&files[0].1).unwrap();
        for path in [&manifest[0]["Config"], &manifest[0]["Layers"][0]] {
            let (name, content) =
                files.iter().find(|(name, _)| Some(name.as_str()) == path.as_str()).unwrap();
            assert!(name.ends_with(&sha256(content)), "{name}");
        }
        assert_eq!(bytes, skeleton(1_700_000_000).unwrap());
    }
}
