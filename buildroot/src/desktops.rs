//! Desktop images: a Debian root file system, the base image on it, the courses on that; as archives for `docker load`.
//! mmdebstrap makes the first, buildah runs the Dockerfiles; neither needs a registry or a daemon.

mod archive;
mod buildah;
mod contract;
mod course;
mod debian;
mod layer;
mod lists;
mod manifest;
mod record;
mod settings;

use anyhow::Result;

use crate::{
    desktops::{
        buildah::Buildah, course::Course, layer::Cleaner, lists::Lists, record::Record, settings::Settings,
    },
    project::Project,
    sources::Mirror,
    spec::Packages,
    stamp::{self, Inputs},
    util::make_dir,
};

/// The image without a Dockerfile, on which `desktops/base` is built.
const DEBIAN: &str = "debian";
/// What builds, and what is kept, changes with this.
const GENERATION: &str = "3";

/// Builds the images of some courses, or of all in `desktops/`, and what they are built on.
pub(crate) fn build(project: &Project, packages: &Packages, wanted: &[String]) -> Result<()> {
    let courses = course::load(project, wanted)?;
    let settings = Settings::load(&project.root.join("desktops/debian.toml"))?;
    let lists = Lists::open(project, packages)?;
    make_dir(&project.out.join("desktops"))?;
    let builder = Builder {
        project,
        settings: &settings,
        epoch: lists.epoch,
        debian: debian::key(&packages.suite, &settings, &lists),
        buildah: Buildah::open(project, packages, lists.epoch)?,
    };
    let mut keys = vec![(DEBIAN.to_owned(), builder.debian.clone())];
    let mut records = Vec::new();
    for course in &courses {
        let parent = keys.iter().find(|(name, _)| *name == course.parent);
        let key = course.key(parent.map_or("", |(_, key)| key))?;
        keys.push((course.name.clone(), key.clone()));
        records.push(builder.course(packages, course, &key, &records)?);
    }
    manifest::write(project, &records)
}

/// What the steps share.
struct Builder<'a> {
    project: &'a Project,
    settings: &'a Settings,
    epoch: u64,
    debian: String,
    buildah: Buildah<'a>,
}

impl Builder<'_> {
    /// Brings `out/desktops/NAME.tar` up to date.
    fn course(&self, packages: &Packages, course: &Course, key: &str, below: &[Record]) -> Result<Record> {
        let output = format!("desktops/{}.tar", course.name);
        let stamp_name = format!("desktop-{}", course.name);
        let kept = Record::load(self.project, key);
        if let Some(record) = &kept {
            contract::check(self.settings, record)?;
        }
        if let Some(record) = &kept
            && stamp::is_fresh(self.project, &stamp_name, key, &[&output])
        {
            return Ok(record.clone());
        }
        let record = match kept.filter(|record| record.is_whole(self.project)) {
            Some(record) => record,
            None => self.make(packages, course, key, below)?,
        };
        archive::write(self.project, &record, self.epoch, &self.project.out.join(&output))?;
        stamp::mark(self.project, &stamp_name, key, &[&output])?;
        self.project.progress.note(&record.summary(below.iter().find(|record| record.name == "base")));
        Ok(record)
    }

    /// Runs the Dockerfile and takes the image's layers out of buildah's store.
    fn make(&self, packages: &Packages, course: &Course, key: &str, below: &[Record]) -> Result<Record> {
        let progress = &self.project.progress;
        let name = &course.name;
        self.parent(packages, course, below)?;
        progress.start_log(&course.log())?;
        progress.step(&format!("desktop {name}: run its Dockerfile"), || self.buildah.build(course, key))?;
        let layout = self.buildah.export(course, key)?;
        let parent = below.iter().find(|record| record.name == course.parent);
        let record = progress.step(&format!("desktop {name}: compress"), || {
            let (traces, mirror) = (self.settings.patterns()?, Mirror::find()?);
            let cleaner = Cleaner {
                traces: &traces,
                epoch: self.epoch,
                host: mirror.private_host(),
                wanted: &contract::PROGRAMS,
            };
            record::collect(self.project, &cleaner, course, key, &layout, parent)
        })?;
        contract::check(self.settings, &record)?;
        record.store(self.project)?;
        Ok(record)
    }

    /// Sees to it that buildah finds what the Dockerfile starts from.
    fn parent(&self, packages: &Packages, course: &Course, below: &[Record]) -> Result<()> {
        if course.parent == DEBIAN {
            if !self.buildah.has(DEBIAN, &self.debian) {
                debian::build(
                    self.project,
                    packages,
                    self.settings,
                    self.epoch,
                    &self.buildah,
                    &self.debian,
                )?;
            }
            return self.buildah.name(DEBIAN, &self.debian);
        }
        let Some(parent) = below.iter().find(|record| record.name == course.parent) else { return Ok(()) };
        if !self.buildah.has(&parent.name, &parent.key) {
            // Its archive was kept, but not buildah's store.
            self.buildah.load(parent)?;
        }
        self.buildah.name(&parent.name, &parent.key)
    }
}

/// The start of every key.
fn inputs() -> Inputs {
    Inputs::default().value("generation", GENERATION)
}
