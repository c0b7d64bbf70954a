//! Pixels to H.264, with OpenH264.
//!
//! Constrained Baseline, one slice a frame, no reordering (the library writes max_num_reorder_frames = 0, so that
//! decoders hold nothing back), BT.601 in limited range with sRGB's primaries and curve: what a JPEG of the same
//! pixels shows. Every player takes all of that.

mod i420;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use openh264::{
    OpenH264API, Timestamp,
    encoder::{
        BitRate, ColorPrimaries, Complexity, Encoder, EncoderConfig, FrameRate, FrameType,
        IntraFramePeriod, MatrixCoefficients, Profile, QpRange, RateControlMode, SpsPpsStrategy,
        TransferCharacteristics, UsageType, VuiConfig,
    },
};
use sightline_media::h264;

pub(crate) use super::Error;
use super::{planes::View, scale};
use crate::picture::{Raw, Size};

/// The library encodes no more: level 5.2. Larger pictures are scaled down.
const LARGEST: Size = Size {
    width: 3_840,
    height: 2_160,
};

/// The library encodes no less.
const SMALLEST_SIDE: u32 = 16;

/// What rate control works with; beyond, the library's arithmetic overflows or it refuses.
const BITS_PER_SECOND: std::ops::RangeInclusive<u32> = 10_000..=100_000_000;
const FPS: std::ops::RangeInclusive<f32> = 1.0..=60.0;

/// Frames that are further apart say nothing of the rate: the source stood still, or its clock was set.
const LONGEST_GAP_US: i64 = 5_000_000;

/// How a stream is encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct VideoSettings {
    /// Held on average over some seconds. Frames are left out rather than sending more.
    pub(crate) bits_per_second: u32,
    /// Frames a second that the source is expected to give. With fewer, fewer bits are spent.
    pub(crate) fps: f32,
    /// The longest time from one key frame to the next.
    pub(crate) key_interval: Duration,
}

/// One access unit.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    /// In Annex B form, with SPS and PPS in front of a key frame.
    pub(crate) data: Bytes,
    pub(crate) key: bool,
    /// In force since the last key frame. Pictures with odd sides lose their last row or column.
    pub(crate) parameters: Arc<h264::Parameters>,
}

/// Encodes the pictures of one camera, one after the other. Takes milliseconds: for [`Cores`](crate::cores::Cores).
#[derive(Debug)]
pub(crate) struct VideoEncoder {
    settings: VideoSettings,
    scaler: scale::Scaler,
    planes: i420::Buffers,
    stream: Option<Stream>,
    /// What a frame is written to before its length is known.
    scratch: Vec<u8>,
}

/// Frames of one size.
struct Stream {
    size: Size,
    encoder: Encoder,
    clock: Clock,
    last_key_us: Option<i64>,
    /// Of the last key frame.
    parameters: Option<Arc<h264::Parameters>>,
}

impl VideoEncoder {
    /// Encodes nothing yet. What no encoder can do is replaced by the nearest that it can.
    pub(crate) fn new(settings: VideoSettings) -> Self {
        Self {
            settings,
            scaler: scale::Scaler::default(),
            planes: i420::Buffers::default(),
            stream: None,
            scratch: Vec::new(),
        }
    }

    /// The access unit of `raw`, taken at `capture_time_us` (microseconds). Nothing if rate control leaves this one
    /// out.
    ///
    /// The first frame, every one after `key_interval`, the first of a new size, and the next one after
    /// `force_key` are key frames.
    pub(crate) fn encode(
        &mut self,
        raw: &Raw,
        capture_time_us: i64,
        force_key: bool,
    ) -> Result<Option<Encoded>, Error> {
        let scaled = match scale::target(raw.size(), largest(raw.size())) {
            Some(size) => Some(self.scaler.scale(raw, size)?),
            None => None,
        };
        let source = self
            .planes
            .of(&View::of(scaled.as_ref().unwrap_or(raw))?)
            .filter(|source| source.is_at_least(SMALLEST_SIDE as usize))
            .ok_or(Error::TooSmall {
                width: raw.width,
                height: raw.height,
            })?;
        let size = source.size();
        let stream = match &mut self.stream {
            Some(stream) if stream.size == size => stream,
            // The library can change its size; a new encoder has no state to be wrong.
            other => other.insert(Stream::new(self.settings, size)?),
        };
        let result = stream.encode(
            &source,
            capture_time_us,
            force_key,
            self.settings.key_interval,
            &mut self.scratch,
        );
        if result.is_err() {
            // Nothing is known of its state.
            self.stream = None;
        }
        result
    }
}

