//! Runs the source while it is wanted: opens it again when it fails, and notices when it falls silent.

use std::{pin::pin, time::Duration};

use sightline_proto::CameraState;
use tokio::{
    task::JoinError,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument as _;

use super::{
    backoff::Backoff,
    input::{Input, Status},
    shared::Shared,
    silence::{FIRST_PICTURE, Silence},
};
use crate::source;

/// How long a source may take to close before people are told that it hangs. Sources promise 500 ms.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

type Running = AbortOnDropHandle<Result<(), source::Error>>;

/// Why an attempt ended.
enum End {
    /// Nobody wants it any more.
    Unwanted,
    /// Something of the source was changed, which holds from its next opening on.
    Reopen,
    Failed(source::Error),
}

pub(super) async fn run(shared: &Shared, input: &Input, shutdown: &CancellationToken) {
    let mut capture = pin!(keep(shared, input, shutdown));
    tokio::select! {
        biased;
        () = &mut capture => {}
        // `keep` ends by itself, soon, unless its source hangs.
        () = async { shutdown.cancelled().await; sleep(CLOSE_LIMIT).await } => {
            tracing::warn!(camera = %input.camera, source = input.from.shown, "the source does not close, leaving it");
        }
    }
}

/// Keeps the source open as long as it is wanted, over and over.
async fn keep(shared: &Shared, input: &Input, shutdown: &CancellationToken) {
    let mut open = input.open.subscribe();
    loop {
        input.set_status(Status::of(CameraState::Idle));
        shared.clear_meters(input);
        input.clear();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            // The sender lives in `input`.
            _ = open.wait_for(|open| *open) => {}
        }
        input.set_status(Status::of(CameraState::Connecting));
        let unwanted = CancellationToken::new();
        let watch_demand = async {
            tokio::select! {
                () = shutdown.cancelled() => {}
                _ = open.wait_for(|open| !*open) => {}
            }
            unwanted.cancel();
        };
        tokio::join!(while_wanted(shared, input, &unwanted), watch_demand);
    }
}

/// Attempts until `unwanted`.
async fn while_wanted(shared: &Shared, input: &Input, unwanted: &CancellationToken) {
    let mut backoff = Backoff::default();
    while !unwanted.is_cancelled() {
        let error = match attempt(input, unwanted, &mut backoff).await {
            End::Failed(error) => {
                shared.counters.source_failures.inc();
                error
            }
            End::Unwanted => return,
            End::Reopen => {
                shared.clear_meters(input);
                continue;
            }
        };
        let now = Instant::now();
        let pause = match error {
            source::Error::Unauthorized { .. } => backoff.after_refusal(rand::random(), now),
            _ => backoff.after_failure(rand::random(), now),
        };
        shared.clear_meters(input);
        input.set_status(Status {
            state: match error {
                source::Error::Silent { .. } => CameraState::Stalled,
                _ => CameraState::Failed,
            },
            reason: match input.take_fault() {
                Some(fault) => format!("{error}; {fault}"),
                None => error.to_string(),
            },
        });
        tracing::debug!(camera = %input.camera, ?pause, "trying again later");
        tokio::select! {
            biased;
            () = unwanted.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

/// Opens the source once, and follows it until it ends.
async fn attempt(input: &Input, unwanted: &CancellationToken, backoff: &mut Backoff) -> End {
    input.clear();
    let silence = Silence::of(input.from.source.hint());
    let stop = CancellationToken::new();
    let mut running = start(input, stop.clone());
    let mut alive = input.alive.subscribe();
    let mut reopen = input.reopen.subscribe();
    let (mut first, mut last): (Option<Instant>, Instant) = (None, Instant::now());
    loop {
        let stalled = input.status.borrow().state == CameraState::Stalled;
        let limit = match first {
            None => FIRST_PICTURE,
            Some(_) if stalled => silence.restart,
            Some(_) => silence.stalled,
        };
        tokio::select! {
            biased;
            () = unwanted.cancelled() => {
                close(input, running, &stop).await;
                return End::Unwanted;
            }
            _ = reopen.changed() => {
                close(input, running, &stop).await;
                return End::Reopen;
            }
            _ = alive.changed() => {
                last = Instant::now();
                let since = *first.get_or_insert(last);
                backoff.lived(last - since, last);
                input.set_status(Status::of(CameraState::Live));
            }
            result = &mut running => return End::Failed(failure(input, result)),
            () = sleep_until(last + limit) => {
                if first.is_some() && !stalled {
                    let reason = silent(input, limit).to_string();
                    input.set_status(Status { state: CameraState::Stalled, reason });
                } else {
                    close(input, running, &stop).await;
                    return End::Failed(silent(input, limit));
                }
            }
        }
    }
}

/// The source on a task of its own, so that one that panics takes nothing with it.
fn start(input: &Input, stop: CancellationToken) -> Running {
    let (source, output) = (input.from.source.clone(), input.output.clone());
    let span = tracing::info_span!("camera", name = %input.camera);
    let run = async move { source.run(&output, stop).await };
    AbortOnDropHandle::new(tokio::spawn(run.instrument(span)))
}

/// Stops the source and waits for its end: it may hold a device that the next attempt needs.
async fn close(input: &Input, mut running: Running, stop: &CancellationToken) {
    stop.cancel();
    if timeout(CLOSE_LIMIT, &mut running).await.is_ok() {
        return;
    }
    input.set_status(Status {
        state: CameraState::Failed,
        reason: format!("{} does not close", input.from.shown),
    });
    running.abort();
    let _ = running.await;
}

fn silent(input: &Input, silence: Duration) -> source::Error {
    source::Error::Silent {
        what: input.from.shown.clone(),
        silence,
    }
}

/// What it means that the source ended without being asked to.
fn failure(input: &Input, result: Result<Result<(), source::Error>, JoinError>) -> source::Error {
    let what = input.from.shown.clone();
    match result {
        Ok(Ok(())) => source::Error::Ended { what },
        Ok(Err(error)) => error,
        Err(error) => {
            tracing::error!(camera = %input.camera, %error, "a source broke: this is a bug");
            source::Error::Failed {
                what,
                reason: "it broke; this is a bug, see the log".into(),
            }
        }
    }
}
