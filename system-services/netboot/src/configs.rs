//! Cloud-configs by the sum of their bytes, as machines fetch them. Those that were named to a machine stay, so that a
//! change between its script and its fetch does no harm.

use std::collections::VecDeque;
use std::sync::Arc;

use dockos_config::{Content, Form, Layer, Source};
use dockos_config::{Report, Stage};

use crate::root_image::sha256_of;

/// Configs that are kept for machines that were told of them.
const MOST: usize = 256;
/// The largest config that is handed out.
pub(crate) const MOST_BYTES: u64 = 1 << 20;

/// A config and its sum.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub(crate) sha256: String,
    /// What is sent.
    pub(crate) bytes: bytes::Bytes,
}

impl Config {
    /// Looks at a config as PID 1 will once it has fetched it: the report has warnings only.
    pub(crate) fn check(name: &str, bytes: Vec<u8>) -> Result<(Arc<Self>, Report), Report> {
        let parts = dockos_config::unpack(name, &bytes)?.parts;
        let sources = parts.into_iter().filter_map(|part| match part.content {
            Content::CloudConfig(text) => Some(Source {
                layer: Layer::Datasource,
                stage: Stage::Fetched,
                form: Form::CloudConfig,
                name: part.source,
                text,
            }),
            Content::Script(_) => None,
        });
        let report = dockos_config::load(sources.collect())?.report;
        // Reading from memory does not fail.
        let sha256 = sha256_of(&bytes[..]).unwrap_or_default();
        Ok((Arc::new(Self { sha256, bytes: bytes.into() }), report))
    }
}

/// Configs that machines were told of, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Handed(VecDeque<Arc<Config>>);

impl Handed {
    /// Keeps a config that a machine is told of.
    pub(crate) fn keep(&mut self, config: &Arc<Config>) {
        self.0.retain(|known| known.sha256 != config.sha256);
        self.0.push_back(Arc::clone(config));
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// The config of a sum.
    pub(crate) fn get(&self, sha256: &str) -> Option<Arc<Config>> {
        self.0.iter().find(|config| config.sha256 == sha256).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configs_are_checked_as_what_is_fetched() {
        let (config, _) = Config::check("a.yml", b"#cloud-config\nhostname: lab\n".to_vec()).unwrap();
        assert_eq!(config.sha256.len(), 64);
        let error =
            Config::check("a.yml", b"#cloud-config\nhostnme: lab\n".to_vec()).unwrap_err().to_string();
        assert!(
            error.contains("a.yml:2:1: error: unknown key `hostnme`; did you mean `hostname`?"),
            "{error}"
        );
        let late = b"#cloud-config\ndockos: {state: {create: empty-disk}}\n".to_vec();
        assert!(Config::check("a.yml", late).is_err(), "it comes too late for a key of the state disk");
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut handed = Handed::default();
        for i in 0..=MOST {
            let (config, _) =
                Config::check("a.yml", format!("#cloud-config\nhostname: lab-{i}\n").into()).unwrap();
            handed.keep(&config);
        }
        assert_eq!(handed.0.len(), MOST);
        assert!(handed.0[0].bytes.ends_with(b"lab-1\n"));
        assert!(handed.get(&handed.0[0].sha256.clone()).is_some());
    }
}
