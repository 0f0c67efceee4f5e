//! The command line.

use std::ffi::OsString;

use lexopt::Parser;
use lexopt::prelude::{Long, Short, Value};

/// What `--help` shows.
pub(super) const HELP: &str = "\
dockos desktop: tenants' desktops on this machine

  dockos desktop ls [--json]                    all of them, and what they are doing
  dockos desktop start NAME... [--wait]         start; after a reboot they start again
  dockos desktop stop NAME... [--wait]          stop; after a reboot they stay stopped
  dockos desktop reset NAME... [--wait] [--yes] make anew from the image; the home stays
  dockos desktop create NAME --tenant TENANT --course COURSE
                                                one more that the config does not name, of one of its courses
  dockos desktop delete NAME... [--wait] [--yes]
                                                remove such a one; its volumes stay
  dockos desktop logs NAME [--tail N] [--follow]
                                                what it wrote: the last N lines (100), and those that come
  dockos desktop link USER [--for TIME]         a link that logs a user of the page in once; TIME as 30m, 24h (24h), 7d
  dockos desktop --version
  dockos desktop --help

--wait shows how far it is and returns when it is done. --yes does not ask.

Exit status: 0 done, 1 failed, 2 wrong use.
";

/// The lines of a log that are shown, unless it is said otherwise.
const LINES: usize = 100;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Show the help.
    Help,
    /// Show the version.
    Version,
    /// Show all desktops.
    List {
        /// For programs.
        json: bool,
    },
    /// Start some.
    Start(Names),
    /// Stop some.
    Stop(Names),
    /// Make some anew.
    Reset {
        /// Which.
        names: Names,
        /// Without a question.
        yes: bool,
    },
    /// Remove some.
    Delete {
        /// Which.
        names: Names,
        /// Without a question.
        yes: bool,
    },
    /// Make one.
    Create {
        /// Its name.
        name: String,
        /// Whose it is.
        tenant: String,
        /// What it is made of.
        course: String,
    },
    /// Show what one wrote.
    Logs {
        /// Which.
        name: String,
        /// How many lines.
        tail: usize,
        /// And those that come.
        follow: bool,
    },
}

/// Which desktops, and whether to wait for them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) names: Vec<String>,
    pub(super) wait: bool,
}

/// Options of each verb; the first ones take no value.
const OF_VERB: [(&str, &[&str], &[&str]); 7] = [
    ("ls", &["json"], &[]),
    ("start", &["wait"], &[]),
    ("stop", &["wait"], &[]),
    ("reset", &["wait", "yes"], &[]),
    ("delete", &["wait", "yes"], &[]),
    ("create", &[], &["tenant", "course"]),
    ("logs", &["follow"], &["tail"]),
];

/// All that may be on a command line.
#[derive(Default)]
struct Given {
    names: Vec<String>,
    flags: Vec<String>,
    values: Vec<(String, String)>,
}

/// Reads the arguments, the program's name first.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = Parser::from_iter(arguments);
    let verb = match next(&mut parser)? {
        None => return Err("say what to do: ls, start, stop, reset, create, delete, logs or link".to_owned()),
        Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Short('V') | Long("version")) => return Ok(Command::Version),
        Some(Value(verb)) => verb.to_string_lossy().into_owned(),
        Some(other) => return Err(other.unexpected().to_string()),
    };
    let Some((_, flags, options)) = OF_VERB.iter().find(|(name, ..)| *name == verb) else {
        return Err(format!(
            "there is no `{verb}`; say ls, start, stop, reset, create, delete, logs or link"
        ));
    };
    let mut given = Given::default();
    while let Some(argument) = next(&mut parser)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('f') if flags.contains(&"follow") => given.flags.push("follow".to_owned()),
            Short('y') if flags.contains(&"yes") => given.flags.push("yes".to_owned()),
            Long(flag) if flags.contains(&flag) => given.flags.push(flag.to_owned()),
            Long(option) if options.contains(&option) => {
                let option = option.to_owned();
                let value = parser.value().map_err(|error| error.to_string())?;
                given.values.push((option, value.to_string_lossy().into_owned()));
            }
            Value(name) if verb != "ls" => given.names.push(name.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    given.command(&verb)
}

