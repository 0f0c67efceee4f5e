//! How a service is known to be well, and what waits for it.

use std::ops::Deref;

use crate::decode::{Decode, Problems, choice, keys, mapping};
use crate::shape::Shape;
use crate::value::{Interval, Name, Times};
use crate::yaml::{Entry, Kind, Node};

keys! {
    /// How a service is known to be well.
    #[derive(Default)]
    pub struct Healthcheck {
        /// A line for the service's shell, or a list that begins with `CMD`, `CMD-SHELL` or `NONE`; the image's own
        /// if it is not set.
        pub test: Option<HealthTest>,
        /// The time from one check to the next.
        @default("30s")
        pub interval: Option<Interval>,
        /// How long a check may take.
        @default("30s")
        pub timeout: Option<Interval>,
        /// How many checks must fail, one after the other, before the service is not well.
        @default("3")
        pub retries: Option<Times>,
        /// How long after its start a failed check does not count.
        @default("0s")
        pub start_period: Option<Interval>,
        /// The time from one check to the next until then.
        @default("5s")
        pub start_interval: Option<Interval>,
        /// Do not check, even if the image says how.
        pub disable: bool,
    }
}

impl Healthcheck {
    /// Whether it says how to check.
    pub fn tests(&self) -> bool {
        !self.disable && self.test.as_ref().is_some_and(|test| *test != HealthTest::None)
    }
}

/// The check itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthTest {
    /// No check.
    None,
    /// A line for the service's shell.
    Shell(String),
    /// A program of the service and its arguments.
    Exec(Vec<String>),
}

impl HealthTest {
    /// As Docker takes it.
    pub fn to_list(&self) -> Vec<String> {
        match self {
            Self::None => vec!["NONE".to_owned()],
            Self::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
            Self::Exec(words) => std::iter::once("CMD".to_owned()).chain(words.iter().cloned()).collect(),
        }
    }
}

impl Decode for HealthTest {
    const SHAPE: &'static Shape = &Shape::OneOf(&[&Shape::List(String::SHAPE), String::SHAPE]);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::Scalar(line) = &node.kind {
            return Some(Self::Shell(line.clone()));
        }
        let words: Vec<String> = Vec::decode(node, problems)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["NONE"] => Some(Self::None),
            ["CMD-SHELL", line] => Some(Self::Shell((*line).to_owned())),
            ["CMD", command @ ..] if !command.is_empty() => {
                Some(Self::Exec(command.iter().map(|word| (*word).to_owned()).collect()))
            }
            _ => {
                let hint = "[CMD, PROGRAM, ARGUMENT...], [CMD-SHELL, \"LINE\"] or [NONE]";
                problems.add(node.mark, "this is not a health check", hint);
                None
            }
        }
    }
}

choice! {
    /// What of another service is waited for.
    pub enum DependsCondition {
        /// It runs.
        Started = "service_started" (default),
        /// Its health check succeeds.
        Healthy = "service_healthy",
        /// It has ended, and well.
        Completed = "service_completed_successfully",
    }
}

keys! {
    /// What of another service is waited for.
    struct DependencyKeys {
        /// What of it.
        pub condition: DependsCondition,
    }
}

/// Another service that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: Name,
    /// What of it.
    pub condition: DependsCondition,
}

/// The services that a service waits for: a list of names, or a mapping from names to conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DependsOn(pub Vec<Dependency>);

impl Deref for DependsOn {
    type Target = [Dependency];

    fn deref(&self) -> &[Dependency] {
        &self.0
    }
}

impl Decode for DependsOn {
    const SHAPE: &'static Shape = &Shape::OneOf(&[
        &Shape::List(Name::SHAPE),
        &Shape::Map { key: Name::SHAPE, value: DependencyKeys::SHAPE },
    ]);
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::Sequence(_) = node.kind {
            let started = |name| Dependency { name, condition: DependsCondition::Started };
            return Vec::decode(node, problems)
                .map(|names: Vec<Name>| Self(names.into_iter().map(started).collect()));
        }
        let entries = mapping(node, problems)?;
        let good: Vec<Dependency> = entries.iter().filter_map(|entry| dependency(entry, problems)).collect();
        (good.len() == entries.len()).then_some(Self(good))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

fn dependency(entry: &Entry, problems: &mut Problems) -> Option<Dependency> {
    let name = Name::decode(&entry.key_node(), problems);
    let condition = match entry.value.kind {
        Kind::Null => Some(DependsCondition::default()),
        _ => DependencyKeys::decode(&entry.value, problems).map(|keys| keys.condition),
    };
    Some(Dependency { name: name?, condition: condition? })
}