impl Stream {
    fn new(settings: VideoSettings, size: Size) -> Result<Self, Error> {
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config(settings))
            .map_err(refused)?;
        Ok(Self {
            size,
            encoder,
            clock: Clock::new(fps(settings)),
            last_key_us: None,
            parameters: None,
        })
    }

    fn encode(
        &mut self,
        source: &i420::Source<'_>,
        capture_time_us: i64,
        force_key: bool,
        key_interval: Duration,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<Encoded>, Error> {
        let due = self.last_key_us.is_some_and(|last| {
            let since_us = capture_time_us.abs_diff(last);
            // Half a frame early rather than one late.
            u128::from(since_us + self.clock.frame_us / 2) >= key_interval.as_micros()
        });
        if force_key || due {
            // Holds until a frame is encoded, if this one is left out. The first frame is one anyway.
            self.encoder.force_intra_frame();
        }
        let time = Timestamp::from_millis(self.clock.millis(capture_time_us));
        let unit = self.encoder.encode_at(source, time).map_err(refused)?;
        scratch.clear();
        let key = match unit.frame_type() {
            FrameType::IDR => true,
            FrameType::P | FrameType::I => false,
            FrameType::Skip => return Ok(None),
            other => return Err(Error::Library(format!("a frame of type {other:?}"))),
        };
        unit.write_vec(scratch);
        if key {
            let parameters = h264::Parameters::from_access_unit(scratch)
                .and_then(|found| found.ok_or(h264::Error::Missing("SPS")))
                .map_err(|error| Error::Library(error.to_string()))?;
            if self.parameters.as_deref() != Some(&parameters) {
                self.parameters = Some(Arc::new(parameters));
            }
            self.last_key_us = Some(capture_time_us);
        }
        let parameters = self
            .parameters
            .clone()
            .ok_or_else(|| Error::Library("no key frame came first".into()))?;
        Ok(Some(Encoded {
            data: Bytes::copy_from_slice(scratch),
            key,
            parameters,
        }))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({})", self.size)
    }
}

/// Capture times as rate control wants them: milliseconds from 0, always growing.
#[derive(Debug)]
struct Clock {
    frame_us: u64,
    last: Option<(i64, u64)>,
}

impl Clock {
    fn new(fps: f32) -> Self {
        Self {
            frame_us: (1_000_000.0 / fps) as u64,
            last: None,
        }
    }

    fn millis(&mut self, capture_time_us: i64) -> u64 {
        let elapsed_us = match self.last {
            None => 0,
            Some((last_us, elapsed_us)) => {
                let step_us = match capture_time_us.saturating_sub(last_us) {
                    step @ 1_000..=LONGEST_GAP_US => step as u64,
                    _ => self.frame_us,
                };
                elapsed_us + step_us
            }
        };
        self.last = Some((capture_time_us, elapsed_us));
        elapsed_us / 1_000
    }
}

/// The largest size that is encoded, upright if `size` is.
fn largest(size: Size) -> Size {
    if size.width >= size.height {
        LARGEST
    } else {
        Size {
            width: LARGEST.height,
            height: LARGEST.width,
        }
    }
}

fn fps(settings: VideoSettings) -> f32 {
    let fps = settings.fps;
    if fps.is_finite() {
        fps.clamp(*FPS.start(), *FPS.end())
    } else {
        30.0
    }
}

/// Measured with the test card at 720p (`make bench`): 2.8 ms a frame, 8 % of a core at 30 fps.
fn config(settings: VideoSettings) -> EncoderConfig {
    let bits_per_second = settings
        .bits_per_second
        .clamp(*BITS_PER_SECOND.start(), *BITS_PER_SECOND.end());
    EncoderConfig::new()
        .bitrate(BitRate::from_bps(bits_per_second))
        .max_frame_rate(FrameRate::from_hz(fps(settings)))
        .rate_control_mode(RateControlMode::Bitrate)
        .skip_frames(true)
        // The library takes no less than 12, which looks perfect. By default it stops at 42 and leaves frames out.
        .qp(QpRange::new(12, 51))
        // Tuning for screens takes three times as long on a card that hardly moves.
        .usage_type(UsageType::CameraVideoRealTime)
        .profile(Profile::Baseline)
        // Medium and high take 5 to 30 % longer, and gain nothing once there is noise.
        .complexity(Complexity::Low)
        // Cameras are encoded in parallel. With one thread and no limit for its length there is one slice a frame.
        .num_threads(1)
        // Key frames come by capture time: see `Stream::encode`. Scenes of a camera do not change.
        .intra_frame_period(IntraFramePeriod::from_num_frames(0))
        .scene_change_detect(false)
        .sps_pps_strategy(SpsPpsStrategy::ConstantId)
        // Costs some per cent, and measures no better.
        .adaptive_quantization(false)
        // Saves 15 %, but leaves behind what moved: 5 dB worse.
        .background_detection(false)
        // Denoising is off by default, and the deblocking filter always on: without it blocks show.
        .vui(
            VuiConfig::new()
                .color_primaries(ColorPrimaries::Bt709)
                .transfer_characteristics(TransferCharacteristics::Srgb)
                .matrix_coefficients(MatrixCoefficients::Smpte170M)
                .full_range(false),
        )
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn refused(error: openh264::Error) -> Error {
    Error::Library(format!("OpenH264 fails with {:#x}", error.native_code()))
}

#[cfg(test)]
mod tests;
