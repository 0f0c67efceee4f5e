//! `dockos config`: the config in all its files, looked at, checked and changed. What it says of a file is what PID 1
//! will say of it, for it is the same code.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use dockos_config::import::{From, import};
use dockos_config::{
    Content, Diagnostic, Form, KeyPath, Layer, Loaded, Part, Report, ShowOptions, Source, Stage,
};
use lexopt::prelude::{Long, Short, Value};

use super::{Failure, edit, trial};
use crate::config::record::{self, Record, Which};

/// A larger file is no config: reading stops there, and the parser says so.
const MOST_BYTES: u64 = 4 << 20;

const HELP: &str = "\
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

/// Runs `dockos config ...`.
pub(super) fn run(parser: &mut lexopt::Parser) -> Result<i32, Failure> {
    let verb = match parser.next()? {
        Some(Value(verb)) => verb.to_string_lossy().into_owned(),
        Some(Long("help") | Short('h')) | None => "help".to_owned(),
        Some(other) => return Err(other.unexpected().into()),
    };
    let options = Options::read(parser)?;
    let files = options.files.as_slice();
    match (verb.as_str(), files) {
        _ if options.help => help(),
        ("help", _) => help(),
        ("check", files) => check(files, options.json),
        ("show" | "export", files) => show(&options, files),
        ("merge", [_, ..]) => show(&options, files),
        ("get", [key, files @ ..]) => get(key, files, options.secrets),
        ("diff", []) => diff(&in_force()?, &next_boot()?),
        ("diff", [a]) => diff(&in_force()?, &in_place_of_state_file(a)?),
        ("diff", [a, b]) => {
            diff(&load_files(std::slice::from_ref(a))?, &load_files(std::slice::from_ref(b))?)
        }
        ("schema", []) => {
            print(&dockos_config::json_schema());
            Ok(0)
        }
        ("set", [key, value]) => edit::set(&options, key, value),
        ("unset", [key]) => edit::unset(&options, key),
        ("edit", [] | [_]) => edit::edit(files.first().map(String::as_str)),
        ("try", [file]) => trial::start(file, &options),
        ("confirm", []) => trial::confirm(),
        ("revert", []) => trial::revert(),
        ("import", [file]) => import_file(file, options.from.as_deref()),
        (verb, _) => Err(wrong_use(verb)),
    }
}

fn help() -> Result<i32, Failure> {
    print(HELP);
    Ok(0)
}

/// What the help says of a verb, where it was called wrongly.
fn wrong_use(verb: &str) -> Failure {
    let lines: Vec<&str> =
        HELP.lines().map(str::trim).filter(|line| line.split([' ', '[']).next() == Some(verb)).collect();
    if lines.is_empty() {
        return Failure::Usage(format!("there is no command `config {verb}`"));
    }
    Failure::Usage(format!("as `dockos config`:\n  {}", lines.join("\n  ")))
}

/// What may follow the verb.
#[derive(Default)]
pub(super) struct Options {
    files: Vec<String>,
    json: bool,
    origin: bool,
    secrets: bool,
    help: bool,
    from: Option<String>,
    pub(super) file: Option<String>,
    pub(super) seconds: Option<u64>,
    pub(super) no_wait: bool,
}

impl Options {
    fn read(parser: &mut lexopt::Parser) -> Result<Self, Failure> {
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

fn check(files: &[String], json: bool) -> Result<i32, Failure> {
    let mut all = Vec::new();
    if files.is_empty() {
        let record = current()?;
        let rejected = failed(record.rejected())?;
        let sources = if rejected.is_empty() { failed(record.sources())? } else { rejected };
        all.push(("this boot's config".to_owned(), dockos_config::load(sources)));
    }
    for file in files {
        all.push((file.clone(), read_file(file)?.and_then(dockos_config::load)));
    }
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut status = 0;
    for (name, result) in all {
        let (word, report) = match result {
            Ok(loaded) => ("fine", loaded.report),
            Err(report) => ("not usable", report),
        };
        status = status.max(i32::from(report.has_errors()));
        if !json {
            tell(&report);
            print(&format!("{name}: {word}\n"));
        }
        diagnostics.extend(report.diagnostics);
    }
    if json {
        let list: Vec<serde_json::Value> = diagnostics.iter().map(to_json).collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&list).unwrap_or_default()));
    }
    Ok(status)
}

fn to_json(diagnostic: &Diagnostic) -> serde_json::Value {
    serde_json::json!({
        "file": diagnostic.source,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    })
}

fn show(options: &Options, files: &[String]) -> Result<i32, Failure> {
    let loaded = if files.is_empty() { in_force()? } else { load_files(files)? };
    print(&loaded.show(&ShowOptions { origin: options.origin, secrets: options.secrets }));
    Ok(0)
}

fn get(key: &str, files: &[String], secrets: bool) -> Result<i32, Failure> {
    let path: KeyPath = key.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    let loaded = if files.is_empty() { in_force()? } else { load_files(files)? };
    match loaded.get(&path, secrets) {
        Some(value) => {
            print(&value);
            if !value.ends_with('\n') {
                print("\n");
            }
            Ok(0)
        }
        None => Err(Failure::Failed(format!("{path} is not set"))),
    }
}

