//! The program that writes ISOs.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, ErrorKind},
    path::Path,
    process::{ChildStderr, Command, Stdio},
};

use dockos_control::error::{Context, Fault, Result};

use crate::{
    oem::{Addition, IMAGES},
    progress::Progress,
};

const MISSING: &str = "xorriso is not installed, and nothing else writes ISOs; \
                       Debian, Ubuntu, Fedora and Arch have it in a package xorriso or libisoburn";
/// Of a run that failed, the last lines are shown.
const LINES: usize = 8;

/// An error if there is no xorriso.
pub(crate) fn find() -> Result<()> {
    let run = Command::new("xorriso").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match run {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Fault::new(format!("xorriso does not run here ({status})"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Fault::new(MISSING)),
        Err(error) => Err(Fault::new(format!("xorriso: {error}"))),
    }
}

/// Writes `to`: all of `from` with `additions`, in place of the config and images that it has if there are new ones,
/// and every boot record, MBR and partition as they were.
pub(crate) fn write(from: &Path, additions: &[Addition], to: &Path) -> Result<()> {
    let mut command = Command::new("xorriso");
    command
        .args(["-no_rc", "-abort_on", "FAILURE", "-return_with", "FAILURE", "32"])
        .arg("-indev")
        .arg(stdio(from))
        .arg("-outdev")
        .arg(stdio(to))
        .args(["-boot_image", "any", "replay", "-joliet", "on", "-overwrite", "on"]);
    if additions.iter().any(|addition| addition.to.starts_with(IMAGES)) {
        command.args(["-rm_r", &format!("/{IMAGES}"), "--"]);
    }
    for Addition { from, to, .. } in additions {
        command.arg("-map").arg(from).arg(format!("/{to}"));
    }
    for Addition { to, .. } in additions {
        command.args(["-chmod", "0444", &format!("/{to}"), "--"]);
    }
    command.args(["-chown_r", "0", "/oem", "--", "-chgrp_r", "0", "/oem", "--"]);
    command.args(["-commit", "-end"]);
    let mut child = command
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context(|| "xorriso".to_owned())?;
    let said = child.stderr.take().map(|pipe| follow(pipe, to)).unwrap_or_default();
    let status = child.wait().context(|| "xorriso".to_owned())?;
    if status.success() {
        return Ok(());
    }
    let from = said.len().saturating_sub(LINES);
    let said = said.get(from..).unwrap_or_default().join("\n  ");
    Err(Fault::new(format!("xorriso failed ({status}):\n  {said}")))
}

/// Shows how far it is; returns what else it says.
fn follow(pipe: ChildStderr, to: &Path) -> Vec<String> {
    let progress = Progress::start(&format!("writing {}", to.display()));
    let mut said = Vec::new();
    for line in BufReader::new(pipe).split(b'\n').map_while(std::result::Result::ok) {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        match line
            .rsplit_once("% done")
            .and_then(|(before, _)| before.rsplit(' ').next()?.parse::<f64>().ok())
        {
            Some(percent) => progress.percent(percent as u64),
            None if line.is_empty() => {}
            None => said.push(line),
        }
    }
    said
}

/// The file as xorriso's drive, whatever its name looks like.
fn stdio(path: &Path) -> OsString {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut drive = OsString::from("stdio:");
    drive.push(absolute);
    drive
}
