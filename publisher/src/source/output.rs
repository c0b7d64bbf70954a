//! The slot between a source and its encoder: it holds the newest picture and no other.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

use crate::picture::Picture;

/// Why a picture was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub(crate) enum DropReason {
    /// A newer one came before the encoder took it.
    Superseded,
    /// The camera's rate limit.
    RateLimit,
    /// The JPEG has no end.
    Truncated,
    /// It is not a JPEG, or the encoder refuses it.
    Corrupt,
    /// It is larger than a frame may be.
    TooLarge,
    /// The bus was not connected, or took too long.
    Congested,
}

impl DropReason {
    pub(crate) const ALL: [Self; 6] = [
        Self::Superseded,
        Self::RateLimit,
        Self::Truncated,
        Self::Corrupt,
        Self::TooLarge,
        Self::Congested,
    ];

    /// The reason as it stands in announcements.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::RateLimit => "rate_limit",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::TooLarge => "too_large",
            Self::Congested => "congested",
        }
    }
}

/// Takes pictures from a source; the newest one wins. Cheap to clone: all clones are one slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    newest: Mutex<Option<Picture>>,
    arrived: Notify,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Output {
    /// Hands over a picture. Never waits: one that was not taken yet is dropped for it. May be called
    /// from any thread.
    pub(crate) fn put(&self, picture: Picture) {
        let old = self.slot().replace(picture);
        if old.is_some() {
            self.count(DropReason::Superseded);
        }
        self.0.arrived.notify_one();
    }

    /// The newest picture, once there is one. For one taker at a time. Cancel safe.
    pub(crate) async fn take(&self) -> Picture {
        loop {
            if let Some(picture) = self.slot().take() {
                return picture;
            }
            self.0.arrived.notified().await;
        }
    }

    /// Forgets a picture that nobody took: it would be old when somebody does.
    pub(crate) fn clear(&self) {
        self.slot().take();
    }

    /// Counts a picture that is not published.
    pub(crate) fn count(&self, reason: DropReason) {
        self.0.dropped[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many pictures were dropped since the start, by reason, for the reasons that occurred.
    pub(crate) fn dropped(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.into_iter().filter_map(|reason| {
            let count = self.0.dropped[reason as usize].load(Ordering::Relaxed);
            (count > 0).then_some((reason, count))
        })
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Picture>> {
        self.0.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
