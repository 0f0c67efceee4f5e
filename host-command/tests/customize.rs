//! The command as an admin runs it, on small ISOs that look like DockOS's: what is refused, what is said, and that
//! nothing is left behind. Those that write need xorriso, as the command itself does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly, in their helpers too"
)]

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const COMMAND: &str = env!("CARGO_BIN_EXE_dockos-host");
const CONFIG: &str = "#cloud-config\nhostname: lab-01\n";

/// A folder with `in.iso`, `room.yml` and `image.tar`, all sound.
struct Room(TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        fs::write(room.path("room.yml"), CONFIG).unwrap();
        fs::write(room.path("image.tar"), archive("room/hello:1")).unwrap();
        room.make_iso("in.iso", "DOCKOS", "DOCKOS 9.9.9");
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn make_iso(&self, name: &str, label: &str, application: &str) {
        let files = self.path("files");
        fs::create_dir_all(files.join("boot")).unwrap();
        fs::create_dir_all(files.join("oem")).unwrap();
        let mut sums = String::new();
        for name in ["vmlinuz", "initramfs", "rootfs"] {
            let content = name.repeat(50_000);
            let hash: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
            sums += &format!("{hash}  {name}\n");
            fs::write(files.join("boot").join(name), content).unwrap();
        }
        fs::write(files.join("boot/SHA256SUMS"), sums).unwrap();
        fs::write(files.join("oem/README.txt"), "yours\n").unwrap();
        let made = Command::new("xorriso")
            .args([
                "-no_rc",
                "-as",
                "mkisofs",
                "-quiet",
                "-r",
                "-J",
                "-volid",
                label,
                "-appid",
                application,
                "-o",
            ])
            .arg(self.path(name))
            .arg(&files)
            .output()
            .expect("this test makes ISOs with xorriso");
        assert!(made.status.success(), "{made:?}");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(COMMAND);
        command.current_dir(self.0.path()).env("LC_ALL", "C.UTF-8").arg("iso").args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        told(&self.command(arguments).output().unwrap())
    }

    /// Fails with a message that has this text, and leaves neither a result nor a part of one.
    fn refuses(&self, arguments: &[&str], status: i32, text: &str) {
        let before = self.names();
        let (code, said) = self.run(arguments);
        assert!(code == status && said.contains(text), "{arguments:?}: {code}, wanted `{text}`:\n{said}");
        assert_eq!(self.names(), before, "{arguments:?} left something behind");
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn told(output: &Output) -> (i32, String) {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap());
    (code, String::from_utf8_lossy(&said).into_owned())
}

/// What `docker save` writes, as far as the command looks.
fn archive(name: &str) -> Vec<u8> {
    let manifest = format!(r#"[{{"Config":"a.json","RepoTags":["{name}"],"Layers":[]}}]"#);
    [entry("layer.tar", &[7; 70_000]), entry("manifest.json", manifest.as_bytes()), vec![0; 1024]].concat()
}

fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut record = vec![0; 512];
    record[..name.len()].copy_from_slice(name.as_bytes());
    record[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    record[257..262].copy_from_slice(b"ustar");
    record.extend_from_slice(content);
    record.resize(record.len().next_multiple_of(512), 0);
    record
}

fn cut(from: &Path, to: &Path, share: f64) {
    let bytes = fs::read(from).unwrap();
    fs::write(to, &bytes[..(bytes.len() as f64 * share) as usize]).unwrap();
}

#[test]
fn config_and_image_go_in_and_are_found_again() {
    let room = Room::new();
    let (code, said) =
        room.run(&["customize", "--config", "room.yml", "--image", "image.tar", "in.iso", "out.iso"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = room.run(&["check", "out.iso"]);
    assert_eq!(code, 0, "{said}");
    for text in
        ["DockOS 9.9.9", "boot files: as they were built", "room/hello:1", "/oem/cloud-config.yml: fine"]
    {
        assert!(said.contains(text), "no `{text}` in:\n{said}");
    }
    // What was in stays in, unless there is something new of its kind.
    fs::write(room.path("other.tar"), archive("room/other:2")).unwrap();
    let (code, said) = room.run(&["customize", "--image=other.tar", "out.iso", "again.iso"]);
    assert_eq!(code, 0, "{said}");
    let (_, said) = room.run(&["check", "again.iso"]);
    assert!(said.contains("room/other:2") && said.contains("cloud-config.yml: fine"), "{said}");
    assert!(!said.contains("room/hello:1"), "{said}");
    assert!(!room.names().iter().any(|name| name.contains("partial")));
}

#[test]
fn wrong_use() {
    let room = Room::new();
    room.refuses(&["customize", "in.iso", "out.iso"], 2, "nothing to put in");
    room.refuses(&["customize", "--config", "room.yml", "in.iso"], 2, "IN.iso and OUT.iso");
    room.refuses(&["customize", "--config", "a", "--config", "b", "in.iso", "out.iso"], 2, "twice");
    room.refuses(&["customise"], 2, "no command `iso customise`");
    room.refuses(&["check"], 2, "takes one file");
    for help in [&["--help"][..], &["customize", "--help"], &["check", "-h"], &[]] {
        assert_eq!(room.run(help).0, 0, "{help:?}");
    }
}

#[test]
fn isos_that_are_none_or_not_all_there() {
    let room = Room::new();
    cut(&room.path("in.iso"), &room.path("cut.iso"), 0.7);
    fs::write(room.path("text.iso"), "no ISO at all\n".repeat(10_000)).unwrap();
    fs::write(room.path("empty.iso"), "").unwrap();
    room.make_iso("other.iso", "HOLIDAY", "PHOTOS");
    for (iso, text) in [
        ("cut.iso", "cut short"),
        ("text.iso", "not an ISO"),
        ("empty.iso", "not an ISO"),
        ("other.iso", "not one of DockOS"),
        ("missing.iso", "No such file"),
    ] {
        room.refuses(&["customize", "--config", "room.yml", iso, "out.iso"], 1, text);
        room.refuses(&["check", iso], 1, text);
    }
}

#[test]
fn a_boot_file_that_changed() {
    let room = Room::new();
    let mut bytes = fs::read(room.path("in.iso")).unwrap();
    let at = bytes.windows(14).position(|window| window == b"rootfsrootfsro").unwrap();
    bytes[at + 1000] ^= 1;
    fs::write(room.path("in.iso"), bytes).unwrap();
    room.refuses(&["check", "in.iso"], 1, "/boot/rootfs is damaged");
    room.refuses(&["customize", "--config", "room.yml", "in.iso", "out.iso"], 1, "/boot/rootfs is damaged");
}

#[test]
fn configs_and_archives_that_cannot_be_used() {
    let room = Room::new();
    fs::write(room.path("bad.yml"), "#cloud-config\nhostnam: x\n").unwrap();
    cut(&room.path("image.tar"), &room.path("cut.tar"), 0.5);
    fs::write(room.path("packed.tar"), b"\x1f\x8b\x08 and so on").unwrap();
    fs::write(room.path("nameless.tar"), archive("").as_slice()).unwrap();
    let nameless = String::from_utf8_lossy(&archive("x")).replace(r#"["x"]"#, "[]   ");
    fs::write(room.path("nameless.tar"), nameless.as_bytes()).unwrap();
    room.refuses(&["customize", "--config", "bad.yml", "in.iso", "out.iso"], 1, "bad.yml:2:1");
    for (archive, text) in [
        ("cut.tar", "cut short"),
        ("packed.tar", "gzip -d"),
        ("room.yml", "cut short"),
        ("nameless.tar", "have no names"),
        ("missing.tar", "No such file"),
    ] {
        room.refuses(&["customize", "--image", archive, "in.iso", "out.iso"], 1, text);
    }
    fs::create_dir(room.path("sub")).unwrap();
    fs::copy(room.path("image.tar"), room.path("sub/image.tar")).unwrap();
    let twice = ["customize", "--image", "image.tar", "--image", "sub/image.tar", "in.iso", "out.iso"];
    room.refuses(&twice, 1, "same name");
}

#[test]
fn targets_that_exist() {
    let room = Room::new();
    fs::write(room.path("out.iso"), "precious").unwrap();
    room.refuses(&["customize", "--config", "room.yml", "in.iso", "out.iso"], 1, "--force");
    room.refuses(
        &["customize", "--force", "--config", "room.yml", "in.iso", "./in.iso"],
        1,
        "is the ISO that is read",
    );
    room.refuses(&["customize", "--force", "--config", "room.yml", "in.iso", "room.yml"], 1, "to be put in");
    room.refuses(&["customize", "--force", "--config", "room.yml", "in.iso", "files"], 1, "is no file");
    room.refuses(&["customize", "--config", "room.yml", "in.iso", "no/such/out.iso"], 1, "no/such");
    assert_eq!(fs::read(room.path("out.iso")).unwrap(), b"precious");
    let (code, said) = room.run(&["customize", "--force", "--config", "room.yml", "in.iso", "out.iso"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(room.run(&["check", "out.iso"]).0, 0);
}

#[test]
fn no_xorriso() {
    let room = Room::new();
    let mut command = room.command(&["customize", "--config", "room.yml", "in.iso", "out.iso"]);
    let (code, said) = told(&command.env("PATH", "/nonexistent").output().unwrap());
    assert!(code == 1 && said.contains("a package xorriso"), "{code} {said}");
}

#[test]
fn a_disk_that_is_full() {
    let room = Room::new();
    // No file may grow past 512 kB, as on a disk with no more room; what is written to is larger.
    let mut command = Command::new("sh");
    command.current_dir(room.0.path()).env("LC_ALL", "C.UTF-8");
    command.args([
        "-c",
        "ulimit -f 1000; exec \"$0\" iso customize --config room.yml in.iso out.iso",
        COMMAND,
    ]);
    let before = room.names();
    let (code, said) = told(&command.output().unwrap());
    assert!(
        code == 1 && said.contains("no room for out.iso") && said.contains("MB are needed"),
        "{code} {said}"
    );
    assert_eq!(room.names(), before, "something is left behind");
}

#[test]
fn the_config_command_is_there_too() {
    let room = Room::new();
    let check = Command::new(COMMAND).args(["config", "check"]).arg(room.path("room.yml")).output().unwrap();
    assert!(check.status.success(), "{check:?}");
}
