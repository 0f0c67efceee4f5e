//! The kernel command line: words `dockos.NAME=VALUE`, quoted as the kernel quotes.

/// What PID 1 takes from the kernel command line.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Cmdline {
    /// Terminals that get a root shell (`dockos.shell=hvc0,ttyS0`), names below /dev. None by default: whoever can
    /// edit the command line owns the machine anyway, whoever sits at it does not.
    pub(crate) shells: Vec<String>,
    /// Debug messages go to the consoles too (`dockos.debug`).
    pub(crate) debug: bool,
    /// State is kept in RAM whatever disks there are (`dockos.state=ram`).
    pub(crate) state_ram: bool,
    /// Words that begin with `dockos.` and mean nothing: a typing error that someone will want to know of.
    pub(crate) unknown: Vec<String>,
}

impl Cmdline {
    /// Reads a command line as in /proc/cmdline. Later words win, unknown ones are kept aside, nothing fails.
    pub(crate) fn parse(text: &str) -> Self {
        let mut cmdline = Self::default();
        for word in words(text) {
            let Some(rest) = word.strip_prefix("dockos.") else { continue };
            let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
            match (key, value) {
                ("shell", list) => {
                    cmdline.shells =
                        list.split(',').filter(|tty| is_tty_name(tty)).map(str::to_owned).collect();
                }
                ("debug", "" | "1") => cmdline.debug = true,
                ("state", "ram") => cmdline.state_ram = true,
                _ => cmdline.unknown.push(word),
            }
        }
        cmdline
    }
}

/// A name that is a plain entry of /dev: no path, nothing hidden.
fn is_tty_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Splits at blanks outside double quotes; the quotes themselves go (the kernel's `next_arg` does the same).
/// Everything after a bare `--` is for init and is not looked at here.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut any) = (String::new(), false, false);
    for c in text.chars().chain([' ']) {
        match c {
            '"' => (quoted, any) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if word == "--" {
                    break;
                }
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => {
                word.push(c);
                any = true;
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_our_words_among_others() {
        let got =
            Cmdline::parse("console=ttyS0 dockos.shell=hvc0,ttyS0 quiet dockos.debug dockos.state=ram\n");
        assert_eq!(got.shells, ["hvc0", "ttyS0"]);
        assert!(got.debug && got.state_ram && got.unknown.is_empty());
    }

    #[test]
    fn a_typing_error_is_kept_and_a_path_is_no_tty() {
        let got =
            Cmdline::parse(r#"dockos.shel=tty1 dockos.shell=../vda,,tty1 "dockos.x=a b" -- dockos.debug"#);
        assert_eq!(got.unknown, ["dockos.shel=tty1", "dockos.x=a b"]);
        assert_eq!(got.shells, ["tty1"]);
        assert!(!got.debug, "words after -- are init's arguments");
    }

    proptest::proptest! {
        #[test]
        fn any_text_parses(text in "\\PC*") {
            let got = Cmdline::parse(&text);
            proptest::prop_assert!(got.shells.iter().all(|tty| is_tty_name(tty)));
        }
    }
}
