//! Files up and down: streamed between the browser and the agent, which reads and writes them as the tenant.

use std::time::Duration;

use http_body_util::Either;
use hyper::{Response, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::told::{Refusal, State};
use crate::web::access::Wish;
use crate::web::answer::{self, Answer};
use crate::web::body::{Lent, Paced};
use crate::web::desk;
use crate::web::form::Fields;
use crate::web::pages;
use crate::web::sessions::Who;
use crate::web::visit::Visit;
use crate::web::words::{Language, Word};

/// How long a listing waits for another one of the same user.
const IN_LINE: Duration = Duration::from_secs(10);
/// Bytes of a path.
const MOST_PATH: usize = 2048;
/// What stands as it is in a file's name (RFC 8187, attr-char).
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A path below the home; `None`: it may lead elsewhere. The agent looks at it again.
fn path(visit: &Visit) -> Option<String> {
    let fields = Fields::parse(visit.parts.uri.query().unwrap_or_default());
    let path = fields.get("path");
    let good = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_good = path.len() <= MOST_PATH && !path.contains('\0') && path.split('/').all(good);
    (path.is_empty() || is_good).then(|| path.to_owned())
}

fn target(name: &str, what: &str, path: &str) -> String {
    format!("/desktops/{name}/{what}?path={}", utf8_percent_encode(path, NON_ALPHANUMERIC))
}

/// Why the agent did nothing with a desktop, in the reader's language.
pub(super) fn words(language: Language, refusal: &Refusal) -> String {
    let word = match refusal.code.as_str() {
        "unknown" => Word::NoSuchDesktop,
        "memory" => Word::NoMemory,
        "full" => Word::DiskFull,
        "engine" | "away" => Word::Away,
        "busy" => Word::DesktopBusy,
        "course" => Word::NoCourse,
        "deleted" => Word::BeingDeleted,
        "stopped" => Word::FilesOff,
        "no-home" => Word::NoHome,
        "long" => Word::FileTooLong,
        "path" | "text" => Word::BadPath,
        "denied" => Word::FileDenied,
        "folder" => Word::FileIsFolder,
        "cut" => Word::CutOff,
        _ => return Word::NotDone.with(language, &[&refusal.error]),
    };
    word.in_language(language).to_owned()
}

/// The same of a file.
fn words_of_file(language: Language, refusal: &Refusal) -> String {
    match refusal.code.as_str() {
        "no-room" => no_room(language, &refusal.values),
        "full" => Word::HomeFull.in_language(language).to_owned(),
        "unknown" => Word::NoSuchFile.in_language(language).to_owned(),
        _ => words(language, refusal),
    }
}

fn refused(visit: &Visit, refusal: &Refusal) -> (StatusCode, String) {
    (desk::status_of(refusal), words_of_file(visit.language, refusal))
}

/// There is room in the home, and a file is larger: by how much.
fn no_room(language: Language, values: &[String]) -> String {
    let sizes: Option<Vec<String>> = values.iter().map(|bytes| bytes.parse().ok().map(pages::size)).collect();
    match sizes.as_deref() {
        Some([size, free]) => Word::NoRoom.with(language, &[size, free]),
        _ => Word::HomeFull.in_language(language).to_owned(),
    }
}

fn bad(visit: &Visit) -> Answer {
    desk::notice(visit, StatusCode::BAD_REQUEST, Word::BadRequest.in_language(visit.language))
}

/// `GET /desktops/NAME/files`; with `part`, the listing alone; with `from`, what comes after so many.
pub(super) async fn list(visit: &Visit, who: &Who, name: &str) -> Answer {
    let desktop = match desk::find(visit, who, name, Wish::Files).await {
        Ok(desktop) => desktop,
        Err(answer) => return *answer,
    };
    let Some(path) = path(visit) else { return bad(visit) };
    let Some(place) = visit.site.listings.wait(&who.name, IN_LINE).await else { return busy(visit) };
    let folder = if desktop.state == State::Ready {
        let asked = visit.site.agent.folder(&target(name, "files", &path)).await;
        asked.map_err(|refusal| refused(visit, &refusal))
    } else {
        Err((StatusCode::CONFLICT, Word::FilesOff.in_language(visit.language).to_owned()))
    };
    let status = folder.as_ref().err().map_or(StatusCode::OK, |(status, _)| *status);
    let query = Fields::parse(visit.parts.uri.query().unwrap_or_default());
    let from = query.get("from").parse().unwrap_or(0);
    let listing = pages::listing(visit.language, name, &path, from, folder.map_err(|(_, why)| why));
    let page =
        if query.has("part") { listing } else { pages::files(visit.language, who, &desktop, &listing) };
    let mut answer = answer::page(status, page);
    answer::hold(&mut answer, place);
    answer
}

/// `GET /desktops/NAME/file`
pub(super) async fn download(visit: &Visit, who: &Who, name: &str) -> Answer {
    if let Err(answer) = desk::find(visit, who, name, Wish::Files).await {
        return *answer;
    }
    let Some(path) = path(visit).filter(|path| !path.is_empty()) else { return bad(visit) };
    let Some(place) = visit.site.transfers.enter(&who.name) else { return busy(visit) };
    match visit.site.agent.file(&target(name, "file", &path)).await {
        Ok(file) => {
            let length = file.headers().get(header::CONTENT_LENGTH).cloned();
            let mut answer = Response::new(Either::Right(Paced::new(file.into_body(), Some(place))));
            if let Some(length) = length {
                answer.headers_mut().insert(header::CONTENT_LENGTH, length);
            }
            answer::secure(&mut answer);
            // Whatever it is, it is saved and never shown as a page of this server.
            answer::set(&mut answer, header::CONTENT_TYPE, "application/octet-stream");
            answer::set(&mut answer, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
            answer::set(&mut answer, header::CACHE_CONTROL, "no-store");
            answer::set(&mut answer, header::CONTENT_DISPOSITION, &disposition(&path));
            answer
        }
        Err(refusal) => {
            let (status, why) = refused(visit, &refusal);
            desk::notice(visit, status, &why)
        }
    }
}

fn disposition(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ATTR_CHAR))
}

