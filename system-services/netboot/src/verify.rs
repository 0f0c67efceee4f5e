//! `dockos netboot check`: all that would be served, looked at.

use std::fmt::Write;

use dockos_control::error::{Fault, Result};

use crate::boot_files::BootFiles;
use crate::options::Folders;
use crate::room::{Room, read_machines};

/// Looks at everything. What is wrong is an error with all of it; what does no harm is in the report.
pub(crate) fn run(folders: &Folders) -> Result<String> {
    let mut report = String::new();
    let (room, said) = Room::load(&folders.state, &Room::default());
    let mut errors = said.errors;
    match BootFiles::load(&folders.boot) {
        Ok(files) => {
            let _ = writeln!(report, "boot files: {} bytes, root image {}", files.total(), files.root_sha256);
        }
        Err(fault) => errors.push(fault.to_string()),
    }
    if let Ok((machines, ..)) = read_machines(&folders.state) {
        let configs = machines.configs().len();
        let groups = machines.groups.len();
        let _ = writeln!(report, "{} machines, {groups} groups, {configs} configs", room.listed());
    }
    for warning in &said.warnings {
        let _ = writeln!(report, "{warning}");
    }
    if errors.is_empty() {
        return Ok(report);
    }
    // On standard output as well: whoever mends it reads it all together.
    crate::show(&report)?;
    Err(Fault::new(format!("not all is good:\n{}", errors.join("\n"))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::boot_files::tests::fill;

    #[test]
    fn secrets_are_warned_of_and_mistakes_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders { boot: dir.path().to_owned(), state: dir.path().to_owned() };
        fill(dir.path());
        fs::create_dir(dir.path().join("configs")).unwrap();
        fs::write(dir.path().join("machines.yml"), "groups: {a: {config: a.yml}}\n").unwrap();
        let hash = format!("$6$salt${}", "a".repeat(86));
        let config = format!("#cloud-config\nusers:\n  - name: alice\n    passwd: {hash}\n");
        fs::write(dir.path().join("configs/a.yml"), config).unwrap();
        let report = run(&folders).unwrap();
        assert!(report.contains("a.yml:4:5: warning: `passwd` is readable by everybody here"), "{report}");
        assert!(!report.contains("$6$"), "{report}");
        fs::write(dir.path().join("configs/a.yml"), "#cloud-config\nhostnme: x\n").unwrap();
        fs::write(dir.path().join("vmlinuz"), "x").unwrap();
        let error = run(&folders).unwrap_err().to_string();
        assert!(error.contains("a.yml:2:1") && error.contains("vmlinuz: not a kernel"), "{error}");
    }
}
