//! YAML as a tree whose every node knows its place in the file.

mod load;
mod node;
#[cfg(test)]
mod oracle;

pub(crate) use load::{end_of, load};
pub(crate) use node::{Entry, Kind, Mark, Node, Step};
