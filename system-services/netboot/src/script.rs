//! Scripts for boot loaders, made for one machine: the kernel and its initramfs, and the words of its command line. Any
//! failure is tried again for a while, with a countdown on the screen; then it is the firmware's next boot device's turn.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How often a boot loader tries.
const TRIES: u32 = 20;
/// Seconds between two tries.
const PAUSE: u32 = 5;

/// What boot loaders say of the machine, as the query that leads to its script; and that they say it, so that nobody is
/// asked again who knows nothing. GRUB cannot escape a serial number.
const IPXE_QUERY: &str = "again=1&mac=${netX/mac:hexhyp}&serial=${serial:uristring}&uuid=${uuid}";
const GRUB_QUERY: &str = "again=1&mac=${net_default_mac}&uuid=${uuid}";

/// Who the server is for the machine that asks: `HOST` or `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// Reads what a request says of its server: an address, for PID 1 asks servers by address only, and none needs
    /// quoting in any script.
    pub(crate) fn parse(host: &str) -> Option<Self> {
        let is_socket = host.parse::<SocketAddr>().is_ok_and(|socket| socket.port() > 0);
        let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_address =
            host.parse::<Ipv4Addr>().is_ok() || v6.is_some_and(|v6| v6.parse::<Ipv6Addr>().is_ok());
        (is_socket || is_address).then(|| Self(host.to_owned()))
    }

    /// The address that a client reached us by.
    pub(crate) fn of(local: SocketAddr) -> Self {
        let ip = match local.ip().to_canonical() {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        Self(if local.port() == 80 { ip } else { format!("{ip}:{}", local.port()) })
    }

    /// The address of a file of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.0)
    }
}

/// Whether this is the answer of a boot loader that was asked who the machine is.
pub(crate) fn is_again(query: &str) -> bool {
    query.split('&').any(|pair| pair == "again=1")
}

/// Text that stands for itself in any script: a serial number may have quotes and dollars.
fn plain(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || " :.-".contains(*c);
    text.chars().map(|c| if is_plain(&c) { c } else { '_' }).collect()
}

/// What a machine is given to boot with.
#[derive(Debug)]
pub(crate) struct Boot<'a> {
    /// The server.
    pub(crate) origin: &'a Origin,
    /// The SHA-256 of the root image.
    pub(crate) root_sha256: &'a str,
    /// What the screen calls the machine.
    pub(crate) who: &'a str,
    /// Words of its kernel command line: none has a blank or a sign that is special in a script.
    pub(crate) words: &'a [String],
}

/// The first script: it says nothing of a machine, but comes again with what iPXE knows of it.
pub(crate) fn ipxe_first(origin: &Origin) -> String {
    let url = origin.url("/boot.ipxe");
    format!(
        "#!ipxe\n# DockOS: asks again, and says which machine this is.\n{}",
        ipxe_loop(&format!("chain --autofree --replace {url}?{IPXE_QUERY} || goto failed\n"))
    )
}

impl Boot<'_> {
    fn command_line(&self, loader: &str) -> String {
        let root = format!("dockos.root={}#sha256={}", self.origin.url("/rootfs"), self.root_sha256);
        // The kernel's own messages would push what a person has to see off the screen.
        let mut words = vec![root, format!("dockos.loader={loader}"), "quiet".to_owned()];
        words.extend_from_slice(self.words);
        words.join(" ")
    }

    /// The script for iPXE.
    pub(crate) fn ipxe(&self) -> String {
        let (kernel, initramfs) = (self.origin.url("/vmlinuz"), self.origin.url("/initramfs"));
        let words = self.command_line("ipxe,${t0},${t1}");
        let mut script =
            "#!ipxe\n# DockOS: made for the machine that asks.\nset t0 ${unixtime:int32}\n".to_owned();
        let _ = writeln!(script, "echo DockOS: {} boots from {}", plain(self.who), self.origin.0);
        let load = format!(
            "set t1 ${{unixtime:int32}}\nkernel {kernel} initrd=initramfs {words} || goto failed\n\
             initrd --name initramfs {initramfs} || goto failed\nboot || goto failed\n"
        );
        script + &ipxe_loop(&load)
    }

    /// The script for GRUB.
    pub(crate) fn grub(&self) -> String {
        let device = format!("(http,{})", self.origin.0);
        let words = self.command_line("grub,$t0,$t1");
        let now = "\"${YEAR}-${MONTH}-${DAY}T${HOUR}:${MINUTE}:${SECOND}\"";
        let tries = (1..=TRIES).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        format!(
            "# DockOS: made for the machine that asks.\n\
             insmod datehook\nset t0={now}\necho 'DockOS: {who} boots from {origin}'\n\
             for try in {tries}; do\n  set t1={now}\n  \
             if linux {device}/vmlinuz \"{words}\"; then if initrd {device}/initramfs; then boot; fi; fi\n  \
             echo \"DockOS: try $try of {TRIES} failed; the next one comes in {PAUSE} s\"\n  \
             sleep --verbose {PAUSE}\ndone\n\
             echo 'DockOS: the netboot server does not answer. The next boot device is tried.'\nsleep 10\nexit\n",
            who = plain(self.who),
            origin = self.origin.0,
            words = words.replace(' ', "\" \""),
        )
    }
}

