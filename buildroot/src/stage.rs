//! Puts the root image together: Debian's files, ours, our program beside PID 1, links for busybox, example images,
//! services.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{
    elf::is_elf,
    han, oci,
    pool::Pool,
    programs::Program,
    progress::missing,
    project::Project,
    slim::slim,
    spec::{Layout, Packages, octal},
    tree::{Kind, Node, Tree},
    util::{files_below, read_text},
};

/// The root image's tree; `epoch` is the date that all of it bears, `programs` are ours.
pub(crate) fn stage(
    project: &Project,
    packages: &Packages,
    layout: &Layout,
    pool: &Pool,
    epoch: u64,
    programs: &[(&Program, PathBuf)],
) -> Result<Tree> {
    let mut tree = Tree::default();
    for package in &packages.package {
        package.files.iter().try_for_each(|glob| pool.take(&package.name, glob, &mut tree))?;
    }
    slim_programs(&mut tree)?;
    add_certificates(pool, &mut tree)?;
    add_han_font(project, pool, &mut tree)?;
    add_own_files(project, epoch, &mut tree)?;
    for (program, built) in programs {
        let own = Node::own(0o755, Kind::Copy(built.clone()));
        tree.add(program.path, Node { component: program.package.into(), ..own })?;
    }
    add_services(&project.root.join("system-services"), &mut tree)?;
    for (path, mode) in &layout.dirs {
        tree.add(path, Node::own(octal(mode)?, Kind::Dir))?;
    }
    for (path, target) in &layout.links {
        tree.add(path, Node::own(0o777, Kind::Link(target.clone())))?;
    }
    let busybox = pool.host_path("usr/bin/busybox")?;
    let applets = applets(busybox)?;
    link_applets(&applets, &layout.busybox.skip, &mut tree)?;
    for (path, archive) in [
        ("usr/share/dockos/skeleton.tar", oci::skeleton(epoch)?),
        ("usr/share/dockos/images/hello.tar", oci::hello(busybox, &applets, epoch)?),
    ] {
        tree.add(path, Node::own(0o644, Kind::Bytes(archive)))?;
    }
    for (path, mode) in &layout.modes {
        tree.chmod(path, octal(mode)?)?;
    }
    Ok(tree)
}

/// Blanks symbols that nothing looks up; see `slim`.
fn slim_programs(tree: &mut Tree) -> Result<()> {
    for node in tree.nodes_mut() {
        let content = node.content()?.map(Cow::into_owned);
        if let Some(mut content) = content.filter(|content| is_elf(content))
            && slim(&mut content) > 0
        {
            node.kind = Kind::Bytes(content);
        }
    }
    Ok(())
}

/// What `update-ca-certificates` would write.
fn add_certificates(pool: &Pool, tree: &mut Tree) -> Result<()> {
    let package = "ca-certificates";
    let bundle = pool.concatenate(package, "usr/share/ca-certificates/mozilla/")?;
    ensure!(
        bundle.starts_with(b"-----BEGIN"),
        "the package {package} holds no certificates where they used to be"
    );
    let node = Node { component: package.into(), ..Node::own(0o644, Kind::Bytes(bundle)) };
    tree.add("etc/ssl/certs/ca-certificates.crt", node)
}

/// The Chinese characters that PID 1 puts into the screen's font; see `han`.
fn add_han_font(project: &Project, pool: &Pool, tree: &mut Tree) -> Result<()> {
    let unifont = read_text(pool.host_path("usr/share/unifont/unifont.hex")?)?;
    let font = han::font(&unifont, &read_text(&project.own("han16.txt"))?)?;
    let node = Node { component: "unifont".into(), ..Node::own(0o644, Kind::Bytes(font)) };
    tree.add("usr/share/dockos/han16.font", node)
}

/// Adds `buildroot/files`, where `@VERSION@` and `@EPOCH@` are filled in below `etc`.
fn add_own_files(project: &Project, epoch: u64, tree: &mut Tree) -> Result<()> {
    let root = project.own("files");
    for file in files_below(&root)? {
        let path = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().into_owned();
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let bytes = if path == "etc/os-release" { fill_in(project, epoch, &bytes) } else { bytes };
        tree.add(&path, Node::own(git_mode(&file)?, Kind::Bytes(bytes)))?;
    }
    Ok(())
}

fn fill_in(project: &Project, epoch: u64, bytes: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(bytes)
        .replace("@VERSION@", project.version())
        .replace("@EPOCH@", &epoch.to_string())
        .into_bytes()
}

/// The mode git keeps; group and other bits depend on the checkout's umask.
pub(crate) fn git_mode(file: &Path) -> Result<u32> {
    let data = fs::metadata(file).with_context(|| format!("cannot look at {}", file.display()))?;
    Ok(if data.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 })
}

fn add_services(folder: &Path, tree: &mut Tree) -> Result<()> {
    for file in files_below(folder)?.into_iter().filter(|file| file.ends_with("service.yml")) {
        let path = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().into_owned();
        tree.add(&format!("usr/share/dockos/services/{path}"), Node::own(0o644, Kind::Copy(file)))?;
    }
    Ok(())
}

/// The paths, such as `usr/bin/vi`, at which busybox says its commands belong.
fn applets(busybox: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new(busybox).arg("--list-full").output().with_context(|| {
        format!(
            "{}: the image's busybox does not run here; the build machine must be x86-64",
            missing("busybox")
        )
    })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut applets: Vec<_> = text.lines().map(PathBuf::from).collect();
    ensure!(applets.len() > 100, "busybox lists only {} commands", applets.len());
    applets.sort();
    Ok(applets)
}

/// Links every applet whose command nothing else provides.
fn link_applets(applets: &[PathBuf], skip: &[String], tree: &mut Tree) -> Result<()> {
    let mut taken: BTreeSet<String> = skip.iter().cloned().collect();
    let commands =
        tree.nodes().keys().filter(|path| path.starts_with("usr/bin/") || path.starts_with("usr/sbin/"));
    taken.extend(commands.filter_map(|path| path.rsplit('/').next()).map(str::to_owned));
    for applet in applets {
        let Some(name) = applet.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let folder =
            if applet.parent().is_some_and(|dir| dir.ends_with("sbin")) { "usr/sbin" } else { "usr/bin" };
        if taken.insert(name.clone()) {
            let link = Node {
                component: "busybox-static".into(),
                ..Node::own(0o777, Kind::Link("/usr/bin/busybox".into()))
            };
            tree.add(&format!("{folder}/{name}"), link)?;
        }
    }
    Ok(())
}
