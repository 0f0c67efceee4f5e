//! Running host programs such as `mkfs.xfs`, with errors that say which one and why.

use std::{env, ffi::OsString, process::Command};

use anyhow::{Context as _, Result, bail};

/// A command whose search path includes the sbin folders, which ordinary users often lack.
pub fn tool(name: &str) -> Command {
    let mut path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    path.push(":/usr/local/sbin:/usr/sbin:/sbin");
    let mut command = Command::new(name);
    command.env("PATH", path);
    command
}

/// Runs `command` to its end and returns what it printed, stderr after stdout. A bad exit status is an error.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}: is it installed? `make run` installs it"))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if !output.status.success() {
        bail!("{name} failed ({}):\n{}", output.status, text.trim_end());
    }
    Ok(text)
}
