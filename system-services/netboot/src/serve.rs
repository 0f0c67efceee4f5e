//! `dockos netboot serve`: the files and machines in memory, and the tasks around them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dockos_config::NetbootDhcp;
use dockos_control::error::{Context, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::boot_files::{self, BootFiles};
use crate::child::Supervisor;
use crate::configs::{Config, Handed};
use crate::identity::Identity;
use crate::options::{Folders, Options};
use crate::room::{Room, Said};
use crate::script::Origin;
use crate::seen::{Notes, Seen};
use crate::{address, http, probe, say};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often the list of machines is written at most.
const SAVE: Duration = Duration::from_secs(3);
/// What sends a machine on that waits.
const ASSIGN: &str = "assign MAC --group GROUP --hostname NAME";
/// Threads that answer. More than a few would only wait for the network.
const THREADS: usize = 4;

/// All that requests are answered from.
#[derive(Debug)]
pub(crate) struct Service {
    folders: Folders,
    boot_files: Mutex<Arc<BootFiles>>,
    room: Mutex<Arc<Room>>,
    handed: Mutex<Handed>,
    seen: Mutex<Notes>,
}

/// Who asks for a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// iPXE, with the card that it boots by, serial number and UUID.
    Ipxe,
    /// GRUB, with the same but the serial number.
    Grub,
    /// A boot loader that knows nothing.
    Nobody,
    /// PID 1, with all cards.
    Waiting,
}

impl Asks {
    fn says_all(self) -> bool {
        matches!(self, Self::Ipxe | Self::Waiting)
    }
}

/// Words of a machine's kernel command line.
#[derive(Debug)]
pub(crate) struct Words {
    /// Those that make its config, and its name; none: it has to wait.
    pub(crate) config: Option<Vec<String>>,
    /// What machines.yml adds.
    pub(crate) append: Vec<String>,
}

