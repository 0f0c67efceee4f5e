//! Desktops and courses: tenants' running containers, what they are made of, and the page that shows them.

use crate::decode::{choice, keys};
use crate::value::{
    Argv, Certificates, Cpus, ImageRef, Interval, KeyValues, Line, LinkSum, Locale, Name, PasswordHash,
    PidsLimit, Port, PortMapping, PrivateKey, ScreenSize, Size, TenantVolume, TimeZone,
};

/// Bytes of memory of a desktop whose course says nothing: an IDE with a small project, or a browser.
pub(super) const COURSE_MEMORY: u64 = 1 << 30;

keys! {
    /// One tenant's running container. What it leaves out is as its course says.
    pub struct Desktop {
        /// The desktop's name, unique on the machine.
        pub name: Name,
        /// Whose desktop it is.
        pub tenant: Name,
        /// The course: a name of `courses`. A desktop without one needs an `image`.
        pub course: Option<Name>,
        /// The image it runs.
        @default("the course's")
        pub image: Option<ImageRef>,
        /// What it runs in place of the image's command.
        pub command: Option<Argv>,
        /// When it starts for the first time; after that each boot leaves it as it was, running or stopped.
        pub start: DesktopStart,
        /// How many CPUs it may use; not more than the machine has.
        @default("the course's, else all")
        pub cpus: Option<Cpus>,
        /// How much memory it may use.
        @default("the course's, else 1G")
        pub memory: Option<Size>,
        /// How many processes it may have.
        @default("the course's, else 2048")
        pub pids: Option<PidsLimit>,
        /// Ports of the machine that lead into it.
        pub ports: Vec<PortMapping>,
        /// The tenant's volumes it sees, besides the home. Each holds as much as the home.
        pub volumes: Vec<TenantVolume>,
    }
}

choice! {
    /// When a desktop starts.
    pub enum DesktopStart {
        /// With the machine.
        Boot = "boot" (default),
        /// When its tenant asks for it on the page.
        Demand = "demand",
    }
}

keys! {
    /// A desktop image and its limits. Limits of disks need the state disk.
    #[derive(Default)]
    pub struct Course {
        /// What people call it.
        @default("as the image says")
        pub title: Option<Line>,
        /// The image its desktops run.
        @default("dockos/NAME")
        pub image: Option<ImageRef>,
        /// How many CPUs each desktop may use; not more than the machine has.
        pub cpus: Option<Cpus>,
        /// How much memory each desktop may use, `shm` included.
        @default("1G")
        pub memory: Option<Size>,
        /// How many processes each desktop may have.
        @default("2048")
        pub pids: Option<PidsLimit>,
        /// How much each desktop may write outside of the tenant's home.
        @default("4G")
        pub disk: Option<Size>,
        /// How much each tenant's home holds. It is set when the home is made.
        @default("10G")
        pub home: Option<Size>,
        /// How much each desktop may read from the state disk in a second, and as much write to it.
        pub io: Option<Size>,
        /// Memory that programs of a desktop share; browsers need 256M and more.
        @default("256M")
        pub shm: Option<Size>,
        /// Let tenants become root in their desktops with `sudo`: nobody on the machine, but one protection less.
        pub sudo: bool,
        /// Let desktops reach other networks; without it they have only their own.
        @default("true")
        pub internet: Option<bool>,
        /// Stop a desktop that nobody has looked at for so long.
        pub idle_stop: Option<Interval>,
        /// The size of the screen until a browser sets its own.
        @default("1280x800")
        pub screen: Option<ScreenSize>,
        /// The language.
        @default("the machine's, else zh_CN.UTF-8")
        pub locale: Option<Locale>,
        /// The time zone.
        @default("the machine's, else Asia/Shanghai")
        pub timezone: Option<TimeZone>,
        /// How Chinese is typed.
        pub input: InputMethod,
        /// Variables of the desktops, over the machine's.
        pub environment: KeyValues,
    }
}

impl Course {
    /// How many bytes of memory each desktop may use.
    pub fn memory_or_default(&self) -> u64 {
        self.memory.map_or(COURSE_MEMORY, Size::bytes)
    }
}

choice! {
    /// How Chinese is typed.
    pub enum InputMethod {
        /// By pinyin; Ctrl and space switch it on and off.
        Pinyin = "pinyin" (default),
        /// Not at all.
        None = "none",
    }
}

keys! {
    /// The page that shows desktops in a browser, by HTTPS.
    #[derive(Default)]
    pub struct Web {
        /// The port of the machine.
        @default("443")
        pub port: Option<Port>,
        /// Its certificate, and those between it and the authority; with `key`.
        @default("one made at the first boot, whose fingerprint stands on the screen")
        pub certificate: Option<Certificates>,
        /// The certificate's private key.
        @secret
        pub key: Option<PrivateKey>,
        /// Who may log in.
        @by("name")
        pub users: Vec<WebUser>,
    }
}

keys! {
    /// Somebody who may log in to the page: by password, or by a link that works once. `dockos desktop link NAME` makes
    /// links too.
    pub struct WebUser {
        /// The name to log in with. The desktops of the tenant of this name are theirs.
        pub name: Name,
        /// The hash of the password; a password itself is refused.
        @secret
        pub hashed_passwd: Option<PasswordHash>,
        /// The SHA-256 of a secret word: `https://MACHINE/link/WORD` logs in once. A machine without a state disk forgets
        /// its use at each reboot: there it logs in once after each.
        @secret
        pub link_sha256: Option<LinkSum>,
        /// What they may see.
        pub role: WebRole,
    }
}

choice! {
    /// What somebody may see on the page.
    pub enum WebRole {
        /// Their own desktops.
        Student = "student" (default),
        /// Those of all, and may start and stop them; what others do they only watch. Who is watched is told, but not of
        /// the small pictures in the list.
        Teacher = "teacher",
    }
}
