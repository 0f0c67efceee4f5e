//! `dockos config try`, `confirm` and `revert`: PID 1 does it; this asks it to, and asks the person.

use std::io::{BufRead, Write};
use std::time::Duration;

use crate::files;
use crate::options::Options;
use dockos_control::Failure;
use dockos_control::{Answer, Record, Request, Which, ask};

/// How long a config is tried, unless it is said.
const SECONDS: u64 = 60;

/// Tries a file in place of the state disk's own.
pub(crate) fn start(file: &str, options: &Options) -> Result<u8, Failure> {
    let bytes = files::read_bytes(file)?;
    let one = files::usable(files::sources(file, &bytes))?;
    if !matches!(one.as_slice(), [source] if bytes.ends_with(source.text.as_bytes())) {
        return Err(Failure::Failed(format!("{file}: only one plain #cloud-config can be tried")));
    }
    let loaded = files::in_place_of_state_file(file)?;
    let changes = dockos_config::diff(&files::in_force()?, &loaded);
    for change in &changes {
        println!("{change}");
    }
    if changes.is_empty() {
        println!("Nothing would change: the files with a higher rank say the same, or {file} does.");
        return Ok(0);
    }
    let seconds = options.seconds.unwrap_or(SECONDS);
    let record = Record::new(Which::Tried, loaded.sources(), &[]);
    println!("Applying; back in {seconds} s unless confirmed ...");
    let answer = ask(&Request::Try { record, seconds })?;
    tell(&answer)?;
    if !answer.problems.is_empty() {
        println!("It did not go well: going back.");
        return tell(&ask(&Request::Revert)?).map(|()| 1);
    }
    if options.no_wait || !files::is_interactive() {
        println!("`dockos config confirm` keeps it, `dockos config revert` goes back now.");
        return Ok(0);
    }
    ask_person(seconds)
}

/// Enter keeps it. Whoever cannot press it any more, for the network is gone, gets the old config back.
fn ask_person(seconds: u64) -> Result<u8, Failure> {
    print!("Press Enter within {seconds} s to keep it, Ctrl-C to let it go back by itself: ");
    let _ = std::io::stdout().flush();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        // Nobody listens any more only when the time is over.
        let _ = sender.send(read.is_ok_and(|bytes| bytes > 0));
    });
    match receiver.recv_timeout(Duration::from_secs(seconds)) {
        Ok(true) => confirm(),
        // End of input is no consent, and nobody is there to wait for.
        Ok(false) => revert().map(|_| 1),
        Err(_) => {
            println!("\nNot confirmed: the config before is in force again.");
            Ok(1)
        }
    }
}

/// Keeps what is tried.
pub(crate) fn confirm() -> Result<u8, Failure> {
    let answer = ask(&Request::Confirm)?;
    tell(&answer)?;
    if let Some(path) = &answer.kept_in {
        println!("Kept: {path}");
    }
    Ok(0)
}

/// Goes back now.
pub(crate) fn revert() -> Result<u8, Failure> {
    tell(&ask(&Request::Revert)?)?;
    println!("The config before is in force again.");
    Ok(0)
}

fn tell(answer: &Answer) -> Result<(), Failure> {
    if let Some(error) = &answer.error {
        return Err(Failure::Failed(error.clone()));
    }
    if !answer.changed.is_empty() {
        println!("Changed: {}", answer.changed.join(", "));
    }
    if !answer.at_boot.is_empty() {
        println!("At the next boot: {}", answer.at_boot.join(", "));
    }
    for problem in &answer.problems {
        eprintln!("dockos: {problem}");
    }
    Ok(())
}