/// What is behind a lock; a thread that panicked with it left nothing half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// Reads everything. Boot files have to be good; machines and configs are served as far as they are.
    fn load(folders: &Folders) -> Result<Self> {
        let boot_files = BootFiles::load(&folders.boot)?;
        let (room, said) = Room::begin(&folders.state);
        tell(&said);
        keep(&room, &folders.state, &said);
        Ok(Self {
            folders: folders.clone(),
            boot_files: Mutex::new(Arc::new(boot_files)),
            room: Mutex::new(Arc::new(room)),
            handed: Mutex::default(),
            seen: Mutex::new(Notes::load(&folders.state)),
        })
    }

    /// The boot files that are served now.
    pub(crate) fn boot_files(&self) -> Arc<BootFiles> {
        Arc::clone(&locked(&self.boot_files))
    }

    fn room(&self) -> Arc<Room> {
        Arc::clone(&locked(&self.room))
    }

    /// The boot loader for UEFI that there is.
    pub(crate) fn efi(&self) -> Option<&'static str> {
        let files = self.boot_files();
        boot_files::LOADERS.into_iter().find(|name| name.ends_with(".efi") && files.get(name).is_some())
    }

    /// What a machine gets by what it asks with, or, where that is listed nowhere, by all that is known of it: a boot
    /// loader names one card, PID 1 all of them. It is noted who asked.
    pub(crate) fn gets(&self, peer: SocketAddr, identity: &Identity, origin: &Origin, asks: Asks) -> Words {
        let room = self.room();
        let name = |known: &Identity| room.gets(known).map(|gets| gets.name);
        let address = peer.ip().to_canonical().to_string();
        // Who says nothing of itself has no row.
        let known = match identity.is_empty() {
            true => identity.clone(),
            false => locked(&self.seen).note(identity, address, |known| room.entry(known), name),
        };
        // Whoever asks with another machine's card too, once, makes no other one of this.
        let known = if room.entry(identity).is_some() { identity } else { &known };
        // The default is for machines that are not listed: who did not say all has PID 1 ask.
        let is_sure = asks.says_all() || room.entry(known).is_some();
        let gets = room.gets(known).filter(|_| is_sure);
        let booting = asks != Asks::Waiting;
        if booting {
            let got = gets.as_ref().map_or("nothing assigned yet", |gets| &gets.name);
            say!("{} ({identity}) boots with {got}", peer.ip());
        }
        // Of nobody's group as long as it is not sure which one is the machine's: words of it may let a disk be formatted.
        let append = room.append(is_sure.then_some(known)).into_iter().map(str::to_owned).collect();
        let Some(gets) = gets else { return Words { config: None, append } };
        locked(&self.handed).keep(gets.config);
        let sum = &gets.config.sha256;
        let mut words =
            vec![format!("cloud-config-url={}#sha256={sum}", origin.url(&format!("/config/{sum}.yml")))];
        words.extend(gets.hostname.map(|name| format!("cc.hostname={}", name.as_str())));
        Words { config: Some(words), append }
    }

    /// A config that a machine was told of, by this server or by the one before it.
    pub(crate) fn config(&self, sha256: &str) -> Option<Arc<Config>> {
        let handed = locked(&self.handed).get(sha256);
        handed.or_else(|| self.room().config(sha256))
    }

    /// What a person sees who looks here with a browser.
    pub(crate) fn index(&self) -> String {
        let files = self.boot_files();
        let mut text = "DockOS netboot\n\n".to_owned();
        for name in boot_files::NEEDED.iter().chain(&boot_files::LOADERS) {
            if let Some(file) = files.get(name) {
                text += &format!("/{name:<16} {:>10} bytes\n", file.size);
            }
        }
        text + "/boot.ipxe        the script of the machine that asks, for iPXE\n\
                /grub.cfg         the same for GRUB\n\
                /machine          the same for a machine that waits to be assigned\n\n\
                Machines are assigned on the server:\n"
            + &format!("  {}\n  {}\n", self.folders.command("list"), self.folders.command(ASSIGN))
    }

    /// Another server was heard.
    pub(crate) fn note_rival(&self, address: Ipv4Addr, what: &str) {
        if locked(&self.seen).note_rival(&address.to_string(), what) {
            say!(
                "warning: {address} {what}, as this server does: a machine takes the first answer; end one of them"
            );
        }
    }

    fn reload_room(&self, state: &Path) {
        let (room, said) = Room::load(state, &self.room());
        let room = Arc::new(room);
        *locked(&self.room) = Arc::clone(&room);
        keep(&room, state, &said);
        tell(&said);
        say!("{} machines listed", room.listed());
    }

    /// Writes the list of machines, if that is due.
    fn save(&self, which: impl FnOnce(&mut Notes) -> Option<Seen>) {
        let due = which(&mut locked(&self.seen));
        if let Some(Err(fault)) = due.map(|seen| seen.save(&self.folders.state)) {
            say!("{fault}");
        }
    }
}

/// What is good outlives the server.
fn keep(room: &Room, state: &Path, said: &Said) {
    if let Err(fault) = room.keep(state, said) {
        say!("{fault}");
    }
}

fn tell(said: &Said) {
    for error in &said.errors {
        say!("{error}\nnetboot: what was good before is used until that is mended");
    }
    for warning in &said.warnings {
        say!("{warning}");
    }
}

/// Serves until it is told to end.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    runtime.context(|| "start threads".to_owned())?.block_on(serve(options))
}

async fn serve(options: &Options) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context(|| "take signals".to_owned())?;
    let mut interrupt = signal(SignalKind::interrupt()).context(|| "take signals".to_owned())?;
    let folders = &options.folders;
    let look = Look::new(boot_files::marks(&folders.boot));
    let service = Arc::new(Service::load(folders)?);
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, options.port)).await;
    let listener = listener.context(|| {
        format!("port {}: another program has it, or it needs root; choose another by --port", options.port)
    })?;
    let port = listener.local_addr().context(|| "the port".to_owned())?.port();
    say_what_is_served(options, &service, port);
    let (end, ended) = watch::channel(false);
    let server = tokio::spawn(http::serve(listener, Arc::clone(&service), ended));
    let readers = [
        tokio::spawn(look_at_boot_files(folders.boot.clone(), Arc::clone(&service), look)),
        tokio::spawn(look_at_room(folders.state.clone(), Arc::clone(&service))),
    ];
    let saver = tokio::spawn(save_now_and_then(Arc::clone(&service)));
    let dnsmasq = match options.dhcp {
        NetbootDhcp::None => None,
        _ => Some(Supervisor::start(options, &service, port)?),
    };
    if options.dhcp != NetbootDhcp::None {
        probe::start(options.clone(), Arc::clone(&service));
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // First nobody is sent here any more, then nobody is answered.
    if let Some(dnsmasq) = dnsmasq {
        let _ = tokio::task::spawn_blocking(move || dnsmasq.end()).await;
    }
    let _ = end.send(true);
    let _ = server.await;
    readers.iter().for_each(|reader| reader.abort());
    saver.abort();
    service.save(Notes::last);
    say!("ended");
    Ok(())
}

