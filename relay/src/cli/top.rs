//! `top`: the fleet in a terminal, drawn anew every second.

mod table;

use std::{
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use hyper::StatusCode;
use serde_json::Value;
use sightline_cli::Exit;

use super::client::{get, reachable};

/// A relay that has not answered within this time does not.
const PATIENCE: Duration = Duration::from_secs(3);

const EVERY: Duration = Duration::from_secs(1);

/// As many cameras as a directory holds, with long names.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Clears the terminal and begins at its upper left.
const HOME: &str = "\x1b[H\x1b[2J";

/// Shows what the relay at `listen` knows, once or until the program is told to stop.
pub(super) async fn run(listen: SocketAddr, once: bool) -> anyhow::Result<()> {
    let address = reachable(listen);
    let mut out = std::io::stdout();
    if once {
        let status = ask(address)
            .await
            .map_err(|error| Exit::Unhealthy.because(format!("{error:#}")))?;
        return shown(out.write_all(table::render(&status, usize::MAX).as_bytes()));
    }
    ensure!(
        out.is_terminal(),
        "top needs a terminal; --once prints one table"
    );
    let shutdown = sightline_cli::shutdown_on_signals().context("cannot listen to signals")?;
    loop {
        let text = match ask(address).await {
            Ok(status) => table::render(&status, rows()),
            Err(error) => format!("{error:#}\n"),
        };
        shown(write!(out, "{HOME}{text}").and_then(|()| out.flush()))?;
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn ask(address: SocketAddr) -> anyhow::Result<Value> {
    let answer = tokio::time::timeout(PATIENCE, get(address, "/api/status", MAX_ANSWER_BYTES));
    let (status, body) = answer
        .await
        .with_context(|| format!("{address} does not answer within {PATIENCE:?}"))?
        .with_context(|| format!("{address} does not answer"))?;
    ensure!(status == StatusCode::OK, "{address} answers {status}");
    serde_json::from_slice(&body).with_context(|| format!("{address} answers no JSON"))
}

/// A reader that has seen enough is no failure.
fn shown(result: std::io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Lines of the terminal.
fn rows() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map_or(24, |size| usize::from(size.ws_row).max(8))
}
