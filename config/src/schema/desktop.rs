//! A desktop: one tenant's running container.

use crate::decode::keys;
use crate::value::{Argv, Cpus, ImageRef, Name, PidsLimit, PortMapping, Size, TenantVolume};

keys! {
    /// One tenant's running container.
    pub struct Desktop {
        /// The desktop's name, unique on the machine.
        pub name: Name,
        /// Whose desktop it is.
        pub tenant: Name,
        /// The image it runs.
        pub image: ImageRef,
        /// What it runs in place of the image's command.
        pub command: Option<Argv>,
        /// How many CPUs it may use.
        pub cpus: Option<Cpus>,
        /// How much memory it may use.
        pub memory: Option<Size>,
        /// How many processes it may have.
        pub pids: Option<PidsLimit>,
        /// Ports of the machine that lead into it.
        pub ports: Vec<PortMapping>,
        /// The tenant's volumes it sees.
        pub volumes: Vec<TenantVolume>,
    }
}
