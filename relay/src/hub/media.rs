//! What frames of H.264 and AAC need on their way into MP4: parameters, and a place on a timeline. Pure.

use std::sync::Arc;

use bytes::Bytes;
use sightline_media::{
    aac,
    fmp4::{self, Placed, Sample, Timeline, Track, VIDEO_TIMESCALE},
    h264,
};
use sightline_proto::Frame;

use crate::metrics::Drop;

/// Timelines of one publisher begin so long before its start, by its clock, so that groups which were on their
/// way at that time have a place.
const BEFORE_EPOCH_US: i64 = 60_000_000;

/// A timeline that cannot begin with its publisher, whose clock was set back since, begins with a full hour: then
/// all streams of the camera, which find out one by one, still count from the same moment.
const HOUR_US: i64 = 3_600_000_000;

/// When a stream's time goes back by more than this, its publisher's clock was set.
const SET_BACK_US: i64 = 1_000_000;

/// A frame's place on the timeline of its stream. Times are in ticks of [`Config::timescale`].
///
/// All streams of a camera count from the same moment. When another publisher takes over, or its clock is set back,
/// a stream gets a new timeline, whose times may be before those of the old one: see `config`.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    pub(crate) track: Track,
    /// When it is decoded.
    pub(crate) decode_time: u64,
    /// Until the next frame is decoded.
    pub(crate) duration: u32,
    /// How much later it is shown.
    pub(crate) composition_offset: i32,
    /// What a decoder has to know. It changes with key frames only; another [`Arc`] means a new init segment:
    /// parameters changed, or a timeline begins.
    pub(crate) config: Arc<Config>,
}

/// What a decoder has to know before the first frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Config {
    Video(h264::Parameters),
    Audio(aac::Config),
}

impl Config {
    /// Ticks in a second.
    pub(crate) fn timescale(&self) -> u32 {
        match self {
            Self::Video(_) => VIDEO_TIMESCALE,
            Self::Audio(config) => config.sample_rate,
        }
    }

    /// The init segment of a file with this track alone.
    pub(crate) fn init_segment(&self) -> Result<Bytes, fmp4::Error> {
        match self {
            Self::Video(parameters) => fmp4::init_segment(Some(parameters), None),
            Self::Audio(config) => fmp4::init_segment(None, Some(config)),
        }
    }

    /// The type of such a file: `video/mp4; codecs="avc1.64001F"`.
    pub(crate) fn mime(&self) -> String {
        match self {
            Self::Video(parameters) => fmp4::mime(Some(parameters), None),
            Self::Audio(config) => fmp4::mime(None, Some(config)),
        }
    }

    fn timeline(&self, origin_us: i64) -> Timeline {
        match self {
            Self::Video(parameters) => {
                let rate = parameters.frame_rate;
                let rate = rate.map(|rate| f64::from(rate.numerator) / f64::from(rate.denominator));
                Timeline::video(VIDEO_TIMESCALE, origin_us, rate)
            }
            Self::Audio(config) => {
                Timeline::audio(config.sample_rate, origin_us, config.frame_samples)
            }
        }
    }
}

impl Media {
    /// [`Media::decode_time`] in microseconds.
    pub(crate) fn decode_time_us(&self) -> u64 {
        fmp4::convert(self.decode_time, self.config.timescale(), 1_000_000)
    }

    /// The frame as MP4 has it, of so many bytes.
    pub(crate) fn sample(&self, key: bool, len_bytes: usize) -> Sample {
        Sample {
            track: self.track,
            decode_time: self.decode_time,
            duration: self.duration,
            composition_offset: self.composition_offset,
            key,
            len_bytes,
        }
    }
}

/// Gives frames of one stream their places.
#[derive(Debug, Default)]
pub(super) struct Placer {
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    epoch: u64,
    config: Arc<Config>,
    timeline: Timeline,
    /// When the last frame was to be decoded.
    time_us: i64,
    /// The clock was set back since the timeline began: it ends with the next key frame.
    set_back: bool,
}

impl Placer {
    /// Places a frame of H.264. A key frame brings its parameters. `None` if there is no place for it, which
    /// only times far outside of any life span have.
    pub(super) fn video(
        &mut self,
        frame: &Frame,
        parameters: Option<h264::Parameters>,
    ) -> Option<Media> {
        let config = parameters.map(Config::Video);
        self.place(frame, Track::Video, config)
    }

