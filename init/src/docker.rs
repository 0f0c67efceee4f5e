//! Talking to an engine: waiting until it answers, and containers that are made again when their description changed.

use std::path::Path;
use std::time::Duration;

use bollard::API_DEFAULT_VERSION;
use bollard::Docker;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use tokio::time::{Instant, sleep};

use dockos_control::error::{Context, Fault, Result};
use dockos_control::spec;

/// How long one request may take. Pulls and loads are streams and have no such bound.
const REQUEST_SECONDS: u64 = 120;
/// HTTP's "not found".
const NOT_FOUND: u16 = 404;
/// HTTP's "not modified": the container runs already.
const NOT_MODIFIED: u16 = 304;

/// A connection to the engine behind a socket. Nothing is sent yet.
pub(crate) fn connect(socket: &str) -> Result<Docker> {
    Docker::connect_with_unix(socket, REQUEST_SECONDS, API_DEFAULT_VERSION)
        .context(|| format!("connect to {socket}"))
}

/// Waits until the engine behind the socket answers, at most `bound`; returns its version.
pub(crate) async fn answers(socket: &str, bound: Duration) -> Result<String> {
    let end = Instant::now() + bound;
    loop {
        // The socket is there a while before dockerd serves it; the request then simply waits for its answer.
        if Path::new(socket).exists()
            && let Ok(docker) = connect(socket)
            && let Ok(version) = docker.version().await
        {
            return Ok(version.version.unwrap_or_default());
        }
        if Instant::now() >= end {
            return Err(Fault::new(format!(
                "no answer on {socket} within {} s; see /run/dockos/log",
                bound.as_secs()
            )));
        }
        sleep(Duration::from_millis(25)).await;
    }
}

/// A negotiated connection.
pub(crate) async fn open(socket: &str) -> Result<Docker> {
    connect(socket)?.negotiate_version().await.context(|| format!("talk to {socket}"))
}

/// Makes the container run as described: kept when it was made from the same description, made anew otherwise.
pub(crate) async fn ensure_running(docker: &Docker, name: &str, mut body: ContainerCreateBody) -> Result<()> {
    let hash = spec::hash(&body, "").context(|| format!("describe {name}"))?;
    body.labels.get_or_insert_default().insert(spec::LABEL.to_owned(), hash.clone());
    match docker.inspect_container(name, None).await {
        Ok(found) => {
            let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
            if labels.get(spec::LABEL) != Some(&hash) {
                remove(docker, name).await?;
                create(docker, name, body).await?;
            }
        }
        Err(error) if status(&error) == Some(NOT_FOUND) => create(docker, name, body).await?,
        Err(error) => return Err(explain(name, &error)),
    }
    match docker.start_container(name, None).await {
        Err(error) if status(&error) != Some(NOT_MODIFIED) => Err(explain(name, &error)),
        _ => Ok(()),
    }
}

async fn create(docker: &Docker, name: &str, body: ContainerCreateBody) -> Result<()> {
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    docker.create_container(Some(options), body).await.map(drop).map_err(|error| explain(name, &error))
}

/// The names of all containers, running or not.
pub(crate) async fn names(docker: &Docker) -> Result<Vec<String>> {
    let options = ListContainersOptionsBuilder::new().all(true).build();
    let found = docker.list_containers(Some(options)).await.map_err(|error| explain("containers", &error))?;
    let first = |names: Option<Vec<String>>| names.into_iter().flatten().next();
    Ok(found
        .into_iter()
        .filter_map(|c| first(c.names))
        .map(|name| name.trim_start_matches('/').to_owned())
        .collect())
}

/// Removes a container, running or not; its volumes stay.
pub(crate) async fn remove(docker: &Docker, name: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::new().force(true).build();
    docker.remove_container(name, Some(options)).await.map_err(|error| explain(name, &error))
}

/// The engine's own words, without the client's around them.
pub(crate) fn explain(what: &str, error: &bollard::errors::Error) -> Fault {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => {
            Fault::new(format!("{what}: {message}"))
        }
        bollard::errors::Error::DockerStreamError { error } => Fault::new(format!("{what}: {error}")),
        other => Fault::new(format!("{what}: {other}")),
    }
}

fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}
