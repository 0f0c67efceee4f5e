//! An apt of our own below the cache: it resolves, checks signatures and fetches, and installs nothing. So no build
//! step needs root or a chroot, no maintainer script runs, and the build machine may be another release.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    lock::{Locked, parse_show, parse_simulation},
    progress::{missing, tail},
    project::Project,
    sources::Mirror,
    spec::Packages,
    util::{files_below, fresh_dir, make_dir, read_head, read_text, sha256, sha256_file, write_atomic},
};

/// Signs the lists; from the package debian-archive-keyring.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Settings of the build machine's apt that are about reaching a mirror, and so hold here too.
const INHERITED: [&str; 6] = [
    "Acquire::http",
    "Acquire::https",
    "Acquire::Check-",
    "Acquire::Retries",
    "Acquire::ForceIPv",
    "Acquire::Queue",
];
/// Older lists get a hint.
const STALE: Duration = Duration::from_secs(14 * 24 * 3600);

/// The private apt for one mirror.
pub(crate) struct Apt<'a> {
    project: &'a Project,
    dir: PathBuf,
    packages: &'a Packages,
}

impl<'a> Apt<'a> {
    /// Sets it up. Another mirror or other packages mean another folder, so nothing stale is mixed in.
    pub(crate) fn open(project: &'a Project, packages: &'a Packages) -> Result<Self> {
        let mirror = Mirror::find()?;
        let sources = sources(&mirror, &packages.suite);
        let status: String = packages.provided_names().map(provided).collect();
        let dir = project.cache.join("apt").join(&sha256(format!("{sources}{status}").as_bytes())[..16]);
        for below in ["etc/apt.conf.d", "etc/preferences.d", "lists/partial", "archives/partial"] {
            make_dir(&dir.join(below))?;
        }
        write_atomic(&dir.join("dockos.sources"), sources.as_bytes())?;
        write_atomic(&dir.join("status"), status.as_bytes())?;
        let mut config = config(&dir, mirror.is_snapshot());
        config.push_str(&inherited_settings()?);
        write_atomic(&dir.join("apt.conf"), config.as_bytes())?;
        Ok(Self { project, dir, packages })
    }

    /// The packages a build uses: as locked by an earlier one, or resolved now.
    pub(crate) fn lock(&self) -> Result<Vec<Locked>> {
        self.lock_wanted("packages: resolve", &self.wanted(), || self.update())
    }

    /// The same for what is put beside the root image, apart, so that the two do not depend on each other. The lists are
    /// those of [`lock`](Self::lock), which comes first.
    pub(crate) fn lock_tools(&self) -> Result<Vec<Locked>> {
        let wanted: Vec<_> = self.packages.tool.iter().map(|tool| tool.name.as_str()).collect();
        self.lock_wanted("packages: resolve the boot loaders", &wanted, || Ok(()))
    }

    /// The state of the archive as of the last update: the signed heads of its lists.
    pub(crate) fn heads(&self) -> Result<Vec<PathBuf>> {
        let head = |file: &PathBuf| file.to_string_lossy().ends_with("InRelease");
        Ok(files_below(&self.dir.join("lists"))?.into_iter().filter(head).collect())
    }

    fn lock_wanted(
        &self,
        step: &str,
        wanted: &[&str],
        update: impl FnOnce() -> Result<()>,
    ) -> Result<Vec<Locked>> {
        let file = self.dir.join(format!("lock-{}.json", &sha256(wanted.join(" ").as_bytes())[..16]));
        if !self.project.update
            && let Ok(text) = fs::read_to_string(&file)
            && let Ok(packages) = serde_json::from_str(&text)
        {
            self.hint_when_stale(&file);
            return Ok(packages);
        }
        let packages = self.project.progress.step(step, || {
            self.project.progress.start_log("apt")?;
            update()?;
            self.resolve(wanted)
        })?;
        write_atomic(&file, serde_json::to_string_pretty(&packages)?.as_bytes())?;
        Ok(packages)
    }

    /// The folders of those packages, fetched, checked and unpacked.
    pub(crate) fn unpack(&self, packages: &[&Locked]) -> Result<Vec<PathBuf>> {
        let missing: Vec<_> =
            packages.iter().copied().filter(|package| !self.unpacked(package).exists()).collect();
        if !missing.is_empty() {
            self.project
                .progress
                .step(&format!("packages: fetch {}", missing.len()), || self.fetch(&missing))?;
            self.project.progress.step(&format!("packages: unpack {}", missing.len()), || {
                missing.iter().try_for_each(|package| self.unpack_one(package))
            })?;
        }
        Ok(packages.iter().map(|package| self.unpacked(package)).collect())
    }

    fn wanted(&self) -> Vec<&str> {
        let names = self.packages.package.iter().map(|package| package.name.as_str());
        names.chain([self.packages.kernel_source.as_str()]).collect()
    }

    fn unpacked(&self, package: &Locked) -> PathBuf {
        self.project.cache.join("unpacked").join(format!("{}-{}", package.name, &package.sha256[..16]))
    }

    fn update(&self) -> Result<()> {
        if !Path::new(KEYRING).exists() {
            bail!("{KEYRING} is missing, so no package can be checked; run buildroot/setup.sh");
        }
        self.project
            .progress
            .run("apt", self.command("apt-get").arg("update").args(["--error-on=any", "-q"]))
            .context("cannot fetch the package lists; is the mirror reachable? (DOCKOS_MIRROR names another)")
    }

