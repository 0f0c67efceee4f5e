//! `dockos/debian`: the root file system that mmdebstrap makes of Debian's packages, apt among them, mirrors left out.

use std::{path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{
    desktops::{DEBIAN, buildah::Buildah, inputs, lists::Lists, settings::Settings},
    project::Project,
    sources::Mirror,
    spec::Packages,
    util::{as_root, fresh_dir, write_atomic},
};

/// What apt does in each image: no recommended packages, no translations, no journals.
pub(crate) const APT_CONF: &str = include_str!("apt.conf");
/// Where an image gets packages from: nowhere, until someone says.
const SOURCES: &str = include_str!("debian.sources");
const LOG: &str = "desktop-debian";

/// What the root file system depends on.
pub(crate) fn key(suite: &str, settings: &Settings, lists: &Lists) -> String {
    let inputs = inputs().value("suite", suite).value("lists", &lists.key).value("conf", APT_CONF);
    let settings = format!("{:?}{:?}{}", settings.include, settings.traces, settings.dpkg_options());
    let inputs = inputs.value("sources", SOURCES).value("settings", &settings);
    inputs.value("date", &lists.epoch.to_string()).key()[..16].to_owned()
}

/// Makes it and hands it to buildah.
pub(crate) fn build(
    project: &Project,
    packages: &Packages,
    settings: &Settings,
    epoch: u64,
    buildah: &Buildah<'_>,
    key: &str,
) -> Result<()> {
    project.progress.start_log(LOG)?;
    let folder = project.cache.join("desktops/debian");
    fresh_dir(&folder)?;
    project.progress.step("desktop debian: unpack and set up", || {
        let tar = folder.join("debian.tar");
        project.progress.run(LOG, &mut mmdebstrap(packages, settings, epoch, &folder, &tar)?).context(
            "mmdebstrap could not make the Debian root file system; is the mirror reachable? \
             (DOCKOS_MIRROR names another)",
        )?;
        write_atomic(&folder.join("Dockerfile"), b"FROM scratch\nADD debian.tar /\nCMD [\"bash\"]\n")?;
        buildah.build_folder(DEBIAN, &folder, key, LOG)
    })?;
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

fn mmdebstrap(
    packages: &Packages,
    settings: &Settings,
    epoch: u64,
    folder: &Path,
    tar: &Path,
) -> Result<Command> {
    let files = [
        ("apt.conf", "/etc/apt/apt.conf.d/90dockos", APT_CONF.to_owned()),
        ("debian.sources", "/etc/apt/sources.list.d/debian.sources", SOURCES.to_owned()),
        ("dpkg.cfg", "/etc/dpkg/dpkg.cfg.d/dockos", settings.dpkg_options()),
        // Programs of packages that are installed in a Dockerfile must not start services.
        ("policy-rc.d", "/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n".to_owned()),
        ("debconf", "/etc/dockos-debconf", "debconf debconf/frontend select Noninteractive\n".to_owned()),
    ];
    let mut command = as_root("mmdebstrap", &[("SOURCE_DATE_EPOCH", epoch.to_string())]);
    command.args(["--variant=apt", "--architectures=amd64", "--format=tar", "--verbose"]);
    command.arg(format!("--include={}", settings.include.join(",")));
    for option in settings.dpkg_options().lines() {
        command.arg(format!("--dpkgopt={option}"));
    }
    for line in crate::apt::inherited_settings()?.lines() {
        command.arg(format!("--aptopt={line}"));
    }
    command.arg("--customize-hook=rm -f \"$1/etc/apt/sources.list\" \"$1\"/etc/apt/sources.list.d/*");
    for (name, path, text) in files {
        let file = folder.join(name);
        write_atomic(&file, text.as_bytes())?;
        command.arg(format!("--customize-hook=upload {} {path}", file.display()));
    }
    command.args([
        "--customize-hook=chmod 755 \"$1/usr/sbin/policy-rc.d\"",
        "--customize-hook=chroot \"$1\" debconf-set-selections /etc/dockos-debconf",
        "--customize-hook=rm \"$1/etc/dockos-debconf\" \
         \"$1/etc/apt/apt.conf.d/99mmdebstrap\" \"$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap\"",
        "--customize-hook=rm -f \"$1/etc/hostname\" \"$1/etc/resolv.conf\"",
        "--customize-hook=: >\"$1/etc/machine-id\"",
    ]);
    let mirror = folder.join("mirror.sources");
    write_atomic(&mirror, crate::apt::sources(&Mirror::find()?, &packages.suite).as_bytes())?;
    command.arg(&packages.suite).arg(tar).arg(mirror);
    Ok(command)
}
