//! Docker's own check of a kernel's options finds nothing missing that it calls necessary.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

/// Only these of the optional ones are left out, each for a reason (docs/decisions/0005-kernel.md; the others are file
/// systems and drivers of storage that DockOS does not use). `MEMCG_SWAP` went from the kernel with 6.1: it is always on.
const LEFT_OUT: [&str; 6] = [
    "MEMCG_SWAP",
    "SECURITY_SELINUX",
    "SECURITY_APPARMOR",
    "BTRFS_FS",
    "BTRFS_FS_POSIX_ACL",
    "LEGACY_VSYSCALL",
];

#[test]
fn nothing_necessary_is_missing() -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = root.join("out/kernel.config");
    ensure!(config.exists(), "out/kernel.config is not there; run `make image` first");
    let output = Command::new("bash").arg(script()?).arg(&config).output().context("run check-config.sh")?;
    let report = without_colours(&String::from_utf8_lossy(&output.stdout));
    ensure!(report.contains("Generally Necessary"), "check-config.sh said something else: {report}");
    let missing: Vec<&str> = report
        .lines()
        .filter(|line| line.contains("CONFIG_") && line.contains("missing"))
        .filter(|line| !LEFT_OUT.iter().any(|name| line.contains(&format!("CONFIG_{name}:"))))
        .collect();
    ensure!(missing.is_empty(), "missing: {missing:#?}");
    Ok(())
}

/// moby's contrib/check-config.sh, as Debian's docker.io package has it.
fn script() -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let pattern =
        cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("dockos/unpacked/docker.io-*/root");
    let pattern = pattern.join("usr/share/docker.io/contrib/check-config.sh");
    let found = glob::glob(&pattern.to_string_lossy())?.next();
    Ok(found.context("docker.io is not unpacked; run `make image` first")??)
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}
