//! Asks a relay whether it is ready.

use std::{net::SocketAddr, time::Duration};

use hyper::StatusCode;

use super::client::{get, reachable};

/// As much of an answer as is printed.
const MAX_ANSWER_BYTES: usize = 4 << 10;

/// Asks the relay that listens at `listen`; the error says why it is not ready, or not there.
pub(super) async fn ask(listen: SocketAddr, patience: Duration) -> Result<(), String> {
    let address = reachable(listen);
    let answer = get(address, "/readyz", MAX_ANSWER_BYTES);
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok((StatusCode::OK, _))) => Ok(()),
        Ok(Ok((status, text))) => {
            let text = String::from_utf8_lossy(&text);
            Err(format!("{address} answers {status}: {text}"))
        }
        Ok(Err(error)) => Err(format!("{address} does not answer: {error}")),
        Err(_) => Err(format!("{address} does not answer within {patience:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_relay_that_is_not_there_is_not_ready() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let reason = ask(address, Duration::from_secs(3)).await.unwrap_err();
        assert!(reason.contains("does not answer"), "{reason}");
    }
}
