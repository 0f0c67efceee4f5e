//! What Butane and Ignition put into the filesystem.

use super::butane::{field, word};
use super::tree::{self, entries, items, list, map, place, scalar, text};
use super::{Import, data_url, files};
use crate::value::quoted;
use crate::yaml::{Entry, Mark, Node};

/// What a file holds.
enum Content {
    Text(String),
    /// Bytes, and how they are encoded.
    Packed(String, &'static str),
}

pub(super) fn files(import: &mut Import, entry: &Entry) {
    let mut out = Vec::new();
    for file in items(&entry.value) {
        one_file(import, file, &mut out);
    }
    if !out.is_empty() {
        import.take("write_files", &list(entry.value.mark, out));
    }
}

/// Fields of a file that are read, or say nothing here: a file is always written anew.
const READ: [&str; 8] = ["path", "contents", "mode", "user", "group", "append", "overwrite", "filesystem"];

fn one_file(import: &mut Import, file: &Node, out: &mut Vec<Node>) {
    let Some(path) = field(file, "path") else {
        return import.leave(file.mark, "a file without a path is not taken over", "give it a `path`");
    };
    for entry in entries(file).iter().filter(|entry| !READ.iter().any(|key| entry.key == *key)) {
        import.unknown_of(entry, &READ);
    }
    let appended = field(file, "append").map(items).unwrap_or_default();
    let contents = field(file, "contents");
    if contents.is_some() || appended.is_empty() {
        let content =
            contents.map_or(Some(Content::Text(String::new())), |contents| content(import, contents, path));
        out.extend(content.and_then(|content| written(import, file, path, content, false)));
    }
    for contents in appended {
        let content = content(import, contents, path);
        out.extend(content.and_then(|content| written(import, file, path, content, true)));
    }
}

/// A file as `write_files` has it, unless its content is a key of its own here.
fn written(import: &mut Import, file: &Node, path: &Node, content: Content, append: bool) -> Option<Node> {
    let place_of = scalar(path).unwrap_or_default();
    if let Content::Text(text) = &content
        && is_a_key(import, place_of, text, path.mark)
    {
        return None;
    }
    files::look_at_path(import, place_of, path.mark);
    let mut out = map(file.mark);
    place(&mut out, "path", path.clone());
    if let Some(mode) = field(file, "mode") {
        place(&mut out, "permissions", text(mode.mark, octal(mode)));
    }
    if let Some(owner) = owner(file) {
        place(&mut out, "owner", owner);
    }
    if append {
        place(&mut out, "append", text(file.mark, "true"));
    }
    match content {
        Content::Text(content) => place(&mut out, "content", text(file.mark, content)),
        Content::Packed(content, encoding) => {
            place(&mut out, "encoding", text(file.mark, encoding));
            place(&mut out, "content", text(file.mark, content));
        }
    }
    Some(out)
}

/// What a file holds; `None` is said.
fn content(import: &mut Import, contents: &Node, path: &Node) -> Option<Content> {
    if let Some(inline) = word(contents, "inline") {
        return Some(Content::Text(inline.to_owned()));
    }
    let shown = path.describe();
    if let Some(local) = field(contents, "local") {
        let message = format!("{shown} is not taken over: its content is in another file");
        import.leave(
            local.mark,
            message,
            "write it here as `contents: {inline: ...}`, or import the Ignition made of it",
        );
        return None;
    }
    let remote = field(contents, "remote").unwrap_or(contents);
    let Some(source) = word(remote, "source").or_else(|| word(remote, "url")) else {
        return Some(Content::Text(String::new()));
    };
    if source.is_empty() {
        return Some(Content::Text(String::new()));
    }
    let mark = contents.mark;
    let Some(bytes) = data_url::decode(source) else {
        let data = source.starts_with("data:");
        let why = if data { "its `data:` address cannot be read" } else { "files are not fetched" };
        let instead = if data { "correct it" } else { "write its content here, or fetch it in `runcmd`" };
        import.leave(mark, format!("{shown} is not taken over: {why}"), instead);
        return None;
    };
    match word(contents, "compression").unwrap_or_default() {
        "" => Some(plain(bytes)),
        "gzip" => Some(Content::Packed(data_url::encode(&bytes), "gz+b64")),
        other => {
            let message =
                format!("{shown} is not taken over: the compression {} is not known", quoted(other));
            import.leave(mark, message, "give it without, or with gzip");
            None
        }
    }
}

/// Text as it is; base64 of all else.
fn plain(bytes: Vec<u8>) -> Content {
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Content::Text(text),
        Ok(text) => Content::Packed(data_url::encode(text.as_bytes()), "b64"),
        Err(error) => Content::Packed(data_url::encode(error.as_bytes()), "b64"),
    }
}

