//! `dockos iso customize`: everything is checked before anything is written, and what was written is read again before it
//! gets its name.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use dockos_control::error::{Context, Fault, Result};
use nix::sys::statvfs::statvfs;

use crate::{
    Failure,
    check::{check_boot_files, open, sha256},
    oem::{self, Addition},
    options::Customize,
    progress::Progress,
    volume::{BLOCK, Volume},
    xorriso,
};

/// Folders, names and alignment.
const OVERHEAD: u64 = 4 << 20;
/// ISO 9660 counts its blocks with 32 bits.
const MOST: u64 = BLOCK * (1 << 32);

/// Makes the ISO.
pub(crate) fn run(options: &Customize) -> std::result::Result<(), Failure> {
    let mut source = open(&options.from)?;
    check_target(options)?;
    let additions = additions(options)?;
    check_boot_files(&mut source).context(|| options.from.display().to_string())?;
    xorriso::find()?;
    let needed =
        source.has + additions.iter().map(|file| file.bytes.next_multiple_of(BLOCK)).sum::<u64>() + OVERHEAD;
    check_room(&options.to, needed)?;
    let draft = Draft::beside(&options.to);
    xorriso::write(&options.from, &additions, &draft.0)
        .and_then(|()| verify(&draft.0, &additions))
        .map_err(|fault| explain(&fault, &options.to, needed))?;
    let bytes = draft.keep(&options.to)?;
    println!(
        "{}: {}.{} MB; write it to a stick or boot it as it is",
        options.to.display(),
        bytes / 1_000_000,
        bytes / 100_000 % 10
    );
    Ok(())
}

fn check_target(options: &Customize) -> Result<()> {
    let Customize { from, to, .. } = options;
    let name = to.display();
    if oem::is_same(from, to) {
        return Err(Fault::new(format!("{name} is the ISO that is read; give the new one another name")));
    }
    let inputs = options.config.iter().chain(&options.images);
    if inputs.into_iter().any(|input| oem::is_same(input, to)) {
        return Err(Fault::new(format!(
            "{name} is one of the files to be put in; give the ISO another name"
        )));
    }
    match fs::symlink_metadata(to) {
        Ok(data) if !data.is_file() => Err(Fault::new(format!("{name} is there and is no file"))),
        Ok(_) if !options.force => {
            Err(Fault::new(format!("{name} exists; `--force` replaces it, or give another name")))
        }
        _ => Ok(()),
    }
}

/// All files to be put in, if all of them are sound; what is wrong with any has been said otherwise.
fn additions(options: &Customize) -> std::result::Result<Vec<Addition>, Failure> {
    let mut additions: Vec<Addition> = Vec::new();
    let mut sound = true;
    if let Some(config) = &options.config {
        let config = oem::config(config)?;
        sound &= config.is_some();
        additions.extend(config);
    }
    for image in &options.images {
        match oem::image(image) {
            Ok(image) if additions.iter().any(|other| other.to == image.to) => {
                eprintln!("{}: another archive has the same name; rename one", image.from.display());
                sound = false;
            }
            Ok(image) => additions.push(image),
            Err(fault) => {
                eprintln!("{fault}");
                sound = false;
            }
        }
    }
    if !sound {
        eprintln!("dockos: {} is not written", options.to.display());
        return Err(Failure::Told);
    }
    Ok(additions)
}

fn check_room(to: &Path, needed: u64) -> Result<()> {
    if needed > MOST {
        return Err(Fault::new(format!("{} bytes are more than an ISO can hold ({MOST})", needed)));
    }
    let folder = folder(to);
    let data = statvfs(&folder).context(|| folder.display().to_string())?;
    let free = data.blocks_available().saturating_mul(data.fragment_size());
    if free < needed {
        return Err(Fault::new(full(to, needed)));
    }
    Ok(())
}

fn full(to: &Path, needed: u64) -> String {
    let megabytes = needed.div_ceil(1_000_000);
    format!("no room for {}: {megabytes} MB are needed in {}", to.display(), folder(to).display())
}

/// What a failure while writing most often is, with what is to be done.
fn explain(fault: &Fault, to: &Path, needed: u64) -> Fault {
    let text = fault.to_string();
    // SIGXFSZ is how a limit on the size of files ends a program.
    let no_room = ["No space left", "File too large", "SIGXFSZ", "Disk quota exceeded"];
    if no_room.iter().any(|sign| text.contains(sign)) {
        return Fault::new(format!("{text}\n{}", full(to, needed)));
    }
    Fault::new(format!("{text}\n{} is not written", to.display()))
}

/// Reads the new ISO: whole, of DockOS, its boot files intact, and the additions in it byte for byte.
fn verify(iso: &Path, additions: &[Addition]) -> Result<()> {
    let mut volume = open(iso)?;
    check_boot_files(&mut volume)?;
    additions.iter().try_for_each(|addition| verify_one(&mut volume, addition))
}

fn verify_one(volume: &mut Volume<File>, addition: &Addition) -> Result<()> {
    let Addition { from, to, .. } = addition;
    let missing = || Fault::new(format!("/{to} did not get into the ISO"));
    let entry = volume.find(to)?.ok_or_else(missing)?;
    let progress = Progress::start(&format!("checking /{to}"));
    let inside = sha256(volume.content(&entry), entry.bytes, &progress)?;
    let file = File::open(from).context(|| from.display().to_string())?;
    if inside != sha256(file, entry.bytes, &progress)? {
        return Err(Fault::new(format!(
            "/{to} is not what {} is; did that change meanwhile?",
            from.display()
        )));
    }
    Ok(())
}

fn folder(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// The ISO under another name until it is done; it goes when it never is.
struct Draft(PathBuf);

impl Draft {
    fn beside(to: &Path) -> Self {
        let mut name = to.as_os_str().to_owned();
        name.push(".partial");
        // Left by a run that was killed; xorriso would add to it.
        let _ = fs::remove_file(&name);
        Self(PathBuf::from(name))
    }

    fn keep(self, to: &Path) -> Result<u64> {
        let name = || to.display().to_string();
        let file = File::open(&self.0).context(name)?;
        file.sync_all().context(name)?;
        fs::rename(&self.0, to).context(name)?;
        Ok(file.metadata().context(name)?.len())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
