//! Files to write, as in cloud-init.

use super::refused;
use crate::decode::{Decode, Problems, choice, keys};
use crate::shape::Shape;
use crate::user_data::gunzip;
use crate::value::{AbsPath, Mode, Owner, ValueError, base64};
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
    /// Whether it is written only before `runcmd`.
    pub defer: bool,
}

keys! {
    /// A file to write before anything is started.
    @refused(refused::WRITE_FILE)
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
        /// Add to the file that is there, unless it ends with the content already.
        pub append: bool,
        /// Write it late: once users are there and both Dockers answer, just before `runcmd`.
        pub defer: bool,
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
        /// Compressed by gzip, then base64, as a text always is.
        Gz = "gz",
        /// The long name for the same.
        Gzip = "gzip",
        /// The same.
        GzB64 = "gz+b64",
        /// The same.
        GzBase64 = "gz+base64",
        /// The same.
        GzipB64 = "gzip+b64",
        /// The same.
        GzipBase64 = "gzip+base64",
    }
}

impl Decode for WriteFile {
    const SHAPE: &'static Shape = WriteFileKeys::SHAPE;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let WriteFileKeys { path, content, encoding, permissions, owner, append, defer } =
            WriteFileKeys::decode(node, problems)?;
        let content = encoding.decode(content.unwrap_or_default());
        let wrong = |error| problems.value(node.get("content").unwrap_or(node).mark, error);
        Some(Self {
            path,
            content: content.map_err(wrong).ok()?,
            permissions: permissions.unwrap_or_default(),
            owner: owner.unwrap_or_default(),
            append,
            defer,
        })
    }
}

/// How many times its compressed size a file may have: what bounds the memory of many files.
const MOST_UNPACKED: usize = 32;

impl Encoding {
    /// The bytes that a text stands for.
    fn decode(self, content: String) -> Result<Vec<u8>, ValueError> {
        match self {
            Self::Text | Self::TextPlain => Ok(content.into_bytes()),
            Self::B64 | Self::Base64 => base64::decode(&content),
            Self::Gz | Self::Gzip | Self::GzB64 | Self::GzBase64 | Self::GzipB64 | Self::GzipBase64 => {
                let packed = base64::decode(&content)?;
                gunzip(&packed, packed.len() * MOST_UNPACKED)
            }
        }
    }
}
