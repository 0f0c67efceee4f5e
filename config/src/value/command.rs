//! Commands: of the machine, and of containers.

use std::ops::Deref;

use super::{ValueError, quoted, words};
use crate::decode::{Decode, Problems};
use crate::shape::{Scalar, Shape};
use crate::yaml::{Kind, Node};

/// A command of `bootcmd` or `runcmd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A line for the shell.
    Shell(String),
    /// A program and its arguments.
    Exec(Vec<String>),
}

/// A container's command or entrypoint: a program and its arguments. Empty: none at all, not even the image's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Argv(pub Vec<String>);

impl Deref for Argv {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

/// A list of texts.
const LIST: &Shape = &Shape::List(String::SHAPE);

impl Decode for Command {
    const SHAPE: &'static Shape = &Shape::OneOf(&[
        &Shape::Scalar(&Scalar {
            name: "line",
            doc: "a line for the shell",
            examples: &["echo hi > /run/hi", "true"],
        }),
        LIST,
    ]);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let command = match &node.kind {
            Kind::Sequence(_) => Self::Exec(Vec::decode(node, problems)?),
            _ => Self::Shell(String::decode(node, problems)?),
        };
        let empty = match &command {
            Self::Shell(line) => line.trim().is_empty(),
            Self::Exec(words) => words.first().is_none_or(String::is_empty),
        };
        if empty {
            problems.add(
                node.mark,
                "an empty command",
                "a line for the shell, or a list such as `[sh, -c, \"echo hi\"]`",
            );
            return None;
        }
        Some(command)
    }
}

impl Decode for Argv {
    const SHAPE: &'static Shape = &Shape::OneOf(&[
        LIST,
        &Shape::Scalar(&Scalar {
            name: "argv",
            doc: "a list, or a line split into words as a shell would (quotes, no variables)",
            examples: &["sleep 1d", "true"],
        }),
    ]);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Scalar(text) = &node.kind else {
            return Vec::decode(node, problems).map(Self);
        };
        match words::split(text) {
            Ok(words) => Some(Self(words)),
            Err(why) => {
                let message = format!("{} is not a command: {why}", quoted(text));
                problems.value(
                    node.mark,
                    ValueError::new(message, "close it, or write a list such as `[echo, hi]`"),
                );
                None
            }
        }
    }
}
