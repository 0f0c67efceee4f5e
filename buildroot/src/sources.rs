//! Where packages come from: the mirror in the build machine's own apt sources, or `DOCKOS_MIRROR`.

use std::{env, fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::util::files_below;

/// The archive's and the security archive's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// Holds `dists/SUITE` and `dists/SUITE-updates`.
    pub(crate) archive: String,
    /// Holds `dists/SUITE-security`; a dated snapshot of the archive alone may lack it.
    pub(crate) security: Option<String>,
}

impl Mirror {
    /// From `DOCKOS_MIRROR` and `DOCKOS_SECURITY_MIRROR`, else from /etc/apt.
    pub(crate) fn find() -> Result<Self> {
        let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
        if let Some(archive) = set("DOCKOS_MIRROR") {
            let security =
                set("DOCKOS_SECURITY_MIRROR").or_else(|| sibling(&archive)).filter(|uri| uri != "none");
            return Ok(Self { archive, security });
        }
        Self::from_uris(&machine_uris(Path::new("/etc/apt"))?)
    }

    /// Picks the Debian archives out of all the addresses that a machine's apt uses.
    fn from_uris(uris: &[String]) -> Result<Self> {
        let ends = |uri: &&String, name: &str| path_words(uri).any(|word| word == name);
        let Some(archive) = uris.iter().find(|uri| ends(uri, "debian")) else {
            bail!(
                "this machine's apt sources name no Debian mirror; \
                 set DOCKOS_MIRROR to the address of one, such as http://MIRROR/debian"
            );
        };
        let security = uris.iter().find(|uri| ends(uri, "debian-security")).cloned();
        Ok(Self { archive: archive.clone(), security: security.or_else(|| sibling(archive)) })
    }

    /// The archive's host, unless it is one of Debian's own, which everybody names.
    pub(crate) fn private_host(&self) -> Option<&str> {
        let host = self.archive.split_once("://")?.1.split(['/', ':']).next()?;
        (!host.is_empty() && host != "debian.org" && !host.ends_with(".debian.org")).then_some(host)
    }

    /// Whether this is a dated snapshot, whose signatures have run out by design.
    pub(crate) fn is_snapshot(&self) -> bool {
        env::var_os("DOCKOS_SNAPSHOT").is_some() || path_words(&self.archive).any(is_timestamp)
    }
}

/// Mirrors keep `debian-security` beside `debian`.
fn sibling(archive: &str) -> Option<String> {
    let mut words: Vec<_> = archive.trim_end_matches('/').split('/').collect();
    let name = words.iter_mut().rev().find(|word| **word == "debian")?;
    *name = "debian-security";
    Some(words.join("/"))
}

fn path_words(uri: &str) -> impl Iterator<Item = &str> {
    uri.split_once("://").map_or("", |(_, rest)| rest).split('/').skip(1).filter(|word| !word.is_empty())
}

/// `20250520T000000Z`, as snapshot archives name their dates.
fn is_timestamp(word: &str) -> bool {
    word.len() == 16
        && word.char_indices().all(|(at, letter)| match at {
            8 => letter == 'T',
            15 => letter == 'Z',
            _ => letter.is_ascii_digit(),
        })
}

/// Every address in the machine's `sources.list`, `*.list` and `*.sources`.
fn machine_uris(etc: &Path) -> Result<Vec<String>> {
    let mut uris = Vec::new();
    let files = [vec![etc.join("sources.list")], files_below(&etc.join("sources.list.d"))?].concat();
    for file in files.iter().filter(|file| file.is_file()) {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => uris.extend(one_line_uris(&text)),
            Some("sources") => uris.extend(deb822_uris(&text)),
            _ => {}
        }
    }
    Ok(uris)
}

/// Addresses in `deb [options] URI SUITE COMPONENT...` lines.
fn one_line_uris(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter_map(|line| line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t'])))
        .filter_map(|rest| {
            let rest = rest.trim_start();
            let rest = rest.strip_prefix('[').and_then(|rest| Some(rest.split_once(']')?.1)).unwrap_or(rest);
            rest.split_whitespace().next().map(str::to_owned)
        })
        .collect()
}

/// Addresses in the `URIs` fields of enabled deb822 paragraphs.
fn deb822_uris(text: &str) -> Vec<String> {
    let text: String =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    text.split("\n\n").flat_map(paragraph_uris).collect()
}

fn paragraph_uris(paragraph: &str) -> Vec<String> {
    let field = |name: &str| -> Option<String> {
        let mut lines = paragraph
            .lines()
            .skip_while(|line| line.split_once(':').is_none_or(|(key, _)| !key.eq_ignore_ascii_case(name)));
        let first = lines.next()?.split_once(':')?.1;
        let more = lines.take_while(|line| line.starts_with([' ', '\t']));
        Some([first].into_iter().chain(more).collect::<Vec<_>>().join(" "))
    };
    let words =
        |name| field(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let enabled = !words("Enabled").iter().any(|word| word == "no");
    if enabled && words("Types").iter().any(|word| word == "deb") { words("URIs") } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_form() {
        let text = "# deb http://old/debian x main\n\
                    deb [signed-by=/k.gpg arch=amd64] http://m.example/debian trixie main # comment\n\
                    deb-src http://m.example/debian trixie main\n\
                    \tdeb http://s.example/debian-security trixie-security main\n";
        assert_eq!(one_line_uris(text), ["http://m.example/debian", "http://s.example/debian-security"]);
    }

    #[test]
    fn deb822_form() {
        let text = "Types: deb deb-src\nURIs: http://a.example/debian\n http://b.example/debian\nSuites: x\n\n\
                    # Types: deb\nEnabled: no\nTypes: deb\nURIs: http://c.example/debian\n\n\
                    types: deb\n# dated\nuris: http://d.example/debian-security\n";
        assert_eq!(
            deb822_uris(text),
            ["http://a.example/debian", "http://b.example/debian", "http://d.example/debian-security"]
        );
    }

    #[test]
    fn mirrors() {
        let pick =
            |uris: &[&str]| Mirror::from_uris(&uris.iter().map(ToString::to_string).collect::<Vec<_>>());
        let mirror = pick(&["https://x.example/apt", "http://m.example/debian/"]).unwrap();
        assert_eq!(mirror.archive, "http://m.example/debian/");
        assert_eq!(mirror.security.as_deref(), Some("http://m.example/debian-security"));
        assert!(!mirror.is_snapshot());
        assert_eq!(mirror.private_host(), Some("m.example"));
        assert_eq!(pick(&["http://a.debian.org/debian"]).unwrap().private_host(), None);
        let error = pick(&["http://m.example/ubuntu"]).unwrap_err().to_string();
        assert!(error.contains("DOCKOS_MIRROR"), "{error}");
    }

    #[test]
    fn snapshots_are_seen_in_the_path() {
        let archive = "http://s.example/archive/debian/20250520T000000Z".to_owned();
        let mirror = Mirror::from_uris(std::slice::from_ref(&archive)).unwrap();
        assert!(mirror.is_snapshot());
        assert_eq!(
            mirror.security.as_deref(),
            Some("http://s.example/archive/debian-security/20250520T000000Z")
        );
    }
}
