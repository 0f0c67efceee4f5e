//! The kernel command line: config, where more of it is, and switches for PID 1.
//!
//! `dockos.PATH=VALUE` sets a key below `dockos:`, `cc.PATH=VALUE` one at the top level. A value is YAML in flow style,
//! or plain text; `PATH[]=VALUE` puts an item on a list; `PATH` alone is true. Double quotes keep blanks in a word, as
//! for every word of the kernel's.

mod tree;
mod words;

use crate::boot_words::{self, Loader, RootImage};
use crate::datasource::{ConfigUrl, Datasource};
use crate::decode::Problems;
use crate::diagnostic::Report;
use crate::value::{ValueError, quoted};
use crate::yaml::{Kind, Mark, Node};

use words::Word;

/// The name of the command line in messages.
pub const SOURCE: &str = "kernel command line";

/// The longest command line that is read; Linux has room for 2 to 4 kB, and for 32 kB in a bootconfig.
const MAX_SIZE: usize = 32 << 10;

/// What a kernel command line says to PID 1, beside the config that it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cmdline {
    /// Terminals that get a root shell (`dockos.shell=hvc0,ttyS0`), names below /dev.
    pub shells: Vec<String>,
    /// Debug messages go to the consoles too (`dockos.debug`).
    pub debug: bool,
    /// State is kept in RAM whatever disks there are (`dockos.state=ram` or `dockos.state.ram=true`).
    pub state_ram: bool,
    /// A cloud-config to fetch (`cloud-config-url=`).
    pub url: Option<ConfigUrl>,
    /// Where config is looked for (`ds=`).
    pub datasource: Option<Datasource>,
    /// The root image (`dockos.root=`).
    pub root: Option<RootImage>,
    /// The boot loader (`dockos.loader=`).
    pub loader: Option<Loader>,
    /// The label of the medium that the machine was booted from (`dockos.medium=`).
    pub medium: Option<String>,
    /// Words that begin like ours and mean nothing: a typing error that someone will want to know of.
    pub unknown: Vec<String>,
    /// What is wrong with the words that are ours. Those that it does not name count all the same.
    pub report: Option<Report>,
}

impl Cmdline {
    /// Reads a command line as in /proc/cmdline. Nothing fails: what is wrong is in the report.
    pub fn parse(text: &str) -> Self {
        let mut problems = Problems::default();
        let (mut cmdline, config) = read(0, text, &mut problems);
        cmdline.state_ram = state_ram(&config);
        cmdline.report = (!problems.0.is_empty()).then(|| Report::new(&[(SOURCE, text)], problems));
        cmdline
    }
}

/// The config words of a command line, which is file number `source` of those read together.
pub(crate) fn config(source: u16, text: &str, problems: &mut Problems) -> Option<Node> {
    let mut found = Problems::default();
    let (_, config) = read(source, text, &mut found);
    let good = !found.any_error();
    problems.0.append(&mut found.0);
    good.then_some(config)
}

fn read(source: u16, text: &str, problems: &mut Problems) -> (Cmdline, Node) {
    let mut reader = Reader {
        cmdline: Cmdline::default(),
        config: Node::new(Mark::start_of(source), Kind::Mapping(Vec::new())),
        url_given: false,
        pin: None,
        problems,
    };
    if text.len() > MAX_SIZE {
        let message = format!("{} bytes; at most {MAX_SIZE} are read", text.len());
        reader.problems.add(Mark::start_of(source), message, "put the config on a disk, or give its URL");
        return (reader.cmdline, reader.config);
    }
    for word in words::split(source, text.trim_end_matches(['\n', '\0'])) {
        reader.word(&word);
    }
    reader.pin_the_url();
    (reader.cmdline, reader.config)
}

struct Reader<'p> {
    cmdline: Cmdline,
    config: Node,
    /// Whether there is a `cloud-config-url=`, good or bad.
    url_given: bool,
    /// `cloud-config-sha256=`, and where it stands.
    pin: Option<(String, Mark)>,
    problems: &'p mut Problems,
}

