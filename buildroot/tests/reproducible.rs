//! The same inputs give the same bytes: everything but the kernel and our own programs is
//! built again in other surroundings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const BUILDROOT: &str = env!("CARGO_BIN_EXE_buildroot");
/// What is built, and the file that shows it.
const BUILT: [(&str, &str); 4] = [
    ("initramfs", "initramfs"),
    ("rootfs", "rootfs"),
    ("iso", "dockos.iso"),
    ("netboot", "netboot/SHA256SUMS"),
];

#[test]
fn two_builds_are_identical() {
    let first = Path::new(env!("CARGO_MANIFEST_DIR")).join("../out");
    let second = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("second-build");
    let _ = fs::remove_dir_all(&second);
    for (what, _) in BUILT {
        // What `make` builds; nothing is done when that is up to date.
        let status = Command::new(BUILDROOT).arg(what).status().unwrap();
        assert!(status.success(), "buildroot {what}");
        // Another folder, time zone, language and umask.
        let status = Command::new("sh")
            .args(["-c", "umask 077; exec \"$@\"", "sh", BUILDROOT, what, "--out"])
            .arg(&second)
            .current_dir("/")
            .env("TZ", "Asia/Shanghai")
            .env("LC_ALL", "C.UTF-8")
            .status()
            .unwrap();
        assert!(status.success(), "buildroot {what} --out");
    }
    for (_, what) in BUILT {
        let (first, second) = (fs::read(first.join(what)).unwrap(), fs::read(second.join(what)).unwrap());
        let differs = first.iter().zip(&second).position(|(a, b)| a != b);
        assert_eq!((first.len(), differs), (second.len(), None), "{what}: length, first byte that differs");
    }
    fs::remove_dir_all(&second).unwrap();
}
