//! What the loops of one camera share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sightline_proto::{CameraState, JPEG};
use tokio::sync::{Notify, watch};

use super::{Camera, Settings, demand::Demands, meter::Meter, rivals::Rivals};
use crate::{
    clock::now_us,
    picture::{Picture, Size},
    source::Output,
};

/// The streams that every camera offers.
pub(super) const STREAMS: [&str; 1] = [JPEG];

/// This run of the program, as announced.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    pub(crate) version: &'static str,
    /// Random.
    pub(crate) instance: String,
    /// How many cameras it has.
    pub(crate) cameras: usize,
}

pub(super) struct Shared {
    pub(super) camera: Camera,
    pub(super) publisher: Arc<Publisher>,
    pub(super) epoch: u64,
    pub(super) output: Output,
    /// Whether the source is to be open.
    pub(super) open: watch::Sender<bool>,
    pub(super) status: watch::Sender<Status>,
    /// Counts pictures that could be used.
    pub(super) alive: watch::Sender<u64>,
    /// Of the last frame; until then what the source says of itself.
    pub(super) size: watch::Sender<Option<Size>>,
    demands: Mutex<Demands>,
    /// Wakes the publishing loop for a relay that has nothing to show yet.
    pub(super) joined: Notify,
    /// The last picture of a slow source, for relays that join before the next one.
    newest: Mutex<Option<Picture>>,
    meter: Mutex<Meter>,
    settings: Mutex<Settings>,
    pub(super) rivals: watch::Sender<Rivals>,
    /// Why the last picture could not be used, if it could not.
    fault: Mutex<Option<String>>,
}

/// How the source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) state: CameraState,
    /// For failed and stalled.
    pub(super) reason: String,
}

impl Status {
    pub(super) fn of(state: CameraState) -> Self {
        Self {
            state,
            reason: String::new(),
        }
    }
}

impl Shared {
    pub(super) fn new(camera: Camera, publisher: Arc<Publisher>) -> Self {
        let hint = camera.source.hint();
        let size = (hint.width > 0 && hint.height > 0).then_some(Size {
            width: hint.width,
            height: hint.height,
        });
        Self {
            epoch: now_us().unsigned_abs(),
            output: Output::default(),
            open: watch::Sender::new(camera.always),
            status: watch::Sender::new(Status::of(CameraState::Idle)),
            alive: watch::Sender::new(0),
            size: watch::Sender::new(size),
            demands: Mutex::default(),
            joined: Notify::new(),
            newest: Mutex::default(),
            meter: Mutex::default(),
            settings: Mutex::new(camera.settings),
            rivals: watch::Sender::default(),
            fault: Mutex::default(),
            camera,
            publisher,
        }
    }

    pub(super) fn demands(&self) -> MutexGuard<'_, Demands> {
        lock(&self.demands)
    }

    pub(super) fn newest(&self) -> MutexGuard<'_, Option<Picture>> {
        lock(&self.newest)
    }

    pub(super) fn meter(&self) -> MutexGuard<'_, Meter> {
        lock(&self.meter)
    }

    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    pub(super) fn fault(&self) -> MutexGuard<'_, Option<String>> {
        lock(&self.fault)
    }

    /// Changes the state, and logs it if it is another one.
    pub(super) fn set_status(&self, status: Status) {
        self.status.send_if_modified(|current| {
            if *current == status {
                return false;
            }
            let (camera, state) = (&self.camera.name, status.state.word());
            match status.state {
                CameraState::Failed | CameraState::Stalled => {
                    tracing::warn!(%camera, state, reason = status.reason, "camera");
                }
                _ => tracing::info!(%camera, state, "camera"),
            }
            *current = status;
            true
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