fn say_what_is_served(options: &Options, service: &Service, port: u16) {
    let files = service.boot_files();
    let megabytes = files.total() as f64 / 1e6;
    say!(
        "boot files of {} ({megabytes:.1} MB), root image {}",
        options.folders.boot.display(),
        files.root_sha256
    );
    say!(
        "{} machines listed in {}",
        service.room().listed(),
        options.folders.state.join("machines.yml").display()
    );
    let place = address::find(options.interface.as_deref());
    let host = place.map_or_else(|_| "ADDRESS".to_owned(), |place| place.address.to_string());
    say!("serving http://{host}:{port}/ (boot file of iPXE: http://{host}:{port}/boot.ipxe)");
    say!("a machine that waits is sent on by: {}", options.folders.command(ASSIGN));
    if options.dhcp != NetbootDhcp::None && service.efi().is_none() {
        say!("warning: no boot loader for UEFI (ipxe.efi) is there: only machines with a BIOS can boot");
    }
}

/// Whether files changed, and have stopped changing: one that is being copied is not looked at.
struct Look<M> {
    used: M,
    last: M,
}

impl<M: Clone + PartialEq> Look<M> {
    /// With the marks that files had before they were read.
    fn new(used: M) -> Self {
        Self { last: used.clone(), used }
    }

    /// Whether they are to be read again, by the marks that they have now.
    fn is_due(&mut self, now: M) -> bool {
        let settled = now == self.last;
        self.last.clone_from(&now);
        let due = settled && now != self.used;
        if due {
            self.used = now;
        }
        due
    }
}

/// Reads the boot files anew when they change. Apart from the room's: to copy a large one takes a while.
async fn look_at_boot_files(folder: PathBuf, service: Arc<Service>, mut look: Look<Vec<boot_files::Mark>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if look.is_due(boot_files::marks(&folder)) {
            let (folder, service) = (folder.clone(), Arc::clone(&service));
            let _ = tokio::task::spawn_blocking(move || reload_boot_files(&folder, &service)).await;
        }
    }
}

/// Reads machines.yml and the configs anew when they change.
async fn look_at_room(state: PathBuf, service: Arc<Service>) {
    let mut look = Look::new(service.room().marks().clone());
    loop {
        tokio::time::sleep(LOOK).await;
        if look.is_due(service.room().marks_now()) {
            let (state, task) = (state.clone(), Arc::clone(&service));
            let _ = tokio::task::spawn_blocking(move || task.reload_room(&state)).await;
            // Other configs may be named now.
            look = Look::new(service.room().marks().clone());
        }
    }
}

fn reload_boot_files(folder: &Path, service: &Service) {
    match BootFiles::load(folder) {
        Ok(files) => {
            let sum = files.root_sha256.clone();
            *locked(&service.boot_files) = Arc::new(files);
            // Only now: whoever reads it and asks gets them.
            say!("other boot files are served now: root image {sum}");
        }
        Err(fault) => match service.boot_files().overwritten() {
            None => say!("{fault}\nnetboot: the boot files of before are served"),
            // Machines notice by its checksum, and try again until it is mended.
            Some(name) => say!(
                "{fault}\nnetboot: {name} was written over in its place: nobody can boot until it is mended"
            ),
        },
    }
}

async fn save_now_and_then(service: Arc<Service>) {
    loop {
        tokio::time::sleep(SAVE).await;
        let service = Arc::clone(&service);
        let _ = tokio::task::spawn_blocking(move || service.save(|notes| notes.due(Instant::now()))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_again_once_they_rest() {
        let mut look = Look::new(1);
        let due: Vec<bool> = [1, 2, 3, 3, 3, 4, 3, 3].map(|now| look.is_due(now)).to_vec();
        assert_eq!(due, [false, false, false, true, false, false, false, false]);
    }
}
