//! Course folders: finding them, reading what the builder must know of their Dockerfiles, and their order.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    desktops::{DEBIAN, inputs},
    project::Project,
    util::read_text,
};

/// The labels that each course sets itself.
const LABELS: [&str; 2] = ["dockos.title", "dockos.title.en"];

/// A folder with a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Course {
    /// The folder's name, and the image's after `dockos/`.
    pub(crate) name: String,
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The image it starts from, without `dockos/`.
    pub(crate) parent: String,
}

impl Course {
    /// What the image depends on.
    pub(crate) fn key(&self, parent: &str) -> Result<String> {
        let inputs = inputs().value("name", &self.name).value("parent", parent);
        Ok(inputs.folder(&self.folder)?.key()[..16].to_owned())
    }

    /// The name of its log.
    pub(crate) fn log(&self) -> String {
        format!("desktop-{}", self.name)
    }

    fn open(folder: &Path) -> Result<Self> {
        let folder =
            folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?;
        let file = folder.join("Dockerfile");
        ensure!(
            file.is_file(),
            "{} has no Dockerfile, so it is no course; desktops/README.md shows one",
            folder.display()
        );
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        check_name(&name).with_context(|| format!("rename the folder {}", folder.display()))?;
        let text = read_text(&file)?;
        let parent = parent(&text).with_context(|| format!("{} cannot be built", file.display()))?;
        check_labels(&text).with_context(|| format!("{} cannot be built", file.display()))?;
        Ok(Self { name, folder, parent })
    }
}

/// The courses wanted, by name or folder, or all of `desktops/`; each after what it is built on.
pub(crate) fn load(project: &Project, wanted: &[String]) -> Result<Vec<Course>> {
    load_from(&project.root.join("desktops"), wanted)
}

fn load_from(own: &Path, wanted: &[String]) -> Result<Vec<Course>> {
    let named = |name: &String| if name.contains('/') { PathBuf::from(name) } else { own.join(name) };
    let folders = if wanted.is_empty() { all(own)? } else { wanted.iter().map(named).collect() };
    let mut ordered = Vec::new();
    for folder in folders {
        let course = match Course::open(&folder) {
            Err(error) if !folder.exists() => {
                return Err(error.context(format!("the courses here are: {}", names(&all(own)?))));
            }
            other => other?,
        };
        place(own, course, &mut ordered, &mut Vec::new())?;
    }
    Ok(ordered)
}

/// Puts a course behind its parents, which come from `desktops/`.
fn place(own: &Path, course: Course, ordered: &mut Vec<Course>, below: &mut Vec<String>) -> Result<()> {
    if let Some(other) = ordered.iter().find(|other| other.name == course.name) {
        ensure!(
            other.folder == course.folder,
            "two courses are called {}: {} and {}; rename a folder",
            course.name,
            other.folder.display(),
            course.folder.display()
        );
        return Ok(());
    }
    ensure!(!below.contains(&course.name), "{} is built on itself: {}", course.name, below.join(" on "));
    below.push(course.name.clone());
    let known = ordered.iter().any(|other| other.name == course.parent);
    if course.parent != DEBIAN && !known {
        let folder = own.join(&course.parent);
        if !folder.join("Dockerfile").is_file() {
            bail!(
                "{} starts FROM dockos/{}, which is not in desktops/; most courses start FROM dockos/base",
                course.folder.join("Dockerfile").display(),
                course.parent
            );
        }
        place(own, Course::open(&folder)?, ordered, below)?;
    }
    ordered.push(course);
    Ok(())
}

fn all(own: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(own).with_context(|| format!("cannot list {}", own.display()))?;
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut folders: Vec<_> = folders.filter(|folder| folder.join("Dockerfile").is_file()).collect();
    folders.sort();
    Ok(folders)
}

fn names(folders: &[PathBuf]) -> String {
    let names = folders.iter().filter_map(|folder| folder.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>().join(", ")
}

/// What Docker allows in a name, and `debian` is taken.
fn check_name(name: &str) -> Result<()> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let mut words = name.split('-');
    ensure!(
        name.len() <= 63 && words.all(|word| !word.is_empty() && word.chars().all(plain)),
        "`{name}` cannot be the name of an image: small letters, digits and single dashes between them can"
    );
    ensure!(name != DEBIAN, "`{DEBIAN}` is the image that dockos/base is built on; take another name");
    Ok(())
}

/// The image that the Dockerfile's last stage starts from.
fn parent(dockerfile: &str) -> Result<String> {
    let mut stages: Vec<(String, String)> = Vec::new();
    for line in instructions(dockerfile) {
        let mut words = line.split_whitespace();
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("FROM")) {
            continue;
        }
        let mut words = words.filter(|word| !word.starts_with("--"));
        let image = words.next().context("FROM names no image")?;
        let known = stages.iter().find(|(stage, _)| stage == image).map(|(_, parent)| parent.clone());
        let parent = match known {
            Some(parent) => parent,
            None => built_here(image)?,
        };
        let stage = words.nth(1).unwrap_or_default();
        stages.push((stage.to_owned(), parent));
    }
    let (_, last) = stages.pop().context("it has no FROM; a course starts FROM dockos/base")?;
    for (stage, parent) in stages {
        ensure!(
            parent == last,
            "its stage {stage} starts FROM dockos/{parent}, the last from dockos/{last}; take one"
        );
    }
    Ok(last)
}

fn built_here(image: &str) -> Result<String> {
    let name = image.strip_prefix("docker.io/").unwrap_or(image).strip_prefix("dockos/");
    let name = name.map(|name| name.strip_suffix(":latest").unwrap_or(name));
    match name {
        Some(name) if check_name(name).is_ok() || name == DEBIAN => Ok(name.to_owned()),
        _ => bail!(
            "it starts FROM {image}, which this builder cannot get: no registry is asked. \
             A course starts FROM dockos/base, or from another course (dockos/NAME)"
        ),
    }
}

/// Lines, comments and continuations undone.
fn instructions(dockerfile: &str) -> Vec<String> {
    let mut whole = vec![String::new()];
    for line in dockerfile.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let (text, more) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
        if let Some(last) = whole.last_mut() {
            last.push_str(text);
            last.push(' ');
        }
        if !more {
            whole.push(String::new());
        }
    }
    whole
}

fn check_labels(dockerfile: &str) -> Result<()> {
    let lines = instructions(dockerfile);
    let labels: Vec<_> = lines
        .iter()
        .filter_map(|line| line.trim_start().split_once(char::is_whitespace))
        .filter(|(word, _)| word.eq_ignore_ascii_case("LABEL"))
        .map(|(_, rest)| rest)
        .collect();
    for label in LABELS {
        let sets = |rest: &&str| {
            let mut words =
                rest.split(|letter: char| letter.is_whitespace() || letter == '=' || letter == '"');
            words.any(|word| word == label)
        };
        ensure!(
            labels.iter().any(sets),
            "it sets no label {label}, the title people see; add: LABEL {label}=\"...\""
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