/// The first script for GRUB: it comes again with what GRUB knows of the machine. The UUID is written as Linux writes it.
pub(crate) fn grub_first(origin: &Origin) -> String {
    format!(
        "# DockOS: asks again, and says which machine this is.\n\
         insmod smbios\nsmbios --type 1 --get-uuid 8 --set uuid\n\
         configfile \"(http,{})/grub.cfg?{GRUB_QUERY}\"\n",
        origin.0
    )
}

/// Tries something until it works, so many times. It goes on at `failed` where it does not.
fn ipxe_loop(what: &str) -> String {
    let countdown: String =
        (1..=PAUSE).rev().map(|left| format!("echo -n {left}... ${{}}\nsleep 1\n")).collect();
    format!(
        "set tries:int32 0\n:start\nimgfree ||\n{what}:failed\ninc tries\niseq ${{tries}} {TRIES} && goto over ||\n\
         echo DockOS: try ${{tries}} of {TRIES} failed, the next one comes in {PAUSE} s\n{countdown}echo\ngoto start\n\
         :over\necho DockOS: the netboot server does not answer. The next boot device is tried.\nsleep 10\nexit 1\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_are_taken() {
        for good in ["10.0.0.1", "10.0.0.1:8080", "[fd00::1]:80", "[fd00::1]"] {
            assert!(Origin::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            ":80",
            "center.lab",
            "a b",
            "10.0.0.1:",
            "10.0.0.1:0",
            "10.0.0.1:99999",
            "fd00::1",
            "[x]",
            "10.0.0.1/b",
            "u@10.0.0.1",
        ] {
            assert!(Origin::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(Origin::of(([10, 0, 0, 1], 80).into()).0, "10.0.0.1");
        assert_eq!(Origin::of(([10, 0, 0, 1], 81).into()).0, "10.0.0.1:81");
    }

    fn boot() -> (String, String) {
        let origin = Origin::parse("10.0.0.1:8080").unwrap();
        let words = ["ds=netboot;s=http://10.0.0.1:8080/machine".to_owned(), "a=b".to_owned()];
        let boot = Boot { origin: &origin, root_sha256: "abc", who: "52:54:00:12:34:56", words: &words };
        (boot.ipxe(), boot.grub())
    }

    #[test]
    fn scripts_load_the_kernel_with_the_words_of_the_machine() {
        let (ipxe, grub) = boot();
        assert!(ipxe.starts_with("#!ipxe\n"));
        let kernel = "kernel http://10.0.0.1:8080/vmlinuz initrd=initramfs dockos.root=http://10.0.0.1:8080/rootfs#sha256=abc \
                      dockos.loader=ipxe,${t0},${t1} quiet ds=netboot;s=http://10.0.0.1:8080/machine a=b || goto failed\n";
        assert!(ipxe.contains(kernel), "{ipxe}");
        assert!(
            grub.contains(
                "linux (http,10.0.0.1:8080)/vmlinuz \"dockos.root=http://10.0.0.1:8080/rootfs#sha256=abc\" "
            ),
            "{grub}"
        );
        assert!(grub.contains("\"ds=netboot;s=http://10.0.0.1:8080/machine\" \"a=b\"; then"), "{grub}");
    }

    #[test]
    fn no_serial_number_is_more_than_text() {
        let origin = Origin::parse("10.0.0.1").unwrap();
        let who = "a'b\"c$(d)${e}`f;g&&h||i#j\\k%l";
        let boot = Boot { origin: &origin, root_sha256: "abc", who, words: &[] };
        for script in [boot.ipxe(), boot.grub()] {
            assert!(script.contains("DockOS: a_b_c__d___e__f_g__h__i_j_k_l boots from"), "{script}");
        }
    }

    #[test]
    fn every_place_that_is_gone_to_is_there() {
        let (ipxe, _) = boot();
        for script in [ipxe, ipxe_first(&Origin::parse("10.0.0.1").unwrap())] {
            for label in ["start", "failed", "over"] {
                assert!(script.contains(&format!("\n:{label}\n")), "{script}");
                assert!(script.contains(&format!("goto {label}")), "{script}");
            }
        }
    }
}