/// Files that are a key here.
fn is_a_key(import: &mut Import, path: &str, content: &str, mark: Mark) -> bool {
    let lines =
        content.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    if path == "/etc/hostname" {
        let name = text(mark, content.trim());
        files::hostname(import, &Entry { key: "hostname".to_owned(), mark, value: name });
    } else if path.starts_with("/etc/sysctl.d/") && super::rows::known("dockos.sysctl") {
        let mut sysctl = map(mark);
        for (key, value) in lines.filter_map(|line| line.split_once('=')) {
            place(&mut sysctl, key.trim(), text(mark, value.trim()));
        }
        import.take("dockos.sysctl", &sysctl);
    } else if path.starts_with("/etc/modules-load.d/") && super::rows::known("dockos.modules") {
        let modules = lines.map(|line| text(mark, line)).collect();
        import.take("dockos.modules", &list(mark, modules));
    } else {
        return false;
    }
    true
}

/// Permissions: octal with a zero before it in Butane, decimal in Ignition.
fn octal(mode: &Node) -> String {
    let text = scalar(mode).unwrap_or_default();
    let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix('0').filter(|rest| !rest.is_empty()));
    let bits = match digits {
        Some(digits) => u32::from_str_radix(digits, 8),
        None => text.parse::<u32>(),
    };
    bits.map_or_else(|_| text.to_owned(), |bits| format!("{bits:04o}"))
}

/// `USER:GROUP` of names or numbers.
fn owner(node: &Node) -> Option<Node> {
    let part = |key: &str| -> Option<&str> {
        let who = field(node, key)?;
        word(who, "name").or_else(|| word(who, "id"))
    };
    let (user, group) = (part("user"), part("group"));
    let mark = field(node, "user").or_else(|| field(node, "group"))?.mark;
    let owner = match (user, group) {
        (Some(user), Some(group)) => format!("{user}:{group}"),
        (Some(user), None) => user.to_owned(),
        (None, Some(group)) => format!("root:{group}"),
        (None, None) => return None,
    };
    Some(text(mark, owner))
}

/// Folders, made at each boot.
pub(super) fn directories(import: &mut Import, entry: &Entry) {
    for folder in items(&entry.value) {
        let Some(path) = good_path(import, folder) else { continue };
        let mode = field(folder, "mode").map_or_else(|| "0755".to_owned(), octal);
        let mut argv = vec!["install".to_owned(), "-d".to_owned(), "-m".to_owned(), mode];
        if let Some(owner) = owner(folder).as_ref().and_then(scalar) {
            let (user, group) = owner.split_once(':').unwrap_or((owner, ""));
            argv.extend(["-o".to_owned(), user.to_owned()]);
            if !group.is_empty() {
                argv.extend(["-g".to_owned(), group.to_owned()]);
            }
        }
        argv.push(path);
        command(import, folder.mark, argv);
    }
}

/// Links, made at each boot.
pub(super) fn links(import: &mut Import, entry: &Entry) {
    for link in items(&entry.value) {
        let Some(path) = good_path(import, link) else { continue };
        let target = word(link, "target").unwrap_or_default();
        if path == "/etc/localtime" && super::rows::known("timezone") {
            let zone = target.split_once("zoneinfo/").map_or(target, |(_, zone)| zone);
            import.take("timezone", &text(link.mark, zone));
            continue;
        }
        let how = if field(link, "hard").is_some_and(tree::yes) { "-fn" } else { "-sfn" };
        command(import, link.mark, vec!["ln".to_owned(), how.to_owned(), target.to_owned(), path]);
    }
}

/// The path of a folder or link that can be made here.
fn good_path(import: &mut Import, node: &Node) -> Option<String> {
    let path = word(node, "path").unwrap_or_default();
    let why = if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
        "it is no path from the root"
    } else if path.starts_with("/etc/systemd/") {
        "DockOS has no systemd"
    } else if path.starts_with("/usr/") {
        "the root image is read-only"
    } else {
        return Some(path.to_owned());
    };
    import.leave(
        node.mark,
        format!("{} is not taken over: {why}", quoted(path)),
        "leave it out, or choose another path",
    );
    None
}

fn command(import: &mut Import, mark: Mark, argv: Vec<String>) {
    // A line reads better than a list, if its words mean to a shell what they are.
    let plain = |word: &String| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-:@+".contains(c))
    };
    let command = if argv.iter().all(plain) {
        text(mark, argv.join(" "))
    } else {
        list(mark, argv.into_iter().map(|word| text(mark, word)).collect())
    };
    import.take("bootcmd", &list(mark, vec![command]));
}

/// Certificates that are in the file itself.
pub(super) fn authorities(import: &mut Import, entry: &Entry) {
    for authority in items(&entry.value) {
        let given = field(authority, "source").unwrap_or(authority);
        let path = text(authority.mark, "the authority");
        match content(import, authority, &path) {
            Some(Content::Text(pem)) if !pem.is_empty() => {
                import.take("ca_certs.trusted", &list(given.mark, vec![text(given.mark, pem)]));
            }
            Some(_) => {
                import.leave(given.mark, "an authority that is no text is not taken over", "give it as PEM")
            }
            None => {}
        }
    }
}
