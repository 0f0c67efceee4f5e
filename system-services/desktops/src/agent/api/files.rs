//! Files of a desktop's home. Everything happens inside of the desktop as its user, so that the kernel confines it to what
//! the tenant may do, the quota included; here the bytes only pass through.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hyper::Response;
use hyper::header::HeaderValue;
use tokio::time::timeout;

use super::answer::{answer_of, json};
use super::body::Body;
use super::route::refuse;
use super::scripts::{self, argv};
use crate::agent::desktop::{Desktop, State};
use crate::agent::engine::Trouble;
use crate::agent::exec::{Ended, Exec};
use crate::agent::{Agent, spec};
use crate::told::{Entry, Kind, MORE, Refusal};

/// Entries of a folder that are listed.
const MOST_ENTRIES: usize = 2000;
/// How long a listing may take, with the wait for its turn.
const LISTING: Duration = Duration::from_secs(20);
/// The longest text that so many can be: a name has at most 255 bytes.
const MOST_LISTING: usize = (MOST_ENTRIES + 1) * 320;
/// What is answered, or why nothing is done.
pub(super) type Answered = Result<Response<Body>, Refusal>;

/// The engine is away, or would not.
pub(super) fn away(trouble: &Trouble) -> Refusal {
    refuse(503, "engine", trouble.to_string())
}

/// Starts one of the scripts in a desktop that runs.
pub(super) async fn run(
    agent: &Agent,
    desktop: &Desktop,
    argv: Vec<String>,
    input: bool,
) -> Result<Exec, Refusal> {
    if desktop.state() != State::Ready {
        let error =
            format!("desktop {} is {}: its files are reached while it runs", desktop.name, desktop.state());
        return Err(refuse(409, "stopped", error));
    }
    if !desktop.told().has_screen {
        return Err(refuse(
            409,
            "no-home",
            format!("desktop {} has no home: its image has no screen", desktop.name),
        ));
    }
    let started = Exec::start(&agent.engine, &spec::container(&desktop.name), argv, input).await;
    started.map_err(|trouble| away(&trouble))
}

/// A path as its reader knows it.
pub(super) fn shown(path: &str) -> &str {
    let shown = path.strip_prefix(spec::HOME).unwrap_or(path).trim_start_matches('/');
    if shown.is_empty() { "the home" } else { shown }
}

/// What an exit code means.
pub(super) fn explain(path: &str, ended: &Ended) -> Refusal {
    let shown = shown(path);
    let why = ended.complaints.lines().last().map(|line| format!(": {line}")).unwrap_or_default();
    let has = |text: &str| ended.complaints.contains(text);
    match ended.code {
        _ if has("No space left on device") || has("Disk quota exceeded") => {
            refuse(507, "full", format!("{shown}: the home is full; remove something first"))
        }
        _ if has("Permission denied") || has("Read-only file system") => {
            refuse(409, "denied", format!("{shown}: the tenant may not do that"))
        }
        scripts::NO_SUCH => refuse(404, "unknown", format!("{shown}: there is no such file or folder")),
        scripts::A_FOLDER => refuse(409, "folder", format!("{shown} is a folder")),
        scripts::CUT_OFF => refuse(400, "cut", format!("{shown}: not all of it came, so nothing was kept")),
        126 | 127 | 137 | -1 => refuse(
            503,
            "busy",
            format!("{shown}: the desktop can run nothing more now (too many processes?){why}"),
        ),
        code => refuse(409, "failed", format!("{shown}: it did not work (exit code {code}){why}")),
    }
}

/// A folder's entries, of one folder of a desktop at once: what lists them is the tenant's own program, which may take its
/// time, and must not take others' places with it.
pub(super) async fn list(agent: &Agent, desktop: &Desktop, path: String) -> Answered {
    let busy = |_| {
        let error =
            format!("folders of desktop {} are listed already, or it is slow; try again", desktop.name);
        refuse(503, "busy", error)
    };
    let listed = async {
        let _own = desktop.listing.lock().await;
        let _place = agent.listings.acquire().await;
        list_alone(agent, desktop, path).await
    };
    timeout(LISTING, listed).await.map_err(busy)?
}