impl Reader<'_> {
    fn word(&mut self, word: &Word<'_>) {
        if word.open {
            let hint = "close it; quotes stand around a whole word, or around all that follows its `=`";
            self.problems.add(word.mark, "a double quote in this word is not closed", hint);
            return;
        }
        let at = word.text.find('=');
        let name = &word.text[..at.unwrap_or(word.text.len())];
        let (value, mark) = at.map_or(("", word.mark), |at| word.value(at + 1));
        match (name, value) {
            ("dockos.shell", list) => self.shells(word, list),
            ("dockos.debug", "" | "1") => self.cmdline.debug = true,
            ("dockos.state", "ram") => {
                tree::set_true(&mut self.config, &["dockos", "state", "ram"], word.mark, self.problems);
            }
            ("dockos.root", text) => self.root(text, word.mark, mark),
            ("dockos.loader", text) => self.loader(word, text),
            ("dockos.medium", text) => self.cmdline.medium = self.keep(boot_words::medium(text), mark),
            ("cloud-config-url", url) => self.url(url, word.mark, mark),
            ("cloud-config-sha256", pin) => self.pin(pin, word.mark, mark),
            ("ds", text) => self.datasource(text, word.mark, mark),
            _ => self.config_word(word),
        }
    }

    fn config_word(&mut self, word: &Word<'_>) {
        for (prefix, base) in [("dockos.", &["dockos"] as &[&str]), ("cc.", &[])] {
            if word.text.starts_with(prefix) {
                return tree::set(&mut self.config, base, word, prefix.len(), self.problems);
            }
        }
        if word.text.starts_with("dockos") || word.text.starts_with("cloud-config") {
            self.cmdline.unknown.push(word.text.to_owned());
        }
    }

    fn shells(&mut self, word: &Word<'_>, list: &str) {
        let (good, bad): (Vec<&str>, Vec<&str>) = list.split(',').partition(|tty| is_tty_name(tty));
        self.cmdline.shells = good.into_iter().map(str::to_owned).collect();
        if !bad.is_empty() {
            self.cmdline.unknown.push(word.text.to_owned());
        }
    }

    fn root(&mut self, text: &str, word: Mark, mark: Mark) {
        if self.cmdline.root.is_some() {
            return self.twice("dockos.root", word);
        }
        self.cmdline.root = self.keep(text.parse(), mark);
    }

    /// It is only for the boot timeline: what is wrong with it is told, and nothing else.
    fn loader(&mut self, word: &Word<'_>, text: &str) {
        match text.parse() {
            Ok(loader) => self.cmdline.loader = Some(loader),
            Err(_) => self.cmdline.unknown.push(word.text.to_owned()),
        }
    }

    fn url(&mut self, text: &str, word: Mark, mark: Mark) {
        if self.url_given {
            return self.twice("cloud-config-url", word);
        }
        self.url_given = true;
        self.cmdline.url = self.keep(text.parse(), mark);
    }

    fn pin(&mut self, text: &str, word: Mark, mark: Mark) {
        match &self.pin {
            Some(_) => self.twice("cloud-config-sha256", word),
            None => self.pin = Some((text.to_owned(), mark)),
        }
    }

    fn datasource(&mut self, text: &str, word: Mark, mark: Mark) {
        if self.cmdline.datasource.is_some() {
            return self.twice("ds", word);
        }
        self.cmdline.datasource = self.keep(text.parse(), mark);
    }

    fn pin_the_url(&mut self) {
        let Some((pin, mark)) = self.pin.take() else { return };
        let pinned = match self.cmdline.url.take() {
            Some(url) => url.pinned(&pin),
            None if self.url_given => return,
            None => Err(ValueError::new("there is no `cloud-config-url` that this could pin", "add one")),
        };
        self.cmdline.url = self.keep(pinned, mark);
    }

    fn keep<T>(&mut self, value: Result<T, ValueError>, mark: Mark) -> Option<T> {
        value.map_err(|error| self.problems.value(mark, error)).ok()
    }

    fn twice(&mut self, name: &str, mark: Mark) {
        self.problems.add(mark, format!("a second {}", quoted(name)), "keep one of them");
    }
}

