//! A center of DockOS on a segment, whose netboot service boots the room's PCs: what the tests of it share.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Boot, Machine, Nic, READY, Room, Segment, Vm, media};

/// Where the service keeps what a room says.
const STATE: &str = "/var/lib/dockos/netboot";
/// How long the service may take to answer once the machine is ready, emulated.
const ANSWERS: Duration = Duration::from_secs(60);

/// A center: its address, and what its netboot service does.
#[derive(Debug, Clone)]
pub struct Center {
    name: String,
    address: String,
    netboot: Value,
    files: Vec<(String, String)>,
}

impl Center {
    /// The only DHCP server of the network of `address`, which is a /24: machines get .100 to .199.
    pub fn server(name: &str, address: &str) -> Self {
        let network = address.rsplit_once('.').map_or(address, |(network, _)| network);
        let range = format!("{network}.100-{network}.199");
        Self::new(name, address, json!({ "dhcp": "server", "range": range }))
    }

    /// A center beside the DHCP server that is there.
    pub fn proxy(name: &str, address: &str) -> Self {
        Self::new(name, address, json!({ "dhcp": "proxy" }))
    }

    fn new(name: &str, address: &str, netboot: Value) -> Self {
        let (name, address) = (name.to_owned(), address.to_owned());
        Self { name, address, netboot, files: Vec::new() }
    }

    /// Which machine gets what. The PCs' consoles are on their serial port, besides.
    #[must_use]
    pub fn machines(self, yaml: &str) -> Self {
        self.file("machines.yml", &format!("append: console=tty0 console=ttyS0\n{yaml}"))
    }

    /// A config that machines get.
    #[must_use]
    pub fn config(self, name: &str, yaml: &str) -> Self {
        self.file(&format!("configs/{name}"), &format!("#cloud-config\n{yaml}"))
    }

    /// The same one under another name: started once more, after it was switched off.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Boots it, from the ISO: the PCs get the boot files that are on it.
    pub fn boot(&self, room: &Room, segment: &Segment) -> Result<Vm> {
        let vm = Machine::new(&self.name)
            .boot(Boot::Cd(media::iso()?))
            .memory(1536)
            .nics(&[Nic::on(segment).mac(&self.mac())])
            .config(self.cloud_config())
            .start_in(room)?;
        media::choose_serial(&vm)?;
        Ok(vm)
    }

    /// Waits until its netboot service answers, by HTTP and by DHCP: firmware asks a few times only.
    pub fn wait(&self, vm: &Vm) -> Result<()> {
        vm.wait_ready(READY)?;
        let url = self.url("/");
        let answers = format!(
            "busybox wget -q -O /dev/null {url} && pidof dnsmasq || {{ system-docker logs netboot 2>&1; false; }}"
        );
        vm.eventually(&answers, ANSWERS).map(drop)
    }

    /// [`Center::boot`] and [`Center::wait`].
    pub fn start(&self, room: &Room, segment: &Segment) -> Result<Vm> {
        let vm = self.boot(room, segment)?;
        self.wait(&vm)?;
        Ok(vm)
    }

    /// The URL of a file of its service.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its card is the same one whenever it is started.
    fn mac(&self) -> String {
        let numbers = self.address.split('.').filter_map(|number| number.parse::<u8>().ok());
        "52:54".to_owned() + &numbers.map(|number| format!(":{number:02x}")).collect::<String>()
    }

    fn cloud_config(&self) -> String {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(name, text)| json!({ "path": format!("{STATE}/{name}"), "content": text }))
            .collect();
        let config = json!({
            "hostname": self.name,
            "network": {
                "version": 2,
                "ethernets": { "eth0": { "addresses": [format!("{}/24", self.address)] } },
            },
            "write_files": files,
            "dockos": { "state": { "ram": true }, "center": { "netboot": self.netboot } },
        });
        format!("#cloud-config\n{config}\n")
    }
}
