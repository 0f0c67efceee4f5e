//! buildah, with a store of its own in the cache and no registry to ask.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    desktops::{course::Course, debian, record::Record},
    progress::missing,
    project::Project,
    sources::Mirror,
    spec::Packages,
    stage::git_mode,
    util::{as_root, fresh_dir, make_dir, write_atomic},
};

/// Layers of our own making need no signature.
const POLICY: &str = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;
/// Where /etc/apt/auth.conf.d of the build machine, if it has one, is seen during a build.
const AUTH: &str = "/etc/apt/auth.conf.d";

/// One store.
pub(crate) struct Buildah<'a> {
    project: &'a Project,
    dir: PathBuf,
    driver: &'static str,
    epoch: u64,
}

impl<'a> Buildah<'a> {
    /// Sets up the store's folder, and what is only seen while a Dockerfile runs: mirror and package lists.
    pub(crate) fn open(project: &'a Project, packages: &Packages, epoch: u64) -> Result<Self> {
        let dir = project.cache.join("desktops");
        for below in ["build", "lists/partial", "archives/partial"] {
            make_dir(&dir.join(below))?;
        }
        let mirror = Mirror::find()?;
        let settings = debian::APT_CONF.to_owned() + &crate::apt::inherited_settings()?;
        let valid = if mirror.is_snapshot() { "Acquire::Check-Valid-Until \"false\";\n" } else { "" };
        for (name, text) in [
            ("debian.sources", crate::apt::sources(&mirror, &packages.suite)),
            ("apt.conf", settings + valid),
            ("policy.json", POLICY.to_owned()),
            ("registries.conf", "unqualified-search-registries = []\n".to_owned()),
        ] {
            write_atomic(&dir.join("build").join(name), text.as_bytes())?;
        }
        let driver = if overlay_works(&dir)? { "overlay" } else { "vfs" };
        Ok(Self { project, dir, driver, epoch })
    }

