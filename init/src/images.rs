//! Images of the user Docker: loaded from archives that came with the machine or its boot medium, pulled only when nothing else has them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{CreateImageOptionsBuilder, ImportImageOptionsBuilder};
use dockos_config::Config;
use futures_util::{StreamExt, stream};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::{docker, medium, user_docker};
use dockos_control::archive;
use dockos_control::error::{Context, Result};
use dockos_control::image::with_tag;
use dockos_control::wanted::Login;

/// Folders of archives: the root image's, then the state disk's, where an admin puts more.
const FOLDERS: [&str; 2] = ["/usr/share/dockos/images", "/var/lib/dockos/images"];
/// How long a registry may say nothing.
const PULL_BOUND: Duration = Duration::from_secs(120);
/// How long the medium of an archive may take to list it, and to give the next piece.
const READ_BOUND: Duration = Duration::from_secs(120);
/// How much of an archive is handed to the engine at once.
const CHUNK: usize = 256 << 10;

/// The phase: every archive whose images the user Docker does not have yet. A bad one is a problem that is named.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    let docker = docker::open(user_docker::SOCKET).await?;
    let mut loaded = Vec::new();
    let media = medium::images(machine).await.unwrap_or_else(|fault| {
        machine.problem(format!("images of the boot medium: {fault}"));
        Vec::new()
    });
    for path in archives(&media) {
        machine.waits_for("images", path.display().to_string());
        match load_if_missing(&docker, &path).await {
            Ok(true) => loaded.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned()),
            Ok(false) => {}
            Err(fault) => machine.problem(format!("image archive {fault}")),
        }
    }
    if loaded.is_empty() {
        Ok(Step::Skipped("all there".to_owned()))
    } else {
        Ok(Step::Done(loaded.join(", ")))
    }
}

fn archives(media: &[PathBuf]) -> Vec<PathBuf> {
    let folders = FOLDERS.iter().map(Path::new).chain(media.iter().map(PathBuf::as_path));
    let entries = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "tar"))
        .collect();
    paths.sort();
    paths
}

async fn load_if_missing(docker: &Docker, path: &Path) -> Result<bool> {
    let archive = path.to_owned();
    // On a thread of its own: the medium may be a CD with a scratch.
    let listed = timeout(READ_BOUND, spawn_blocking(move || archive::images(&archive))).await;
    let name = || path.display().to_string();
    for image in listed.context(name)?.context(name)?? {
        for tag in &image.tags {
            let there = docker.inspect_image(tag).await.ok().and_then(|found| found.id);
            if there.is_none() || image.id().is_some_and(|id| there != Some(id)) {
                return load(docker, path).await.map(|()| true);
            }
        }
    }
    Ok(false)
}

/// Loads an archive, whatever is there already.
pub(crate) async fn load(docker: &Docker, path: &Path) -> Result<()> {
    let name = || path.display().to_string();
    let file = File::open(path).context(name)?;
    let chunks = stream::unfold(Some(file), |file| async move {
        let file = file?;
        let Ok(read) = timeout(READ_BOUND, spawn_blocking(move || read_chunk(file))).await else {
            return Some((Err(std::io::ErrorKind::TimedOut.into()), None));
        };
        // Who asked has gone: there is nobody to tell.
        let (file, chunk) = read.ok()?;
        match chunk {
            Ok(chunk) if chunk.is_empty() => None,
            Ok(chunk) => Some((Ok(chunk.into()), Some(file))),
            Err(error) => Some((Err(error), Some(file))),
        }
    });
    let options = ImportImageOptionsBuilder::new().quiet(true).build();
    let mut answers = Box::pin(docker.import_image_stream(options, chunks, None));
    while let Some(answer) = answers.next().await {
        answer.map_err(|error| docker::explain(&name(), &error))?;
    }
    Ok(())
}

fn read_chunk(mut file: File) -> (File, std::io::Result<Vec<u8>>) {
    let mut chunk = vec![0; CHUNK];
    let read = file.read(&mut chunk).map(|length| {
        chunk.truncate(length);
        chunk
    });
    (file, read)
}

/// True when the engine has an image of that name or ID.
pub(crate) async fn is_present(docker: &Docker, image: &str) -> bool {
    docker.inspect_image(image).await.is_ok()
}

/// Pulls an image from its registry.
pub(crate) async fn pull(machine: &Machine, docker: &Docker, image: &str) -> Result<()> {
    tracing::info!("pulling {image}");
    let options = CreateImageOptionsBuilder::new().from_image(&with_tag(image)).build();
    let mut answers =
        Box::pin(docker.create_image(Some(options), None, credentials(&machine.config(), image)));
    loop {
        let answer = timeout(PULL_BOUND, answers.next()).await;
        let Some(answer) = answer.context(|| format!("pull {image}: the registry fell silent"))? else {
            return Ok(());
        };
        answer.map_err(|error| docker::explain(&format!("pull {image}"), &error))?;
    }
}

/// How the config logs in to the image's registry. The engine knows names and passwords, not the two as one.
pub(crate) fn login(config: &Config, image: &str) -> Option<Login> {
    let registry = registry(image);
    let (_, auth) = config.dockos.registry_auths.iter().find(|(name, _)| name.as_str() == registry)?;
    let pair = auth.auth.as_ref().and_then(|auth| auth.pair());
    let (username, password) = match pair {
        Some((name, password)) => (Some(name), Some(password)),
        None => (
            auth.username.as_ref().map(|name| name.as_str().to_owned()),
            auth.password.as_ref().map(|password| password.reveal().to_owned()),
        ),
    };
    let identity_token = auth.identity_token.as_ref().map(|token| token.reveal().to_owned());
    Some(Login { registry: registry.to_owned(), username, password, identity_token })
}

fn credentials(config: &Config, image: &str) -> Option<DockerCredentials> {
    let Login { registry, username, password, identity_token } = login(config, image)?;
    Some(DockerCredentials {
        username,
        password,
        identitytoken: identity_token,
        serveraddress: Some(registry),
        ..Default::default()
    })
}

/// The registry of an image: what is before the first `/`, if it can be a host; else Docker Hub.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => "docker.io",
    }
}

#[cfg(test)]
mod tests {
    use super::{credentials, registry};

    #[test]
    fn a_registry_is_logged_in_to_by_its_host() {
        assert_eq!(registry("debian"), "docker.io");
        assert_eq!(registry("dockos/hello"), "docker.io");
        assert_eq!(registry("center.lab:5000/dockos/hello"), "center.lab:5000");
        let text = "dockos: {registry_auths: {'center.lab:5000': {auth: bWU6c2U6c2FtZQ==}, docker.io: {username: me, password: x}}}";
        let config = dockos_config::parse("test.yml", text).unwrap();
        let login = |image| credentials(&config, image).map(|c| (c.username.unwrap(), c.password.unwrap()));
        assert_eq!(login("center.lab:5000/a"), Some(("me".to_owned(), "se:same".to_owned())));
        assert_eq!(login("debian"), Some(("me".to_owned(), "x".to_owned())));
        assert_eq!(login("ghcr.io/a/b"), None);
    }
}
