//! `dockos config set`, `unset` and `edit`: changes of a file that leave the rest of it as its writer wrote it, and never
//! leave one with errors behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dockos_config::{EditError, KeyPath, Report, append};

use crate::files;
use crate::options::Options;
use dockos_control::Failure;
use dockos_control::{STATE_FILE, files::write_durably};

/// Secrets may be in it.
const MODE: u32 = 0o600;

/// Sets one value.
pub(crate) fn set(options: &Options, key: &str, value: &str) -> Result<u8, Failure> {
    match key.strip_suffix("[]") {
        Some(list) => change(options, list, |name, text, path| append(name, text, path, value)),
        None => change(options, key, |name, text, path| dockos_config::set(name, text, path, value)),
    }
}

/// Removes one.
pub(crate) fn unset(options: &Options, key: &str) -> Result<u8, Failure> {
    change(options, key, dockos_config::unset)
}

fn change(
    options: &Options,
    key: &str,
    change: impl FnOnce(&str, &str, &KeyPath) -> Result<String, EditError>,
) -> Result<u8, Failure> {
    let path: KeyPath = key.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    let file = PathBuf::from(options.file.as_deref().unwrap_or(STATE_FILE));
    let name = file.display().to_string();
    let failed = |what: &dyn std::fmt::Display| Failure::Failed(format!("{name}: {what}"));
    let text = read_or_empty(&file).map_err(|error| failed(&error))?;
    let changed = change(&name, &text, &path).map_err(|error| failed(&error))?;
    // A file that was bad before may be mended step by step; one that was good stays good.
    if let (Ok(()), Err(report)) = (check(&name, &text), check(&name, &changed)) {
        files::tell(&report);
        return Err(Failure::Failed(format!("{name} was not changed")));
    }
    write(&file, &changed)?;
    say_when(&file);
    Ok(0)
}

/// As PID 1 will: what comes too late in a file of the state disk is an error there.
fn check(name: &str, text: &str) -> Result<(), Report> {
    dockos_config::load(files::sources(name, text.as_bytes())?).map(drop)
}

fn read_or_empty(file: &Path) -> std::io::Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    // Relative paths have an empty parent, which cannot be opened.
    let file = std::path::absolute(file).map_err(|error| Failure::Failed(error.to_string()))?;
    let mode = fs::metadata(&file)
        .map_or(MODE, |metadata| std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777);
    write_durably(&file, text.as_bytes(), mode).map_err(Failure::from)
}

fn say_when(file: &Path) {
    if file == Path::new(STATE_FILE) {
        println!("Takes effect at the next boot; `dockos config try {STATE_FILE}` tries it now.");
    }
}

/// Opens a file in an editor until it is fine, or whoever edits gives up. The file itself is changed only at the end.
pub(crate) fn edit(file: Option<&str>) -> Result<u8, Failure> {
    if !files::is_interactive() {
        return Err(Failure::Usage("`dockos config edit` needs a terminal; `set` does not".to_owned()));
    }
    let file = PathBuf::from(file.unwrap_or(STATE_FILE));
    let name = file.display().to_string();
    let before = read_or_empty(&file).map_err(|error| Failure::Failed(format!("{name}: {error}")))?;
    let start = if before.is_empty() { "#cloud-config\n".to_owned() } else { before.clone() };
    let copy = std::env::temp_dir().join(format!("dockos-config-{}.yml", std::process::id()));
    write_durably(&copy, start.as_bytes(), MODE)?;
    let kept = edit_copy(&copy, &name);
    let _ = fs::remove_file(&copy);
    match kept? {
        Some(text) if text == start || text == before => {
            println!("Nothing changed.");
            Ok(0)
        }
        Some(text) => {
            write(&file, &text)?;
            say_when(&file);
            Ok(0)
        }
        None => {
            println!("{name} is as it was.");
            Ok(1)
        }
    }
}

/// The text that is fine at last; `None`: given up.
fn edit_copy(copy: &Path, name: &str) -> Result<Option<String>, Failure> {
    loop {
        let editor = std::env::var("EDITOR").ok().filter(|editor| !editor.is_empty());
        let editor = editor.unwrap_or_else(|| "vi".to_owned());
        let status = Command::new("/bin/sh")
            .args(["-c", "exec $0 \"$1\"", &editor])
            .arg(copy)
            .status()
            .map_err(|error| Failure::Failed(format!("{editor}: {error}")))?;
        if !status.success() {
            return Err(Failure::Failed(format!("{editor} failed ({status})")));
        }
        let text = fs::read_to_string(copy).map_err(|error| Failure::Failed(format!("{name}: {error}")))?;
        let Err(report) = check(name, &text) else { return Ok(Some(text)) };
        files::tell(&report);
        println!("Edit again? [Y/n] ");
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        if read.is_err() || line.is_empty() || line.trim().eq_ignore_ascii_case("n") {
            return Ok(None);
        }
    }
}
