//! Labels, and the values that they have.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// Why a frame from the bus, or a part of one, was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Drop {
    /// Not a message of ours, or one that contradicts itself.
    Malformed,
    /// A part was missing when the next frame began.
    Incomplete,
    /// A part without the parts before it.
    Orphan,
    /// Not newer than one that was accepted.
    Repeated,
    /// Of a publisher that a newer one has replaced.
    OldEpoch,
    /// Delayed for too long.
    Stale,
    /// Not a whole picture, or video whose parameters cannot be read.
    Corrupt,
    /// It needs frames that did not come: nothing can be shown before the next key frame.
    WaitingForKey,
    /// Sound whose camera does not say how it is to be decoded.
    NoConfig,
    /// Lost on the bus because this relay was too slow.
    Lost,
}

/// How a viewer watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Multipart,
    Snapshot,
    WebSocket,
    /// `stream.mp4`.
    Mp4,
    /// The WebSocket of go2rtc.
    Go2rtc,
    /// The WebSocket of wfs.js.
    Wfs,
}

/// Why a connection was refused or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// Too many connections in total.
    Total,
    /// Too many connections of one address.
    Address,
    /// A page of another origin.
    Origin,
    /// It took nothing for too long.
    Stalled,
}

/// What came of a request to a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Control {
    Done,
    /// By the camera.
    Refused,
    /// By this relay: it does not allow it, or too many are on their way.
    Forbidden,
    /// The camera did not answer, or is not there.
    Unanswered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Presence {
    Online,
    Offline,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CameraLabel {
    pub(super) camera: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DropLabels {
    pub(super) camera: Arc<str>,
    pub(super) reason: Drop,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabels {
    pub(super) camera: Arc<str>,
    pub(super) route: Route,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabel {
    pub(super) route: Route,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RefusalLabel {
    pub(super) reason: Refusal,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ControlLabel {
    pub(super) outcome: Control,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PresenceLabel {
    pub(super) presence: Presence,
}

impl Drop {
    pub(super) const ALL: [Self; 10] = [
        Self::Malformed,
        Self::Incomplete,
        Self::Orphan,
        Self::Repeated,
        Self::OldEpoch,
        Self::Stale,
        Self::Corrupt,
        Self::WaitingForKey,
        Self::NoConfig,
        Self::Lost,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Drop::Malformed => "malformed",
            Drop::Incomplete => "incomplete",
            Drop::Orphan => "orphan",
            Drop::Repeated => "repeated",
            Drop::OldEpoch => "old_epoch",
            Drop::Stale => "stale",
            Drop::Corrupt => "corrupt",
            Drop::WaitingForKey => "waiting_for_key",
            Drop::NoConfig => "no_config",
            Drop::Lost => "lost",
        }
    }
}

impl Route {
    fn word(self) -> &'static str {
        match self {
            Route::Multipart => "multipart",
            Route::Snapshot => "snapshot",
            Route::WebSocket => "websocket",
            Route::Mp4 => "mp4",
            Route::Go2rtc => "go2rtc",
            Route::Wfs => "wfs",
        }
    }
}

impl Refusal {
    fn word(self) -> &'static str {
        match self {
            Refusal::Total => "total",
            Refusal::Address => "address",
            Refusal::Origin => "origin",
            Refusal::Stalled => "stalled",
        }
    }
}

impl Control {
    fn word(self) -> &'static str {
        match self {
            Control::Done => "done",
            Control::Refused => "refused",
            Control::Forbidden => "forbidden",
            Control::Unanswered => "unanswered",
        }
    }
}

impl Presence {
    fn word(self) -> &'static str {
        match self {
            Presence::Online => "online",
            Presence::Offline => "offline",
        }
    }
}

macro_rules! encoded_as_word {
    ($($label:ty),*) => {$(
        impl EncodeLabelValue for $label {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                EncodeLabelValue::encode(&self.word(), encoder)
            }
        }
    )*};
}

encoded_as_word!(Drop, Route, Refusal, Control, Presence);
