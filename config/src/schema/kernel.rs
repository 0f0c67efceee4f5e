//! What the kernel and the consoles are told.

use crate::decode::{Decode, Problems, keys};
use crate::shape::Shape;
use crate::value::{AbsPath, ConsoleLevel, Field, Interval, Line, ModuleName, ProxyUrl};
use crate::yaml::{Kind, Node};

keys! {
    /// A kernel module to load: its name, or a mapping.
    pub struct Module {
        /// Its name.
        pub name: ModuleName,
        /// Its options, as after its name on modprobe's command line.
        pub options: Option<Line>,
    }
}

/// An item of `modules`: a name alone stands for a module with no options.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleItem(pub Module);

impl Decode for ModuleItem {
    const SHAPE: &'static Shape = &Shape::OneOf(&[Module::SHAPE, ModuleName::SHAPE]);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let module = match node.kind {
            Kind::Scalar(_) => ModuleName::decode(node, problems).map(|name| Module { name, options: None }),
            _ => Module::decode(node, problems),
        };
        module.map(Self)
    }
}

keys! {
    /// The hardware that restarts a machine which hangs.
    #[derive(Default)]
    pub struct Watchdog {
        /// Whether it is used, where there is one.
        @default("true")
        pub enabled: Option<bool>,
        /// The device.
        @default("/dev/watchdog0")
        pub device: Option<AbsPath>,
        /// How long the machine may hang: from 1 second to 10 minutes.
        @default("30s")
        pub timeout: Option<Interval>,
    }
}

keys! {
    /// The text consoles: screen and keyboard before a desktop is shown.
    #[derive(Default)]
    pub struct Console {
        /// The keyboard's layout, such as `us`, `de` or `fr`.
        @default("us")
        pub keyboard: Option<Field>,
        /// The font of the screen.
        pub font: Option<Field>,
        /// Messages of the kernel that are more urgent than this are shown: 1 none but emergencies, 8 all.
        @default("4")
        pub log_level: Option<ConsoleLevel>,
        /// How long until an idle screen goes dark; `0s`: never.
        @default("0s")
        pub blank: Option<Interval>,
    }
}

keys! {
    /// How engines and commands reach the world outside. A login to a proxy is theirs alone: `/etc/environment`, which
    /// everybody can read, has the addresses without it.
    #[derive(Default)]
    pub struct Proxies {
        /// The proxy for `http://` addresses.
        @secret
        pub http: Option<ProxyUrl>,
        /// The proxy for `https://` addresses.
        @secret
        pub https: Option<ProxyUrl>,
        /// Names, domains such as `.school.example`, addresses and networks that are reached without a proxy.
        @add
        pub no_proxy: Vec<Field>,
    }
}
