//! Several files become one configuration that knows where each value came from.

use crate::check;
use crate::decode::{Decode, Problems};
use crate::diagnostic::Report;
use crate::order::sort_by_key;
use crate::schema::Config;
use crate::shape::Stage;
use crate::yaml::{self, Kind, Mark, Node};
use crate::{cmdline, early, merge::merge, meta_data};

/// Where a file comes from. What a higher layer says goes over a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// What DockOS does when nobody says anything.
    BuiltIn,
    /// The root image.
    RootImage,
    /// `/oem` of the medium that was booted.
    Oem,
    /// `conf.d` of the state disk.
    ConfD,
    /// `cloud-config.yml` of the state disk.
    StateFile,
    /// A datasource's vendor-data.
    Vendor,
    /// A datasource's own: meta-data, network-config, user-data.
    Datasource,
    /// The kernel command line.
    CommandLine,
}

/// How the text of a source is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As a cloud-config.
    CloudConfig,
    /// As words of a kernel command line.
    CommandLine,
    /// As NoCloud's meta-data.
    MetaData,
    /// As the meta-data of a config drive.
    ConfigDrive,
    /// As NoCloud's network-config.
    NetworkConfig,
}

/// One of the files that become a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Whose word it is.
    pub layer: Layer,
    /// When it becomes known at boot.
    pub stage: Stage,
    /// How `text` is written.
    pub form: Form,
    /// What a message calls it.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A configuration, and what it was made of.
#[derive(Debug)]
pub struct Loaded {
    /// What is to be done.
    pub config: Config,
    /// What its writers should know: warnings only.
    pub report: Report,
    pub(crate) tree: Node,
    sources: Vec<Source>,
}

/// Declares the words that stand for values in JSON and for people.
macro_rules! words {
    ($($type:ident { $($variant:ident = $word:literal,)* })*) => {
        $(impl $type {
            const WORDS: &[(Self, &str)] = &[$((Self::$variant, $word)),*];

            /// What people and JSON call it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The one of this name.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::WORDS.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
            }
        })*
    };
}

words! {
    Layer {
        BuiltIn = "built-in",
        RootImage = "root image",
        Oem = "oem",
        ConfD = "conf.d",
        StateFile = "state disk",
        Vendor = "vendor-data",
        Datasource = "datasource",
        CommandLine = "kernel command line",
    }
    Form {
        CloudConfig = "cloud-config",
        CommandLine = "command-line",
        MetaData = "meta-data",
        ConfigDrive = "config-drive",
        NetworkConfig = "network-config",
    }
    Stage {
        Local = "local",
        State = "state",
        Fetched = "fetched",
    }
}

/// Makes one configuration of several files; those of one layer in the order given. What is wrong with any of them is
/// said at once.
pub fn load(mut sources: Vec<Source>) -> Result<Loaded, Report> {
    sort_by_key(&mut sources, |source| source.layer as u128);
    for source in &mut sources {
        if source.text.starts_with('\u{feff}') {
            source.text.drain(..'\u{feff}'.len_utf8());
        }
    }
    let mut problems = Problems::default();
    let (tree, config) = read(&sources, &mut problems);
    let failed = problems.any_error();
    let texts: Vec<(&str, &str)> = sources.iter().map(|s| (s.name.as_str(), s.text.as_str())).collect();
    let report = Report::new(&texts, problems);
    match config {
        Some(config) if !failed => Ok(Loaded { config, report, tree, sources }),
        _ => Err(report),
    }
}

fn read(sources: &[Source], problems: &mut Problems) -> (Node, Option<Config>) {
    let mut tree = Node::new(Mark::START, Kind::Null);
    let mut all_read = true;
    for (number, source) in (0..=u16::MAX).zip(sources) {
        match source.tree(number, problems) {
            Some(root) => {
                early::check(&root, Config::SHAPE, source.stage, problems);
                merge(&mut tree, root, Config::SHAPE, problems);
            }
            None => all_read = false,
        }
    }
    let config = if tree.is_null() { Config::absent() } else { Config::decode(&tree, problems) };
    // What one file needs may be in another that could not be read.
    if let Some(config) = config.as_ref().filter(|_| all_read) {
        check::config(config, &tree, problems);
    }
    (tree, config)
}

impl Source {
    fn tree(&self, number: u16, problems: &mut Problems) -> Option<Node> {
        match self.form {
            Form::CloudConfig => yaml::load(number, &self.text, problems),
            Form::CommandLine => cmdline::config(number, &self.text, problems),
            Form::MetaData => meta_data::nocloud(number, &self.text, problems),
            Form::ConfigDrive => meta_data::config_drive(number, &self.text, problems),
            Form::NetworkConfig => meta_data::network_config(number, &self.text, problems),
        }
    }
}