    /// Whether the store has the image that was built with this key.
    pub(crate) fn has(&self, name: &str, key: &str) -> bool {
        let mut command = self.command("inspect");
        command.args(["--type", "image"]).arg(keyed(name, key)).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Makes the image the one that a Dockerfile calls `dockos/NAME`.
    pub(crate) fn name(&self, name: &str, key: &str) -> Result<()> {
        let mut command = self.command("tag");
        command.arg(keyed(name, key)).arg(format!("docker.io/dockos/{name}:latest"));
        self.project.progress.run(&format!("desktop-{name}"), &mut command)
    }

    /// Runs a course's Dockerfile, in a copy of its folder.
    pub(crate) fn build(&self, course: &Course, key: &str) -> Result<()> {
        let copy = self.dir.join("context");
        fresh_dir(&copy)?;
        copy_folder(&course.folder, &copy)?;
        self.build_folder(&course.name, &copy, key, &course.log())
    }

    /// Runs the Dockerfile in a folder.
    pub(crate) fn build_folder(&self, name: &str, folder: &Path, key: &str, log: &str) -> Result<()> {
        let mut command = self.command("bud");
        command.args(["--isolation=chroot", "--pull-never", "--no-cache", "--force-rm", "--format=docker"]);
        command.arg("--build-arg").arg(format!("SOURCE_DATE_EPOCH={}", self.epoch));
        for (from, to) in self.mounts() {
            command.arg("--volume").arg(format!("{}:{to}", from.display()));
        }
        command.arg("--tag").arg(keyed(name, key)).arg(folder);
        self.project.progress.run(log, &mut command).map_err(|error| {
            let hint = hint(&format!("{error:#}"));
            error.context(format!(
                "the image dockos/{name} could not be built{hint}; its log is out/log/{log}.log"
            ))
        })
    }

    /// The image as a folder with a manifest and its blobs, their layers plain.
    pub(crate) fn export(&self, course: &Course, key: &str) -> Result<PathBuf> {
        let layout = self.dir.join("layout");
        fresh_dir(&layout)?;
        let mut command = self.command("push");
        command.args(["--disable-compression", "--format=oci", "--quiet"]).arg(keyed(&course.name, key));
        command.arg(format!("dir:{}", layout.display()));
        self.project.progress.run(&course.log(), &mut command)?;
        let owner = nix::unistd::geteuid().to_string();
        let mut own = as_root("chown", &[]);
        self.project.progress.run(&course.log(), own.arg("-R").arg(owner).arg(&layout))?;
        Ok(layout)
    }

    /// Takes an image from an archive made earlier.
    pub(crate) fn load(&self, record: &Record) -> Result<()> {
        let archive = self.project.out.join(format!("desktops/{}.tar", record.name));
        let log = format!("desktop-{}", record.name);
        let mut pull = self.command("pull");
        pull.arg("--quiet").arg(format!("docker-archive:{}", archive.display()));
        self.project.progress.run(&log, &mut pull)?;
        let mut tag = self.command("tag");
        tag.arg(format!("docker.io/dockos/{}:latest", record.name)).arg(keyed(&record.name, &record.key));
        self.project.progress.run(&log, &mut tag)
    }

    /// What a build sees of this machine, and no layer holds.
    fn mounts(&self) -> Vec<(PathBuf, &'static str)> {
        let build = self.dir.join("build");
        let mut mounts = vec![
            (build.join("debian.sources"), "/etc/apt/sources.list.d/debian.sources:ro"),
            (build.join("apt.conf"), "/etc/apt/apt.conf.d/90dockos:ro"),
            (self.dir.join("lists"), "/var/lib/apt/lists"),
            (self.dir.join("archives"), "/var/cache/apt/archives"),
        ];
        if Path::new(AUTH).is_dir() {
            mounts.push((PathBuf::from(AUTH), AUTH));
        }
        mounts
    }

    fn command(&self, verb: &str) -> Command {
        let environment = [("TMPDIR", self.dir.display().to_string()), ("LC_ALL", "C.UTF-8".to_owned())];
        let mut command = as_root("buildah", &environment);
        command.arg("--root").arg(self.dir.join("store")).arg("--runroot").arg(self.dir.join("run"));
        command.args(["--storage-driver", self.driver]);
        command.arg("--registries-conf").arg(self.dir.join("build/registries.conf"));
        command.arg(verb);
        if ["bud", "push", "pull"].contains(&verb) {
            command.arg("--signature-policy").arg(self.dir.join("build/policy.json"));
        }
        command
    }
}

/// What a failure most likely means, from the end of the log.
fn hint(text: &str) -> &'static str {
    for (sign, hint) in [
        ("No space left on device", ": the disk is full (`make clean-cache` empties the cache)"),
        ("Unable to locate package", ": its Dockerfile names a package that Debian does not have"),
        ("无法定位软件包", ": its Dockerfile names a package that Debian does not have"),
        ("Could not resolve", ": the Debian mirror cannot be reached (DOCKOS_MIRROR names another)"),
        (
            "Operation not permitted",
            ": this machine does not let root mount; a container needs CAP_SYS_ADMIN",
        ),
    ] {
        if text.contains(sign) {
            return hint;
        }
    }
    ""
}

fn keyed(name: &str, key: &str) -> String {
    format!("localhost/{name}:{key}")
}

/// Whether the cache's file system can be below an overlay. A store that is there stays as it is.
fn overlay_works(dir: &Path) -> Result<bool> {
    let store = dir.join("store");
    if store.join("vfs-images").exists() {
        return Ok(false);
    }
    if store.join("overlay-images").exists() {
        return Ok(true);
    }
    let probe = dir.join("probe");
    for below in ["lower", "upper", "work", "merged"] {
        make_dir(&probe.join(below))?;
    }
    let options = format!("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", probe.display());
    let script = "mount -t overlay overlay -o \"$1\" \"$2/merged\" 2>/dev/null";
    let works = as_root("unshare", &[])
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(options)
        .arg(&probe)
        .status()
        .with_context(|| missing("unshare"))?
        .success();
    fs::remove_dir_all(&probe).with_context(|| format!("cannot remove {}", probe.display()))?;
    Ok(works)
}
/// Copies a folder with the modes that git keeps: `COPY` takes modes as they are, and the image shall be the same whatever
/// the checkout's umask was.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let what = || format!("cannot copy {}", from.display());
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).with_context(what)?;
    for entry in fs::read_dir(from).with_context(what)? {
        let entry = entry.with_context(what)?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().with_context(what)?;
        if kind.is_dir() {
            make_dir(&copy)?;
            copy_folder(&path, &copy)?;
        } else if kind.is_symlink() {
            path.read_link().and_then(|target| symlink(target, &copy)).with_context(what)?;
        } else {
            fs::copy(&path, &copy).with_context(|| format!("cannot copy {}", path.display()))?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(git_mode(&path)?)).with_context(what)?;
        }
    }
    Ok(())
}
