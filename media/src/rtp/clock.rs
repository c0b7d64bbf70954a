//! When a frame was taken, by the clock of this machine.
//!
//! RTP counts in ticks from a random start. Sender reports say which tick is which time by the camera's own
//! clock, which brings the tracks of one camera together, and is right where the camera's clock is. Where it is
//! not, or there are no reports, the frame that took the shortest way here is the measure.
//!
//! Source: RFC 3550, 6.4.1.

use std::num::NonZeroU32;

use super::least::Least;

/// A camera's clock is believed if its report seems to have been under way for this long: from a little less than
/// nothing, as no clock is exact.
const HONEST_US: std::ops::RangeInclusive<i64> = -50_000..=1_000_000;

/// Once believed it may err by so much, so that nothing flickers at the edges.
const STILL_HONEST_US: std::ops::RangeInclusive<i64> = -200_000..=2_000_000;

/// What reports say of a frame must not differ more from what its arrival says. There are cameras whose reports
/// speak of another tick than the one meant.
const SENSIBLE_US: std::ops::RangeInclusive<i64> = -5_000_000..=1_000_000;

/// The camera's clock was set if its reports differ so much from the one before.
const CLOCK_WAS_SET_US: i64 = 500_000;

/// Corrections of more than this into the future are made at once. Others take their time, as a twentieth of what
/// passes, so that no frame stays on the screen for long and none comes before the one before it.
const AT_ONCE_US: i64 = 1_000_000;
const SLOWLY: i64 = 20;

/// Ticks that go back by more than this are counted from a new start. B-frames go back by less.
const BACK_US: i64 = -1_000_000;

/// Ticks that run ahead of arrival by more than this between two frames are counted from a new start.
const AHEAD_US: i64 = 2_000_000;

/// Frames that come later than others by more than this were not under way for so long: a clock was set.
const LATEST_US: i64 = 10_000_000;

/// Seconds from the start of NTP's time in 1900 to 1970.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;

/// A time as RTP counts it, with the wraps of its 32 bits undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// From wherever the camera started.
    pub value: i64,
    /// Ticks a second.
    pub rate: NonZeroU32,
}

impl Ticks {
    fn us(self) -> i64 {
        let us = i128::from(self.value) * 1_000_000 / i128::from(self.rate.get());
        // Room is left for sums.
        let most = i128::from(i64::MAX / 8);
        us.clamp(-most, most) as i64
    }
}

/// When a frame was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Microseconds since 1970 UTC. Grows as the ticks of its track do.
    pub capture_time_us: i64,
    /// The clock of this machine was set back: this time does not follow the one before.
    pub restarted: bool,
}

/// Turns the ticks of one camera's tracks into capture times. All of them share one clock.
///
/// Tracks are numbered from 0; arrival is in microseconds since 1970 UTC.
#[derive(Debug)]
pub struct Clock {
    tracks: Vec<Track>,
    /// The camera's clock is right.
    honest: bool,
    /// From the camera's clock to ours, by the frame that took the shortest way; of all tracks together.
    correction: Option<Least>,
}

#[derive(Clone, Debug, Default)]
struct Track {
    /// From ticks to the camera's clock, if reports say so.
    to_camera: Option<i64>,
    /// From ticks to our clock, by arrival.
    by_arrival: Option<Least>,
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    /// What is added to ticks now.
    offset: i64,
    /// The newest ticks, in microseconds, and what came of them.
    media_us: i64,
    capture_us: i64,
    arrival_us: i64,
}

impl Clock {
    /// For a camera of so many tracks.
    pub fn new(tracks: usize) -> Self {
        Self {
            tracks: vec![Track::default(); tracks],
            honest: false,
            correction: None,
        }
    }

