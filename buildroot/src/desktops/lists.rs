//! The state of Debian's archive that images are built from: noted at the first build, and again by `--update`.

use std::{env, process::Command};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    apt::Apt,
    desktops::inputs,
    project::Project,
    sources::Mirror,
    spec::Packages,
    util::{make_dir, read_text, sha256, write_atomic},
};

/// What is noted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Lists {
    /// Changes with every package that the archive changes.
    pub(crate) key: String,
    /// When the archive was last changed: the date that images bear.
    pub(crate) epoch: u64,
}

impl Lists {
    /// As noted, or as the archive is now.
    pub(crate) fn open(project: &Project, packages: &Packages) -> Result<Self> {
        let mirror = format!("{:?}{}", Mirror::find()?, packages.suite);
        let folder = project.cache.join("desktops");
        make_dir(&folder)?;
        let file = folder.join(format!("lists-{}.json", &sha256(mirror.as_bytes())[..16]));
        let noted = read_text(&file).ok().and_then(|text| serde_json::from_str(&text).ok());
        let mut lists: Self = match noted.filter(|_| !project.update) {
            Some(lists) => lists,
            None => {
                let lists = Self::read(project, packages)?;
                write_atomic(&file, &serde_json::to_vec_pretty(&lists)?)?;
                lists
            }
        };
        if let Ok(text) = env::var("SOURCE_DATE_EPOCH") {
            let number = text.trim().parse();
            lists.epoch =
                number.with_context(|| format!("SOURCE_DATE_EPOCH `{text}` is no number of seconds"))?;
        }
        Ok(lists)
    }

    fn read(project: &Project, packages: &Packages) -> Result<Self> {
        let apt = Apt::open(project, packages)?;
        apt.lock()?;
        let (mut all, mut epoch) = (inputs(), 0);
        for head in apt.heads()? {
            all = all.file(&head)?;
            let text = read_text(&head)?;
            let date = text.lines().find_map(|line| line.strip_prefix("Date: "));
            epoch = epoch.max(seconds(date.with_context(|| format!("{} has no date", head.display()))?)?);
        }
        ensure!(epoch > 0, "apt keeps no signed lists; is the mirror a Debian archive?");
        Ok(Self { key: all.key(), epoch })
    }
}

/// A date as Debian's lists write it, in seconds since 1970.
fn seconds(date: &str) -> Result<u64> {
    let output = Command::new("date").args(["-u", "-d", date, "+%s"]).output().context("cannot run date")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim().parse().with_context(|| format!("the lists' date `{date}` is no date"))
}
