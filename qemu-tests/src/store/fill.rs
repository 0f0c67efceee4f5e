//! Making the file system of a filled store.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    RootImage,
    tool::{self, tool},
};

/// Runs the engine out of the root image, in namespaces of its own.
pub(super) const SCRIPT: &str = include_str!("../../fill-store.sh");

/// Makes the file system in `state` and has the machine's own engine load the archives there. Takes root.
pub(super) fn with_images(state: &Path, archives: &[PathBuf]) -> Result<()> {
    let start = Instant::now();
    let folder = tempfile::Builder::new().prefix("dockos-store-").tempdir()?;
    let (image, root, script) =
        (folder.path().join("root.img"), folder.path().join("root"), folder.path().join("fill-store.sh"));
    fs::write(&image, RootImage::read()?.image())?;
    fs::write(&script, SCRIPT)?;
    tool::run(tool("unsquashfs").args(["-q", "-n", "-d"]).arg(&root).arg(&image))?;
    let mut command = tool("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--net", "sh"]).arg(&script).args([
        "outside".as_ref(),
        root.as_path(),
        state,
    ]);
    for archive in archives {
        command.arg(archive.canonicalize().with_context(|| format!("cannot read {}", archive.display()))?);
    }
    eprintln!("store: loading {} image archives; this is kept for later boots", archives.len());
    run_shown(&mut command).context("cannot fill the store of a state disk")?;
    eprintln!("store: filled in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Makes the file system in `state` with the archives where PID 1 looks for them. Takes no root.
pub(super) fn with_archives(state: &Path, archives: &[PathBuf]) -> Result<()> {
    let prototype = state.with_extension("proto");
    fs::write(&prototype, prototype_of(archives)?)?;
    let made =
        tool::run(tool("mkfs.xfs").args(["-q", "-f", "-L", "DOCKOS_STATE", "-p"]).arg(&prototype).arg(state));
    fs::remove_file(&prototype)?;
    made.map(drop)
}

/// mkfs.xfs's description of the files that a new file system has.
fn prototype_of(archives: &[PathBuf]) -> Result<String> {
    let mut text =
        "/dev/null\n0 0\nd--755 0 0\nlib d--755 0 0\ndockos d--755 0 0\nimages d--755 0 0\n".to_owned();
    for archive in archives {
        let path = archive.canonicalize().with_context(|| format!("cannot read {}", archive.display()))?;
        let (name, path) =
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path.display().to_string());
        ensure!(!path.contains(char::is_whitespace), "{path}: mkfs.xfs takes no path with a blank");
        text += &format!("{name} ---644 0 0 {path}\n");
    }
    Ok(text + "$\n$\n$\n$\n")
}

/// Runs a command whose output people see as it comes.
fn run_shown(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot run {name}: is it installed?"))?;
    ensure!(status.success(), "{name} failed ({status}), see above");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_root_the_archives_lie_where_pid_1_looks() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, state) = (folder.path().join("hello.tar"), folder.path().join("state"));
        fs::write(&archive, vec![b'x'; 1 << 20]).unwrap();
        fs::File::create(&state).unwrap().set_len(400 << 20).unwrap();
        with_archives(&state, &[archive]).unwrap();
        let found = tool::run(
            tool("xfs_db")
                .args(["-r", "-c", "path /lib/dockos/images/hello.tar"])
                .args(["-c", "print core.size"])
                .arg(&state),
        );
        assert_eq!(found.unwrap().trim(), "core.size = 1048576");
    }
}