/// Like diff(1): 0 when both are the same, 1 when not.
fn diff(before: &Loaded, after: &Loaded) -> Result<i32, Failure> {
    let changes = dockos_config::diff(before, after);
    for change in &changes {
        print(&format!("{change}\n"));
    }
    Ok(i32::from(!changes.is_empty()))
}

fn import_file(file: &str, from: Option<&str>) -> Result<i32, Failure> {
    let systems = From::ALL.map(From::as_str).join(", ");
    let from = from.ok_or_else(|| Failure::Usage(format!("`--from` says what the file is: {systems}")))?;
    let from = From::from_word(from)
        .ok_or_else(|| Failure::Usage(format!("`--from` is one of {systems}, not `{from}`")))?;
    let bytes = read_bytes(file)?;
    let name = file_name(file);
    let imported = usable(dockos_config::utf8(&name, &bytes).and_then(|text| import(from, &name, text)))?;
    print(&imported.text);
    let notes = Report { diagnostics: imported.notes };
    tell(&notes);
    let seen = if imported.left == 0 { "" } else { ": see above" };
    eprintln!("{} keys taken over, {} not{seen}", imported.taken, imported.left);
    Ok(i32::from(notes.has_errors()))
}

/// The record of this boot.
pub(super) fn current() -> Result<Record, Failure> {
    failed(Record::load(record::CURRENT))?
        .ok_or_else(|| Failure::Failed("this is no booted DockOS machine: name a FILE".to_owned()))
}

/// The config that the machine runs with.
pub(super) fn in_force() -> Result<Loaded, Failure> {
    let record = current()?;
    match record.which {
        Which::Current => {}
        Which::Tried => {
            eprintln!("dockos: this config is on trial; the one before comes back unless confirmed")
        }
        Which::LastGood => {
            eprintln!("dockos: the config that was found has errors; this is the last good one")
        }
        Which::Defaults => eprintln!("dockos: the config that was found has errors; these are the defaults"),
    }
    usable(dockos_config::load(failed(record.sources())?))
}

/// The files as they were found at this boot, good or not.
pub(super) fn found() -> Result<Vec<Source>, Failure> {
    let record = current()?;
    let rejected = failed(record.rejected())?;
    if rejected.is_empty() { failed(record.sources()) } else { Ok(rejected) }
}

/// The config of the next boot, as far as the state disk's files make it.
fn next_boot() -> Result<Loaded, Failure> {
    let mut sources = found()?;
    sources.retain(|source| !matches!(source.layer, Layer::ConfD | Layer::StateFile));
    sources.extend(usable(crate::config::state_files())?);
    usable(dockos_config::load(sources))
}

/// The config as it would be with this file in place of the state disk's.
pub(super) fn in_place_of_state_file(file: &str) -> Result<Loaded, Failure> {
    let mut sources = found()?;
    sources.retain(|source| source.layer != Layer::StateFile);
    for mut source in usable(read_file(file)?)? {
        (source.layer, source.stage) = (Layer::StateFile, Stage::State);
        sources.push(source);
    }
    usable(dockos_config::load(sources))
}

/// A config of files, lower ones first.
fn load_files(files: &[String]) -> Result<Loaded, Failure> {
    let mut sources = Vec::new();
    for file in files {
        sources.extend(usable(read_file(file)?)?);
    }
    usable(dockos_config::load(sources))
}

/// A file in any form that user-data may have.
fn read_file(file: &str) -> Result<Result<Vec<Source>, Report>, Failure> {
    let bytes = read_bytes(file)?;
    let parts = dockos_config::unpack(&file_name(file), &bytes);
    Ok(parts.map(|data| data.parts.into_iter().filter_map(source_of).collect()))
}

/// A part that is a config. Nothing can be said of a script.
fn source_of(part: Part) -> Option<Source> {
    let Content::CloudConfig(text) = part.content else { return None };
    let (layer, stage, form) = (Layer::ConfD, Stage::Local, Form::CloudConfig);
    Some(Source { layer, stage, form, name: part.source, text })
}

fn read_bytes(file: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => std::io::stdin().take(MOST_BYTES).read_to_end(&mut bytes),
        path => std::fs::File::open(Path::new(path))
            .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)),
    };
    read.map_err(|error| Failure::Failed(format!("{}: {error}", file_name(file))))?;
    Ok(bytes)
}

fn file_name(file: &str) -> String {
    if file == "-" { "standard input".to_owned() } else { file.to_owned() }
}

/// The value, or all that is wrong with the config, said on standard error.
fn usable<T>(result: Result<T, Report>) -> Result<T, Failure> {
    result.map_err(|report| {
        tell(&report);
        Failure::Told
    })
}

fn failed<T>(result: crate::error::Result<T>) -> Result<T, Failure> {
    result.map_err(|fault| Failure::Failed(fault.to_string()))
}

/// Shows a report on standard error, in the language of whoever reads it.
pub(super) fn tell(report: &Report) {
    for diagnostic in &report.diagnostics {
        let text = if wants_chinese() { diagnostic.chinese() } else { diagnostic.to_string() };
        eprintln!("{text}\n");
    }
}

/// What the C library would look at, in its order.
fn wants_chinese() -> bool {
    let first = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    first.is_some_and(|locale| locale.starts_with("zh"))
}

/// Output that a closed pipe may end at any time.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Whether somebody sits there.
pub(super) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}
