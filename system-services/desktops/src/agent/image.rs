//! Images of desktops: what their labels say, whether they run on this machine, and getting those that are missing.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::CreateImageOptionsBuilder;
use dockos_control::image::with_tag;
use dockos_control::wanted::Login;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::engine::{Engine, Result, Trouble};
use crate::reason::{Reason, Why};

/// Label of an image that has an X server, and its only value so far.
const SCREEN_LABEL: &str = "dockos.screen";
const VNC: &str = "vnc";
/// Labels with what people call it.
const TITLE_LABEL: &str = "dockos.title";
const TITLE_EN_LABEL: &str = "dockos.title.en";
/// What this machine runs, as the engine calls it.
const ARCHITECTURE: &str = "amd64";
/// How long a registry may say nothing.
const SILENCE: Duration = Duration::from_secs(120);
const NOT_FOUND: u16 = 404;

/// What an image says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    /// Its ID.
    pub(crate) id: String,
    /// Whether it has an X server.
    pub(crate) has_screen: bool,
    /// What people call it.
    pub(crate) title: Option<String>,
    /// The same in English.
    pub(crate) title_en: Option<String>,
}

/// An image that the engine has; `None` where it has none of that name.
pub(crate) async fn find(engine: &Engine, name: &str) -> Result<Option<Image>> {
    let found = match engine.docker.inspect_image(name).await.map_err(Trouble::from) {
        Ok(found) => found,
        Err(trouble) if trouble.status == Some(NOT_FOUND) => return Ok(None),
        Err(trouble) => return Err(trouble),
    };
    let architecture = found.architecture.unwrap_or_default();
    if !architecture.is_empty() && architecture != ARCHITECTURE {
        return Err(Trouble::new(Why::Alien.with(&[&name, &architecture, &ARCHITECTURE])));
    }
    let mut labels = found.config.and_then(|config| config.labels).unwrap_or_default();
    Ok(Some(Image {
        id: found.id.unwrap_or_default(),
        has_screen: labels.get(SCREEN_LABEL).is_some_and(|screen| screen == VNC),
        title: labels.remove(TITLE_LABEL),
        title_en: labels.remove(TITLE_EN_LABEL),
    }))
}

/// Pulls an image from its registry, and tells how far it is.
pub(crate) async fn pull(
    engine: &Engine,
    name: &str,
    login: Option<&Login>,
    tell: impl Fn(Reason),
) -> Result<()> {
    tell(Why::Fetched.with(&[&name]));
    let options = CreateImageOptionsBuilder::new().from_image(&with_tag(name)).build();
    let mut answers = Box::pin(engine.docker.create_image(Some(options), None, login.map(credentials)));
    loop {
        let answer = timeout(SILENCE, answers.next()).await;
        match answer.map_err(|_| Trouble::new(Why::Silent.with(&[&name, &SILENCE.as_secs()])))? {
            None => return Ok(()),
            Some(Err(error)) => {
                return Err(Trouble::new(Why::Unfetched.with(&[&name, &Trouble::from(error)])));
            }
            Some(Ok(progress)) => {
                let detail = progress.progress_detail.unwrap_or_default();
                if let (Some(done), Some(all)) = (detail.current, detail.total) {
                    tell(Why::FetchedPart.with(&[&name, &(done >> 20), &(all >> 20)]));
                }
            }
        }
    }
}

fn credentials(login: &Login) -> DockerCredentials {
    DockerCredentials {
        username: login.username.clone(),
        password: login.password.clone(),
        identitytoken: login.identity_token.clone(),
        serveraddress: Some(login.registry.clone()),
        ..Default::default()
    }
}
