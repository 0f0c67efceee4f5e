//! Files that are put into a desktop's home: none of what does not fit is taken, and what is cut off is not kept.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use tokio::time::timeout;

use super::answer::json;
use super::files::{Answered, away, explain, run, shown};
use super::route::refuse;
use super::scripts::{self, argv};
use crate::agent::desktop::Desktop;
use crate::agent::exec::{Ended, Exec};
use crate::agent::{Agent, spec};
use crate::told::Refusal;

/// The largest file that can be put.
const MOST_FILE: u64 = 64 << 30;
/// Bytes that a script may say before it takes a file.
const MOST_SAID: usize = 64;
/// How long who sends a file may send nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a file may take to its disk: what memory holds of it, at a course's limit of 1 MB/s.
const FLUSH: Duration = Duration::from_secs(3600);
/// What is still sent of a file that was refused is taken for so long: who sends first hears afterwards.
const FAREWELL: Duration = Duration::from_secs(2);

/// Puts a file.
pub(super) async fn write(
    agent: &Agent,
    desktop: &Desktop,
    path: String,
    request: Request<Incoming>,
) -> Answered {
    let size = request.headers().get(CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse::<u64>().ok());
    let size = size.ok_or_else(|| refuse(411, "length", "say how long the file is (Content-Length)"))?;
    let mut exec = run(agent, desktop, writing(&path, size, "take")?, true).await?;
    let mut said = Vec::new();
    // Nothing of it is taken before the desktop does: who waits to be asked (`Expect: 100-continue`) hears why not at once.
    if !is_taken(&mut exec, &mut said).await? {
        let ended = exec.end().await.map_err(|trouble| away(&trouble))?;
        return Err(why_not(&path, size, &ended, &said));
    }
    let mut body = request.into_body();
    let passed = pass_on(&mut body, &mut exec).await;
    let ended = match passed {
        // Its end is the script's sign that not all came.
        Err(refusal) => {
            let _ = exec.end().await;
            return Err(refusal);
        }
        Ok(()) => exec.end_within(FLUSH).await.map_err(|trouble| away(&trouble))?,
    };
    if ended.code == 0 {
        return Ok(json(200, &serde_json::json!({ "size": size })));
    }
    let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = body.frame().await {} }).await;
    Err(explain(&path, &ended))
}

/// Whether a file can be put: asked by who will hear nothing while it sends one.
pub(super) async fn room(agent: &Agent, desktop: &Desktop, path: &str, size: u64) -> Answered {
    let mut exec = run(agent, desktop, writing(path, size, "ask")?, false).await?;
    let mut said = Vec::new();
    is_taken(&mut exec, &mut said).await?;
    let ended = exec.end().await.map_err(|trouble| away(&trouble))?;
    if ended.code == 0 {
        Ok(json(200, &serde_json::json!({})))
    } else {
        Err(why_not(path, size, &ended, &said))
    }
}

/// The words that write a file.
fn writing(path: &str, size: u64, verb: &str) -> Result<Vec<String>, Refusal> {
    if size > MOST_FILE {
        return Err(refuse(413, "long", format!("a file of more than {} GB is not taken", MOST_FILE >> 30)));
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or((spec::HOME, path));
    Ok(argv(scripts::WRITE, &[folder, name, &size.to_string(), verb]))
}

/// Whether a script takes a file. Until then it says why not, to its end.
async fn is_taken(exec: &mut Exec, said: &mut Vec<u8>) -> Result<bool, Refusal> {
    while *said != scripts::GO {
        match exec.next().await.map_err(|trouble| away(&trouble))? {
            Some(bytes) if said.len() < MOST_SAID => said.extend_from_slice(&bytes),
            Some(_) => {
                return Err(refuse(409, "failed", "the desktop's own shell does not do what it should"));
            }
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Why a file cannot be put.
fn why_not(path: &str, size: u64, ended: &Ended, said: &[u8]) -> Refusal {
    let free = std::str::from_utf8(said).ok().and_then(|text| text.trim().parse::<u64>().ok());
    match free {
        Some(free) if ended.code == scripts::NO_ROOM => {
            let (needed, left) = (size.div_ceil(1 << 20), free >> 20);
            let error = format!(
                "{}: it has {needed} MB, and the home has room for {left} MB; remove something first",
                shown(path)
            );
            Refusal { values: vec![size.to_string(), free.to_string()], ..refuse(507, "no-room", error) }
        }
        _ => explain(path, ended),
    }
}

/// Hands the bytes of a request to a program, as fast as it takes them.
async fn pass_on(body: &mut Incoming, exec: &mut Exec) -> Result<(), Refusal> {
    loop {
        let frame = timeout(SILENCE, body.frame()).await;
        let slow =
            |_| refuse(400, "cut", format!("nothing came for {} s, so nothing was kept", SILENCE.as_secs()));
        let Some(frame) = frame.map_err(slow)? else { return Ok(()) };
        let cut = |error: hyper::Error| {
            refuse(400, "cut", format!("not all of it came, so nothing was kept: {error}"))
        };
        let Ok(bytes) = frame.map_err(cut)?.into_data() else { continue };
        if !exec.give(&bytes).await.map_err(|trouble| away(&trouble))? {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said_with_both_figures() {
        let ended = |code| Ended { code, complaints: String::new() };
        let refusal = why_not("/home/student/a", 3 << 30, &ended(scripts::NO_ROOM), b"65011712\n");
        assert_eq!((refusal.status, refusal.code.as_str()), (507, "no-room"));
        assert_eq!(refusal.values, ["3221225472", "65011712"]);
        assert!(refusal.error.contains("3072 MB") && refusal.error.contains("62 MB"), "{}", refusal.error);
        for said in [&b""[..], b"x", b"-1\n", b"\xff"] {
            assert_eq!(why_not("/home/student/a", 1, &ended(scripts::NO_ROOM), said).code, "failed");
        }
        assert_eq!(why_not("/home/student/a", 1, &ended(scripts::A_FOLDER), b"5\n").code, "folder");
    }
}
