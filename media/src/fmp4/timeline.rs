//! Decode times without holes from times that are not quite regular.
//!
//! A fragment says how long its frame lasts before anybody knows when the next one comes, and a browser that
//! sees the next one start later than twice that drops frames up to the next key frame (W3C "Media Source
//! Extensions", coded frame processing). So each frame starts exactly where the one before it ends, and its
//! length is chosen such that the next one starts on time.

/// Farther than this from its time, a frame is not waited for.
const LARGEST_DRIFT_US: i64 = 1_000_000;

/// The longest that a frame may last, in microseconds: what is beyond is caught up with by the next frames.
const LONGEST_US: i64 = 10_000_000;

/// Audio frames all last alike. Farther than this from their time, some are missing or too many.
const LARGEST_AUDIO_DRIFT_US: i64 = 100_000;

/// A new difference between frames counts for one part in so many.
const SMOOTHING: i64 = 8;

/// Times of one track, in ticks of its timescale.
#[derive(Clone, Debug)]
pub struct Timeline {
    timescale: u32,
    origin_us: i64,
    pace: Pace,
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
enum Pace {
    /// Ticks from frame to frame, as measured.
    Measured { period: i64, sure: bool },
    /// Ticks of every frame.
    Fixed(u32),
}

#[derive(Clone, Copy, Debug)]
struct Last {
    /// When it should have been decoded.
    time: i64,
    /// When the next frame is decoded.
    end: i64,
}

/// Where a frame is on the timeline, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// When it is decoded.
    pub decode_time: u64,
    /// Until the next frame.
    pub duration: u32,
    /// Something is missing before this frame, and the timeline shows it.
    pub gap: bool,
}

impl Timeline {
    /// For video. Time 0 is at `origin_us`, which both tracks of a file share. `rate` is how many frames come
    /// in a second as far as known; it is measured from the second frame on.
    pub fn video(timescale: u32, origin_us: i64, rate: Option<f64>) -> Self {
        let rate = rate
            .filter(|rate| (0.1..=1_000.0).contains(rate))
            .unwrap_or(30.0);
        Self {
            timescale,
            origin_us,
            pace: Pace::Measured {
                period: ((f64::from(timescale) / rate) as i64).max(1),
                sure: false,
            },
            last: None,
        }
    }

    /// For audio, whose frames all have so many samples, with the sample rate as timescale.
    pub fn audio(sample_rate: u32, origin_us: i64, frame_samples: u32) -> Self {
        Self {
            timescale: sample_rate,
            origin_us,
            pace: Pace::Fixed(frame_samples.max(1)),
            last: None,
        }
    }

    /// Places the next frame, which is to be decoded at `time_us`.
    ///
    /// Decode times never go back. After a hole of more than a second, a key frame is placed at its time; any
    /// other frame follows the one before at once, for a browser would drop it. If the clock was set back by
    /// more than a second, the timeline goes on as if it had not been: then tracks no longer match, and a
    /// new file should be begun.
    ///
    /// `None` if the frame has no place: it comes before the origin, or there is more audio than time.
    pub fn place(&mut self, time_us: i64, key: bool) -> Option<Placed> {
        let time = self.ticks(time_us.saturating_sub(self.origin_us));
        match self.pace {
            Pace::Fixed(duration) => self.place_audio(time, duration),
            Pace::Measured { period, sure } => self.place_video(time, key, period, sure),
        }
    }

    fn place_video(&mut self, time: i64, key: bool, period: i64, sure: bool) -> Option<Placed> {
        let drift = self.ticks(LARGEST_DRIFT_US);
        let Some(last) = self.last else {
            return self.put(time, time, period, false);
        };
        let ahead = time - last.end;
        let step = time - last.time;
        if ahead < -drift {
            // The clock was set back.
            let shift = self.microseconds(ahead);
            self.origin_us = self.origin_us.saturating_add(shift);
            return self.put(last.end, last.end, period, true);
        }
        let mut next_period = period;
        if step > 0 && step <= drift {
            next_period = if sure {
                period + (step - period) / SMOOTHING
            } else {
                step
            };
            self.pace = Pace::Measured {
                period: next_period.max(1),
                sure: true,
            };
        }
        if ahead > drift && key {
            return self.put(time, time, period, true);
        }
        let longest = self.ticks(LONGEST_US);
        let shortest = (next_period / 2).max(1);
        let duration = (next_period + ahead).clamp(shortest, longest.max(shortest));
        self.put(time, last.end, duration, false)
    }