fn next(parser: &mut Parser) -> Result<Option<lexopt::Arg<'_>>, String> {
    parser.next().map_err(|error| error.to_string())
}

impl Given {
    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    fn value(&self, option: &str) -> Option<String> {
        self.values.iter().rev().find(|(given, _)| given == option).map(|(_, value)| value.clone())
    }

    fn command(self, verb: &str) -> Result<Command, String> {
        let yes = self.has("yes");
        match verb {
            "ls" => Ok(Command::List { json: self.has("json") }),
            "start" => self.names().map(Command::Start),
            "stop" => self.names().map(Command::Stop),
            "reset" => self.names().map(|names| Command::Reset { names, yes }),
            "delete" => self.names().map(|names| Command::Delete { names, yes }),
            "create" => {
                let tenant = self.value("tenant").ok_or("say whose it is by --tenant")?;
                let course = self.value("course").ok_or("say what it is made of by --course")?;
                Ok(Command::Create { name: self.one()?, tenant, course })
            }
            _ => {
                let tail = self.value("tail").map_or(Ok(LINES), |text| text.parse());
                let tail = tail.map_err(|_| "--tail: give a number of lines".to_owned())?;
                Ok(Command::Logs { follow: self.has("follow"), name: self.one()?, tail })
            }
        }
    }

    fn names(self) -> Result<Names, String> {
        let wait = self.has("wait");
        if self.names.is_empty() {
            Err("say which desktop".to_owned())
        } else {
            Ok(Names { names: self.names, wait })
        }
    }

    fn one(self) -> Result<String, String> {
        let [name] =
            <[String; 1]>::try_from(self.names).map_err(|_| "say which desktop, and one only".to_owned())?;
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Command, String> {
        parse(["dockos-desktops"].iter().chain(arguments).map(OsString::from))
    }

    #[test]
    fn right_use_is_understood() {
        let names =
            |names: &[&str], wait| Names { names: names.iter().map(|n| n.to_string()).collect(), wait };
        for (arguments, meant) in [
            (&["ls"][..], Command::List { json: false }),
            (&["ls", "--json"], Command::List { json: true }),
            (&["start", "a", "b", "--wait"], Command::Start(names(&["a", "b"], true))),
            (&["reset", "-y", "a"], Command::Reset { names: names(&["a"], false), yes: true }),
            (&["logs", "a", "-f", "--tail=5"], Command::Logs { name: "a".to_owned(), tail: 5, follow: true }),
            (
                &["create", "a", "--tenant", "b", "--course", "c"],
                Command::Create { name: "a".to_owned(), tenant: "b".to_owned(), course: "c".to_owned() },
            ),
            (&["stop", "--help"], Command::Help),
            (&["--version"], Command::Version),
        ] {
            assert_eq!(parsed(arguments), Ok(meant), "{arguments:?}");
        }
    }

    #[test]
    fn wrong_use_is_told() {
        for (arguments, message) in [
            (&[][..], "say what to do"),
            (&["lss"], "there is no `lss`"),
            (&["ls", "a"], "a"),
            (&["start"], "say which desktop"),
            (&["start", "a", "--yes"], "--yes"),
            (&["create", "a", "--course", "c"], "--tenant"),
            (&["create", "a", "b", "--course", "c", "--tenant", "t"], "one only"),
            (&["logs", "a", "--tail", "x"], "--tail"),
            (&["logs"], "one only"),
        ] {
            let error = parsed(arguments).err().unwrap_or_default();
            assert!(error.contains(message), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn every_verb_is_in_the_help() {
        for (verb, flags, options) in OF_VERB {
            let of_verb = HELP.lines().filter(|line| line.contains(&format!("dockos desktop {verb}")));
            let text: String = of_verb.collect();
            assert!(!text.is_empty(), "{verb}");
            for option in flags.iter().chain(options) {
                assert!(text.contains(&format!("--{option}")), "{verb} --{option}");
            }
        }
    }
}
