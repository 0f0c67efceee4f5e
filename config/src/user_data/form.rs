//! What a piece of user-data is, told by its MIME type or its first line, and why some cannot be done.

/// What is done with a piece of user-data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It is merged into the machine's config.
    CloudConfig,
    /// It is run.
    Script,
    /// Its first line tells.
    Unknown,
    /// It cannot be done: why, and what to do.
    Refused(&'static str, &'static str),
}

use Form::{CloudConfig, Refused, Script, Unknown};

const TEMPLATE: Form = Refused(
    "cloud-init's templates are not supported",
    "fill it in and begin the file with the line `#cloud-config`",
);
const INCLUDE: Form = Refused(
    "includes are not supported: they fetch more user-data from elsewhere",
    "put the text itself here, or its address as `cloud-config-url=URL` on the kernel command line",
);
const HANDLER: Form = Refused(
    "a part handler is a Python program for cloud-init",
    "remove it; `runcmd` or a script can do its work",
);
const BOOTHOOK: Form = Refused(
    "cloud-init's boothooks are not supported",
    "move its commands to `bootcmd` of a `#cloud-config`",
);
const ARCHIVE: Form = Refused(
    "cloud-init's archives are not supported",
    "put each item into a part of a MIME multipart message, or all into one `#cloud-config`",
);
const PATCH: Form =
    Refused("JSON patches are not supported", "write the keys as they should be into a `#cloud-config`");
const UPSTART: Form =
    Refused("there is no upstart here", "make it a service under `dockos: services:` of a `#cloud-config`");
const PER: Form = Refused(
    "scripts are run once in each boot, at no other times",
    "give the part the type `text/x-shellscript`, or use `bootcmd`",
);

const TYPES: [(&str, Form); 20] = [
    ("text/cloud-config", CloudConfig),
    ("text/x-shellscript", Script),
    ("text/plain", Unknown),
    ("text/x-not-multipart", Unknown),
    ("application/octet-stream", Unknown),
    ("application/gzip", Unknown),
    ("application/x-gzip", Unknown),
    ("application/gzip-compressed", Unknown),
    ("text/jinja2", TEMPLATE),
    ("text/x-include-url", INCLUDE),
    ("text/x-include-once-url", INCLUDE),
    ("text/part-handler", HANDLER),
    ("text/cloud-boothook", BOOTHOOK),
    ("text/cloud-config-archive", ARCHIVE),
    ("text/cloud-config-jsonp", PATCH),
    ("text/upstart-job", UPSTART),
    ("text/x-shellscript-per-boot", PER),
    ("text/x-shellscript-per-instance", PER),
    ("text/x-shellscript-per-once", PER),
    ("", Unknown),
];

/// How first lines begin. The first that fits counts.
const FIRST_LINES: [(&str, Form); 8] = [
    ("#!", Script),
    ("## template:", TEMPLATE),
    ("#include", INCLUDE),
    ("#part-handler", HANDLER),
    ("#cloud-boothook", BOOTHOOK),
    ("#cloud-config-archive", ARCHIVE),
    ("#cloud-config-jsonp", PATCH),
    ("#upstart-job", UPSTART),
];

/// The form of a MIME type in small letters.
pub(super) fn of_type(content_type: &str) -> Form {
    let known = TYPES.iter().find(|(name, _)| *name == content_type);
    known.map_or(
        Refused(
            "this type of part is unknown",
            "one of: text/cloud-config, text/x-shellscript, text/plain, multipart/mixed",
        ),
        |(_, form)| *form,
    )
}

/// The form of a text by its first line.
pub(super) fn of_first_line(bytes: &[u8]) -> Form {
    let line = bytes.split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
    if line.trim_ascii_end() == b"#cloud-config" {
        return CloudConfig;
    }
    let known = FIRST_LINES.iter().find(|(start, _)| line.starts_with(start.as_bytes()));
    known.map_or(Unknown, |(_, form)| *form)
}
