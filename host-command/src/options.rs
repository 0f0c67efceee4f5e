//! What may follow `dockos iso`.

use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value};

use dockos_control::Failure;

/// What the command is.
pub(crate) const HELP: &str = "\
dockos: makes and checks what a room of DockOS machines boots from, on any Linux

  iso customize ...   a room's config and images into an ISO
  iso check FILE      whether an ISO is whole, and what is in it
  config ...          the cloud-config: check, show, import, ... (`dockos config --help`)

`dockos iso --help` says more. Exit status: 0 done, 1 failed, 2 wrong use.
";

/// What `iso` does.
pub(crate) const ISO_HELP: &str = "\
dockos iso: a room's config and images into an ISO, without building anything

  customize [--config FILE] [--image ARCHIVE]... [--force] IN.iso OUT.iso
      --config FILE     becomes /oem/cloud-config.yml, which each machine reads at boot; checked first
      --image ARCHIVE   becomes one of /oem/images, which are loaded into the user Docker: what `docker save -o
                        ARCHIVE IMAGE` writes. For several, give it several times
      --force           replace OUT.iso if it exists
    What IN.iso has of a config stays if no --config is given, its images if no --image is. OUT.iso boots like
    IN.iso: CD and USB stick, BIOS and UEFI. Needs the program xorriso.

  check FILE.iso
    Whether all of it is there, its boot files are what they were, and its config and images can be used; lists them.

Exit status: 0 done, 1 failed and nothing written, 2 wrong use.
";

/// `dockos iso customize`.
#[derive(Debug, Default)]
pub(crate) struct Customize {
    pub(crate) config: Option<PathBuf>,
    pub(crate) images: Vec<PathBuf>,
    pub(crate) force: bool,
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
}

/// Reads what follows `customize`; nothing where help is asked for.
pub(crate) fn customize(parser: &mut lexopt::Parser) -> Result<Option<Customize>, Failure> {
    let mut options = Customize::default();
    let mut files = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("config") if options.config.is_some() => {
                return Err(Failure::Usage("--config is given twice; an ISO has one".to_owned()));
            }
            Long("config") => options.config = Some(parser.value()?.into()),
            Long("image") => options.images.push(parser.value()?.into()),
            Long("force") => options.force = true,
            Long("help") | Short('h') => return Ok(None),
            Value(file) => files.push(PathBuf::from(file)),
            other => return Err(other.unexpected().into()),
        }
    }
    let Ok([from, to]) = <[PathBuf; 2]>::try_from(files) else {
        return Err(Failure::Usage("`iso customize` needs IN.iso and OUT.iso, in this order".to_owned()));
    };
    if options.config.is_none() && options.images.is_empty() {
        return Err(Failure::Usage("nothing to put in: give --config or --image, or both".to_owned()));
    }
    Ok(Some(Customize { from, to, ..options }))
}

/// Reads what follows `check`; nothing where help is asked for.
pub(crate) fn file(parser: &mut lexopt::Parser) -> Result<Option<PathBuf>, Failure> {
    let mut files = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(None),
            Value(file) => files.push(PathBuf::from(file)),
            other => return Err(other.unexpected().into()),
        }
    }
    let Ok([file]) = <[PathBuf; 1]>::try_from(files) else {
        return Err(Failure::Usage("`iso check` takes one file".to_owned()));
    };
    Ok(Some(file))
}
