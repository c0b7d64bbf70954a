//! Which tests may run at the same time: the machine is one of the things that they measure.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// What a test does to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Starts and stops programs: beside others of its kind.
    Light,
    /// Loads the machine, counts frames, or measures short times: beside nothing else.
    Alone,
}

/// The kind that runs now, and how many of it.
static RUNNING: Mutex<(Kind, usize)> = Mutex::new((Kind::Light, 0));
static CHANGED: Notify = Notify::const_new();

/// The test runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(());

/// For tests that use little of the machine, and do not mind the same of others.
pub(crate) async fn light() -> Turn {
    turn(Kind::Light).await
}

/// For tests that load the machine, count frames, or measure short times.
pub(crate) async fn alone() -> Turn {
    turn(Kind::Alone).await
}

async fn turn(kind: Kind) -> Turn {
    loop {
        let changed = CHANGED.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if enters(kind) {
            return Turn(());
        }
        changed.await;
    }
}

fn enters(kind: Kind) -> bool {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let (current, count) = *running;
    let enters = count == 0 || (current == kind && kind != Kind::Alone);
    if enters {
        *running = (kind, count + 1);
    }
    enters
}

impl Drop for Turn {
    fn drop(&mut self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).1 -= 1;
        CHANGED.notify_waiters();
    }
}