fn busy(visit: &Visit) -> Answer {
    desk::notice(visit, StatusCode::TOO_MANY_REQUESTS, Word::TransferBusy.in_language(visit.language))
}

/// `GET /desktops/NAME/room`: whether a file of `size` bytes can be put. A browser asks before it sends a large one: it looks
/// for no answer while it sends.
pub(super) async fn room(visit: &Visit, who: &Who, name: &str) -> Answer {
    if let Err(answer) = desk::find(visit, who, name, Wish::Files).await {
        return *answer;
    }
    let query = Fields::parse(visit.parts.uri.query().unwrap_or_default());
    let (path, size) = (path(visit).filter(|path| !path.is_empty()), query.get("size").parse::<u64>());
    let (Some(path), Ok(size)) = (path, size) else { return bad(visit) };
    let Some(_place) = visit.site.transfers.enter(&who.name) else { return busy(visit) };
    let target = format!("{}&size={size}", target(name, "room", &path));
    match visit.site.agent.room(&target).await {
        Ok(()) => answer::line(StatusCode::OK, ""),
        Err(refusal) => {
            let (status, why) = refused(visit, &refusal);
            answer::line(status, &why)
        }
    }
}

/// `PUT /desktops/NAME/file`: as large as the home has room.
pub(super) async fn upload(visit: &Visit, who: &Who, name: &str, body: Lent) -> Answer {
    if !visit.has_token("") {
        return answer::line(StatusCode::FORBIDDEN, Word::Refused.in_language(visit.language));
    }
    if let Err(answer) = desk::find(visit, who, name, Wish::Files).await {
        return *answer;
    }
    let Some(path) = path(visit).filter(|path| !path.is_empty()) else { return bad(visit) };
    let Some(place) = visit.site.transfers.enter(&who.name) else { return busy(visit) };
    match visit.site.agent.put(&target(name, "file", &path), Paced::new(body, Some(place))).await {
        Ok(()) => answer::line(StatusCode::CREATED, Word::Uploaded.in_language(visit.language)),
        Err(refusal) => {
            let (status, why) = refused(visit, &refusal);
            answer::line(status, &why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_in_the_readers_language() {
        let refusal = |code: &str, values: &[&str]| Refusal {
            status: 409,
            error: "odd".to_owned(),
            code: code.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        for (code, values, of_desktop, of_file) in [
            ("memory", &[][..], "内存不足", "内存不足"),
            ("full", &[], "主机磁盘", "主文件夹空间已满"),
            ("no-room", &["3000000000", "5"], "操作未成功：odd", "文件大小为 3.0 GB，剩余空间为 5 B"),
            ("no-room", &["x"], "odd", "主文件夹空间已满"),
            ("unknown", &[], "没有这个桌面", "没有此文件"),
            ("failed", &[], "操作未成功：odd", "操作未成功：odd"),
        ] {
            let refusal = refusal(code, values);
            let said = [words(Language::Chinese, &refusal), words_of_file(Language::Chinese, &refusal)];
            assert!(said[0].contains(of_desktop) && said[1].contains(of_file), "{code}: {said:?}");
        }
        assert_eq!(words(Language::English, &refusal("x", &[])), "That did not work: odd");
    }

    #[test]
    fn names_of_files_are_given_in_both_ways() {
        assert_eq!(
            disposition("作业/第 1 题\".c"),
            "attachment; filename=\"__1___.c\"; filename*=UTF-8''%E7%AC%AC%201%20%E9%A2%98%22.c"
        );
    }
}
