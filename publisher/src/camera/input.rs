//! A source of a camera, and what it gives.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use sightline_media::{aac, h264};
use sightline_proto::{CameraName, CameraState};
use tokio::{
    sync::watch,
    time::{Duration, Instant},
};

use super::meter::Meter;
use crate::{
    picture::{Picture, Size},
    source::{DropReason, Output, Source, unit::H265},
};

/// Complaints about pictures that cannot be used are logged at most this often.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);

/// Who it is that an input belongs to, and where it reads.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) scheme: String,
    /// The source's URL without credentials.
    pub(crate) shown: String,
}

pub(super) struct Input {
    pub(super) camera: CameraName,
    pub(super) from: Named,
    pub(super) output: Output,
    /// Whether the source is to be open.
    pub(super) open: watch::Sender<bool>,
    pub(super) status: watch::Sender<Status>,
    /// Counts how often the source was told to open anew: something of it was changed.
    pub(super) reopen: watch::Sender<u64>,
    /// Counts what came and could be used.
    pub(super) alive: watch::Sender<u64>,
    /// The last picture that could be used, while the source is open.
    pub(super) newest: watch::Sender<Option<Arc<Arrived>>>,
    /// What it turned out to give; stays for the camera's life.
    pub(super) gives: watch::Sender<Gives>,
    /// Whether pictures or video came since it was opened.
    pub(super) has_video: AtomicBool,
    arrivals: Mutex<Meter>,
    fault: Mutex<Fault>,
}

/// A picture that can be used.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) picture: Picture,
    pub(super) size: Size,
    /// They count up by one.
    pub(super) number: u64,
    /// The source is a slow one: who misses this picture has nothing to show for long.
    pub(super) slow: bool,
}

/// What a source turned out to give.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Gives {
    pub(super) video: Video,
    pub(super) audio: Option<Arc<aac::Config>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Video {
    #[default]
    Unknown,
    Pictures,
    H264(Arc<h264::Parameters>),
    H265(Arc<H265>),
}

/// How a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) state: CameraState,
    /// For failed and stalled.
    pub(super) reason: String,
}

#[derive(Debug, Default)]
struct Fault {
    /// Why the last picture could not be used, if it could not.
    text: Option<String>,
    complained_at: Option<Instant>,
    /// What was told since the source was last well.
    told: Vec<Status>,
}

/// Statuses that are remembered as told. Further ones are told each time.
const MAX_TOLD: usize = 16;

impl Fault {
    /// Whether `status` is to be told.
    fn is_news(&mut self, status: &Status) -> bool {
        if status.state == CameraState::Live {
            self.told.clear();
        } else if self.told.contains(status) {
            return false;
        } else if self.told.len() < MAX_TOLD {
            self.told.push(status.clone());
        }
        true
    }
}

/// Why something is not sent: how it is counted, and what people are told.
#[derive(Debug)]
pub(super) struct Unusable(pub(super) DropReason, pub(super) String);

impl Status {
    pub(super) fn of(state: CameraState) -> Self {
        Self {
            state,
            reason: String::new(),
        }
    }
}

impl Input {
    pub(super) fn new(camera: CameraName, from: Named, open: bool, output: Output) -> Self {
        Self {
            camera,
            from,
            output,
            open: watch::Sender::new(open),
            status: watch::Sender::new(Status::of(CameraState::Idle)),
            reopen: watch::Sender::new(0),
            alive: watch::Sender::new(0),
            newest: watch::Sender::default(),
            gives: watch::Sender::default(),
            has_video: AtomicBool::new(false),
            arrivals: Mutex::default(),
            fault: Mutex::default(),
        }
    }

    /// Forgets what came so far: the source is opened, or was closed.
    pub(super) fn clear(&self) {
        self.newest.send_replace(None);
        self.output.clear();
        self.has_video.store(false, Ordering::Relaxed);
        self.arrivals().clear();
        self.fault().text = None;
    }

    /// Pictures as they come.
    pub(super) fn arrivals(&self) -> MutexGuard<'_, Meter> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a picture that cannot be used, and says so now and then.
    pub(super) fn complain(&self, Unusable(reason, text): Unusable) {
        self.output.count(reason);
        let now = Instant::now();
        let mut fault = self.fault();
        if fault
            .complained_at
            .is_none_or(|before| before + COMPLAINT_PAUSE <= now)
        {
            fault.complained_at = Some(now);
            tracing::warn!(
                camera = %self.camera, source = self.from.shown, reason = text,
                "a picture cannot be used"
            );
        }
        fault.text = Some(text);
    }

    /// A picture could be used.
    pub(super) fn is_well(&self) {
        self.fault().text = None;
    }

    /// Why the last picture could not be used, if it could not; told once.
    pub(super) fn take_fault(&self) -> Option<String> {
        self.fault().text.take()
    }

    fn fault(&self) -> MutexGuard<'_, Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and logs it if it is another one that was not told since the source was last well: reasons
    /// may take turns for as long as a source is away.
    pub(super) fn set_status(&self, status: Status) {
        self.status.send_if_modified(|current| {
            if *current == status {
                return false;
            }
            if !self.fault().is_news(&status) {
                *current = status;
                return true;
            }
            let (camera, state) = (&self.camera, status.state.word());
            let source = &self.from.shown;
            match status.state {
                CameraState::Failed | CameraState::Stalled => {
                    tracing::warn!(%camera, source, state, reason = status.reason, "camera");
                }
                _ => tracing::info!(%camera, source, state, "camera"),
            }
            *current = status;
            true
        });
    }
}
