//! Mounts and swap, as in cloud-init.

use crate::decode::{Decode, Problems, keys, sequence};
use crate::shape::{Scalar, Shape};
use crate::value::{AbsPath, Field, FstabNumber, Size, SwapSize};
use crate::yaml::Node;

/// A filesystem to mount: a line of fstab.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    /// What is mounted: a device, `LABEL=...`, `UUID=...`, or a share such as `center:/home`.
    pub spec: Field,
    /// Where.
    pub target: AbsPath,
    /// The rest of the line.
    pub fields: MountFields,
}

/// The fields of fstab that may be left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MountFields {
    /// The kind of filesystem; `auto` unless said.
    pub fstype: Option<Field>,
    /// Mount options with commas between; `defaults,nofail` unless said.
    pub options: Option<Field>,
    /// How often it is dumped: never.
    pub freq: Option<FstabNumber>,
    /// When it is checked.
    pub passno: Option<FstabNumber>,
}

/// `mount_default_fields`: what the mounts leave out. Its first two are never used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MountDefaults(pub MountFields);

/// What an item of such a line may be.
const FIELD: &Shape = &Shape::Scalar(&Scalar {
    name: "field of fstab",
    doc: "a text with no blank; null: its default",
    examples: &["defaults,nofail", "0", "null"],
});

/// A line of fstab.
const LINE: &str = "[SPEC, PATH, TYPE, OPTIONS, FREQ, PASSNO]; all but the first two may be left out";

impl Decode for Mount {
    const SHAPE: &'static Shape = &Shape::List(FIELD);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let items = sequence(node, problems)?;
        let [spec, target, rest @ ..] = items else {
            problems.add(node.mark, "a mount needs a device and a path", LINE);
            return None;
        };
        if spec.is_null() || target.is_null() {
            let at = if spec.is_null() { spec } else { target };
            problems.add(at.mark, "no mount of the image's own can be taken away", "remove this item");
            return None;
        }
        let spec = Field::decode(spec, problems);
        let target = AbsPath::decode(target, problems);
        let fields = MountFields::read(node, rest, problems);
        Some(Self { spec: spec?, target: target?, fields: fields? })
    }
}

impl Decode for MountDefaults {
    const SHAPE: &'static Shape = &Shape::List(FIELD);
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let items = sequence(node, problems)?;
        let (6, [spec, target, rest @ ..]) = (items.len(), items) else {
            let hint = "[null, null, TYPE, OPTIONS, FREQ, PASSNO]; null for what has no default";
            problems.add(node.mark, format!("{} fields; 6 are needed", items.len()), hint);
            return None;
        };
        for given in [spec, target].into_iter().filter(|item| !item.is_null()) {
            problems.add(given.mark, "each mount has its own device and path", "write `null` here");
        }
        MountFields::read(node, rest, problems).map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

impl MountFields {
    fn read(node: &Node, items: &[Node], problems: &mut Problems) -> Option<Self> {
        if items.len() > 4 {
            problems.add(node.mark, format!("{} fields; at most 6 are known", items.len() + 2), LINE);
            return None;
        }
        let fstype = field(items.first(), problems);
        let options = field(items.get(1), problems);
        let freq = field(items.get(2), problems);
        let passno = field(items.get(3), problems);
        Some(Self { fstype: fstype?, options: options?, freq: freq?, passno: passno? })
    }
}

/// A field that may be missing or null.
fn field<T: Decode>(item: Option<&Node>, problems: &mut Problems) -> Option<Option<T>> {
    match item {
        Some(item) if !item.is_null() => T::decode(item, problems).map(Some),
        _ => Some(None),
    }
}

keys! {
    /// A file that the machine swaps to.
    #[derive(Default)]
    pub struct Swap {
        /// Where the file is: below `/var`, on the state disk.
        @default("/var/swap")
        pub filename: Option<AbsPath>,
        /// How large it is; `auto`: as memory and the disk's free space suggest. Without it there is no swap.
        @default("none")
        pub size: Option<SwapSize>,
        /// The most that `auto` may take.
        pub maxsize: Option<Size>,
    }
}
