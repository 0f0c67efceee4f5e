//! What is asked for, from a request's method, path and query: nothing is looked at that does not parse whole.

use dockos_config::Name;
use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::told::Refusal;

/// The home of a desktop's user.
const HOME: &str = "/home/student";
/// Bytes of a path, and of a name in it, that Linux takes.
const MOST_PATH: usize = 4095 - HOME.len() - 1;
const MOST_NAME: usize = 255;
/// Lines of a log.
const LINES: usize = 100;
const MOST_LINES: usize = 10_000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// All desktops.
    List,
    /// One more.
    Create,
    /// One desktop.
    Show(String),
    /// It has to go.
    Delete(String),
    /// It has to run.
    Start(String),
    /// It has to end.
    Stop(String),
    /// It is made anew.
    Reset(String),
    /// How many look at it.
    Viewed(String),
    /// What it wrote: so many lines, and those that come.
    Logs(String, usize, bool),
    /// A folder of its home.
    Files(String, String),
    /// A file of its home.
    Read(String, String),
    /// Whether a file of so many bytes can be put there.
    Room(String, String, u64),
    /// A file that is put there.
    Write(String, String),
}

/// A refusal with HTTP's number, a word and a sentence.
pub(super) fn refuse(status: u16, code: &str, error: impl Into<String>) -> Refusal {
    Refusal { status, code: code.to_owned(), error: error.into(), values: Vec::new() }
}

/// Reads a request.
pub(super) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Route, Refusal> {
    let unknown = || refuse(404, "unknown", format!("there is no {path}"));
    let rest = path.strip_prefix("/desktops").ok_or_else(unknown)?;
    if rest.is_empty() || rest == "/" {
        return match *method {
            Method::GET => Ok(Route::List),
            Method::POST => Ok(Route::Create),
            _ => Err(wrong(method)),
        };
    }
    let rest = rest.strip_prefix('/').ok_or_else(unknown)?;
    let (name, verb) = rest.split_once('/').unwrap_or((rest, ""));
    let name = name_of(&decoded(name)?)?;
    match (method.as_str(), verb) {
        ("GET", "") => Ok(Route::Show(name)),
        ("DELETE", "") => Ok(Route::Delete(name)),
        ("POST", "start") => Ok(Route::Start(name)),
        ("POST", "stop") => Ok(Route::Stop(name)),
        ("POST", "reset") => Ok(Route::Reset(name)),
        ("POST", "viewed") => Ok(Route::Viewed(name)),
        ("GET", "logs") => {
            let follow = value(query, "follow")?.is_some_and(|word| word == "1");
            Ok(Route::Logs(name, lines(query)?, follow))
        }
        ("GET", "files") => {
            let folder = value(query, "path")?.unwrap_or_default();
            Ok(Route::Files(name, home_path(&folder)?))
        }
        ("GET", "file") => Ok(Route::Read(name, file(query)?)),
        ("GET", "room") => Ok(Route::Room(name, file(query)?, size(query)?)),
        ("PUT", "file") => Ok(Route::Write(name, file(query)?)),
        (_, "" | "start" | "stop" | "reset" | "viewed" | "logs" | "files" | "file" | "room") => {
            Err(wrong(method))
        }
        _ => Err(unknown()),
    }
}

fn wrong(method: &Method) -> Refusal {
    refuse(405, "method", format!("{method} cannot be done here"))
}

/// A name that can be a desktop's or a tenant's.
pub(super) fn name_of(text: &str) -> Result<String, Refusal> {
    let name: Result<Name, _> = text.parse();
    name.map(|name| name.to_string()).map_err(|error| refuse(400, "name", shown(&error.to_string())))
}

fn lines(query: Option<&str>) -> Result<usize, Refusal> {
    let Some(text) = value(query, "tail")? else { return Ok(LINES) };
    let number = text.parse::<usize>().map_err(|_| refuse(400, "tail", "tail: give a number of lines"));
    number.map(|number| number.min(MOST_LINES))
}

fn size(query: Option<&str>) -> Result<u64, Refusal> {
    let size = value(query, "size")?.and_then(|text| text.parse().ok());
    size.ok_or_else(|| refuse(400, "size", "size: give a number of bytes"))
}

fn file(query: Option<&str>) -> Result<String, Refusal> {
    let path = value(query, "path")?.unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.is_empty() || last == "." {
        return Err(refuse(400, "path", "path: give a file of the home, such as Documents/a.txt"));
    }
    home_path(&path)
}

/// A path below the home, as the desktop sees it. What leads out of it by its words is refused here; what leads out of
/// it by links is the kernel's to decide, as the tenant may go there or not.
fn home_path(path: &str) -> Result<String, Refusal> {
    let bad = |why: &str| Err(refuse(400, "path", format!("`{}`: {why}", shown(path))));
    if path.starts_with('/') {
        return bad("give a path below the home, without a `/` at the beginning");
    }
    if path.contains('\0') {
        return bad("a path has no NUL in it");
    }
    if path.len() > MOST_PATH || path.split('/').any(|part| part.len() > MOST_NAME) {
        return bad("the path is too long");
    }
    if path.split('/').any(|part| part == "..") {
        return bad("`..` leads out of the home");
    }
    Ok(if path.is_empty() { HOME.to_owned() } else { format!("{HOME}/{path}") })
}

