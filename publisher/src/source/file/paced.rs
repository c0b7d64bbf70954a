//! Plays access units at the times that their file says, over and over.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{
    clock::now_us,
    source::{
        DropReason, Output,
        unit::{Format, Track, Unit},
    },
};

/// What is late by more than this (a disk that stood still, a machine that slept) is not caught up with: what follows
/// is moved.
const LATE: Duration = Duration::from_secs(1);

/// The least that a frame lasts on average, so that a file without times does not spin.
const SHORTEST_FRAME_US: i64 = 1_000;

/// Access units of a file, in the order of the file.
pub(super) trait Reader: Send {
    /// Reads on. May wait for a disk. The error is for people.
    fn batch(&mut self) -> Result<Batch, String>;

    /// Starts again.
    fn rewind(&mut self) -> Result<(), String>;
}

/// What was read at once: some frames, so that memory stays small.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    /// At the end of the file: how long it is, in microseconds, from the first to behind the last frame of video.
    pub(super) end_us: Option<i64>,
}

#[derive(Debug)]
pub(super) enum Item {
    /// Its times, and when it is to be handed on, are microseconds since the first frame of video was decoded.
    Unit {
        unit: Unit,
        at_us: i64,
    },
    Dropped(DropReason),
}

/// Why no more is played.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Ended,
    /// In words.
    Failed(String),
}

/// Runs `work`, which may wait for a disk, on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| format!("it cannot be read: {error}"))
}

/// Hands on units when they are due: video when it is to be decoded.
#[derive(Debug, Default)]
pub(super) struct Player {
    /// When the first frame of the first round was decoded: the same moment by both clocks.
    origin: Option<(Instant, i64)>,
    /// Microseconds since then at which this round started.
    round_us: i64,
    round: Round,
    /// Decode times handed on last, UTC.
    last_video_us: Option<i64>,
    last_audio_us: Option<i64>,
}

/// What has come since the start of the file.
#[derive(Debug, Default)]
struct Round {
    frames: i64,
    /// When the key frame is shown that this round, or what followed a loss, started with.
    entered_us: Option<i64>,
}

impl Player {
    pub(super) async fn play(
        &mut self,
        mut reader: Box<dyn Reader>,
        repeat: bool,
        output: &Output,
    ) -> End {
        loop {
            let read = blocking(move || {
                let batch = reader.batch();
                (reader, batch)
            });
            let batch;
            (reader, batch) = match read.await {
                Ok(read) => read,
                Err(reason) => return End::Failed(reason),
            };
            let batch = match batch {
                Ok(batch) => batch,
                Err(reason) => return End::Failed(reason),
            };
            for item in batch.items {
                match item {
                    Item::Unit { unit, at_us } => self.unit(unit, at_us, output).await,
                    Item::Dropped(reason) => self.dropped(reason, output),
                }
            }
            let Some(end_us) = batch.end_us else { continue };
            if self.round.frames == 0 {
                return End::Failed(nothing_shown(output));
            }
            if !repeat {
                return End::Ended;
            }
            self.round_us += end_us.max(self.round.frames * SHORTEST_FRAME_US);
            self.round = Round::default();
            let rewound = blocking(move || {
                let rewound = reader.rewind();
                (reader, rewound)
            });
            reader = match rewound.await {
                Ok((reader, Ok(()))) => reader,
                Ok((_, Err(reason))) | Err(reason) => return End::Failed(reason),
            };
        }
    }

    fn dropped(&mut self, reason: DropReason, output: &Output) {
        output.count(reason);
        if reason != DropReason::WaitingForKey {
            self.round.entered_us = None;
            output.lose(Track::Video);
        }
    }

    async fn unit(&mut self, mut unit: Unit, at_us: i64, output: &Output) {
        let track = unit.track();
        if track == Track::Video && !self.round.takes(&unit) {
            output.count(DropReason::WaitingForKey);
            return;
        }
        let origin_us = self.wait_until(self.round_us + at_us).await;
        let last = match track {
            Track::Video => &mut self.last_video_us,
            Track::Audio => &mut self.last_audio_us,
        };
        let decode_us = origin_us + unit.decode_time_us;
        let offset_us = (unit.capture_time_us - unit.decode_time_us).max(0);
        let earliest = last.map_or(decode_us, |last| last + 1);
        if let Format::Aac(config) = &unit.format
            && last.is_some_and(|last| decode_us < last + i64::from(config.frame_duration_us() / 2))
        {
            // Where a round ends in the middle of a frame of sound, frames of two rounds overlap.
            return;
        }
        unit.decode_time_us = decode_us.max(earliest);
        unit.capture_time_us = (decode_us + offset_us).max(unit.decode_time_us);
        *last = Some(unit.decode_time_us);
        output.unit(unit);
    }

    /// Waits until so long after the origin, and gives what makes UTC of times of this round.
    async fn wait_until(&mut self, at_us: i64) -> i64 {
        let (origin, origin_us) = *self.origin.get_or_insert_with(|| {
            // What is to be decoded first, is now.
            (Instant::now(), now_us() - at_us)
        });
        let first_us = origin_us;
        let due = origin + Duration::from_micros(at_us.max(0).unsigned_abs());
        sleep_until(due).await;
        let late = Instant::now() - due;
        if late > LATE {
            let late_us = i64::try_from(late.as_micros()).unwrap_or(0);
            self.origin = Some((origin + late, first_us + late_us));
            return first_us + late_us + self.round_us;
        }
        first_us + self.round_us
    }
}

impl Round {
    /// Whether a frame of video can be shown to somebody who started with the first key frame.
    fn takes(&mut self, unit: &Unit) -> bool {
        let Some(entered_us) = self.entered_us else {
            if !unit.key {
                return false;
            }
            self.entered_us = Some(unit.capture_time_us);
            self.frames += 1;
            return true;
        };
        // Shown before the key frame, and comes after it: it needs frames from before.
        if !unit.key && unit.capture_time_us < entered_us {
            return false;
        }
        self.frames += 1;
        true
    }
}

fn nothing_shown(output: &Output) -> String {
    let dropped: Vec<_> = output
        .dropped()
        .map(|(reason, count)| format!("{count} {}", reason.word()))
        .collect();
    if dropped.is_empty() {
        return "there is no frame in it".into();
    }
    format!(
        "no frame in it can be shown (dropped: {})",
        dropped.join(", ")
    )
}
