//! From the initramfs to the root image: [`obtain`] it, mount it, make it the root, free the RAM of what came before.

mod fetch;
mod image;
mod kept;
mod obtain;
mod unwrap;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sys_mount::MountFlags;

use crate::{loopdev, mounts};
use dockos_control::error::{Context, Fault, Result};

use image::IMAGE;
pub(crate) use image::checksum;
pub(crate) use kept::let_go;
pub(crate) use obtain::{keep, obtain, open};

/// Where it is mounted before it becomes the root.
const NEW_ROOT: &str = "/newroot";
/// PID 1's own file in the initramfs, kept: it is the `dockos` command of the root image too.
const OWN_FILE: &str = "/init";
/// Where the command is in the root image.
pub(crate) const COMMAND: &str = "/usr/bin/dockos";
/// Formats that a root image may have.
const FORMATS: [&str; 2] = ["squashfs", "erofs"];

/// Makes the root image, which is in its place, the root of the file system.
pub(crate) fn switch() -> Result<()> {
    fs::create_dir_all(NEW_ROOT).context(|| format!("make {NEW_ROOT}"))?;
    let disk = loopdev::attach_read_only(Path::new(IMAGE))?;
    mount_image(&disk.device)?;
    mounts::bind(OWN_FILE, &format!("{NEW_ROOT}{COMMAND}"))?;
    for early in mounts::EARLY {
        mounts::move_to(early.target, &format!("{NEW_ROOT}{}", early.target))?;
    }
    free_initramfs(Path::new("/"));
    // An initramfs root cannot be pivoted away from, so the new root is moved over it. runc can pivot in what results.
    std::env::set_current_dir(NEW_ROOT).context(|| format!("change to {NEW_ROOT}"))?;
    mounts::move_to(".", "/")?;
    nix::unistd::chroot(".").context(|| "change the root".to_owned())?;
    std::env::set_current_dir("/").context(|| "change to /".to_owned())?;
    // Mounts made later are seen in system services, and theirs here: Docker needs it.
    mounts::share_all()
}

fn mount_image(device: &str) -> Result<()> {
    let mut reasons = Vec::new();
    for format in FORMATS {
        // No flag beside: a container of remapped users may not drop it when it binds a file of ours read-only.
        match mounts::mount(device, NEW_ROOT, format, MountFlags::RDONLY, "") {
            Ok(()) => return Ok(()),
            Err(fault) => reasons.push(fault.to_string()),
        }
    }
    Err(Fault::new(format!("the root image is damaged or of another kind: {}", reasons.join("; "))))
}

/// Removes what the initramfs held but for the image and PID 1, on its own device only, following no symlink.
fn free_initramfs(directory: &Path) {
    let Ok(own) = fs::symlink_metadata(directory) else { return };
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(meta) = entry.metadata() else { continue };
        if meta.dev() != own.dev() || [IMAGE, OWN_FILE].iter().any(|keep| path == Path::new(keep)) {
            continue;
        }
        if meta.is_dir() {
            free_initramfs(&path);
            let _ = fs::remove_dir(&path);
        } else {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Makes /etc writable in RAM over the image's.
pub(crate) fn overlay_etc() -> Result<()> {
    const UPPER: &str = "/run/dockos/etc";
    for part in ["upper", "work"] {
        fs::create_dir_all(format!("{UPPER}/{part}")).context(|| format!("make {UPPER}/{part}"))?;
    }
    let data = format!("lowerdir=/etc,upperdir={UPPER}/upper,workdir={UPPER}/work");
    mounts::mount("etc", "/etc", "overlay", MountFlags::NOSUID | MountFlags::NODEV, &data)
}
