//! What lies between a source and those who encode or carry what it gives: the newest picture and no other, and
//! of each track the units since the last key frame.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use sightline_media::group::{Cursor, Limits, Next, Window};
use tokio::sync::{Notify, watch};

use super::unit::{Track, Unit};
use crate::{cores::Cores, picture::Picture, pool::Pool};

/// Units that are held for who joins, and for who is busy. Beyond them a group can be followed and not joined.
const VIDEO: Limits = Limits {
    units: 600,
    bytes: 16 << 20,
};

/// Three seconds of sound.
const AUDIO: Limits = Limits {
    units: 150,
    bytes: 1 << 20,
};

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
    /// It contradicts its format.
    Damaged,
    /// It needs frames that were lost: nothing can be shown before the next key frame.
    WaitingForKey,
}

impl DropReason {
    pub(crate) const ALL: [Self; 8] = [
        Self::Superseded,
        Self::RateLimit,
        Self::Truncated,
        Self::Corrupt,
        Self::TooLarge,
        Self::Congested,
        Self::Damaged,
        Self::WaitingForKey,
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
            Self::Damaged => "damaged",
            Self::WaitingForKey => "waiting_for_key",
        }
    }
}

/// Takes what a source gives: pictures, of which the newest one wins, or units, which stay in order; and has what
/// making pictures needs. Cheap to clone: all clones are one output.
#[derive(Clone, Debug)]
pub(crate) struct Output(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    newest: Mutex<Option<Picture>>,
    arrived: Notify,
    video: UnitTrack,
    audio: UnitTrack,
    dropped: [AtomicU64; DropReason::ALL.len()],
    pool: Pool,
    cores: Cores,
}

#[derive(Debug)]
struct UnitTrack {
    window: Mutex<Window<Numbered>>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Numbered {
    number: u64,
    unit: Unit,
}

impl Output {
    /// Of a source whose pictures are made on `cores`.
    pub(crate) fn new(cores: Cores) -> Self {
        Self(Arc::new(Shared {
            newest: Mutex::default(),
            arrived: Notify::new(),
            video: UnitTrack::new(VIDEO),
            audio: UnitTrack::new(AUDIO),
            dropped: Default::default(),
            pool: Pool::default(),
            cores,
        }))
    }

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

    /// Hands over a unit. Never waits. One that needs units which were lost is counted and dropped. May be called
    /// from any thread.
    pub(crate) fn unit(&self, unit: Unit) {
        let (track, key, len_bytes) = (unit.track(), unit.key, unit.data.len());
        if len_bytes > sightline_proto::MAX_FRAME_BYTES {
            self.count(DropReason::TooLarge);
            self.lose(track);
            return;
        }
        if !self.track(track).push(unit, key, len_bytes) {
            self.count(DropReason::WaitingForKey);
            return;
        }
        self.track(track).changed.send_replace(());
    }

    /// What comes next on `track` does not follow what came before: nothing is taken before a key frame.
    pub(crate) fn lose(&self, track: Track) {
        self.track(track).lock().lose();
    }

    /// Reads `track` from the newest key frame on, or the next one.
    pub(crate) fn units(&self, track: Track) -> Units {
        let changed = self.track(track).changed.subscribe();
        Units {
            cursor: self.track(track).lock().join(),
            output: self.clone(),
            track,
            number: 0,
            changed,
        }
    }

    /// Memory for pictures.
    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// Where pictures are drawn.
    pub(crate) fn cores(&self) -> &Cores {
        &self.0.cores
    }

    /// Forgets what nobody took: it would be old when somebody does. Frees memory.
    pub(crate) fn clear(&self) {
        self.slot().take();
        self.0.pool.clear();
        self.0.video.lock().clear();
        self.0.audio.lock().clear();
    }

    fn track(&self, track: Track) -> &UnitTrack {
        match track {
            Track::Video => &self.0.video,
            Track::Audio => &self.0.audio,
        }
    }

    /// Counts a picture that is not published.
    pub(crate) fn count(&self, reason: DropReason) {
        self.count_many(reason, 1);
    }

    /// Counts pictures that are not published.
    pub(crate) fn count_many(&self, reason: DropReason, pictures: u64) {
        self.0.dropped[reason as usize].fetch_add(pictures, Ordering::Relaxed);
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

#[cfg(test)]
impl Default for Output {
    fn default() -> Self {
        Self::new(Cores::default())
    }
}

impl UnitTrack {
    fn new(limits: Limits) -> Self {
        Self {
            window: Mutex::new(Window::new(limits)),
            changed: watch::Sender::default(),
        }
    }

    /// False if units that it needs are missing.
    fn push(&self, unit: Unit, key: bool, len_bytes: usize) -> bool {
        let mut window = self.lock();
        let number = window.pushed();
        window.push(Numbered { number, unit }, key, len_bytes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window<Numbered>> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader of a track. Any number of them may read at the same time.
#[derive(Debug)]
pub(crate) struct Units {
    output: Output,
    track: Track,
    cursor: Cursor,
    number: u64,
    changed: watch::Receiver<()>,
}

impl Units {
    /// The next unit, and how many before it this reader was too slow for. After a loss it is a key frame. Cancel
    /// safe.
    pub(crate) async fn next(&mut self) -> (Unit, u64) {
        loop {
            self.changed.mark_unchanged();
            if let Some(next) = self.at_hand() {
                return next;
            }
            // The sender lives in the output.
            let _ = self.changed.changed().await;
        }
    }

    /// As [`next`](Self::next), if there is one.
    pub(crate) fn at_hand(&mut self) -> Option<(Unit, u64)> {
        match self.output.track(self.track).lock().next(&mut self.cursor) {
            Next::Unit { unit, skipped } => {
                self.number = unit.number;
                Some((unit.unit.clone(), skipped))
            }
            Next::Wait | Next::WaitForKey => None,
        }
    }

    pub(crate) fn track(&self) -> Track {
        self.track
    }

    /// Whether there is a next unit already.
    pub(crate) fn has_more(&self) -> bool {
        let window = self.output.track(self.track).lock();
        matches!(window.peek(&self.cursor), Next::Unit { .. })
    }

    /// Bytes from the newest key frame on; nothing if that is no longer held.
    pub(crate) fn group_bytes(&self) -> Option<usize> {
        self.output.track(self.track).lock().bytes_since_key()
    }

    /// The number of the unit that was given last. Those of a track that were taken count up by one for as long as
    /// the output lives.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Leaves out what is held before the newest key frame.
    pub(crate) fn skip_to_newest_key(&mut self) {
        let track = self.output.track(self.track);
        track.lock().skip_to_newest_key(&mut self.cursor);
    }

    /// Leaves out everything before the next key frame that comes.
    pub(crate) fn skip_to_next_key(&mut self) {
        self.cursor = self.output.track(self.track).lock().join_next();
    }
}
