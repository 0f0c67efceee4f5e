//! The kernel: Debian's patched source, tinyconfig and our fragments. A finished one is kept in the cache, under a
//! key of all that it was made from.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread::available_parallelism,
};

use anyhow::{Context, Result, bail};

use crate::{
    apt::Apt,
    fragments::Fragments,
    lock::Locked,
    progress::missing,
    project::Project,
    spec::Packages,
    stamp::{self, Inputs},
    util::{copy_atomic, fresh_dir, make_dir, read_text},
};

/// What a build leaves, in the cache and in `out`.
const OUTPUTS: [&str; 2] = ["vmlinuz", "kernel.config"];
const LOG: &str = "kernel";

/// Builds `out/vmlinuz` and `out/kernel.config`, or takes them from the cache.
pub(crate) fn build(project: &Project, packages: &Packages, locked: &[Locked]) -> Result<()> {
    let source = source_package(packages, locked)?;
    let fragments = Fragments::load(&project.root.join("kernel-config"))?;
    let key = key(source, &fragments)?;
    if stamp::is_fresh(project, "kernel", &key, &OUTPUTS) {
        return Ok(());
    }
    let finished = project.cache.join("kernel").join(&key);
    if !OUTPUTS.iter().all(|name| finished.join(name).exists()) {
        let build = compile(project, packages, source, &fragments)?;
        keep(&build, &finished)?;
    }
    OUTPUTS.iter().try_for_each(|name| copy_atomic(&finished.join(name), &project.out.join(name)))?;
    stamp::mark(project, "kernel", &key, &OUTPUTS)
}

/// The locked package that holds the source.
pub(crate) fn source_package<'a>(packages: &Packages, locked: &'a [Locked]) -> Result<&'a Locked> {
    let name = &packages.kernel_source;
    locked
        .iter()
        .find(|package| package.name == *name)
        .with_context(|| format!("apt resolved no package {name}"))
}

fn key(source: &Locked, fragments: &Fragments) -> Result<String> {
    let compiler = Command::new("gcc").arg("--version").output().with_context(|| missing("gcc"))?.stdout;
    let compiler = String::from_utf8_lossy(&compiler).lines().next().unwrap_or_default().to_owned();
    let key = Inputs::default()
        .value("source", &source.version)
        .value("config", &fragments.merged())
        .value("compiler", &compiler)
        .key();
    Ok(key[..16].to_owned())
}

/// Compiles in a folder that stays, so that a changed option compiles only what it touches.
fn compile(
    project: &Project,
    packages: &Packages,
    source: &Locked,
    fragments: &Fragments,
) -> Result<PathBuf> {
    project.progress.start_log(LOG)?;
    let tree = unpack(project, packages, source)?;
    let build = project.cache.join("kernel/build");
    make_dir(&build)?;
    project.progress.step("kernel: configure", || configure(project, &tree, &build, fragments))?;
    let jobs = available_parallelism().map_or(1, usize::from);
    let log = project.progress.log(LOG);
    let compiled = move || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let objects =
            text.lines().filter(|line| line.starts_with("  CC ") || line.starts_with("  AS ")).count();
        format!("({objects} objects, about 3000 in all)")
    };
    project.progress.step_with("kernel: compile", compiled, || {
        project.progress.run(LOG, make(&tree, &build).arg(format!("-j{jobs}")).arg("bzImage"))
    })?;
    Ok(build)
}

/// The unpacked source tree, named by its version.
fn unpack(project: &Project, packages: &Packages, source: &Locked) -> Result<PathBuf> {
    let tree = project.cache.join("kernel").join(format!("source-{}", source.version));
    if tree.exists() {
        return Ok(tree);
    }
    let folder = Apt::open(project, packages)?.unpack(&[source])?.pop().context("apt unpacked nothing")?;
    let archive = folder.join("root/usr/src").join(format!("{}.tar.xz", source.name));
    let temp = tree.with_extension("tmp");
    fresh_dir(&temp)?;
    project.progress.step("kernel: unpack the source", || {
        let mut tar = Command::new("tar");
        tar.args(["--strip-components=1", "-xJf"]).arg(&archive).arg("-C").arg(&temp);
        project.progress.run(LOG, &mut tar)
    })?;
    fs::rename(&temp, &tree).with_context(|| format!("cannot rename {}", temp.display()))?;
    Ok(tree)
}

/// tinyconfig, then the fragments; an option that Kconfig did not honour is an error.
fn configure(project: &Project, tree: &Path, build: &Path, fragments: &Fragments) -> Result<()> {
    project.progress.run(LOG, make(tree, build).arg("tinyconfig"))?;
    let config = build.join(".config");
    let text = read_text(&config)? + &fragments.merged();
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    project.progress.run(LOG, make(tree, build).arg("olddefconfig"))?;
    let dropped = fragments.dropped(&read_text(&config)?);
    if dropped.is_empty() {
        return Ok(());
    }
    bail!("Kconfig did not honour these options of kernel-config/:\n  {}", dropped.join("\n  "))
}

/// make with a builder's name and time that are nobody's, so that kernels can be compared.
fn make(tree: &Path, build: &Path) -> Command {
    let mut make = Command::new("make");
    make.arg("-C").arg(tree).arg(format!("O={}", build.display())).env("LC_ALL", "C");
    make.args(["KBUILD_BUILD_USER=dockos", "KBUILD_BUILD_HOST=dockos", "KBUILD_BUILD_TIMESTAMP=1970-01-01"]);
    // A make that runs this program must not hand its options and job slots down.
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "KBUILD_OUTPUT", "ARCH", "CROSS_COMPILE"] {
        make.env_remove(name);
    }
    make
}

/// Moves the results into the cache in one step, so a build cut short leaves none that looks whole.
fn keep(build: &Path, finished: &Path) -> Result<()> {
    let temp = finished.with_extension("tmp");
    fresh_dir(&temp)?;
    copy_atomic(&build.join("arch/x86/boot/bzImage"), &temp.join("vmlinuz"))?;
    copy_atomic(&build.join(".config"), &temp.join("kernel.config"))?;
    if finished.exists() {
        fs::remove_dir_all(finished).with_context(|| format!("cannot remove {}", finished.display()))?;
    }
    fs::rename(&temp, finished).with_context(|| format!("cannot rename {}", temp.display()))
}