/// A text as it can be shown: not endless, and without control characters.
fn shown(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The first value of a name in a query.
fn value(query: Option<&str>, name: &str) -> Result<Option<String>, Refusal> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.into_iter().find(|(key, _)| *key == name);
    found.map(|(_, value)| decoded(value)).transpose()
}

fn decoded(text: &str) -> Result<String, Refusal> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| refuse(400, "text", format!("`{}`: not UTF-8", shown(text))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(path: &str, query: Option<&str>) -> Result<Route, Refusal> {
        parse(&Method::GET, path, query)
    }

    #[test]
    fn requests_are_understood() {
        let a = || "a-c".to_owned();
        for (method, path, query, meant) in [
            (Method::GET, "/desktops", None, Route::List),
            (Method::POST, "/desktops", None, Route::Create),
            (Method::GET, "/desktops/a-c", None, Route::Show(a())),
            (Method::DELETE, "/desktops/a-c", None, Route::Delete(a())),
            (Method::POST, "/desktops/a-c/start", None, Route::Start(a())),
            (Method::GET, "/desktops/a-c/logs", None, Route::Logs(a(), 100, false)),
            (Method::GET, "/desktops/a-c/logs", Some("follow=1&tail=5"), Route::Logs(a(), 5, true)),
            (Method::GET, "/desktops/a-c/logs", Some("tail=99999999"), Route::Logs(a(), 10_000, false)),
            (Method::GET, "/desktops/a-c/files", None, Route::Files(a(), HOME.to_owned())),
            (
                Method::GET,
                "/desktops/%61-c/files",
                Some("path=x%2Fy"),
                Route::Files(a(), format!("{HOME}/x/y")),
            ),
            (
                Method::PUT,
                "/desktops/a-c/file",
                Some("path=%E4%BD%A0%20a"),
                Route::Write(a(), format!("{HOME}/你 a")),
            ),
            (
                Method::GET,
                "/desktops/a-c/room",
                Some("path=a&size=5"),
                Route::Room(a(), format!("{HOME}/a"), 5),
            ),
            (Method::GET, "/desktops/a-c/file", Some("path=..a"), Route::Read(a(), format!("{HOME}/..a"))),
        ] {
            assert_eq!(parse(&method, path, query), Ok(meant), "{method} {path}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (path, query, status) in [
            ("/", None, 404),
            ("/desktopsx", None, 404),
            ("/desktops/a/fly", None, 404),
            ("/desktops/a/start", None, 405),
            ("/desktops/A", None, 400),
            ("/desktops/..", None, 400),
            ("/desktops/%ff", None, 400),
            ("/desktops/a%2Fb", None, 400),
            ("/desktops/a/logs", Some("tail=-1"), 400),
            ("/desktops/a/files", Some("path=/etc"), 400),
            ("/desktops/a/files", Some("path=a/../../b"), 400),
            ("/desktops/a/files", Some("path=%2e%2e"), 400),
            ("/desktops/a/files", Some("path=%00"), 400),
            ("/desktops/a/files", Some("path=%ff"), 400),
            ("/desktops/a/file", None, 400),
            ("/desktops/a/file", Some("path=a/"), 400),
            ("/desktops/a/room", Some("path=a"), 400),
            ("/desktops/a/room", Some("path=a&size=-1"), 400),
        ] {
            assert_eq!(get(path, query).unwrap_err().status, status, "{path} {query:?}");
        }
        let long = format!("path={}", "a".repeat(256));
        assert_eq!(get("/desktops/a/file", Some(&long)).unwrap_err().code, "path");
    }

    proptest! {
        #[test]
        fn no_path_leaves_the_home(path in ".{0,40}|([./%2e]|%2F|%00|a){0,20}", name in "[a-z%./]{0,8}") {
            let query = format!("size=1&path={path}");
            for (method, verb) in
                [(Method::GET, "files"), (Method::GET, "file"), (Method::GET, "room"), (Method::PUT, "file")]
            {
                let parsed = parse(&method, &format!("/desktops/{name}/{verb}"), Some(&query));
                if let Ok(
                    Route::Files(name, path)
                    | Route::Read(name, path)
                    | Route::Room(name, path, _)
                    | Route::Write(name, path),
                ) = parsed
                {
                    prop_assert!(path == HOME || path.starts_with("/home/student/"));
                    prop_assert!(!path.contains('\0') && path.split('/').all(|part| part != ".."));
                    prop_assert!(name.parse::<Name>().is_ok());
                }
            }
        }

        #[test]
        fn whatever_is_asked_is_answered(path in "(/desktops)?.{0,60}", query in proptest::option::of(".{0,60}")) {
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::HEAD] {
                let _ = parse(&method, &path, query.as_deref());
            }
        }
    }
}
