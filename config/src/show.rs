//! A configuration as text for people: whole, or one value of it.

use crate::decode::Decode;
use crate::emit;
use crate::key_path::KeyPath;
use crate::layers::Loaded;
use crate::schema::Config;
use crate::secret;
use crate::yaml::{Kind, Mark, Node};

/// What is shown of a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShowOptions {
    /// After each value, the file and line it came from.
    pub origin: bool,
    /// Secrets too.
    pub secrets: bool,
}

impl Loaded {
    /// The whole configuration as one cloud-config.
    pub fn show(&self, options: &ShowOptions) -> String {
        let mut out = String::from("#cloud-config\n");
        let origin = |mark: Mark| {
            let name = self.sources().get(usize::from(mark.source)).map(|source| source.name.as_str());
            format!("{}:{}", one_line(name.unwrap_or_default()), mark.line)
        };
        if options.origin {
            out.push_str("# From these files, each over those before it:\n");
            for source in self.sources() {
                out.push_str(&format!("#   {:20} {}\n", source.layer.as_str(), one_line(&source.name)));
            }
        }
        let tree = self.visible(options.secrets);
        out + &emit::block(&tree, if options.origin { Some(&origin) } else { None })
    }

    /// The value that a path leads to: a single one as it is, others as YAML. `None`: no file sets it.
    pub fn get(&self, path: &KeyPath, secrets: bool) -> Option<String> {
        let tree = self.visible(secrets);
        let found = tree.at(path).filter(|node| !node.is_null())?;
        match &found.kind {
            Kind::Scalar(text) => Some(text.clone()),
            _ => Some(emit::block(found, None)),
        }
    }

    fn visible(&self, secrets: bool) -> Node {
        if secrets { self.tree.clone() } else { secret::redacted(&self.tree, Some(Config::SHAPE)) }
    }
}

/// A name that cannot end the comment it stands in.
fn one_line(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() || c.is_whitespace() && c != ' ' { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Form, Layer, Source, load};
    use crate::shape::Stage;

    fn loaded(files: &[(Layer, &str, &str)]) -> Loaded {
        let source = |(layer, name, text): &(Layer, &str, &str)| Source {
            layer: *layer,
            stage: Stage::Local,
            form: Form::CloudConfig,
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        };
        load(files.iter().map(source).collect()).unwrap()
    }

    fn two_files() -> Loaded {
        let oem = "hostname: a\ndockos:\n  docker:\n    memory: 1G\nruncmd: [get http://u:p@h/]\n";
        let state = "#cloud-config\nhostname: lab\ndockos:\nruncmd:\n  - c\n";
        loaded(&[(Layer::StateFile, "cloud\nconfig.yml", state), (Layer::Oem, "/oem/a.yml", oem)])
    }

    #[test]
    fn each_value_has_its_origin() {
        let expected = "\
#cloud-config
# From these files, each over those before it:
#   oem                  /oem/a.yml
#   state disk           cloud\u{fffd}config.yml
hostname: lab                 # cloud\u{fffd}config.yml:2
dockos:
  docker:
    memory: 1G                # /oem/a.yml:4
runcmd:
  - get http://(redacted)@h/  # /oem/a.yml:5
  - c                         # cloud\u{fffd}config.yml:5
";
        assert_eq!(two_files().show(&ShowOptions { origin: true, secrets: false }), expected);
    }

    #[test]
    fn what_is_shown_is_the_same_configuration() {
        let loaded_again = |options| {
            let text = two_files().show(&options);
            loaded(&[(Layer::Datasource, "again", &text)])
        };
        for origin in [false, true] {
            let again = loaded_again(ShowOptions { origin, secrets: true });
            assert_eq!(again.config, two_files().config);
        }
        assert_eq!(loaded(&[]).show(&ShowOptions::default()), "#cloud-config\n");
    }

    #[test]
    fn single_values_are_found() {
        let found = |path: &str, secrets| two_files().get(&path.parse().unwrap(), secrets);
        assert_eq!(found("hostname", false).as_deref(), Some("lab"));
        assert_eq!(found("runcmd[1]", false).as_deref(), Some("c"));
        assert_eq!(found("runcmd", false).as_deref(), Some("- get http://(redacted)@h/\n- c\n"));
        assert_eq!(found("runcmd[0]", false).as_deref(), Some("get http://(redacted)@h/"));
        assert_eq!(found("runcmd[0]", true).as_deref(), Some("get http://u:p@h/"));
        assert_eq!(found("dockos.state", false), None);
        assert_eq!(found("runcmd[2]", false), None);
    }
}
