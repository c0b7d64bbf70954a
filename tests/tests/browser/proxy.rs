//! A proxy as some companies have: it carries HTTP and refuses WebSockets.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// No browser sends more before a request's body.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// It ends when this is dropped.
pub(crate) struct Proxy {
    address: String,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Carries everything but WebSockets to `target` (`host:port`).
    pub(crate) async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let target = target.to_owned();
        let server = tokio::spawn(async move {
            while let Ok((viewer, _)) = listener.accept().await {
                // Ends with the browser or the relay.
                tokio::spawn(carry(viewer, target.clone()));
            }
        });
        Self { address, server }
    }

    /// `127.0.0.1:port`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Browsers ask for a WebSocket on a connection of its own, so the first request tells.
async fn carry(mut viewer: TcpStream, target: String) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if viewer.read_buf(&mut head).await? == 0 || head.len() > MAX_HEAD_BYTES {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    if text.contains("\r\nupgrade: websocket\r\n") {
        return viewer.write_all(REFUSAL).await;
    }
    let mut relay = TcpStream::connect(target).await?;
    relay.write_all(&head).await?;
    copy_bidirectional(&mut viewer, &mut relay).await?;
    Ok(())
}
