//! Files to write, as in cloud-init.

use crate::decode::{Decode, Problems, choice, keys};
use crate::shape::Shape;
use crate::value::{AbsPath, Mode, Owner, base64};
use crate::yaml::Node;

/// A file to write before anything is started.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteFile {
    /// Where it goes.
    pub path: AbsPath,
    /// What it holds, decoded.
    pub content: Vec<u8>,
    /// Its permission bits.
    pub permissions: Mode,
    /// Whose it is.
    pub owner: Owner,
    /// Whether the content goes after what is there already.
    pub append: bool,
}

keys! {
    /// A file to write before anything is started.
    struct WriteFileKeys {
        /// Where the file goes.
        pub path: AbsPath,
        /// What it holds.
        pub content: Option<String>,
        /// How `content` is written.
        pub encoding: Encoding,
        /// Its permission bits.
        @default("0644")
        pub permissions: Option<Mode>,
        /// Whose it is.
        @default("root:root")
        pub owner: Option<Owner>,
        /// Add to the file that is there.
        pub append: bool,
    }
}

choice! {
    /// How `content` is written in the YAML.
    pub(crate) enum Encoding {
        /// As it is.
        Text = "text" (default),
        /// cloud-init's name for the same.
        TextPlain = "text/plain",
        /// Base64.
        B64 = "b64",
        /// The long name for the same.
        Base64 = "base64",
    }
}

impl Decode for WriteFile {
    const SHAPE: &'static Shape = WriteFileKeys::SHAPE;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let WriteFileKeys { path, content, encoding, permissions, owner, append } =
            WriteFileKeys::decode(node, problems)?;
        let content = content.unwrap_or_default();
        let content = match encoding {
            Encoding::Text | Encoding::TextPlain => content.into_bytes(),
            Encoding::B64 | Encoding::Base64 => match base64::decode(&content) {
                Ok(bytes) => bytes,
                Err(error) => {
                    problems.value(node.get("content").unwrap_or(node).mark, error);
                    return None;
                }
            },
        };
        Some(Self {
            path,
            content,
            permissions: permissions.unwrap_or_default(),
            owner: owner.unwrap_or_default(),
            append,
        })
    }
}