    /// Places a frame of AAC. `config` is the AudioSpecificConfig that its camera announces.
    ///
    /// `None` if there is more sound than time. Without a usable configuration it is not to be played at all.
    pub(super) fn audio(&mut self, frame: &Frame, config: &Bytes) -> Result<Option<Media>, Drop> {
        let known = self.current.as_ref().is_some_and(
            |current| matches!(&*current.config, Config::Audio(known) if known.bytes() == config),
        );
        let new = if known {
            None
        } else {
            let config = aac::Config::parse(config).map_err(|_| Drop::NoConfig)?;
            Some(Config::Audio(config))
        };
        Ok(self.place(frame, Track::Audio, new))
    }

    fn place(&mut self, frame: &Frame, track: Track, config: Option<Config>) -> Option<Media> {
        let time_us = decode_time_us(frame);
        if let Some(current) = &mut self.current {
            current.set_back |= time_us < current.time_us.saturating_sub(SET_BACK_US);
        }
        let current = match self.current.take() {
            Some(current) => current.going_on(frame, config)?,
            None => Current::beginning(frame, Arc::new(config?)),
        };
        let current = self.current.insert(current);
        current.time_us = time_us;
        let placed = current.timeline.place(time_us, frame.key);
        let Placed {
            decode_time,
            duration,
            ..
        } = placed?;
        let ahead_us = frame.capture_time_us.saturating_sub(time_us);
        let offset = current.timeline.ticks(ahead_us);
        Some(Media {
            track,
            decode_time,
            duration,
            composition_offset: i32::try_from(offset).unwrap_or(0),
            config: current.config.clone(),
        })
    }
}

impl Current {
    fn beginning(frame: &Frame, config: Arc<Config>) -> Self {
        let time_us = decode_time_us(frame);
        let start_us = i64::try_from(frame.epoch)
            .unwrap_or(i64::MAX)
            .saturating_sub(BEFORE_EPOCH_US);
        let origin_us = if start_us <= time_us {
            start_us
        } else {
            time_us.saturating_sub(time_us.rem_euclid(HOUR_US))
        };
        Self {
            epoch: frame.epoch,
            timeline: config.timeline(origin_us),
            config,
            time_us,
            set_back: false,
        }
    }

    /// As it is for the next frame. `config`: what a key frame brings, or has changed.
    fn going_on(mut self, frame: &Frame, config: Option<Config>) -> Option<Self> {
        if frame.key && (self.set_back || frame.epoch != self.epoch) {
            let config = config.unwrap_or_else(|| Config::clone(&self.config));
            return Some(Self::beginning(frame, Arc::new(config)));
        }
        match config {
            Some(config) if config == *self.config => {}
            // Times of another timescale.
            Some(config) if config.timescale() != self.config.timescale() => {
                return Some(Self::beginning(frame, Arc::new(config)));
            }
            Some(config) => self.config = Arc::new(config),
            None => {}
        }
        Some(self)
    }
}