    fn place_audio(&mut self, time: i64, duration: u32) -> Option<Placed> {
        let drift = self.ticks(LARGEST_AUDIO_DRIFT_US);
        let Some(last) = self.last else {
            return self.put(time, time, duration.into(), false);
        };
        let ahead = time - last.end;
        if ahead < -self.ticks(LARGEST_DRIFT_US) {
            let shift = self.microseconds(ahead);
            self.origin_us = self.origin_us.saturating_add(shift);
            return self.put(last.end, last.end, duration.into(), true);
        }
        if ahead < -drift {
            return None;
        }
        let gap = ahead > drift;
        let decode_time = if gap { time } else { last.end };
        self.put(time, decode_time, duration.into(), gap)
    }

    fn put(&mut self, time: i64, decode_time: i64, duration: i64, gap: bool) -> Option<Placed> {
        let placed = Placed {
            decode_time: u64::try_from(decode_time).ok()?,
            duration: u32::try_from(duration).ok()?,
            gap,
        };
        self.last = Some(Last {
            time,
            end: decode_time.checked_add(duration)?,
        });
        Some(placed)
    }

    /// Ticks of the timescale, to the nearest.
    pub fn ticks(&self, us: i64) -> i64 {
        round(us, self.timescale.into(), 1_000_000)
    }

    fn microseconds(&self, ticks: i64) -> i64 {
        round(ticks, 1_000_000, self.timescale.max(1).into())
    }
}

/// A time of one track in ticks of another one's timescale, rounded down: to let a viewer's audio start where
/// its video does.
pub fn convert(ticks: u64, from: u32, to: u32) -> u64 {
    let converted = u128::from(ticks) * u128::from(to) / u128::from(from.max(1));
    u64::try_from(converted).unwrap_or(u64::MAX)
}

