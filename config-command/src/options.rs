//! What may follow `dockos config`.

use lexopt::prelude::{Long, Short, Value};

use dockos_control::Failure;

/// What it prints for --help; the reference quotes it.
pub(crate) const HELP: &str = "\
dockos config: what this machine is told to be, and by which file

  Look
    check [FILE...]             check files, or the config of this boot; exit 1 when there are errors
          [--format json]       one JSON array of diagnostics, for editors
    show  [FILE...]             the config in force, or that of files, lower ones first
          [--origin]            with the file and line that each value comes from
          [--secrets]           with passwords and keys; they are left out otherwise
    get KEY [FILE...]           one value, such as `dockos.desktops[name=hello].memory`
    diff                        what the next boot will change: the config in force against the files as they are now
    diff A [B]                  the config in force against file A, or file A against file B
    merge FILE...               several files as one
    export [--secrets] [FILE...]  the same as `show`, to be kept as a file
    schema                      the JSON Schema, for editors

  Change (FILE: /var/lib/dockos/cloud-config.yml, or the one given by --file)
    set KEY VALUE [--file FILE]   one value; comments and order stay. KEY[] puts one more on a list
    unset KEY [--file FILE]
    edit [FILE]                   in $EDITOR; what has errors is not kept

  Try
    try FILE [--seconds N]      put FILE in force in place of the state disk's, live; back after a minute (or N
                                seconds) unless confirmed
             [--no-wait]        return at once, without asking
    confirm                     keep what is tried
    revert                      go back now

  Move in
    import --from rancheros|cloud-init|butane FILE   a cloud-config for DockOS; what has no counterpart is listed

FILE may be `-`: standard input. Exit status: 0 done, 1 errors, 2 wrong use.
";

/// What may follow the verb.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) files: Vec<String>,
    pub(crate) json: bool,
    pub(crate) origin: bool,
    pub(crate) secrets: bool,
    pub(crate) help: bool,
    pub(crate) from: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) seconds: Option<u64>,
    pub(crate) no_wait: bool,
}

impl Options {
    /// Reads all arguments after the verb.
    pub(crate) fn read(parser: &mut lexopt::Parser) -> Result<Self, Failure> {
        let mut options = Self::default();
        while let Some(arg) = parser.next()? {
            match arg {
                Value(file) => options.files.push(file.to_string_lossy().into_owned()),
                Long("format") => {
                    options.json = match parser.value()?.to_string_lossy().as_ref() {
                        "json" => true,
                        "text" => false,
                        other => {
                            return Err(Failure::Usage(format!(
                                "the format is `text` or `json`, not `{other}`"
                            )));
                        }
                    }
                }
                Long("origin") => options.origin = true,
                Long("secrets") => options.secrets = true,
                Long("from") => options.from = Some(parser.value()?.to_string_lossy().into_owned()),
                Long("file") => options.file = Some(parser.value()?.to_string_lossy().into_owned()),
                Long("seconds") => {
                    let text = parser.value()?.to_string_lossy().into_owned();
                    let number = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
                    options.seconds = Some(
                        number.ok_or_else(|| Failure::Usage("--seconds is from 1 to 86400".to_owned()))?,
                    );
                }
                Long("no-wait") => options.no_wait = true,
                Long("help") | Short('h') => options.help = true,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}
