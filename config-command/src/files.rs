//! Where configs come from: files that are named, the machine's own, and those of its next boot.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use dockos_config::{Content, Form, Layer, Loaded, Part, Report, Source, Stage};
use dockos_control::{Record, Which, record, state_files};

use dockos_control::Failure;

/// A larger file is no config: reading stops there, and the parser says so.
const MOST_BYTES: u64 = dockos_config::MAX_USER_DATA as u64 + 1;

/// The record of this boot.
pub(crate) fn current() -> Result<Record, Failure> {
    failed(Record::load(record::CURRENT))?
        .ok_or_else(|| Failure::Failed("this is no booted DockOS machine: name a FILE".to_owned()))
}

/// The config that the machine runs with.
pub(crate) fn in_force() -> Result<Loaded, Failure> {
    let record = current()?;
    match record.which {
        Which::Current => {}
        Which::Part => {
            eprintln!(
                "dockos: a part of the config could not be fetched; this is what the machine found itself"
            )
        }
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
pub(crate) fn found() -> Result<Vec<Source>, Failure> {
    let record = current()?;
    let rejected = failed(record.rejected())?;
    if rejected.is_empty() { failed(record.sources()) } else { Ok(rejected) }
}

/// The config of the next boot, as far as the state disk's files make it.
pub(crate) fn next_boot() -> Result<Loaded, Failure> {
    let mut sources = found()?;
    sources.retain(|source| !matches!(source.layer, Layer::ConfD | Layer::StateFile));
    for (layer, path) in state_files() {
        if path.exists() {
            sources.extend(in_layer(layer, &path.display().to_string())?);
        }
    }
    usable(dockos_config::load(sources))
}

/// The config as it would be with this file in place of the state disk's.
pub(crate) fn in_place_of_state_file(file: &str) -> Result<Loaded, Failure> {
    let mut sources = found()?;
    sources.retain(|source| source.layer != Layer::StateFile);
    sources.extend(in_layer(Layer::StateFile, file)?);
    usable(dockos_config::load(sources))
}

/// A file as one of the state disk's.
fn in_layer(layer: Layer, file: &str) -> Result<Vec<Source>, Failure> {
    let mut sources = usable(read_file(file)?)?;
    sources.iter_mut().for_each(|source| (source.layer, source.stage) = (layer, Stage::State));
    Ok(sources)
}

/// A config of files, lower ones first.
pub(crate) fn load_files(files: &[String]) -> Result<Loaded, Failure> {
    let mut sources = Vec::new();
    for file in files {
        sources.extend(usable(read_file(file)?)?);
    }
    usable(dockos_config::load(sources))
}

/// A file in any form that user-data may have.
pub(crate) fn read_file(file: &str) -> Result<Result<Vec<Source>, Report>, Failure> {
    let bytes = read_bytes(file)?;
    Ok(sources(&file_name(file), &bytes))
}

/// The configs in a file. Nothing can be said of scripts.
pub(crate) fn sources(name: &str, bytes: &[u8]) -> Result<Vec<Source>, Report> {
    // What is on the state disk is known only after the state disk is.
    let on_state_disk = std::path::absolute(name).is_ok_and(|path| path.starts_with("/var/lib/dockos"));
    let stage = if on_state_disk { Stage::State } else { Stage::Local };
    let source = |part: Part| match part.content {
        Content::CloudConfig(text) => {
            Some(Source { layer: Layer::ConfD, stage, form: Form::CloudConfig, name: part.source, text })
        }
        Content::Script(_) => None,
    };
    Ok(dockos_config::unpack(name, bytes)?.parts.into_iter().filter_map(source).collect())
}

pub(crate) fn read_bytes(file: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => std::io::stdin().take(MOST_BYTES).read_to_end(&mut bytes),
        path => std::fs::File::open(Path::new(path))
            .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)),
    };
    read.map_err(|error| Failure::Failed(format!("{}: {error}", file_name(file))))?;
    Ok(bytes)
}

pub(crate) fn file_name(file: &str) -> String {
    if file == "-" { "standard input".to_owned() } else { file.to_owned() }
}

/// The value, or all that is wrong with the config, said on standard error.
pub(crate) fn usable<T>(result: Result<T, Report>) -> Result<T, Failure> {
    result.map_err(|report| {
        tell(&report);
        Failure::Told
    })
}

pub(crate) fn failed<T>(result: dockos_control::error::Result<T>) -> Result<T, Failure> {
    result.map_err(Failure::from)
}

/// Shows a report on standard error, in the language of whoever reads it.
pub(crate) fn tell(report: &Report) {
    for diagnostic in &report.diagnostics {
        let text = if wants_chinese() { diagnostic.chinese() } else { diagnostic.to_string() };
        eprintln!("{text}\n");
    }
}

/// What the C library would look at, in its order.
pub(crate) fn wants_chinese() -> bool {
    let first = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    first.is_some_and(|locale| locale.starts_with("zh"))
}

/// Output that a closed pipe may end at any time.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Whether somebody sits there.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}
