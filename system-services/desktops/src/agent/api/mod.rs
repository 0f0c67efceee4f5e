//! What others ask of the agent: HTTP with JSON over a socket that only root can open.

mod answer;
mod body;
mod files;
mod route;
mod scripts;
mod upload;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dockos_control::error::{Context, Fault, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;

use super::Agent;
use crate::say;

/// Connections at once: the page's and the command's.
const MOST: usize = 256;
/// How long a client may take for the head of a request.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest head of a request.
const MOST_HEAD: usize = 16 << 10;
/// How long to wait before the next try to accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens, in the place of an agent that was there before.
pub(super) fn listen(socket: &Path) -> Result<UnixListener> {
    let what = || format!("listen on {}", socket.display());
    let folder = socket.parent().ok_or_else(|| Fault::new(format!("{}: no path", socket.display())))?;
    std::fs::create_dir_all(folder).context(what)?;
    let beside = folder.join(".socket.new");
    let _ = std::fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside).context(what)?;
    // Others see it by its name only once it is root's alone.
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).context(what)?;
    std::fs::rename(&beside, socket).context(what)?;
    Ok(listener)
}

/// Answers for ever.
pub(super) async fn serve(listener: UnixListener, agent: Rc<Agent>) {
    let places = Rc::new(Semaphore::new(MOST));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                say!("a connection cannot be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (agent, places) = (Rc::clone(&agent), Rc::clone(&places));
        spawn_local(async move {
            let _place = places.acquire().await;
            connection(stream, agent).await;
        });
    }
}

async fn connection(stream: UnixStream, agent: Rc<Agent>) {
    let service = service_fn(|request| {
        let agent = Rc::clone(&agent);
        async move { Ok::<_, std::convert::Infallible>(answer::answer(&agent, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(MOST_HEAD.max(64 << 10));
    // What goes wrong here is the client's: it went away, or did not speak HTTP.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use tokio::task::LocalSet;

    use super::*;
    use crate::agent::testing;
    use crate::client::Client;
    use crate::told::{Desktop, Refusal};

    #[tokio::test]
    async fn what_is_wanted_is_not_told_before_it_is_known() {
        let work = async {
            let (dir, agent, _) = testing::agent(testing::empty());
            let socket = dir.path().join("api/socket");
            spawn_local(serve(listen(&socket).unwrap(), Rc::clone(&agent)));
            let client = Client::new(&socket);
            let list = async || client.get::<Vec<Desktop>>("/desktops").await;
            assert!(list().await.is_err_and(|refusal: Refusal| refusal.is_away()));
            agent.version.set(Some(1));
            assert_eq!(list().await.map(|all| all.len()), Ok(0));
        };
        LocalSet::new().run_until(work).await;
    }
}
