//! The command line.

use std::{fs, io, path::PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

use crate::{
    apt::Apt,
    desktops, floor, initramfs, iso, kernel, manifest, netboot,
    programs::{self, PID1},
    project::Project,
    rootfs::{self, Record},
    sbom,
    spec::Packages,
    util::{as_root, explain_full},
};

const ENVIRONMENT: &str = "\
Environment:
  DOCKOS_MIRROR           Debian mirror, instead of the one in this machine's apt sources
  DOCKOS_SECURITY_MIRROR  its security archive, when that is not beside it; `none` for none
  DOCKOS_SNAPSHOT         set when the mirror is a dated snapshot whose address does not show it
  SOURCE_DATE_EPOCH       date of the image, instead of that of its newest package
  XDG_CACHE_HOME          downloads and kernels are kept in its folder `dockos`";

/// Builds the kernel, PID 1's initramfs and the root image of DockOS, and what boots them.
#[derive(Debug, Parser)]
#[command(name = "buildroot", version, after_help = ENVIRONMENT)]
struct Arguments {
    /// Fetch the package lists anew and take the newest packages.
    #[arg(long, global = true)]
    update: bool,
    /// Where the results go, instead of `out` in the source tree.
    #[arg(long, global = true, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Subcommand)]
enum What {
    /// Everything: vmlinuz, kernel.config, initramfs, rootfs, manifest.json, sbom.spdx.json.
    Image,
    /// Only vmlinuz and kernel.config.
    Kernel,
    /// Only initramfs, with PID 1.
    Initramfs,
    /// Only rootfs, with all of Debian's files and what of ours is beside PID 1.
    Rootfs,
    /// dockos.iso, of the image, which is built first if need be.
    Iso,
    /// netboot/, for a room's own DHCP and TFTP server, of the image, which is built first if need be.
    Netboot,
    /// desktops/NAME.tar: desktop images for `docker load`. Needs root.
    Desktops {
        /// Courses by name, or folders with a Dockerfile; none for all in `desktops/`.
        #[arg(value_name = "COURSE")]
        courses: Vec<String>,
    },
    /// The initramfs of the bare floor that `bench` compares with.
    #[command(hide = true)]
    Floor,
    /// Remove the results.
    Clean {
        /// The downloads and cached kernels too.
        #[arg(long)]
        cache: bool,
    },
}

/// Does what the arguments say.
pub(crate) fn run() -> Result<()> {
    let arguments = Arguments::parse();
    let project = Project::open(arguments.out, arguments.update)?;
    if let What::Clean { cache } = arguments.what {
        return clean(&project, cache);
    }
    build(&project, arguments.what).map_err(|error| explain_full(error, &project.out))
}

fn build(project: &Project, what: What) -> Result<()> {
    let packages = Packages::load(&project.own("packages.toml"))?;
    let locked = || Apt::open(project, &packages)?.lock();
    match what {
        What::Image => drop(image(project, &packages)?),
        What::Iso => iso::build(project, &packages, &image(project, &packages)?)?,
        What::Kernel => kernel::build(project, &packages, &locked()?)?,
        What::Initramfs => drop(initramfs::build(project, &programs::build(project, &PID1)?)?),
        What::Netboot => netboot::build(project, &packages, &image(project, &packages)?)?,
        What::Rootfs => {
            drop(rootfs::build(project, &packages, &locked()?, &programs::build_for_root(project)?)?)
        }
        What::Desktops { courses } => desktops::build(project, &packages, &courses)?,
        What::Floor => floor::build(project, &packages, &locked()?)?,
        What::Clean { .. } => {}
    }
    Ok(())
}

fn image(project: &Project, packages: &Packages) -> Result<Record> {
    let locked = Apt::open(project, packages)?.lock()?;
    kernel::build(project, packages, &locked)?;
    let init = initramfs::build(project, &programs::build(project, &PID1)?)?;
    let record = rootfs::build(project, packages, &locked, &programs::build_for_root(project)?)?;
    let kernel = kernel::source_package(packages, &locked)?;
    let sizes = manifest::write(project, &record, init, kernel)?;
    sbom::write(project, &record, kernel)?;
    project.progress.note(&sizes);
    Ok(record)
}

fn clean(project: &Project, cache: bool) -> Result<()> {
    let folders = [Some(&project.out), cache.then_some(&project.cache)];
    for folder in folders.into_iter().flatten() {
        let what = || format!("cannot remove {}", folder.display());
        match fs::remove_dir_all(folder) {
            // What buildah made as root.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let removed = as_root("rm", &[]).arg("-rf").arg(folder).status().with_context(what)?;
                ensure!(removed.success(), what());
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).with_context(what),
            _ => {}
        }
    }
    Ok(())
}