/// A name that is a plain entry of /dev: no path, nothing hidden.
fn is_tty_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn state_ram(config: &Node) -> bool {
    let ram = config.get("dockos").and_then(|dockos| dockos.get("state")).and_then(|state| state.get("ram"));
    match ram.map(|node| &node.kind) {
        Some(Kind::Scalar(text)) => ["true", "yes", "on"].iter().any(|word| text.eq_ignore_ascii_case(word)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree in flow style, with the column of each scalar.
    fn shown(node: &Node) -> String {
        match &node.kind {
            Kind::Null => format!("~@{}", node.mark.column),
            Kind::Scalar(text) => format!("{text}@{}", node.mark.column),
            Kind::Sequence(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
            Kind::Mapping(entries) => {
                let pairs: Vec<String> =
                    entries.iter().map(|entry| format!("{}: {}", entry.key, shown(&entry.value))).collect();
                format!("{{{}}}", pairs.join(", "))
            }
        }
    }

    #[test]
    fn config_words_make_a_tree_with_places() {
        let cases = [
            ("quiet a.b=c", "{}"),
            ("cc.hostname=lab-01", "{hostname: lab-01@13}"),
            ("cc.hostname=\"lab 1\"", "{hostname: lab 1@14}"),
            ("\"cc.hostname=lab 1\" cc.a", "{hostname: lab 1@14, a: true@21}"),
            (
                "dockos.state.create=never dockos.state.device=/dev/vda",
                "{dockos: {state: {create: never@21, device: /dev/vda@47}}}",
            ),
            ("dockos.docker={memory: 4G} x", ""),
            ("\"dockos.docker={memory: 4G}\" x", "{dockos: {docker: {memory: 4G@25}}}"),
            ("dockos.sysctl.\"net.a b\"=1", "{dockos: {sysctl: {net.a b: 1@25}}}"),
            ("\"dockos.sysctl.'net.a b'=x y\"", "{dockos: {sysctl: {net.a b: x y@26}}}"),
            ("cc.k[]=\"a b\" cc.k[]=c", "{k: [a b@9, c@21]}"),
            ("cc.k=[a] cc.k[]=b", "{k: [a@7, b@17]}"),
            ("cc.a= cc.b=~ cc.c=\"''\"", "{a: ~@6, b: ~@12, c: @20}"),
            ("cc.a=\"x: y # z\" cc.b=- cc.c=|", "{a: x: y # z@7, b: -@22, c: |@29}"),
            ("dockos.state=ram", "{dockos: {state: {ram: true@1}}}"),
            ("cc.a=1 -- cc.b=2", "{a: 1@6}"),
        ];
        for (text, tree) in cases {
            let mut problems = Problems::default();
            let found = config(0, text, &mut problems);
            match tree {
                "" => assert!(problems.any_error(), "{text}"),
                _ => assert_eq!(found.as_ref().map(shown).as_deref(), Some(tree), "{text}: {problems:?}"),
            }
        }
    }

    #[test]
    fn switches_are_for_pid_1() {
        let cmdline = Cmdline::parse("console=ttyS0 dockos.shell=hvc0,ttyS0 dockos.debug dockos.state=ram\n");
        assert_eq!(cmdline.shells, ["hvc0", "ttyS0"]);
        assert!(cmdline.debug && cmdline.state_ram);
        assert_eq!((cmdline.unknown.len(), cmdline.report), (0, None));
        assert!(Cmdline::parse("dockos.state.ram").state_ram);
        assert!(!Cmdline::parse("dockos.state.ram=no").state_ram);
        let cmdline = Cmdline::parse("dockos.shell=../vda,,tty1 dockos dockos-debug -- dockos.debug");
        assert_eq!(cmdline.shells, ["tty1"]);
        assert_eq!(cmdline.unknown, ["dockos.shell=../vda,,tty1", "dockos", "dockos-debug"]);
        assert!(!cmdline.debug, "words after -- are init's arguments");
    }

    #[test]
    fn a_word_with_an_error_leaves_the_others_alone() {
        let cmdline = Cmdline::parse("cc.a=[ dockos.debug cc.a=] dockos.state.ram ds=x dockos.shell=tty1");
        assert!(cmdline.debug && cmdline.state_ram);
        assert_eq!(cmdline.shells, ["tty1"]);
        assert_eq!(cmdline.report.map(|report| report.diagnostics.len()), Some(2));
    }

    #[test]
    fn a_boot_loader_says_what_it_loaded() {
        let pin = "0123456789abcdef".repeat(4);
        let words = format!(
            "dockos.root=http://10.0.0.1/rootfs#sha256={pin} dockos.loader=ipxe,5,7 dockos.medium=DOCKOS"
        );
        let cmdline = Cmdline::parse(&words);
        assert_eq!(cmdline.root.unwrap().sha256_hex(), pin);
        assert_eq!(cmdline.loader.unwrap().loading, Some(7));
        assert_eq!(
            (cmdline.medium.as_deref(), cmdline.report, cmdline.unknown.len()),
            (Some("DOCKOS"), None, 0)
        );
        let cmdline =
            Cmdline::parse("dockos.root=http://10.0.0.1/rootfs dockos.loader=,1 dockos.medium=../x");
        assert_eq!((cmdline.root, cmdline.loader, cmdline.medium), (None, None, None));
        assert_eq!(cmdline.unknown, ["dockos.loader=,1"]);
        assert_eq!(cmdline.report.map(|report| report.diagnostics.len()), Some(2));
    }

    #[test]
    fn a_url_may_be_pinned() {
        let pin = "0123456789abcdef".repeat(4);
        let pinned = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef].repeat(4);
        let forms = [
            format!("cloud-config-url=http://10.0.0.1/lab.yml#sha256={pin}"),
            format!("cloud-config-sha256={pin} cloud-config-url=http://10.0.0.1/lab.yml"),
            format!("cloud-config-url=http://10.0.0.1/lab.yml#sha256={pin} cloud-config-sha256={pin}"),
        ];
        for text in forms {
            let url = Cmdline::parse(&text).url.unwrap();
            assert_eq!(url.url, "http://10.0.0.1/lab.yml");
            assert_eq!(url.sha256.unwrap().as_slice(), pinned);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_words_get_an_answer(text in "((dockos|cc)\\.|ds=nocloud;|[shi]=|cloud-config-url=|[a-c.=\\[\\]{}\"':, \n&*!]|\\PC){0,30}") {
            let cmdline = Cmdline::parse(&text);
            proptest::prop_assert!(cmdline.shells.iter().all(|tty| is_tty_name(tty)));
            let _ = crate::Datasource::from_serial(&text);
            let _ = text.parse::<ConfigUrl>();
        }
    }
}
