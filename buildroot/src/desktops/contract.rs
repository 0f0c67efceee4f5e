//! What must hold for every desktop image (desktops/README.md); an image that breaks it is not kept.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::desktops::{record::Record, settings::Settings};

/// Programs that an image must have.
pub(crate) const PROGRAMS: [&str; 2] = ["usr/bin/tini", "usr/lib/dockos/desktop"];

/// Finds all that is wrong with an image.
pub(crate) fn check(settings: &Settings, record: &Record) -> Result<()> {
    let faults = [config_faults(&record.config), file_faults(settings, record)].concat();
    if faults.is_empty() {
        return Ok(());
    }
    bail!("dockos/{} would be no desktop image:\n  {}", record.name, faults.join("\n  "))
}

fn config_faults(image: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let config = &image["config"];
    let wants = [
        ("USER", &config["User"], json!("student"), "end the Dockerfile with USER student"),
        ("WORKDIR", &config["WorkingDir"], json!("/home/student"), "leave it as dockos/base has it"),
        (
            "ENTRYPOINT",
            &config["Entrypoint"],
            json!(["/usr/bin/tini", "-g", "--", "/usr/lib/dockos/desktop"]),
            "leave it as dockos/base has it",
        ),
        (
            "LABEL dockos.screen",
            &config["Labels"]["dockos.screen"],
            json!("vnc"),
            "leave it as dockos/base has it",
        ),
        ("architecture", &image["architecture"], json!("amd64"), "build on amd64"),
    ];
    for (what, found, want, advice) in wants {
        if *found != want {
            faults.push(format!("{what} is {found}, not {want}; {advice}"));
        }
    }
    for label in ["dockos.title", "dockos.title.en"] {
        let title = config["Labels"][label].as_str().unwrap_or_default();
        if title.trim().is_empty() || title.chars().count() > 100 || title.chars().any(char::is_control) {
            faults.push(format!("LABEL {label} is `{title}`; it must be a line of 1 to 100 characters"));
        }
    }
    if config["ExposedPorts"].as_object().is_some_and(|ports| !ports.is_empty()) {
        faults.push("it exposes ports; a desktop's screen is a socket in /run/dockos/screen".to_owned());
    }
    faults
}

fn file_faults(settings: &Settings, record: &Record) -> Vec<String> {
    let contents = || record.layers.iter().map(|layer| &layer.contents);
    let setuid = contents().flat_map(|contents| &contents.setuid);
    let unknown = setuid.filter(|path| !settings.setuid.contains_key(*path));
    let mut faults: Vec<_> = unknown
        .map(|path| {
            format!("/{path} is setuid or setgid; remove it (chmod ug-s), or name it in desktops/debian.toml")
        })
        .collect();
    let naming = contents().flat_map(|contents| &contents.naming_mirror);
    faults.extend(naming.map(|path| format!("/{path} names this machine's Debian mirror; remove it")));
    let missing =
        PROGRAMS.iter().filter(|path| !contents().any(|c| c.found.iter().any(|found| found == *path)));
    faults.extend(missing.map(|path| format!("it has no /{path}; start FROM dockos/base")));
    faults
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::desktops::{layer::Contents, record::Layer};

    fn record() -> Record {
        let contents = Contents {
            found: PROGRAMS.map(str::to_owned).to_vec(),
            setuid: vec!["usr/bin/sudo".to_owned()],
            ..Contents::default()
        };
        let layer = Layer {
            raw: String::new(),
            plain: String::new(),
            packed: String::new(),
            packed_bytes: 0,
            contents,
        };
        let config = json!({
            "architecture": "amd64",
            "config": {
                "User": "student",
                "WorkingDir": "/home/student",
                "Entrypoint": ["/usr/bin/tini", "-g", "--", "/usr/lib/dockos/desktop"],
                "Labels": { "dockos.screen": "vnc", "dockos.title": "甲", "dockos.title.en": "A" },
            },
        });
        Record { name: "x".to_owned(), key: String::new(), config, layers: vec![layer] }
    }

    fn settings() -> Settings {
        let setuid = BTreeMap::from([("usr/bin/sudo".to_owned(), "sudo".to_owned())]);
        Settings { include: vec![], exclude: vec![], keep: vec![], traces: vec![], setuid }
    }

    #[test]
    fn an_image_that_keeps_it() {
        check(&settings(), &record()).unwrap();
    }

    #[test]
    fn images_that_break_it() {
        type Break = fn(&mut Record);
        let cases: [(&str, Break); 9] = [
            ("USER is \"root\"", |r| r.config["config"]["User"] = json!("root")),
            ("USER is null", |r| r.config["config"]["User"] = Value::Null),
            ("ENTRYPOINT is [\"bash\"]", |r| r.config["config"]["Entrypoint"] = json!(["bash"])),
            ("LABEL dockos.title is ` `", |r| r.config["config"]["Labels"]["dockos.title"] = json!(" ")),
            ("LABEL dockos.screen is null", |r| {
                r.config["config"]["Labels"]["dockos.screen"] = Value::Null;
            }),
            ("exposes ports", |r| r.config["config"]["ExposedPorts"] = json!({ "80/tcp": {} })),
            ("/usr/bin/evil is setuid", |r| {
                r.layers[0].contents.setuid.push("usr/bin/evil".to_owned());
            }),
            ("/etc/a names this machine's", |r| {
                r.layers[0].contents.naming_mirror.push("etc/a".to_owned());
            }),
            ("has no /usr/bin/tini", |r| r.layers[0].contents.found.clear()),
        ];
        for (part, harm) in cases {
            let mut image = record();
            harm(&mut image);
            let message = check(&settings(), &image).unwrap_err().to_string();
            assert!(message.contains(part), "{part} in {message}");
        }
    }
}
