//! Where the root image comes from: loaded with the kernel, kept on the state disk, or fetched from a netboot server.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;

use tokio::task::{spawn_blocking, spawn_local};

use dockos_config::RootImage;
use dockos_control::error::{Context, Fault, Result};

use super::fetch::{self, Failure, Patience};
use super::image::{self, IMAGE};
use super::kept::{self, Kept};
use crate::machine::Machine;
use crate::network::{self, RESOLV_CONF};
use crate::{banner, state};

/// Sees to it that the wanted root image is in its place. Returns where it is from; the error says what to do.
pub(crate) async fn obtain(machine: &Rc<Machine>) -> Result<String> {
    let is_loaded = Path::new(IMAGE).exists();
    let origin = match (&machine.cmdline.root, is_loaded) {
        (None, true) => "loaded with the kernel".to_owned(),
        (Some(root), true) => check_loaded(machine, root).await?,
        (Some(RootImage { url: Some(url), .. }), false) => find(machine, url).await?,
        (_, false) => return Err(missing(machine)),
    };
    image::check_length(Path::new(IMAGE))?;
    Ok(origin)
}

fn missing(machine: &Machine) -> Fault {
    let why = machine.cmdline.report.as_ref().map(|report| format!(" ({})", report.short()));
    Fault::new(format!(
        "the root image is missing: load `rootfs` as a second initrd, after `initramfs`, or say \
         `dockos.root=http://SERVER/rootfs#sha256=HEX` on the kernel command line{}",
        why.unwrap_or_default()
    ))
}

/// The image that the boot loader loaded.
async fn check_loaded(machine: &Rc<Machine>, root: &RootImage) -> Result<String> {
    let wanted = root.sha256_hex();
    let found = image::checksum(Path::new(IMAGE))?;
    if found == wanted {
        return Ok("loaded with the kernel".to_owned());
    }
    let banner = refuse("what the boot loader loaded", &wanted, &found);
    fs::remove_file(IMAGE).context(|| format!("remove {IMAGE}"))?;
    fall_back(machine, banner).await
}

/// The copy on the state disk if it is the very image, else the netboot server's, else any copy there is.
async fn find(machine: &Rc<Machine>, url: &str) -> Result<String> {
    let Some(root) = &machine.cmdline.root else { return Err(missing(machine)) };
    let wanted = root.sha256_hex();
    prepare_network()?;
    tracing::info!("root image: {url}, or the state disk's copy of it");
    // Meanwhile: a disk may take as long to turn up as a cable.
    let networking = Rc::clone(machine);
    let network = spawn_local(async move { network::phase(&networking).await });
    let patience = match kept::take(machine, Some(&wanted)).await {
        Ok(Kept::Taken(_)) => return Ok("the state disk's copy of the server's image".to_owned()),
        Ok(Kept::Others) => Patience::Short,
        Ok(Kept::None) => Patience::Long,
        Err(fault) => {
            tracing::warn!("root image: the copy on the state disk: {fault}");
            Patience::Long
        }
    };
    // Whether it is what the config wants is the network phase's to say; the transfer has words of its own.
    if let Ok(Err(fault)) = network.await {
        tracing::warn!("{fault}");
    }
    let fault = match fetch::fetch(url, &wanted, patience).await {
        Ok(()) => {
            machine.fetched_root.replace(Some(wanted));
            return Ok(url.to_owned());
        }
        Err(Failure::Away(fault)) => Fault::new(format!("{url}: {fault}")),
        Err(Failure::Altered(found)) => refuse(url, &wanted, &found),
    };
    fall_back(machine, fault).await
}

/// What names are asked for by, as long as the root image's /etc is not there.
fn prepare_network() -> Result<()> {
    fs::create_dir_all("/run/dockos").context(|| "make /run/dockos".to_owned())?;
    fs::create_dir_all("/etc").context(|| "make /etc".to_owned())?;
    // What loaded this initramfs may have brought one.
    let _ = symlink(RESOLV_CONF, "/etc/resolv.conf");
    Ok(())
}

/// Shows that an image is not the one that was asked for.
fn refuse(from: &str, wanted: &str, found: &str) -> Fault {
    let detail = format!(
        "from    {from}\nwanted  sha256 {wanted}\nfound   sha256 {found}\nThe file is damaged, was altered, or belongs \
         to another version: write the stick again, or copy all boot files to the server again."
    );
    banner::red("The root image is not the one that was asked for, and is not used.", &detail);
    Fault::new("the root image was refused: its SHA-256 is another one than was asked for")
}

/// Any image that is kept: an older DockOS is better than none.
async fn fall_back(machine: &Rc<Machine>, fault: Fault) -> Result<String> {
    let kept = kept::take(machine, None).await.unwrap_or_else(|problem| {
        tracing::warn!("root image: the copy on the state disk: {problem}");
        Kept::None
    });
    let Kept::Taken(sha256) = kept else { return Err(fault) };
    banner::yellow("The root image of last time is used: the one that was asked for cannot be had.", &fault);
    let short = sha256.get(..12).unwrap_or_default();
    Ok(format!("the state disk's copy of last time, sha256 {short}: {fault}"))
}

/// Keeps the image of a boot that came to ready, if it was fetched. For later, when nothing waits.
pub(crate) async fn keep(machine: Rc<Machine>) {
    let (image, sha256) = (machine.root_image.take(), machine.fetched_root.take());
    let Some((image, sha256)) = image.zip(sha256).filter(|_| machine.state_on_disk.get()) else { return };
    let kept = spawn_blocking(move || kept::keep(&image, &sha256)).await;
    match kept.context(|| "keep the root image".to_owned()) {
        Ok(Ok(())) => tracing::info!("the root image is kept on the state disk, in {}", state::MOUNT_POINT),
        Ok(Err(fault)) | Err(fault) => tracing::warn!("{fault}"),
    }
}

/// The image, open, for [`keep`]: its path is gone once the root has changed.
pub(crate) fn open() -> Option<File> {
    File::open(IMAGE).ok()
}
