//! The user Docker, as the agent uses it: bollard's calls with the engine's own words in the errors.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, ContainerSummaryStateEnum, EventMessage, NetworkCreateRequest, NetworkInspect,
    VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, EventsOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use dockos_control::spec;
use futures_util::{Stream, StreamExt};

use crate::reason::{Reason, Why};
use crate::say;

/// Label that says which desktop a container is.
pub(crate) const DESKTOP_LABEL: &str = "dockos.desktop";
/// Label that says whose a container, a network or a volume is.
pub(crate) const TENANT_LABEL: &str = "dockos.tenant";
/// How long one request may take. Pulls, logs and events are streams and have no such bound.
const REQUEST_SECONDS: u64 = 120;
/// Seconds that a desktop has to end by itself.
pub(crate) const GRACE: i32 = 10;
/// How long the engine is waited for between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// So much of a desktop's last words is shown.
const MOST_WORDS: usize = 200;
const NOT_MODIFIED: u16 = 304;
const NOT_FOUND: u16 = 404;
const CONFLICT: u16 = 409;

/// What the engine did not do, in its own words.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// HTTP's number; `None`: it did not answer.
    pub(crate) status: Option<u16>,
    /// For people.
    pub(crate) reason: Reason,
}

impl Trouble {
    /// A trouble of our own.
    pub(crate) fn new(reason: Reason) -> Self {
        Self { status: Some(0), reason }
    }

    /// Whether the engine is away: it will be there again.
    pub(crate) fn is_away(&self) -> bool {
        self.status.is_none()
    }

    /// Whether the engine has something of that name already.
    pub(crate) fn is_conflict(&self) -> bool {
        self.status == Some(CONFLICT)
    }

    /// Whether the engine answered and could not: it may another time.
    pub(crate) fn is_passing(&self) -> bool {
        self.status.is_some_and(|status| status >= 500)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                Self { status: Some(status_code), reason: Why::Engine.with(&[&message.trim()]) }
            }
            Error::DockerStreamError { error } => Self::new(Why::Engine.with(&[&error])),
            other => Self { status: None, reason: Why::EngineAway.with(&[&other]) },
        }
    }
}

/// What a call returns.
pub(crate) type Result<T> = std::result::Result<T, Trouble>;

/// A container of a desktop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Its ID.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) tenant: String,
    /// The hash of the description that it was made of.
    pub(crate) spec: String,
    /// Whether it runs.
    pub(crate) running: bool,
    /// How it ended, if it did.
    pub(crate) exit_code: i64,
    /// Whether the kernel killed something in it for want of memory.
    pub(crate) out_of_memory: bool,
    /// What the engine says of a start that failed.
    pub(crate) error: String,
}

/// What a container's labels say.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    /// The container's ID.
    pub(crate) id: String,
    /// The desktop's name.
    pub(crate) desktop: String,
    /// Whose it is.
    pub(crate) tenant: String,
    /// Whether it runs.
    pub(crate) running: bool,
}

/// The engine.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    /// bollard's own.
    pub(crate) docker: Docker,
    /// What tenants' ids begin at on the machine.
    pub(crate) first_id: u32,
}

