//! SIGTERM and SIGINT ask a program to stop; a second one makes it stop at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGTERM or SIGINT. The second one ends the process with
/// the signal's own exit code.
pub fn shutdown_on_signals() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let token = CancellationToken::new();
    let cancelled = token.clone();
    // Ends with the runtime, which outlives everything that could be waited for.
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping; once more to stop at once");
        cancelled.cancel();
        let code = tokio::select! {
            _ = terminate.recv() => 128 + 15,
            _ = interrupt.recv() => 128 + 2,
        };
        #[allow(
            clippy::disallowed_methods,
            reason = "asked twice: whatever still runs is not worth waiting for"
        )]
        std::process::exit(code);
    });
    Ok(token)
}