/// When a frame is to be decoded, by its publisher's clock.
pub(super) fn decode_time_us(frame: &Frame) -> i64 {
    if frame.decode_time_us == 0 {
        frame.capture_time_us
    } else {
        frame.decode_time_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::samples;

    const EPOCH_US: i64 = 1_700_000_000_000_000;

    /// Places of frames of H.264, all of them.
    fn place(placer: &mut Placer, frames: &[Frame]) -> Vec<Media> {
        frames
            .iter()
            .map(|frame| {
                let parameters = h264::Parameters::from_access_unit(&frame.data).unwrap();
                placer.video(frame, parameters).unwrap()
            })
            .collect()
    }

    fn video(start_us: i64) -> Vec<Frame> {
        samples::video(EPOCH_US as u64, start_us)
    }

    fn sound(at_us: i64) -> Frame {
        Frame {
            epoch: EPOCH_US as u64,
            capture_time_us: at_us,
            key: true,
            ..Frame::default()
        }
    }

    const STEREO_48K: Bytes = Bytes::from_static(&[0x11, 0x90]);

    #[test]
    fn all_streams_of_a_camera_count_from_a_minute_before_its_publisher_started() {
        let picture = place(&mut Placer::default(), &video(EPOCH_US + 500_000));
        assert_eq!(picture[0].decode_time_us(), 60_500_000);
        assert_eq!(picture[0].decode_time, 60_500 * 90);
        let heard = Placer::default().audio(&sound(EPOCH_US + 500_000), &STEREO_48K);
        let heard = heard.unwrap().unwrap();
        assert_eq!(heard.decode_time_us(), 60_500_000);
        assert_eq!((heard.duration, heard.config.timescale()), (1_024, 48_000));
    }

    #[test]
    fn frames_follow_each_other_without_a_hole_and_are_shown_when_they_should_be() {
        let frames = video(EPOCH_US);
        let placed = place(&mut Placer::default(), &frames);
        for pair in placed.windows(2) {
            assert_eq!(
                pair[0].decode_time + u64::from(pair[0].duration),
                pair[1].decode_time
            );
            assert!(Arc::ptr_eq(&pair[0].config, &pair[1].config));
        }
        assert!(placed.iter().any(|media| media.composition_offset > 0));
        for (media, frame) in placed.iter().zip(&frames) {
            let ahead_us = frame.capture_time_us - decode_time_us(frame);
            assert_eq!(i64::from(media.composition_offset), ahead_us * 9 / 100);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_begins_a_timeline_with_the_next_key_frame() {
        let mut placer = Placer::default();
        let before = place(&mut placer, &video(EPOCH_US)[..8]);
        let frames = video(EPOCH_US - HOUR_US);
        let rest = place(&mut placer, &frames[8..]);
        // The rest of the group goes on.
        let last = &before[7];
        assert_eq!(
            rest[0].decode_time,
            last.decode_time + u64::from(last.duration)
        );
        assert!(Arc::ptr_eq(&rest[0].config, &last.config));
        // The next group is an hour earlier, before its publisher started.
        let key = &rest[4];
        assert!(!Arc::ptr_eq(&key.config, &last.config));
        assert_eq!(key.config, last.config);
        let since_hour_us = frames[12].decode_time_us.rem_euclid(HOUR_US);
        assert_eq!(key.decode_time_us(), since_hour_us as u64);
    }

    #[test]
    fn another_publisher_begins_another_timeline() {
        let mut placer = Placer::default();
        let first = place(&mut placer, &video(EPOCH_US)[..1]);
        let second = place(
            &mut placer,
            &samples::video(EPOCH_US as u64 + 5_000_000, EPOCH_US + 5_000_000)[..1],
        );
        assert!(!Arc::ptr_eq(&first[0].config, &second[0].config));
        assert_eq!(second[0].decode_time_us(), 60_000_000);
    }

    #[test]
    fn sound_needs_a_configuration_and_follows_its_changes() {
        let mut placer = Placer::default();
        let at = |ms: i64| sound(EPOCH_US + ms * 1_000);
        for unusable in [&[][..], &[0xFF], &[0x12, 0x00]] {
            let refused = placer.audio(&at(0), &Bytes::from_static(unusable));
            assert_eq!(refused.unwrap_err(), Drop::NoConfig);
        }
        let one = placer.audio(&at(0), &STEREO_48K).unwrap().unwrap();
        let two = placer.audio(&at(21), &STEREO_48K).unwrap().unwrap();
        assert!(Arc::ptr_eq(&one.config, &two.config));
        let mono_16k = Bytes::from_static(&[0x14, 0x08]);
        let three = placer.audio(&at(1_000), &mono_16k).unwrap().unwrap();
        assert_eq!(three.config.timescale(), 16_000);
        assert_eq!(three.decode_time_us(), 61_000_000);
        assert_eq!(three.config.mime(), "audio/mp4; codecs=\"mp4a.40.2\"");
    }

    #[test]
    fn no_time_makes_it_panic() {
        for time_us in [i64::MIN, -1, 1, i64::MAX] {
            for epoch in [0, 1, u64::MAX] {
                let mut placer = Placer::default();
                for start_us in [time_us, 5, time_us] {
                    let mut frame = video(0).remove(0);
                    frame.epoch = epoch;
                    frame.decode_time_us = start_us;
                    let parameters = h264::Parameters::from_access_unit(&frame.data).unwrap();
                    placer.video(&frame, parameters);
                    let _ = placer.audio(&frame, &STEREO_48K);
                }
            }
        }
    }
}
