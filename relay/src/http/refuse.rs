//! Connections for which there is no place: told so, and closed.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
};
use tokio_util::task::TaskTracker;

use super::Error;
use crate::metrics::Refusal;

/// Connections that are told at the same time. Further ones are closed without a word.
const AT_ONCE: usize = 64;

/// A connection gets this long to take the answer.
const WAIT: Duration = Duration::from_secs(1);

/// What a client may send before it gets the answer; what follows may cost it the answer.
const MAX_REQUEST_BYTES: u64 = 16 << 10;

/// Tells connections that they cannot be served.
#[derive(Debug)]
pub(super) struct Refuser {
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Refuser {
    pub(super) fn new(tasks: TaskTracker) -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            tasks,
        }
    }

    pub(super) fn refuse(&self, stream: TcpStream, reason: Refusal) {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            self.tasks.spawn(async move {
                let _ = tokio::time::timeout(WAIT, tell(stream, reason)).await;
                drop(place);
            });
        }
    }
}

async fn tell(mut stream: TcpStream, reason: Refusal) -> std::io::Result<()> {
    let error = Error::too_many_connections(match reason {
        Refusal::Address => "too many connections from your address",
        _ => "too many connections",
    });
    let body = error.json().to_string();
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nCache-Control: no-store\r\nRetry-After: 2\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with unread bytes would reset the connection, and the answer could be lost.
    tokio::io::copy(&mut stream.take(MAX_REQUEST_BYTES), &mut tokio::io::sink()).await?;
    Ok(())
}
