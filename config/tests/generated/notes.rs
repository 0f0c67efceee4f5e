//! What the reference says of a mapping besides its keys: where it is, and the note.

/// Notes by path.
pub(crate) const NOTES: &[(&str, &str)] = &[
    ("write_files[]", "A file that cannot be written is named on the consoles; the others are written."),
    ("dockos.state", "`ram: true` does not go with `create: empty-disk`. A device is a path in `/dev`."),
    (
        "dockos.services.NAME",
        "Names and meanings are the Compose Specification's. At most 256 services. The names `docker` and `ssh` are \
         taken: they are the machine's own. Services may wait for each other, but not in a circle. The system Docker \
         has no bridge, so `network_mode` is `none` or `host`. Memory is at least 6M.",
    ),
    (
        "dockos.desktops[]",
        "At most 1000 desktops, each with at most 32 ports and 32 volumes. A port of the machine is taken once; 22 is \
         ssh's, if there is ssh. Volumes are the tenant's own: folders of the machine are refused. Memory is at \
         least 6M.",
    ),
];
