//! Compiles our programs, PID 1 and those beside it: each one static binary, the same bytes wherever it is built from
//! the same sources.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    progress::missing,
    project::Project,
    util::{make_dir, read_text, write_atomic},
};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Relative relocations take a tenth of the space; linkers older than binutils 2.38 lack them.
const PACKED_RELOCATIONS: &str = "-Clink-arg=-Wl,-z,pack-relative-relocs";

/// One of our programs: what the image holds of the workspace.
#[derive(Debug)]
pub(crate) struct Program {
    /// What the user calls it.
    name: &'static str,
    /// Its folder in the source tree.
    pub(crate) folder: &'static str,
    /// Its crate, which the manifest and the SBOM name.
    pub(crate) package: &'static str,
    /// The binary that its crate makes.
    binary: &'static str,
    /// Where it is in the root image, if it is there.
    pub(crate) path: &'static str,
}

/// PID 1, and the `dockos` command.
pub(crate) const PID1: Program =
    Program { name: "PID 1", folder: "init", package: "dockos-init", binary: "dockos", path: "" };
/// What fetches URLs for PID 1.
pub(crate) const FETCH: Program = Program {
    name: "fetch",
    folder: "fetch",
    package: "dockos-fetch",
    binary: "dockos-fetch",
    path: "usr/lib/dockos/fetch",
};
/// `dockos config`.
const CONFIG: Program = Program {
    name: "config",
    folder: "config-command",
    package: "dockos-config-command",
    binary: "dockos-config",
    path: "usr/lib/dockos/config",
};
/// `dockos` on the machine that ISOs are made on: in no image.
pub(crate) const HOST: Program = Program {
    name: "host command",
    folder: "host-command",
    package: "dockos-host-command",
    binary: "dockos-host",
    path: "",
};
/// What boots other machines.
const NETBOOT: Program = Program {
    name: "netboot",
    folder: "system-services/netboot",
    package: "dockos-netboot",
    binary: "dockos-netboot",
    path: "usr/lib/dockos/netboot",
};
/// What runs tenants' desktops and shows them in a browser.
const DESKTOPS: Program = Program {
    name: "desktops",
    folder: "system-services/desktops",
    package: "dockos-desktops",
    binary: "dockos-desktops",
    path: "usr/lib/dockos/desktops",
};
/// All of those that are in an image.
pub(crate) const ALL: [&Program; 5] = [&PID1, &FETCH, &CONFIG, &NETBOOT, &DESKTOPS];
/// Those of the root image.
const IN_ROOT: [&Program; 4] = [&FETCH, &CONFIG, &NETBOOT, &DESKTOPS];

/// Those of the root image, built.
pub(crate) fn build_for_root(project: &Project) -> Result<Vec<(&'static Program, PathBuf)>> {
    IN_ROOT.into_iter().map(|program| Ok((program, build(project, program)?))).collect()
}

/// Lets cargo build one, which does nothing when nothing changed, and says where it is. Each by its own run of cargo:
/// together, they would share the features of the crates that both use.
pub(crate) fn build(project: &Project, program: &Program) -> Result<PathBuf> {
    // Apart from the host's builds, whose flags differ: neither makes the other start over.
    let target_dir = project.root.join("target/init");
    let mut command = cargo(project);
    command
        .args([
            "build",
            "--locked",
            "--quiet",
            "--profile",
            "init",
            "--package",
            program.package,
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(project, &target_dir)?.join("\x1f"));
    let log = program.package;
    project.progress.start_log(log)?;
    let step = format!("{}: compile", program.name);
    project.progress.step(&step, || project.progress.run(log, &mut command))?;
    Ok(target_dir.join(TARGET).join("init").join(program.binary))
}

/// Cargo as a user would start it, without what the cargo that runs this program left in the environment.
pub(crate) fn cargo(project: &Project) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let left_over = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_PROFILE_"];
        if left_over.iter().any(|prefix| text.starts_with(prefix)) || text.ends_with("RUSTFLAGS") {
            command.env_remove(&name);
        }
    }
    command.current_dir(&project.root);
    command
}

fn flags(project: &Project, target_dir: &Path) -> Result<Vec<String>> {
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    // Code that occurs more than once is moved out and called: a fiftieth less.
    flags.push("-Cllvm-args=-enable-machine-outliner=always".to_owned());
    // They abort and never unwind: the tables for it, a tenth of a binary, are left out.
    let script = project.root.join("init/no-unwind.ld");
    flags.extend([
        format!("-Clink-arg=-Wl,-T,{}", script.display()),
        "-Clink-arg=-Wl,--no-eh-frame-hdr".to_owned(),
    ]);
    if linker_packs_relocations(target_dir)? {
        flags.push(PACKED_RELOCATIONS.to_owned());
    } else {
        project.progress.note("this linker lacks -z pack-relative-relocs, so PID 1 is a little larger");
    }
    // Longer paths come last: the compiler takes the last that fits.
    let cargo_home = cargo_home()?;
    let mut remaps =
        vec![(sysroot()?, "/rust"), (cargo_home.clone(), "/cargo"), (project.root.clone(), "/dockos")];
    let registries = fs::read_dir(cargo_home.join("registry/src")).into_iter().flatten().flatten();
    remaps.extend(registries.map(|entry| (entry.path(), "/crates")));
    remaps.sort();
    flags.extend(remaps.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));
    Ok(flags)
}

fn cargo_home() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CARGO_HOME")
        .or_else(|| Some(set("HOME")?.join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set; set one, so that cargo finds its crates")
}

fn sysroot() -> Result<PathBuf> {
    let output =
        Command::new("rustc").args(["--print", "sysroot"]).output().with_context(|| missing("rustc"))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Links an empty program with the flag, once; the answer is kept with the other results of compiling.
fn linker_packs_relocations(target_dir: &Path) -> Result<bool> {
    let answer = target_dir.join("pack-relative-relocs");
    if answer.exists() {
        return Ok(read_text(&answer)?.trim() == "yes");
    }
    make_dir(target_dir)?;
    let (source, program) = (target_dir.join("probe.c"), target_dir.join("probe"));
    write_atomic(&source, b"int main(void) { return 0; }\n")?;
    let output = Command::new("cc")
        .args(["-static-pie", "-Wl,-z,pack-relative-relocs", "-o"])
        .arg(&program)
        .arg(&source)
        .output()
        .with_context(|| missing("cc"))?;
    // Old linkers only warn of a -z option that they do not know.
    let warned = String::from_utf8_lossy(&output.stderr).contains("pack-relative-relocs");
    if !output.status.success() && !warned {
        bail!("cc cannot link a program: {}", String::from_utf8_lossy(&output.stderr));
    }
    let packs = output.status.success() && !warned;
    write_atomic(&answer, if packs { b"yes\n" } else { b"no\n" })?;
    Ok(packs)
}
