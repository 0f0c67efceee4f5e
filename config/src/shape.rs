//! What may stand where in a cloud-config, as data: made by the macros that declare the keys, read by the merge, the
//! JSON Schema and the reference. So a key is declared once, and none of them can forget it.

/// What a value may be.
#[derive(Debug)]
pub enum Shape {
    /// One value, read from its text.
    Scalar(&'static Scalar),
    /// `true` or `false`.
    Bool,
    /// One of a few words.
    Choice(&'static [Word]),
    /// A list of such values.
    List(&'static Shape),
    /// A mapping from names of the writer's choice.
    Map {
        /// What the names are.
        key: &'static Shape,
        /// What they stand for.
        value: &'static Shape,
    },
    /// A mapping with a fixed set of keys.
    Keys(&'static Keys),
    /// One of several shapes; a merge treats it as the first of them.
    OneOf(&'static [&'static Shape]),
}

/// A kind of value: a row in the reference's table of types.
#[derive(Debug)]
pub struct Scalar {
    /// What the reference calls it, such as `size`.
    pub name: &'static str,
    /// How it is written.
    pub doc: &'static str,
    /// Texts that are such a value.
    pub examples: &'static [&'static str],
}

/// A word of a choice.
#[derive(Debug)]
pub struct Word {
    /// The word as it is written.
    pub word: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Whether it stands for an absent key.
    pub default: bool,
}

/// A mapping with a fixed set of keys.
#[derive(Debug)]
pub struct Keys {
    /// The name of its type in the code.
    pub name: &'static str,
    /// What it describes.
    pub doc: &'static str,
    /// Its keys in the order of the reference.
    pub keys: &'static [Key],
    /// Keys that are known elsewhere and have no meaning here.
    pub refused: &'static [Refused],
}

/// Keys that someone who comes from another system writes, and why they are an error here.
#[derive(Debug)]
pub struct Refused {
    /// The keys.
    pub names: &'static [&'static str],
    /// Why there is no such key.
    pub why: &'static str,
    /// What to do instead.
    pub instead: &'static str,
    /// Their values are never shown.
    pub secret: bool,
}

/// A key of such a mapping.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key as it is written.
    pub name: &'static str,
    /// What it means; lines separated by `\n`.
    pub doc: &'static str,
    /// What its value may be.
    pub shape: &'static Shape,
    /// Whether the mapping is an error without it.
    pub required: bool,
    /// What the reference says of an absent key; empty: the shape tells.
    pub default: &'static str,
    /// How lists of several layers come together.
    pub lists: Lists,
    /// Read and checked, but nothing is done about it yet.
    pub later: bool,
    /// The last stage of the boot whose layers may set it; none: any layer may.
    pub until: Option<Stage>,
    /// Never shown: not in diagnostics, not in an export.
    pub secret: bool,
}

/// When, while a machine boots, a layer becomes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before anything: the image, disks labelled for it, the firmware, the kernel command line.
    Local,
    /// Once the state disk is mounted.
    State,
    /// Once the network is up and a URL has been fetched.
    Fetched,
}

/// How a list of a higher layer comes together with that of a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// The higher layer's list takes the place of the lower one's.
    Replace,
    /// The higher layer's items come after the lower one's; what is there already is not added again.
    Add,
    /// Items with the same value of this key are one item and merge; others are added.
    By(&'static str),
}

impl Shape {
    /// The keys of a mapping that has a fixed set of them; of other shapes, none.
    pub(crate) const fn keys(&self) -> &'static [Key] {
        match self {
            Self::Keys(keys) => keys.keys,
            _ => &[],
        }
    }
}

/// The keys of two structs that are read from one mapping.
pub(crate) const fn join<const N: usize>(own: &[Key], rest: &[Key]) -> [Key; N] {
    let mut both = [Key::new("", "", &Shape::Bool, false); N];
    let mut i = 0;
    while i < N {
        both[i] = if i < own.len() { own[i] } else { rest[i - own.len()] };
        i += 1;
    }
    both
}

/// A text of the documentation, where it is kept (feature `docs`).
pub(crate) const fn doc(text: &'static str) -> &'static str {
    if cfg!(feature = "docs") { text } else { "" }
}

impl Key {
    pub(crate) const fn new(
        name: &'static str,
        doc: &'static str,
        shape: &'static Shape,
        required: bool,
    ) -> Self {
        Self {
            name,
            doc,
            shape,
            required,
            default: "",
            lists: Lists::Replace,
            later: false,
            until: None,
            secret: false,
        }
    }

    // The flags that `keys!` takes after `@`.

    /// What the reference says of an absent key.
    #[must_use]
    pub const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// Lists of several layers are added to each other.
    #[must_use]
    pub const fn add(self) -> Self {
        Self { lists: Lists::Add, ..self }
    }

    /// Lists of several layers merge by this key of their items.
    #[must_use]
    pub const fn by(self, key: &'static str) -> Self {
        Self { lists: Lists::By(key), ..self }
    }

    /// Nothing acts on the key yet.
    #[must_use]
    pub const fn later(self) -> Self {
        Self { later: true, ..self }
    }

    /// Needed to find the state disk: too late in a layer from there or from a URL.
    #[must_use]
    pub const fn before_state(self) -> Self {
        Self { until: Some(Stage::Local), ..self }
    }

    /// Needed to fetch a URL: too late in a layer from one.
    #[must_use]
    pub const fn before_fetch(self) -> Self {
        Self { until: Some(Stage::State), ..self }
    }

    /// Never shown.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
}

impl Keys {
    /// The key of a name.
    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// What is said of a key that has no meaning here, though it is known elsewhere.
    pub fn refusal(&self, name: &str) -> Option<&'static Refused> {
        self.refused.iter().find(|refused| refused.names.contains(&name))
    }

    /// The names of all keys.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }
}