    /// Takes a sender report: at `media` the camera's clock showed `ntp`, in units of 2^-32 s since 1900.
    pub fn report(&mut self, track: usize, media: Ticks, ntp: u64, arrival_us: i64) {
        let Some(own) = self.tracks.get(track) else {
            return;
        };
        let camera_us = unix_us(ntp);
        let to_camera = camera_us - media.us();
        let way = arrival_us.saturating_sub(camera_us);
        self.honest = if self.honest {
            STILL_HONEST_US.contains(&way)
        } else {
            HONEST_US.contains(&way)
        };
        let was_set = own
            .to_camera
            .is_some_and(|old| (to_camera - old).abs() > CLOCK_WAS_SET_US);
        if was_set {
            self.correction = None;
            for other in &mut self.tracks {
                other.to_camera = None;
            }
        }
        self.tracks[track].to_camera = Some(to_camera);
    }

    /// When the frame of `media` was taken.
    pub fn stamp(&mut self, track: usize, media: Ticks, arrival_us: i64) -> Stamp {
        let media_us = media.us();
        let Some(last) = self.tracks.get(track).map(|track| track.last) else {
            return Stamp {
                capture_time_us: arrival_us,
                restarted: false,
            };
        };
        let restarted = last.is_some_and(|last| arrival_us - last.arrival_us < BACK_US);
        if restarted {
            *self = Self::new(self.tracks.len());
        } else if last.is_some_and(|last| last.is_anew(media_us, arrival_us)) {
            let newest = &mut self.tracks[track];
            newest.to_camera = None;
            newest.by_arrival = None;
        }
        let wanted = self.offset(track, media_us, arrival_us);
        let last = last.filter(|_| !restarted);
        let next = last.map_or(
            Last {
                offset: wanted,
                media_us,
                capture_us: media_us + wanted,
                arrival_us,
            },
            |last| last.next(wanted, media_us, arrival_us),
        );
        self.tracks[track].last = Some(next);
        Stamp {
            capture_time_us: media_us + next.offset,
            restarted,
        }
    }

    /// What is to be added to ticks.
    fn offset(&mut self, track: usize, media_us: i64, arrival_us: i64) -> i64 {
        let own = &mut self.tracks[track];
        let by_arrival = shortest(&mut own.by_arrival, arrival_us - media_us, arrival_us);
        let Some(to_camera) = own.to_camera else {
            return by_arrival;
        };
        let correction = shortest(
            &mut self.correction,
            arrival_us - (media_us + to_camera),
            arrival_us,
        );
        let by_report = if self.honest {
            to_camera
        } else {
            to_camera + correction
        };
        if SENSIBLE_US.contains(&(by_report - by_arrival)) {
            by_report
        } else {
            by_arrival
        }
    }
}

impl Last {
    /// The ticks do not go on from here: the camera counts from a new start.
    fn is_anew(&self, media_us: i64, arrival_us: i64) -> bool {
        let media = media_us - self.media_us;
        media < BACK_US || media - (arrival_us - self.arrival_us) > AHEAD_US
    }

    fn next(self, wanted: i64, media_us: i64, arrival_us: i64) -> Self {
        let anew = self.is_anew(media_us, arrival_us);
        let advance = (media_us - self.media_us).max(0);
        let correction = wanted - self.offset;
        let offset = if anew || correction > AT_ONCE_US {
            // Never before what was given already.
            wanted.max(self.capture_us + 1 - media_us)
        } else {
            self.offset + correction.clamp(-advance / SLOWLY, advance / SLOWLY)
        };
        Self {
            offset,
            media_us: if anew {
                media_us
            } else {
                media_us.max(self.media_us)
            },
            capture_us: self.capture_us.max(media_us + offset),
            arrival_us,
        }
    }
}

/// The shortest way of the last seconds, `way` among them.
fn shortest(least: &mut Option<Least>, way: i64, at_us: i64) -> i64 {
    let least = match least {
        Some(least) if way - least.get() <= LATEST_US => {
            least.take(way, at_us);
            least
        }
        least => least.insert(Least::new(way, at_us)),
    };
    least.get()
}

/// Microseconds since 1970. Seconds without the highest bit belong to NTP's next era, from 2036 on.
fn unix_us(ntp: u64) -> i64 {
    let seconds = (ntp >> 32) as i64;
    let era = if seconds < 1 << 31 { 1 << 32 } else { 0 };
    let fraction = ((ntp & 0xFFFF_FFFF) * 1_000_000) >> 32;
    (seconds + era - NTP_TO_UNIX_S) * 1_000_000 + fraction as i64
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