async fn list_alone(agent: &Agent, desktop: &Desktop, path: String) -> Answered {
    let most = (MOST_ENTRIES + 1).to_string();
    let mut exec = run(agent, desktop, argv(scripts::LIST, &[&path, &most]), false).await?;
    let mut text = Vec::new();
    while let Some(bytes) = exec.next().await.map_err(|trouble| away(&trouble))? {
        text.extend_from_slice(&bytes);
        if text.len() > MOST_LISTING {
            return Err(refuse(409, "failed", "the desktop's own find or head does not do what it should"));
        }
    }
    let ended = exec.end().await.map_err(|trouble| away(&trouble))?;
    if ended.code != 0 {
        return Err(explain(&path, &ended));
    }
    let (entries, more) = entries(&text);
    drop(text);
    let mut answer = json(200, &entries);
    if more {
        answer.headers_mut().insert(MORE, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// Reads a listing; tells whether there is more than that. Names that are no text, which no address can have, are left
/// out, and so is what is neither file nor folder.
fn entries(text: &[u8]) -> (Vec<Entry>, bool) {
    let mut all = text.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    let mut entries: Vec<Entry> = all.by_ref().take(MOST_ENTRIES).filter_map(entry).collect();
    entries.sort_by(|a, b| (a.kind == Kind::File, &a.name).cmp(&(b.kind == Kind::File, &b.name)));
    (entries, all.next().is_some())
}

fn entry(text: &[u8]) -> Option<Entry> {
    let mut words = std::str::from_utf8(text).ok()?.splitn(4, ' ');
    let kind = match words.next()? {
        "f" => Kind::File,
        "d" => Kind::Folder,
        _ => return None,
    };
    let size = words.next()?.parse().ok()?;
    // A time as find has it: seconds with a fraction.
    let modified = words.next()?.split('.').next()?.parse().ok()?;
    let name = words.next().filter(|name| !name.is_empty() && !name.contains('/'))?;
    let partial = name.starts_with(scripts::PARTIAL);
    (!partial).then(|| Entry { name: name.to_owned(), kind, size, modified })
}

/// A file's bytes.
pub(super) async fn read(agent: &Agent, desktop: &Desktop, path: String) -> Answered {
    let mut exec = run(agent, desktop, argv(scripts::READ, &[&path]), false).await?;
    let mut head = Vec::new();
    let (size, rest) = loop {
        if let Some(found) = sized(&head) {
            break found;
        }
        match exec.next().await.map_err(|trouble| away(&trouble))? {
            Some(bytes) if head.len() < 64 => head.extend_from_slice(&bytes),
            _ => {
                let ended = exec.end().await.map_err(|trouble| away(&trouble))?;
                return Err(explain(&path, &ended));
            }
        }
    };
    let answer = stream::unfold((exec, Some(rest), size), |(mut exec, first, left)| async move {
        let chunk = match first {
            Some(first) if !first.is_empty() => first,
            _ if left == 0 => return None,
            _ => match exec.next().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => {
                    return Some((Err(std::io::Error::other("the file became shorter")), (exec, None, 0)));
                }
                Err(trouble) => {
                    return Some((Err(std::io::Error::other(trouble.to_string())), (exec, None, 0)));
                }
            },
        };
        // Never more than was said.
        let keep = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        Some((Ok(chunk.slice(..keep)), (exec, None, left - keep as u64)))
    });
    Ok(answer_of(200, "application/octet-stream", Body::Later(Box::pin(answer.fuse()), Some(size))))
}

/// The size on the first line, and what came after it.
fn sized(head: &[u8]) -> Option<(u64, Bytes)> {
    let end = head.iter().position(|byte| *byte == b'\n')?;
    let size = std::str::from_utf8(&head[..end]).ok()?.parse().ok()?;
    Some((size, Bytes::copy_from_slice(&head[end + 1..])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::agent::{LISTINGS, testing};

    #[tokio::test(start_paused = true)]
    async fn a_listing_waits_for_its_turn_and_not_for_ever() {
        use crate::agent::desktop::tests::wish;
        use crate::agent::kept::Intent;
        let work = async {
            let (_dir, agent, _) = testing::agent(testing::empty());
            let desktop = Desktop::new(wish("a", dockos_control::wanted::Course::default()), Intent::Running);
            let own = desktop.listing.lock().await;
            let refused = list(&agent, &desktop, spec::HOME.to_owned()).await.err().unwrap();
            assert_eq!((refused.status, refused.code.as_str()), (503, "busy"));
            drop(own);
            let all = agent.listings.acquire_many(u32::try_from(LISTINGS).unwrap()).await.unwrap();
            assert_eq!(list(&agent, &desktop, spec::HOME.to_owned()).await.err().unwrap().code, "busy");
            drop(all);
            assert_eq!(list(&agent, &desktop, spec::HOME.to_owned()).await.err().unwrap().code, "stopped");
        };
        tokio::task::LocalSet::new().run_until(work).await;
    }

    #[test]
    fn listings_are_read() {
        let text =
            b"f 12 1700000000.1234567890 b c.txt\0d 4096 -5.0 \xe4\xbd\xa0\0f 1 1.0 \xff\0p 0 1.0 pipe\0\
            f 0 1.0 .dockos-upload-abc\0l 9 1.0 dead\0f 3 1.0 a\nb\0";
        let (entries, more) = entries(text);
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["你", "a\nb", "b c.txt"], "folders first");
        assert_eq!((entries[0].modified, entries[2].size), (-5, 12));
        assert!(!more);
    }

    #[test]
    fn a_long_listing_says_that_there_is_more() {
        let text: String = (0..=MOST_ENTRIES).map(|i| format!("f 0 0.0 {i}\0")).collect();
        let (entries, more) = entries(text.as_bytes());
        assert_eq!((entries.len(), more), (MOST_ENTRIES, true));
    }

    #[test]
    fn ends_are_explained() {
        for (code, complaints, status, word) in [
            (23, "head: error writing 'standard output': No space left on device", 507, "full"),
            (23, "mktemp: failed to create file: Disk quota exceeded", 507, "full"),
            (22, "dockos: 5: cannot open /home/student/x: Permission denied", 409, "may not"),
            (20, "", 404, "no such"),
            (21, "", 409, "folder"),
            (24, "", 400, "not all"),
            (126, "OCI runtime exec failed", 503, "too many"),
            (1, "x\nodd", 409, "odd"),
        ] {
            let refusal = explain("/home/student/a/b", &Ended { code, complaints: complaints.to_owned() });
            assert_eq!(refusal.status, status, "{complaints}");
            assert!(refusal.error.contains(word) && refusal.error.starts_with("a/b"), "{}", refusal.error);
        }
    }

    #[test]
    fn the_size_comes_first() {
        assert_eq!(sized(b"12\nab"), Some((12, Bytes::from_static(b"ab"))));
        for head in [&b"12"[..], b"", b"x\n", b"-1\n", b"\n", b"\xff\n"] {
            assert_eq!(sized(head), None);
        }
    }

    proptest! {
        #[test]
        fn no_listing_does_harm(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (found, _) = entries(&text);
            prop_assert!(found.iter().all(|entry| !entry.name.is_empty() && !entry.name.contains('/')));
            let _ = sized(&text);
        }

        #[test]
        fn what_find_writes_is_read(name in "[^/\0]{1,40}", size in any::<u64>(), time in any::<i32>()) {
            let text = format!("f {size} {time}.5 {name}\0");
            let expected = Entry { name: name.clone(), kind: Kind::File, size, modified: i64::from(time) };
            let found = entries(text.as_bytes()).0;
            prop_assert_eq!(found, if name.starts_with(scripts::PARTIAL) { vec![] } else { vec![expected] });
        }
    }
}
