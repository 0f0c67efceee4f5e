//! Kernel config fragments: lines `CONFIG_X=value  # reason`, and whether Kconfig honoured them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Result, bail};

use crate::util::{files_below, read_text};

/// The requested options, all fragments together.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    options: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Fragments {
    /// Reads all fragments of a folder; options given twice or without a reason are an error that lists them.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let mut fragments = Self::default();
        for file in
            files_below(folder)?.iter().filter(|file| file.extension().is_some_and(|ext| ext == "config"))
        {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            fragments.parse(&name, &read_text(file)?);
        }
        if fragments.options.is_empty() {
            bail!("{} holds no kernel config fragment", folder.display());
        }
        if !fragments.faults.is_empty() {
            bail!("the kernel config fragments are wrong:\n  {}", fragments.faults.join("\n  "));
        }
        Ok(fragments)
    }

    fn parse(&mut self, file: &str, text: &str) {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = match parse_line(line) {
                None => Some("is not `CONFIG_X=value  # reason`".to_owned()),
                Some((_, _, "")) => Some("has no reason".to_owned()),
                Some((name, value, _)) => self
                    .options
                    .insert(name.to_owned(), value.to_owned())
                    .map(|_| format!("{name} is given twice")),
            };
            self.faults.extend(fault.map(|fault| format!("{file}:{number}: {fault}: {line}")));
        }
    }

    /// The options as Kconfig reads them.
    pub(crate) fn merged(&self) -> String {
        let line = |(name, value): (&String, &String)| match value.as_str() {
            "n" => format!("# {name} is not set\n"),
            value => format!("{name}={value}\n"),
        };
        self.options.iter().map(line).collect()
    }

    /// The requested options that a finished config does not have.
    pub(crate) fn dropped(&self, config: &str) -> Vec<String> {
        let have: BTreeMap<_, _> = config
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .collect();
        self.options
            .iter()
            .filter_map(|(name, want)| {
                let have = have.get(name.as_str()).copied().unwrap_or("n");
                (have != want).then(|| format!("{name}: wanted {want}, became {have}"))
            })
            .collect()
    }
}

/// Name, value and reason.
fn parse_line(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.split_once('=')?;
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.starts_with("CONFIG_") || !name.chars().all(letters) {
        return None;
    }
    let end = match rest.strip_prefix('"') {
        Some(quoted) => quoted.find('"')? + 2,
        None => rest.find([' ', '\t', '#']).unwrap_or(rest.len()),
    };
    let (value, rest) = rest.split_at(end);
    let reason = rest.trim().strip_prefix('#').unwrap_or_default().trim();
    (!value.is_empty()).then_some((name, value, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, parsed) in [
            ("CONFIG_A=y  # why", Some(("CONFIG_A", "y", "why"))),
            ("CONFIG_B=\"x # y\" # why", Some(("CONFIG_B", "\"x # y\"", "why"))),
            ("CONFIG_C=0x10", Some(("CONFIG_C", "0x10", ""))),
            ("CONFIG_D", None),
            ("CONFIG_E= # why", None),
            ("DEBUG=y # why", None),
        ] {
            assert_eq!(parse_line(line), parsed, "{line}");
        }
    }

    #[test]
    fn faults_name_file_and_line() {
        let mut fragments = Fragments::default();
        fragments.parse("a.config", "# head\n\nCONFIG_A=y # why\nCONFIG_B=y\nCONFIG_A=n # again\n");
        assert_eq!(fragments.faults.len(), 2);
        assert!(fragments.faults[0].starts_with("a.config:4: has no reason"), "{:?}", fragments.faults);
        assert!(
            fragments.faults[1].starts_with("a.config:5: CONFIG_A is given twice"),
            "{:?}",
            fragments.faults
        );
    }

    #[test]
    fn dropped_options_are_found() {
        let mut fragments = Fragments::default();
        fragments.parse("a", "CONFIG_A=y # w\nCONFIG_B=n # w\nCONFIG_C=m # w\nCONFIG_D=n # w\n");
        assert_eq!(
            fragments.merged(),
            "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\n# CONFIG_D is not set\n"
        );
        let dropped = fragments.dropped("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\nCONFIG_D=y\n");
        assert_eq!(dropped, ["CONFIG_C: wanted m, became y", "CONFIG_D: wanted n, became y"]);
    }
}
