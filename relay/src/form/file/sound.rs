//! The sound of a viewer's file.

use std::collections::VecDeque;

use bytes::Bytes;
use sightline_media::{
    aac,
    fmp4::{Sample, Track, VIDEO_TIMESCALE},
};

use super::{Place, Unit};

/// Frames that wait for their pictures: ten seconds at 48 kHz. When it is full, the oldest one is left out.
const MAX_WAITING: usize = 480;

/// Sound that is so much later than the pictures is not waited for: silence takes its place, in seconds.
const MISSING_AFTER: u64 = 1;

/// Sound that waits for its pictures, and where the last of it ended. Times are in samples.
#[derive(Debug)]
pub(super) struct Sound {
    rate: u64,
    frame: u64,
    silence: Option<Bytes>,
    waiting: VecDeque<Unit>,
    /// When the last frame ends in the file.
    end: u64,
    /// How the camera's timeline lies on the file's since the viewer came in, or came back.
    laid: Option<Laid>,
    /// None comes: the pictures go on with silence.
    is_missing: bool,
}

/// What is at one time of the camera at the other time of the file.
#[derive(Clone, Copy, Debug)]
struct Laid {
    /// [`Place::entered`] and [`Place::epoch`], which say for how long this holds.
    of: (u64, u64),
    camera: u64,
    file: u64,
}

impl Sound {
    pub(super) fn new(config: &aac::Config) -> Self {
        Self {
            rate: config.sample_rate.max(1).into(),
            frame: config.frame_samples.max(1).into(),
            silence: config.silence(),
            waiting: VecDeque::new(),
            end: 0,
            laid: None,
            is_missing: false,
        }
    }

    /// Sound of another configuration, which goes on where the one before ended.
    pub(super) fn after(before: Option<&Self>, config: &aac::Config) -> Self {
        let new = Self::new(config);
        let end = before.map_or(0, |before| (before.end * new.rate).div_ceil(before.rate));
        Self { end, ..new }
    }

    /// Takes the next frame.
    pub(super) fn wait(&mut self, unit: Unit) {
        // Of another run of the publisher than the newest one, or of before its clock was set: its pictures have
        // passed, or never come.
        self.waiting
            .retain(|held| held.epoch == unit.epoch && held.decode_time <= unit.decode_time);
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(unit);
    }

    /// The next frame whose pictures are there.
    pub(super) fn next(&mut self, place: &Place) -> Option<(Sample, Bytes)> {
        loop {
            let due = self.waiting.front().filter(|unit| {
                unit.epoch == place.epoch && unit.decode_time < self.of_video(place.next)
            });
            let Some(unit) = due else {
                return self.fill(place);
            };
            let time = unit.decode_time;
            if time < self.of_video(place.entered) {
                self.waiting.pop_front();
                continue;
            }
            let laid = self.lay(place, time);
            let at = laid.file + (time - laid.camera);
            let end = self.end;
            if at < end {
                // Silence has taken its place, or sound that came before the viewer came back.
                self.waiting.pop_front();
                continue;
            }
            if at > end
                && let Some(silence) = self.silence(end, at)
            {
                return Some(silence);
            }
            self.laid = Some(laid);
            self.is_missing = false;
            let payload = self.waiting.pop_front()?.sample;
            return Some(self.sample(at, payload));
        }
    }

    /// How a frame that is taken at `time` lies on the file. The first one after the viewer came back is moved by half a
    /// frame at most, to where the last one ended: a player hears no gap.
    fn lay(&self, place: &Place, time: u64) -> Laid {
        let of = (place.entered, place.epoch);
        if let Some(laid) = self
            .laid
            .filter(|laid| laid.of == of && laid.camera <= time)
        {
            return laid;
        }
        let exact = self.of_video(place.at) + (time - self.of_video(place.entered));
        let is_near = exact.abs_diff(self.end) <= self.frame.div_ceil(2);
        Laid {
            of,
            camera: time,
            file: if is_near { self.end } else { exact },
        }
    }

    /// Silence up to the newest picture, once sound is missing for long.
    fn fill(&mut self, place: &Place) -> Option<(Sample, Bytes)> {
        let newest = self.of_video(place.in_file(place.newest));
        if self.end + MISSING_AFTER * self.rate < newest {
            self.is_missing = true;
        }
        if !self.is_missing {
            return None;
        }
        self.silence(self.end, newest)
    }

    /// A frame of silence at `from`, if it ends about at `to` or before.
    fn silence(&mut self, from: u64, to: u64) -> Option<(Sample, Bytes)> {
        if from + self.frame / 2 > to {
            return None;
        }
        let payload = self.silence.clone()?;
        Some(self.sample(from, payload))
    }

    fn sample(&mut self, decode_time: u64, payload: Bytes) -> (Sample, Bytes) {
        self.end = decode_time + self.frame;
        let sample = Sample {
            track: Track::Audio,
            decode_time,
            duration: u32::try_from(self.frame).unwrap_or(u32::MAX),
            composition_offset: 0,
            key: true,
            len_bytes: payload.len(),
        };
        (sample, payload)
    }

    fn of_video(&self, ticks: u64) -> u64 {
        let samples = u128::from(ticks) * u128::from(self.rate) / u128::from(VIDEO_TIMESCALE);
        u64::try_from(samples).unwrap_or(u64::MAX)
    }
}
