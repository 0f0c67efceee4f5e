//! A screen: an RFB server that is red all over, and remembers what it was sent.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// A screen.
pub(crate) struct Screen {
    /// Messages that came, those of the greeting left out: their kinds.
    pub(crate) kinds: Arc<Mutex<Vec<u8>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Screen {
    /// Shows a screen in its place below `screens`.
    pub(crate) fn start(screens: &Path, name: &str) -> Self {
        let folder = screens.join(name);
        fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join("vnc")).unwrap();
        let kinds = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&kinds);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Self { kinds, task }
    }

    pub(crate) fn has_seen(&self, kind: u8) -> bool {
        self.kinds.lock().unwrap().contains(&kind)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: UnixStream, kinds: Arc<Mutex<Vec<u8>>>) -> std::io::Result<()> {
    let mut head = [0; 12];
    stream.write_all(b"RFB 003.008\n").await?;
    stream.read_exact(&mut head).await?;
    stream.write_all(&[1, 1]).await?;
    stream.read_exact(&mut head[..1]).await?;
    stream.write_all(&[0; 4]).await?;
    stream.read_exact(&mut head[..1]).await?;
    let mut init = vec![0, 64, 0, 40];
    init.extend([0; 16]);
    init.extend([0; 4]);
    stream.write_all(&init).await?;
    let mut bytes_of_point = 4;
    loop {
        let kind = stream.read_u8().await?;
        kinds.lock().unwrap().push(kind);
        let rest = match kind {
            0 => 19,
            2 => {
                stream.read_u8().await?;
                usize::from(stream.read_u16().await?) * 4
            }
            3 => 9,
            4 => 7,
            5 => 5,
            6 => {
                stream.read_exact(&mut head[..3]).await?;
                // That of an extended one is negative.
                usize::try_from(stream.read_i32().await?.unsigned_abs()).unwrap()
            }
            _ => return Ok(()),
        };
        let mut message = vec![0; rest];
        stream.read_exact(&mut message).await?;
        if kind == 0 {
            bytes_of_point = usize::from(message[3]) / 8;
        }
        if kind == 3 {
            stream.write_all(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 64, 0, 40, 0, 0, 0, 0]).await?;
            let point: &[u8] = if bytes_of_point == 2 { &[0, 0xf8] } else { &[0, 0, 255, 0] };
            stream.write_all(&point.repeat(64 * 40)).await?;
        }
    }
}
