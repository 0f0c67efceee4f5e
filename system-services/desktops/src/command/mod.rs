//! The command `dockos desktop`: asks the agent, and shows what it says.

mod options;
mod table;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use dockos_control::wanted;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use serde_json::json;
use tokio::time::sleep;

use crate::client::{Client, path_of};
use crate::told::{Desktop, Refusal, State};
use options::{Command, Names};

/// How often a desktop that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// The number for what is not there.
const NOT_FOUND: u16 = 404;

/// Says something on standard error, which may be closed.
macro_rules! tell {
    ($($part:tt)*) => {{
        let _ = writeln!(std::io::stderr(), "desktop: {}", format_args!($($part)*));
    }};
}

/// Runs it; the program's own name comes first.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> ExitCode {
    let command = match options::parse(words) {
        Ok(command) => command,
        Err(text) => {
            tell!("{text}");
            tell!("see `dockos desktop --help`");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(act(command));
    // A question that nobody answers may still wait on a thread of its own.
    runtime.shutdown_background();
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What goes wrong is told; this says whether all went well.
async fn act(command: Command) -> bool {
    let client = Client::new(wanted::AGENT);
    match command {
        Command::Help => show(options::HELP),
        Command::Version => show(concat!("dockos-desktop ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::List { json } => told(list(&client, json).await),
        Command::Start(names) => each(&client, &names, "start", &[State::Ready]).await,
        Command::Stop(names) => each(&client, &names, "stop", &[State::Stopped]).await,
        Command::Reset { names, yes } => {
            let question =
                "What was installed or changed outside of its home is lost, and what is not saved.";
            sure(&names, "Reset", question, yes)
                && each(&client, &names, "reset", &[State::Ready, State::Stopped]).await
        }
        Command::Delete { names, yes } => {
            let question = "Its home and its tenant's other volumes stay.";
            sure(&names, "Delete", question, yes) && delete(&client, &names).await
        }
        Command::Create { name, tenant, course } => {
            let words = json!({ "name": name, "tenant": tenant, "course": course });
            let made = client.post::<Desktop>("/desktops", Some(words)).await;
            told(made.map(|made| {
                show(&format!("{} is there; start it by: dockos desktop start {}\n", made.name, made.name))
            }))
        }
        Command::Logs { name, tail, follow } => told(logs(&client, &name, tail, follow).await),
    }
}

/// Tells of a refusal.
fn told(done: Result<bool, Refusal>) -> bool {
    done.unwrap_or_else(|refusal| {
        tell!("{refusal}");
        if refusal.is_away() {
            tell!("is this a DockOS machine with desktops in its config, and are you root? see `system-docker logs desktops`");
        }
        false
    })
}

/// Writes to standard output. Where that is closed there is nobody to tell.
fn show(text: &str) -> bool {
    std::io::stdout().write_all(text.as_bytes()).is_ok()
}

async fn list(client: &Client, json: bool) -> Result<bool, Refusal> {
    if json {
        let desktops: serde_json::Value = client.get("/desktops").await?;
        return Ok(show(&format!("{desktops:#}\n")));
    }
    let desktops: Vec<Desktop> = client.get("/desktops").await?;
    Ok(show(&table::table(&desktops)))
}

/// Orders the same of each, then waits for all of them if that is wished.
async fn each(client: &Client, names: &Names, verb: &str, ends: &[State]) -> bool {
    let mut well = true;
    let mut ordered = Vec::new();
    for name in &names.names {
        match client.post::<Desktop>(&path_of(name, verb), None).await {
            Ok(_) => ordered.push(name.clone()),
            refused => well = told(refused.map(|_| true)),
        }
    }
    if names.wait {
        for name in ordered {
            well &= told(wait(client, &name, ends).await);
        }
    }
    well
}

/// Waits until a desktop has come to one of these states, and shows how far it is. Not so if it failed.
async fn wait(client: &Client, name: &str, ends: &[State]) -> Result<bool, Refusal> {
    let mut last = String::new();
    loop {
        let desktop: Desktop = client.get(&path_of(name, "")).await?;
        let line = table::progress(&desktop);
        if line != last {
            tell!("{line}");
            last = line;
        }
        if ends.contains(&desktop.state) {
            return Ok(true);
        }
        // One that stops by itself will never be ready.
        if matches!(desktop.state, State::Failed | State::Stopped) {
            return Ok(false);
        }
        sleep(LOOK).await;
    }
}

async fn delete(client: &Client, names: &Names) -> bool {
    let mut well = true;
    for name in &names.names {
        well &= told(delete_one(client, name, names.wait).await);
    }
    well
}

async fn delete_one(client: &Client, name: &str, wait: bool) -> Result<bool, Refusal> {
    let path = path_of(name, "");
    client.call::<Desktop>(Method::DELETE, &path, None).await?;
    if !wait {
        return Ok(true);
    }
    loop {
        match client.get::<Desktop>(&path).await {
            Err(refusal) if refusal.status == NOT_FOUND => return Ok(true),
            there => there?,
        };
        sleep(LOOK).await;
    }
}

async fn logs(client: &Client, name: &str, tail: usize, follow: bool) -> Result<bool, Refusal> {
    let path = path_of(name, &format!("logs?tail={tail}&follow={}", u8::from(follow)));
    let request = Request::builder().method(Method::GET).uri(path).body(Full::<Bytes>::default());
    let request = request.map_err(|error| Refusal::own(error.to_string()))?;
    let mut body = client.send(request).await?.into_body();
    let mut out = std::io::stdout();
    while let Some(frame) = body.frame().await {
        let bytes = frame.map_err(|error| Refusal::own(error.to_string()))?.into_data().unwrap_or_default();
        if out.write_all(&bytes).and_then(|()| out.flush()).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Asks whoever sits there, unless they said so already. Where nobody sits there, it has to be said.
fn sure(names: &Names, verb: &str, consequence: &str, yes: bool) -> bool {
    if yes {
        return true;
    }
    let all = names.names.join(", ");
    if !std::io::stdin().is_terminal() {
        tell!("{verb} {all}? {consequence} Nothing was done: say --yes");
        return false;
    }
    let _ = write!(std::io::stderr(), "{verb} {all}? {consequence} [y/N] ");
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).is_ok();
    read && matches!(line.trim(), "y" | "Y" | "yes")
}