    fn resolve(&self, wanted: &[&str]) -> Result<Vec<Locked>> {
        let text = self.output(self.command("apt-get").args(["install", "--simulate", "-q"]).args(wanted))?;
        let pinned = parse_simulation(&text);
        ensure!(!pinned.is_empty(), "apt resolved {wanted:?} to nothing:\n{text}");
        parse_show(&self.output(self.command("apt-cache").arg("show").args(&pinned))?)
    }

    fn fetch(&self, packages: &[&Locked]) -> Result<()> {
        let archives = self.dir.join("archives");
        let names = packages.iter().map(|package| package.pinned());
        let mut command = self.command("apt-get");
        command.current_dir(&archives).args(["download", "-q"]).args(names);
        self.project.progress.run("apt", &mut command).context(
            "cannot fetch packages; when the mirror has newer ones by now, `make update` takes those",
        )
    }

    /// Unpacks into a folder named by the package's hash, which appears whole or not at all.
    fn unpack_one(&self, package: &Locked) -> Result<()> {
        let deb = self.dir.join("archives").join(package.file_name());
        let found = sha256_file(&deb)?;
        ensure!(
            found == package.sha256,
            "{} has sha256 {found}, not {}; remove it and build again",
            deb.display(),
            package.sha256
        );
        let target = self.unpacked(package);
        let temp = target.with_extension("tmp");
        fresh_dir(&temp)?;
        let root = temp.join("root");
        self.project.progress.run("apt", Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&root))?;
        let epoch =
            deb_epoch(&read_head(&deb, 64)?).with_context(|| format!("{} is no package", deb.display()))?;
        write_atomic(&temp.join("epoch"), epoch.to_string().as_bytes())?;
        fs::rename(&temp, &target).with_context(|| format!("cannot rename {}", temp.display()))?;
        fs::remove_file(&deb).with_context(|| format!("cannot remove {}", deb.display()))
    }

    fn hint_when_stale(&self, lock: &Path) {
        let age =
            fs::metadata(lock).and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        if let Some(age) = age.filter(|age| *age > STALE) {
            let days = age.as_secs() / 86_400;
            self.project
                .progress
                .note(&format!("packages: lists are {days} days old; `make update` refreshes them"));
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.dir.join("apt.conf")).env("LC_ALL", "C");
        command
    }

    /// A command's output; its errors go to the log.
    fn output(&self, command: &mut Command) -> Result<String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let output = command.output().with_context(|| missing(&program))?;
        let log = self.project.progress.log("apt");
        if !output.status.success() {
            write_atomic(&log, &[output.stdout, output.stderr].concat())?;
            bail!("{command:?} failed; the end of {}:\n{}", log.display(), tail(&log));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The day a package was built, left beside it when it was unpacked.
pub(crate) fn epoch(unpacked: &Path) -> Result<u64> {
    let file = unpacked.join("epoch");
    read_text(&file)?
        .trim()
        .parse()
        .with_context(|| format!("{} holds no time; remove its folder", file.display()))
}

/// A .deb is an ar archive; its first member bears the date of the package's last change.
fn deb_epoch(head: &[u8]) -> Option<u64> {
    let head = std::str::from_utf8(head.get(..68.min(head.len()))?).ok()?;
    head.strip_prefix("!<arch>\ndebian-binary")?.get(3..15)?.trim().parse().ok()
}

/// A mirror as apt's sources name it.
pub(crate) fn sources(mirror: &Mirror, suite: &str) -> String {
    let entry = |uri: &str, suites: &str| {
        format!("Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n\n")
    };
    let mut text = entry(&mirror.archive, &format!("{suite} {suite}-updates"));
    if let Some(security) = &mirror.security {
        text.push_str(&entry(security, &format!("{suite}-security")));
    }
    text
}

/// A package that dpkg would say is installed, newer than any that is asked for.
fn provided(name: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: allowed\n\
         Maintainer: none\nVersion: 999:0\nDescription: taken for installed\n\n"
    )
}

fn config(dir: &Path, snapshot: bool) -> String {
    let dir = dir.display();
    let mut text = format!(
        "Dir \"{dir}\";\n\
         Dir::State \"{dir}\";\n\
         Dir::State::lists \"lists\";\n\
         Dir::State::status \"{dir}/status\";\n\
         Dir::Cache \"{dir}\";\n\
         Dir::Etc \"{dir}/etc\";\n\
         Dir::Etc::sourcelist \"{dir}/dockos.sources\";\n\
         Dir::Etc::sourceparts \"/dev/null\";\n\
         Dir::Etc::trustedparts \"/dev/null\";\n\
         Dir::Etc::netrc \"/etc/apt/auth.conf\";\n\
         Dir::Etc::netrcparts \"/etc/apt/auth.conf.d\";\n\
         Dir::Log \"{dir}\";\n\
         APT::Architecture \"amd64\";\n\
         APT::Architectures {{ \"amd64\"; }};\n\
         APT::Install-Recommends \"false\";\n\
         APT::Sandbox::User \"root\";\n\
         Acquire::Languages \"none\";\n"
    );
    if snapshot {
        text.push_str("Acquire::Check-Valid-Until \"false\";\n");
    }
    text
}

/// Proxies and the like, which the user has already told the machine's own apt.
pub(crate) fn inherited_settings() -> Result<String> {
    let output = Command::new("apt-config").arg("dump").output().with_context(|| missing("apt-config"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let inherited = |line: &&str| INHERITED.iter().any(|prefix| line.starts_with(prefix));
    Ok(text.lines().filter(inherited).map(|line| format!("{line}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_packages() {
        let head = b"!<arch>\ndebian-binary   1752500000  0     0     100644  4         `\n2.0\n";
        assert_eq!(deb_epoch(head), Some(1_752_500_000));
        assert_eq!(deb_epoch(b"PK\x03\x04"), None);
    }
}