impl Engine {
    /// Waits until the engine behind a socket answers.
    pub(crate) async fn open(socket: &str) -> Self {
        let mut told = false;
        loop {
            match Self::try_open(socket).await {
                Ok(engine) => return engine,
                Err(trouble) if !told => say!("waiting for {socket}: {trouble}"),
                Err(_) => {}
            }
            told = true;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_open(socket: &str) -> Result<Self> {
        let docker = Docker::connect_with_unix(socket, REQUEST_SECONDS, bollard::API_DEFAULT_VERSION)?;
        let docker = docker.negotiate_version().await?;
        let info = docker.info().await?;
        let remapped = info.security_options.unwrap_or_default().iter().any(|option| option == "name=userns");
        let root = info.docker_root_dir.unwrap_or_default();
        let first_id = if remapped { first_id(&root) } else { Some(0) };
        let first_id = first_id.ok_or_else(|| Trouble::new(Why::NoIds.with(&[&root])))?;
        Ok(Self { docker, first_id })
    }

    /// A desktop's container, if it has one.
    pub(crate) async fn find(&self, container: &str) -> Result<Option<Found>> {
        let found = match self.docker.inspect_container(container, None).await.map_err(Trouble::from) {
            Ok(found) => found,
            Err(trouble) if trouble.status == Some(NOT_FOUND) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let state = found.state.unwrap_or_default();
        Ok(Some(Found {
            id: found.id.unwrap_or_default(),
            tenant: labels.get(TENANT_LABEL).cloned().unwrap_or_default(),
            spec: labels.get(spec::LABEL).cloned().unwrap_or_default(),
            running: state.running.unwrap_or_default(),
            exit_code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            error: state.error.unwrap_or_default(),
        }))
    }

    /// The containers of desktops, running or not.
    pub(crate) async fn all(&self) -> Result<Vec<Labelled>> {
        let filters = HashMap::from([("label", vec![DESKTOP_LABEL])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let found = self.docker.list_containers(Some(options)).await?;
        let labelled = |container: bollard::models::ContainerSummary| {
            let mut labels = container.labels.unwrap_or_default();
            let desktop = labels.remove(DESKTOP_LABEL)?;
            let tenant = labels.remove(TENANT_LABEL).unwrap_or_default();
            let running = container.state == Some(ContainerSummaryStateEnum::RUNNING);
            Some(Labelled { id: container.id?, desktop, tenant, running })
        };
        Ok(found.into_iter().filter_map(labelled).collect())
    }

    /// Makes a container.
    pub(crate) async fn create(&self, container: &str, body: ContainerCreateBody) -> Result<()> {
        let options = CreateContainerOptionsBuilder::new().name(container).build();
        Ok(self.docker.create_container(Some(options), body).await.map(drop)?)
    }

    /// Starts a container; one that runs runs on.
    pub(crate) async fn start(&self, container: &str) -> Result<()> {
        unless(self.docker.start_container(container, None).await, NOT_MODIFIED)
    }

    /// Stops a container; one that does not run is left alone.
    pub(crate) async fn stop(&self, container: &str) -> Result<()> {
        let options = StopContainerOptionsBuilder::new().t(GRACE).build();
        match unless(self.docker.stop_container(container, Some(options)).await, NOT_MODIFIED) {
            Err(trouble) if trouble.status == Some(NOT_FOUND) => Ok(()),
            stopped => stopped,
        }
    }

    /// Removes a container, running or not; its volumes stay.
    pub(crate) async fn remove(&self, container: &str) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        unless(self.docker.remove_container(container, Some(options)).await, NOT_FOUND)
    }

    /// Makes a network, unless it is there.
    pub(crate) async fn ensure_network(&self, wish: NetworkCreateRequest) -> Result<()> {
        let there = self.docker.inspect_network(&wish.name, None).await;
        match there.map_err(Trouble::from) {
            Ok(found) if is_same(&found, &wish) => Ok(()),
            Ok(_) => Err(Trouble::new(Why::Network.with(&[&wish.name, &wish.name]))),
            // Two desktops of a tenant may start at once.
            Err(trouble) if trouble.status == Some(NOT_FOUND) => {
                unless(self.docker.create_network(wish).await.map(drop), CONFLICT)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Removes a network, if it is there and nothing is in it.
    pub(crate) async fn remove_network(&self, name: &str) {
        if let Err(trouble) = unless(self.docker.remove_network(name).await, NOT_FOUND) {
            say!("network {name}: {trouble}");
        }
    }

    /// Makes a volume; one that is there stays as it is.
    pub(crate) async fn ensure_volume(&self, wish: VolumeCreateRequest) -> Result<()> {
        Ok(self.docker.create_volume(wish).await.map(drop)?)
    }

    /// What happens to containers of desktops, as it happens.
    pub(crate) fn events(&self) -> impl Stream<Item = Result<EventMessage>> + Unpin + use<> {
        let filters = HashMap::from([
            ("type", vec!["container"]),
            ("label", vec![DESKTOP_LABEL]),
            ("event", vec!["die", "kill", "start", "destroy"]),
        ]);
        let options = EventsOptionsBuilder::new().filters(&filters).build();
        let docker = self.docker.clone();
        Box::pin(docker.events(Some(options)).map(|event| Ok(event?)))
    }

    /// What a desktop wrote, the last lines of it, and what it writes from now on if that is asked for.
    pub(crate) fn logs(
        &self,
        container: &str,
        tail: usize,
        follow: bool,
    ) -> impl Stream<Item = Result<LogOutput>> + Unpin + use<> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(follow);
        let options = options.tail(&tail.to_string()).build();
        Box::pin(self.docker.logs(container, Some(options)).map(|line| Ok(line?)))
    }

    /// The last line that a desktop wrote.
    pub(crate) async fn last_words(&self, container: &str) -> String {
        let mut lines = self.logs(container, 5, false);
        let mut text = Vec::new();
        while let Some(Ok(line)) = lines.next().await {
            text.extend_from_slice(&line.into_bytes());
        }
        last_line(&text)
    }
}

/// Whether a network is the one that is wished for: whose it is, and whether it leads out.
fn is_same(found: &NetworkInspect, wish: &NetworkCreateRequest) -> bool {
    let tenant = |labels: &Option<HashMap<String, String>>| labels.as_ref()?.get(TENANT_LABEL).cloned();
    tenant(&found.labels) == tenant(&wish.labels)
        && found.internal.unwrap_or_default() == wish.internal.unwrap_or_default()
        && found.driver == wish.driver
}

/// A refusal of one kind is as good as done.
fn unless(done: std::result::Result<(), Error>, status: u16) -> Result<()> {
    match done.map_err(Trouble::from) {
        Err(trouble) if trouble.status == Some(status) => Ok(()),
        done => done,
    }
}

/// Where tenants' ids begin: an engine that remaps them keeps all below a folder of that name.
fn first_id(root: &str) -> Option<u32> {
    let (uid, gid) = root.rsplit('/').next()?.split_once('.')?;
    let uid = uid.parse().ok()?;
    (gid.parse() == Ok(uid)).then_some(uid)
}

/// The last line with something in it, without control characters, and not endless.
fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(MOST_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_tenants_are_in_the_engines_folder() {
        assert_eq!(first_id("/var/lib/docker/231072.231072"), Some(231_072));
        for root in ["/var/lib/docker", "/var/lib/docker/1.2", "", "/x/a.b", "/x/99999999999.99999999999"] {
            assert_eq!(first_id(root), None, "{root}");
        }
    }

    #[test]
    fn a_network_of_somebody_else_is_not_taken() {
        let of = |tenant: &str| Some(HashMap::from([(TENANT_LABEL.to_owned(), tenant.to_owned())]));
        let wish = NetworkCreateRequest {
            internal: Some(true),
            driver: Some("bridge".to_owned()),
            labels: of("a"),
            ..Default::default()
        };
        let own = NetworkInspect {
            internal: Some(true),
            driver: Some("bridge".to_owned()),
            labels: of("a"),
            ..Default::default()
        };
        assert!(is_same(&own, &wish));
        for other in [
            NetworkInspect { labels: of("b"), ..own.clone() },
            NetworkInspect { labels: None, ..own.clone() },
            NetworkInspect { internal: Some(false), ..own.clone() },
            NetworkInspect { driver: Some("macvlan".to_owned()), ..own.clone() },
        ] {
            assert!(!is_same(&other, &wish), "{other:?}");
        }
    }

    #[test]
    fn last_words_are_one_line_without_tricks() {
        assert_eq!(last_line(b"one\n\x1b[31mtwo\x07 \n\n \n"), "[31mtwo");
        assert_eq!(last_line(b""), "");
        assert_eq!(last_line(&[0xff; 1000]).chars().count(), MOST_WORDS);
    }
}
