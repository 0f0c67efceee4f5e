//! Which verb does what, and those that only look.

use dockos_config::import::{From, import};
use dockos_config::{KeyPath, Loaded, Report, ShowOptions};
use lexopt::prelude::{Long, Short, Value};

use crate::files::{
    file_name, in_force, in_place_of_state_file, load_files, next_boot, print, read_bytes, tell, usable,
};
use crate::options::{HELP, Options};
use crate::{check, edit, trial};
use dockos_control::Failure;

/// Runs `dockos config ...`.
pub(crate) fn run(parser: &mut lexopt::Parser) -> Result<u8, Failure> {
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
        ("check", files) => check::check(files, options.json),
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

fn help() -> Result<u8, Failure> {
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

fn show(options: &Options, files: &[String]) -> Result<u8, Failure> {
    let loaded = if files.is_empty() { in_force()? } else { load_files(files)? };
    print(&loaded.show(&ShowOptions { origin: options.origin, secrets: options.secrets }));
    Ok(0)
}

fn get(key: &str, files: &[String], secrets: bool) -> Result<u8, Failure> {
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
fn diff(before: &Loaded, after: &Loaded) -> Result<u8, Failure> {
    let changes = dockos_config::diff(before, after);
    for change in &changes {
        print(&format!("{change}\n"));
    }
    Ok(u8::from(!changes.is_empty()))
}

fn import_file(file: &str, from: Option<&str>) -> Result<u8, Failure> {
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
    Ok(u8::from(notes.has_errors()))
}
