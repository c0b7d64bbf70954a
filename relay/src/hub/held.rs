//! What a stream holds for its viewers: the newest picture, or the group of frames since the last key frame.

use std::{sync::Arc, time::Duration};

use sightline_media::group::{Limits, Window};
use sightline_proto::Codec;

use super::{Frame, frame::is_ordered};

/// Video that is held for who joins and for who is behind, in bytes of memory: 16 MiB as it came, and as much again
/// as MP4. A group that is larger can be followed and not joined: who falls behind by so much, or joins in its
/// middle, waits for the next key frame, which the camera is asked for.
const VIDEO: Limits = Limits {
    units: 600,
    bytes: 32 << 20,
};

/// The same for sound: about three seconds. Who is behind by more loses some.
const AUDIO: Limits = Limits {
    units: 150,
    bytes: 2 << 20,
};

/// A group whose newest frame is older than this is no start for the first viewer that comes back: fresh frames are
/// on their way, and there would be a hole between them.
const OLD: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Held {
    /// Of the frames that are held, or will be.
    codec: Codec,
    /// Of JPEG alone.
    latest: Option<Arc<Frame>>,
    /// Of all that is not JPEG.
    window: Window<Arc<Frame>>,
    /// Grows with each new window.
    period: u64,
    /// When the newest frame came.
    newest_at: Option<Duration>,
}

impl Held {
    /// `codec`: what frames will be, as far as known. `kept`: the last picture of an earlier time.
    pub(super) fn new(codec: Codec, kept: Option<Arc<Frame>>) -> Self {
        Self {
            codec: kept.as_ref().map_or(codec, |frame| frame.codec),
            latest: kept,
            window: Window::new(limits(codec)),
            period: 0,
            newest_at: None,
        }
    }

    /// Takes in the next frame. False if it needs frames that are not held. What is held no longer because of it
    /// comes back, to be freed elsewhere.
    pub(super) fn push(&mut self, frame: Arc<Frame>) -> (bool, Option<Arc<Frame>>) {
        if frame.codec != self.codec {
            self.codec = frame.codec;
            self.latest = None;
            self.window = Window::new(limits(frame.codec));
            self.period += 1;
        }
        self.newest_at = Some(frame.arrived);
        if self.is_ordered() {
            let (key, bytes) = (frame.key, frame.held_bytes());
            (self.window.push(frame, key, bytes), None)
        } else {
            (true, self.latest.replace(frame))
        }
    }

    /// Forgets the group if nothing was added to it for a while.
    pub(super) fn forget_old_group(&mut self, now: Duration) {
        if self
            .newest_at
            .is_some_and(|newest_at| now.saturating_sub(newest_at) > OLD)
        {
            self.window.clear();
        }
    }

    pub(super) fn is_ordered(&self) -> bool {
        is_ordered(self.codec)
    }

    /// Whether there is nothing that a viewer could start with.
    pub(super) fn is_empty(&self) -> bool {
        self.latest.is_none() && self.window.bytes_since_key().is_none()
    }

    pub(super) fn latest(&self) -> Option<&Arc<Frame>> {
        self.latest.as_ref()
    }

    pub(super) fn window(&self) -> &Window<Arc<Frame>> {
        &self.window
    }

    pub(super) fn period(&self) -> u64 {
        self.period
    }

    pub(super) fn newest_at(&self) -> Option<Duration> {
        self.newest_at
    }
}

fn limits(codec: Codec) -> Limits {
    if codec == Codec::Aac { AUDIO } else { VIDEO }
}