impl Loaded {
    /// The files it was made of, the lowest layer first.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(layer: Layer, stage: Stage, name: &str, text: &str) -> Source {
        Source { layer, stage, form: Form::CloudConfig, name: name.to_owned(), text: text.to_owned() }
    }

    fn read(files: &[(Layer, &str)]) -> Result<Loaded, Report> {
        let file = |(layer, text): &(Layer, &str)| source(*layer, Stage::Local, layer.as_str(), text);
        load(files.iter().map(file).collect())
    }

    #[test]
    fn words_are_read_again() {
        assert!(Layer::WORDS.iter().all(|(layer, word)| Layer::from_word(word) == Some(*layer)));
        assert!(Form::WORDS.iter().all(|(form, word)| Form::from_word(word) == Some(*form)));
        assert!(Stage::WORDS.iter().all(|(stage, word)| Stage::from_word(word) == Some(*stage)));
        assert!(
            Layer::WORDS.is_sorted_by_key(|(layer, _)| *layer),
            "the words stand in the order of the layers"
        );
        assert_eq!(Layer::from_word("attic"), None);
    }

    #[test]
    fn no_files_are_the_default() {
        let loaded = load(Vec::new()).unwrap();
        assert_eq!(loaded.config, Config::default());
        assert!(loaded.report.diagnostics.is_empty());
    }

    #[test]
    fn higher_layers_win_whatever_the_order_of_files() {
        let loaded = read(&[
            (Layer::CommandLine, "hostname: command-line"),
            (Layer::Oem, "hostname: oem\ndockos: { docker: { log_level: warn } }"),
            (Layer::BuiltIn, "\u{feff}hostname: built-in\ndockos: { docker: { memory: 1G } }"),
        ])
        .unwrap();
        assert_eq!(loaded.config.hostname.unwrap().as_str(), "command-line");
        let docker = &loaded.config.dockos.docker;
        assert_eq!((docker.log_level.as_str(), docker.memory.unwrap().bytes()), ("warn", 1 << 30));
        assert_eq!(loaded.sources[0].text.as_bytes()[0], b'h', "no byte order mark is left");
    }

    #[test]
    fn files_of_one_layer_keep_their_order() {
        let loaded = read(&[(Layer::ConfD, "hostname: a"), (Layer::ConfD, "hostname: b")]).unwrap();
        assert_eq!(loaded.config.hostname.unwrap().as_str(), "b");
    }

    #[test]
    fn a_desktop_may_be_spread_over_layers() {
        let base = "dockos: { desktops: [ { name: a, tenant: t, image: i, memory: 64M }, { name: b, tenant: t, image: i } ] }";
        let over = "dockos: { desktops: [ { name: a, memory: 128M }, { name: c, tenant: t, image: i } ] }";
        let loaded = read(&[(Layer::Oem, base), (Layer::StateFile, over)]).unwrap();
        let names: Vec<&str> = loaded.config.dockos.desktops.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(
            loaded.get(&"dockos.desktops[name=a].memory".parse().unwrap(), false).as_deref(),
            Some("128M")
        );
        let report = read(&[(Layer::StateFile, over)]).unwrap_err();
        assert_eq!(report.short(), "state disk:1:23: error: missing key `tenant`");
    }

    #[test]
    fn all_files_are_read_whatever_is_wrong_with_one() {
        let report = read(&[
            (Layer::Oem, "hostname: [\n"),
            (Layer::ConfD, "dockos: 5"),
            (Layer::StateFile, "hostnme: a"),
            (Layer::Datasource, "dockos: { docker: { memory: much } }"),
        ])
        .unwrap_err();
        let lines: Vec<String> = report.diagnostics.iter().map(|d| d.short()).collect();
        assert_eq!(lines.len(), 4, "{report}");
        assert!(lines[0].starts_with("oem:2:1: error: not valid YAML"), "{report}");
        assert_eq!(lines[1], "conf.d:1:9: error: expected a mapping, found `5`");
        assert_eq!(lines[2], "state disk:1:1: error: unknown key `hostnme`; did you mean `hostname`?");
        assert!(lines[3].starts_with("datasource:1:29: error: `much`"), "{report}");
        assert_eq!(report.diagnostics[3].text, "dockos: { docker: { memory: much } }");
    }

    #[test]
    fn what_goes_wrong_together_is_told_of_the_higher_file() {
        let desktop = |name: &str| {
            format!(
                "dockos: {{ desktops: [ {{ name: {name}, tenant: t, image: i, ports: [ \"80:80\" ] }} ] }}"
            )
        };
        let report = read(&[(Layer::Oem, &desktop("a")), (Layer::StateFile, &desktop("b"))]).unwrap_err();
        assert!(report.short().starts_with("state disk:1:"), "{report}");
        assert!(
            report.short().ends_with("error: port 80 of the machine is taken by the desktop `a`"),
            "{report}"
        );
    }

    #[test]
    fn an_early_key_in_a_late_file_is_an_error_there() {
        let late =
            source(Layer::StateFile, Stage::State, "cloud-config.yml", "\ndockos: { state: { ram: true } }");
        let early = source(Layer::CommandLine, Stage::Local, "cmdline", "dockos: { state: { ram: true } }");
        assert!(load(vec![early.clone()]).is_ok());
        let report = load(vec![late, early]).unwrap_err();
        assert_eq!(report.diagnostics.len(), 1);
        assert!(report.short().starts_with("cloud-config.yml:2:11: error: `dockos.state` is set too late"));
    }
}
