//! One address for some relays: the first of them that takes a connection gets it.

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// It ends when this is dropped.
pub(crate) struct Balancer {
    address: String,
    server: JoinHandle<()>,
}

impl Balancer {
    /// Carries connections to `relays` (`host:port`).
    pub(crate) async fn start(relays: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let relays: Vec<_> = relays.iter().map(ToString::to_string).collect();
        let server = tokio::spawn(async move {
            while let Ok((viewer, _)) = listener.accept().await {
                // Ends with the browser or the relay.
                tokio::spawn(carry(viewer, relays.clone()));
            }
        });
        Self { address, server }
    }

    /// `127.0.0.1:port`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn carry(mut viewer: TcpStream, relays: Vec<String>) {
    for relay in relays {
        if let Ok(mut relay) = TcpStream::connect(relay).await {
            let _ = copy_bidirectional(&mut viewer, &mut relay).await;
            return;
        }
    }
}