/// Times far outside of any life span stay within reach of sums.
fn round(value: i64, numerator: i128, denominator: i128) -> i64 {
    const FAR: i128 = 1 << 60;
    let doubled = i128::from(value) * numerator * 2 + denominator;
    doubled.div_euclid(denominator * 2).clamp(-FAR, FAR) as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(timeline: &mut Timeline, times_us: impl IntoIterator<Item = i64>) -> Vec<(u64, u32)> {
        times_us
            .into_iter()
            .filter_map(|time| timeline.place(time, false))
            .map(|placed| (placed.decode_time, placed.duration))
            .collect()
    }

    #[test]
    fn a_regular_stream_is_exact_whatever_rate_was_expected() {
        for expected in [None, Some(25.0), Some(5.0), Some(0.0), Some(f64::NAN)] {
            let mut timeline = Timeline::video(90_000, 7_000_000, expected);
            let times = (0..1_000).map(|i| 7_000_000 + i * 1_001_000 / 30);
            let placed = places(&mut timeline, times);
            for (i, &(decode_time, duration)) in placed.iter().enumerate().skip(30) {
                let exact = i as u64 * 3_003;
                assert!(
                    decode_time.abs_diff(exact) <= 2,
                    "{expected:?} {i}: {decode_time}"
                );
                assert!(
                    duration.abs_diff(3_003) <= 4,
                    "{expected:?} {i}: {duration}"
                );
            }
        }
    }

    #[test]
    fn a_late_frame_shifts_nothing_for_long() {
        let mut timeline = Timeline::video(90_000, 0, Some(25.0));
        let placed = places(
            &mut timeline,
            [0, 40_000, 80_000, 400_000, 440_000, 480_000],
        );
        // The frame at 400 ms starts where the one before ends, and the next one is on time again.
        assert_eq!(placed[3].0, 10_800);
        assert!(placed[4].0.abs_diff(39_600) < 4_000, "{placed:?}");
        assert!(placed[5].0.abs_diff(43_200) < 4_000, "{placed:?}");
    }

    #[test]
    fn a_key_frame_after_a_long_hole_is_at_its_time() {
        let mut timeline = Timeline::video(90_000, 0, Some(25.0));
        places(&mut timeline, [0, 40_000]);
        let key = timeline.place(5_000_000, true).unwrap();
        assert_eq!((key.decode_time, key.gap), (450_000, true));
        let mut timeline = Timeline::video(90_000, 0, Some(25.0));
        places(&mut timeline, [0, 40_000]);
        let other = timeline.place(5_000_000, false).unwrap();
        assert_eq!((other.decode_time, other.gap), (7_200, false));
        let next = timeline.place(5_040_000, false).unwrap();
        assert!(next.decode_time.abs_diff(453_600) < 10, "{next:?}");
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_timeline() {
        let mut timeline = Timeline::video(90_000, 0, Some(25.0));
        places(&mut timeline, (0..100).map(|i| i * 40_000));
        let back = timeline.place(-3_600_000_000, false).unwrap();
        assert_eq!((back.decode_time, back.gap), (360_000, true));
        let next = timeline.place(-3_600_000_000 + 40_000, false).unwrap();
        assert_eq!((next.decode_time, next.gap), (363_600, false));
    }

    #[test]
    fn audio_frames_are_back_to_back_whatever_their_times_say() {
        let mut timeline = Timeline::audio(48_000, 0, 1_024);
        let placed = places(
            &mut timeline,
            (0..500).map(|i| i * 21_333 + (i % 7) * 3_000),
        );
        for (i, &place) in placed.iter().enumerate() {
            assert_eq!(place, (i as u64 * 1_024, 1_024));
        }
    }

    #[test]
    fn missing_audio_leaves_a_hole_and_too_much_is_left_out() {
        let mut timeline = Timeline::audio(48_000, 0, 1_024);
        places(&mut timeline, [0]);
        let after = timeline.place(500_000, true).unwrap();
        assert_eq!((after.decode_time, after.gap), (24_000, true));
        assert_eq!(timeline.place(300_000, true), None);
        assert_eq!(timeline.place(521_333, true).unwrap().decode_time, 25_024);
    }

    #[test]
    fn what_comes_before_the_origin_has_no_place() {
        let mut audio = Timeline::audio(48_000, 1_000_000, 1_024);
        assert_eq!(audio.place(990_000, true), None);
        assert_eq!(audio.place(1_000_000, true).unwrap().decode_time, 0);
    }

    #[test]
    fn times_convert_between_tracks() {
        assert_eq!(convert(90_000, 90_000, 48_000), 48_000);
        assert_eq!(convert(u64::MAX, 1, u32::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn decode_times_never_go_back_and_no_browser_sees_a_hole_before_a_frame_that_is_no_key(
            frames in prop::collection::vec((any::<i64>(), prop::bool::ANY, prop::bool::weighted(0.1)), 0..200),
            origin_us: i64,
        ) {
            let mut timeline = Timeline::video(90_000, origin_us, None);
            let mut now = origin_us;
            let mut end = None;
            for (step, key, wild) in frames {
                now = if wild { step } else { now.saturating_add(step.rem_euclid(100_000)) };
                if let Some(placed) = timeline.place(now, key) {
                    prop_assert!(placed.duration > 0);
                    if let Some(end) = end {
                        prop_assert!(placed.decode_time >= end);
                        prop_assert!(key || placed.decode_time == end);
                    }
                    end = Some(placed.decode_time + u64::from(placed.duration));
                }
            }
        }
    }
}
