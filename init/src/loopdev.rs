//! Loop devices: a file as a disk. Three ioctls of Linux's `linux/loop.h`.
#![expect(unsafe_code, reason = "ioctls of /dev/loop-control and /dev/loopN have no safe wrapper")]

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::Path;

use dockos_control::error::{Context, Result};

/// `struct loop_info64` of linux/loop.h.
#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of linux/loop.h.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

const LO_FLAGS_READ_ONLY: u32 = 1;
/// The device goes away with its last user.
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// Reads bypass the loop device's own page cache: the image is in RAM already.
const LO_FLAGS_DIRECT_IO: u32 = 16;

nix::ioctl_none_bad!(loop_ctl_get_free, 0x4C82);
nix::ioctl_write_ptr_bad!(loop_configure, 0x4C0A, LoopConfig);

/// A read-only disk made of a file, and its open device, which must stay open until it is mounted.
pub(crate) struct ReadOnlyLoop {
    pub(crate) device: String,
    _open: File,
}

/// Makes `file` a read-only disk.
pub(crate) fn attach_read_only(file: &Path) -> Result<ReadOnlyLoop> {
    let backing = File::open(file).context(|| format!("open {}", file.display()))?;
    let control = OpenOptions::new().read(true).write(true).open("/dev/loop-control");
    let control = control.context(|| "open /dev/loop-control".to_owned())?;
    // SAFETY: the request takes no argument; the descriptor is open.
    let number =
        unsafe { loop_ctl_get_free(control.as_raw_fd()) }.context(|| "find a free loop device".to_owned())?;
    let device = format!("/dev/loop{number}");
    let open = File::open(&device).context(|| format!("open {device}"))?;
    let with_direct = configure(&open, &backing, LO_FLAGS_DIRECT_IO);
    // A backing file system without direct I/O refuses the flag.
    let configured = with_direct.or_else(|_| configure(&open, &backing, 0));
    configured.context(|| format!("make {} a disk at {device}", file.display()))?;
    Ok(ReadOnlyLoop { device, _open: open })
}

fn configure(device: &File, backing: &File, extra_flags: u32) -> nix::Result<i32> {
    let config = LoopConfig {
        fd: backing.as_raw_fd() as u32,
        block_size: 0,
        info: LoopInfo {
            device: 0,
            inode: 0,
            rdevice: 0,
            offset: 0,
            size_limit: 0,
            number: 0,
            encrypt_type: 0,
            encrypt_key_size: 0,
            flags: LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | extra_flags,
            file_name: [0; 64],
            crypt_name: [0; 64],
            encrypt_key: [0; 32],
            init: [0; 2],
        },
        reserved: [0; 8],
    };
    // SAFETY: `config` has the layout of the kernel's struct and lives through the call; both descriptors are open.
    unsafe { loop_configure(device.as_raw_fd(), &raw const config) }
}
