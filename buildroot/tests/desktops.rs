//! A teacher's course is built from its ten lines: it keeps the contract and shares the base image's layers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, in their helpers too")]

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

const BUILDROOT: &str = env!("CARGO_BIN_EXE_buildroot");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn desktops(course: &str) -> Output {
    Command::new(BUILDROOT).args(["desktops", course]).current_dir(root()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The small files of an archive, and the hash of each blob.
struct Archive {
    papers: Vec<(String, Value)>,
    blobs: Vec<(String, String)>,
}

impl Archive {
    fn open(name: &str) -> Self {
        let path = root().join("out/desktops").join(name);
        let mut archive = tar::Archive::new(File::open(&path).unwrap());
        let (mut papers, mut blobs) = (Vec::new(), Vec::new());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            if let Ok(json) = serde_json::from_slice(&bytes) {
                papers.push((path.clone(), json));
            }
            let hash = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            blobs.push((path, hash));
        }
        Self { papers, blobs }
    }

    fn paper(&self, path: &str) -> &Value {
        &self.papers.iter().find(|(name, _)| name == path).unwrap_or_else(|| panic!("no {path}")).1
    }

    fn layers(&self) -> Vec<String> {
        let layers = self.paper("manifest.json")[0]["Layers"].as_array().unwrap();
        layers.iter().map(|layer| layer.as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_teachers_course() {
    let built = desktops("examples/course-lua");
    assert!(built.status.success(), "{}", text(&built));
    let (base, course) = (Archive::open("base.tar"), Archive::open("course-lua.tar"));

    let manifest = &course.paper("manifest.json")[0];
    assert_eq!(manifest["RepoTags"][0], "dockos/course-lua:latest");
    let config = &course.paper(manifest["Config"].as_str().unwrap())["config"];
    assert_eq!(config["Labels"]["dockos.title"], "Lua 程序设计");
    assert_eq!(config["Labels"]["dockos.screen"], "vnc");
    assert_eq!(config["User"], "student");

    let (below, layers) = (base.layers(), course.layers());
    assert_eq!(layers[..below.len()], below, "the course has other layers than the base image");
    assert_eq!(layers.len(), below.len() + 1);
    for (path, hash) in &course.blobs {
        let name = path.strip_prefix("blobs/sha256/");
        assert!(name.is_none_or(|name| name == hash), "{path} has the hash {hash}");
    }

    let again = desktops("examples/course-lua");
    assert!(again.status.success(), "{}", text(&again));
    assert!(
        !text(&again).contains("Dockerfile"),
        "nothing changed, but it was built again: {}",
        text(&again)
    );
}

#[test]
fn dockerfiles_that_fail_say_why() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("course-bad");
    fs::create_dir_all(&folder).unwrap();
    let labels = "LABEL dockos.title=x dockos.title.en=x";
    for (lines, part) in [
        ("FROM debian:13", "no registry is asked"),
        (
            "FROM dockos/base\nUSER root\nRUN apt-get update -q && apt-get install -q no-such-package",
            "no-such-package",
        ),
        ("FROM dockos/base\nUSER root", "end the Dockerfile with USER student"),
        (
            "FROM dockos/base\nUSER root\nRUN cp /bin/true /bin/mine && chmod 4755 /bin/mine\nUSER student",
            "bin/mine is setuid",
        ),
    ] {
        fs::write(folder.join("Dockerfile"), format!("{lines}\n{labels}\n")).unwrap();
        let built = desktops(folder.to_str().unwrap());
        assert_eq!(built.status.code(), Some(1), "{lines}: {}", text(&built));
        assert!(text(&built).contains(part), "{lines}: {}", text(&built));
    }
}
