//! Waiting for something to become true, instead of sleeping and hoping.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Calls `check` until it gives `Ok`, and gives that.
///
/// # Panics
/// After `deadline`, with `what` and the last error.
pub async fn eventually<T, E: Display>(
    what: &str,
    deadline: Duration,
    mut check: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    let mut last = String::from("the first check has not ended");
    while start.elapsed() < deadline {
        let left = deadline.saturating_sub(start.elapsed());
        match tokio::time::timeout(left, check()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(error)) => last = format!("{error:#}"),
            Err(_) => break,
        }
        tokio::time::sleep(POLL).await;
    }
    panic!("not within {deadline:?}: {what}: {last}")
}
