//! Keys that a machine needs before it can read every layer: set in a later one they would do nothing, and nobody
//! would see why.

use crate::decode::Problems;
use crate::key_path::KeyPath;
use crate::shape::{Key, Shape, Stage};
use crate::yaml::{Kind, Node};

/// Notes each key that a file sets although it is known only after the key was needed.
pub(crate) fn check(root: &Node, shape: &'static Shape, stage: Stage, problems: &mut Problems) {
    // Whatever is known first may set anything.
    if stage > Stage::Local {
        Walk { stage, problems }.node(root, shape, &KeyPath::default());
    }
}

struct Walk<'p> {
    stage: Stage,
    problems: &'p mut Problems,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, shape: &'static Shape, path: &KeyPath) {
        match &node.kind {
            Kind::Mapping(entries) => {
                for entry in entries.iter().filter(|entry| !entry.value.is_null()) {
                    let path = path.clone().key(&entry.key);
                    match shape.key(&entry.key) {
                        Some(Key { until: Some(until), .. }) if *until < self.stage => {
                            let message = format!("`{path}` is set too late: {}", why(*until));
                            self.problems.add(entry.mark, message, instead(*until));
                        }
                        Some(key) => self.node(&entry.value, key.shape, &path),
                        None => {
                            if let Some(value) = shape.value() {
                                self.node(&entry.value, value, &path);
                            }
                        }
                    }
                }
            }
            Kind::Sequence(items) => {
                let Some(shape) = shape.item() else { return };
                for (i, item) in items.iter().enumerate() {
                    self.node(item, shape, &path.clone().index(i));
                }
            }
            Kind::Null | Kind::Scalar(_) => {}
        }
    }
}

/// What the machine has done with a key by the time a late file is read.
fn why(until: Stage) -> &'static str {
    match until {
        Stage::Local => "it is needed to find the state disk, and this file is read after that",
        Stage::State | Stage::Fetched => "it is needed to fetch this file",
    }
}

fn instead(until: Stage) -> &'static str {
    match until {
        Stage::Local => "set it on a `cidata` disk, in /oem, or on the kernel command line",
        Stage::State | Stage::Fetched => {
            "set it on a `cidata` disk, in /oem, on the kernel command line, or on the state disk"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Decode, keys};
    use crate::yaml;

    keys! {
        /// A test's keys.
        struct Early {
            /// For the state disk.
            @before_state
            pub state: Option<String>,
            /// For a fetch.
            @before_fetch
            pub network: Option<String>,
            /// Any time.
            pub inner: Vec<Inner>,
        }
    }

    keys! {
        /// An item.
        struct Inner {
            /// For the state disk.
            @before_state
            pub disk: Option<String>,
        }
    }

    fn found(text: &str, stage: Stage) -> Vec<String> {
        let mut problems = Problems::default();
        let root = yaml::load(0, text, &mut problems).unwrap();
        check(&root, Early::SHAPE, stage, &mut problems);
        problems
            .0
            .into_iter()
            .map(|p| format!("{}:{}: {}; {}", p.mark.line, p.mark.column, p.message, p.hint))
            .collect()
    }

    #[test]
    fn each_key_has_its_last_stage() {
        let text = "inner:\n  - disk: a\nstate: b\nnetwork: c\n";
        let disk = "2:5: `inner[0].disk` is set too late: it is needed to find the state disk, and this file is read \
                    after that; set it on a `cidata` disk, in /oem, or on the kernel command line";
        let state = disk.replace("2:5", "3:1").replace("inner[0].disk", "state");
        let network = "4:1: `network` is set too late: it is needed to fetch this file; set it on a `cidata` disk, in \
                       /oem, on the kernel command line, or on the state disk";
        assert_eq!(found(text, Stage::Local), [""; 0]);
        assert_eq!(found(text, Stage::State), [disk, &state]);
        assert_eq!(found(text, Stage::Fetched), [disk, &state, network]);
        assert_eq!(
            found("state:\nnetwork: ~\nunknown: [x]", Stage::Fetched),
            [""; 0],
            "no value, nothing set"
        );
    }
}
