//! Encoders and decoders: at most one of each for each stream that is watched.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;

use super::super::input::Unusable;
use crate::{
    cores::Cores,
    decode::{JpegDecoder, VideoDecoder},
    encode::{
        self, Encoder, Jpeg, Scaler,
        video::{Encoded, VideoEncoder, VideoSettings},
    },
    picture::{Image, Picture, Raw, Size},
    source::DropReason,
};

/// Pictures that a decoder may hold back to put them in order: H.264, A.3.1, item h, and the one that goes in.
const MAX_HELD_BACK: usize = 17;

/// A picture that did not come out of a decoder for so long never will.
const LOST_US: i64 = 1_000_000;

/// Runs `work` with a tool that is kept from one picture to the next. One that panicked is gone; the next picture
/// gets a new one.
pub(super) async fn with_tool<T, R>(
    cores: &Cores,
    tool: &mut Option<T>,
    work: impl FnOnce(&mut T) -> Result<R, Unusable> + Send + 'static,
) -> Result<R, Unusable>
where
    T: Default + Send + 'static,
    R: Send + 'static,
{
    let mut taken = tool.take().unwrap_or_default();
    let working = cores.run(move || {
        let result = work(&mut taken);
        (taken, result)
    });
    let (taken, result) = working.await.map_err(|error| corrupt(&error))?;
    *tool = Some(taken);
    result
}

fn corrupt(error: &dyn std::fmt::Display) -> Unusable {
    Unusable(DropReason::Corrupt, error.to_string())
}

/// Makes JPEGs.
#[derive(Debug, Default)]
pub(super) struct JpegTool {
    decoder: JpegDecoder,
    encoder: Encoder,
}

impl JpegTool {
    /// `image` in a size that fits into `max`.
    pub(super) fn encode(
        &mut self,
        image: &Image,
        quality: u8,
        max: Option<Size>,
    ) -> Result<Jpeg, Unusable> {
        let decoded;
        let raw = match image {
            Image::Raw(raw) => raw,
            Image::Jpeg(jpeg) => {
                decoded = self
                    .decoder
                    .decode(&jpeg.data())
                    .map_err(|error| corrupt(&error))?;
                &decoded
            }
        };
        self.encoder
            .encode(raw, quality, max)
            .map_err(|error| corrupt(&error))
    }
}

/// Decodes units.
#[derive(Debug, Default)]
pub(super) struct UnitTool {
    decoder: VideoDecoder,
    /// Capture times of pictures that the decoder holds back.
    held_back: BTreeSet<i64>,
}

impl UnitTool {
    /// The next picture in the order of the screen. Nothing while the decoder puts them in order.
    pub(super) fn decode(
        &mut self,
        unit: &Bytes,
        capture_time_us: i64,
    ) -> Result<Option<Picture>, Unusable> {
        self.held_back = self
            .held_back
            .split_off(&capture_time_us.saturating_sub(LOST_US));
        self.held_back.insert(capture_time_us);
        let decoded = self.decoder.decode(unit).map_err(|error| {
            self.held_back.clear();
            Unusable(DropReason::Damaged, error.to_string())
        })?;
        if self.decoder.is_waiting() {
            // Nothing comes of these: their times would be taken for those of later pictures.
            self.held_back.clear();
        }
        while self.held_back.len() > MAX_HELD_BACK {
            self.held_back.pop_first();
        }
        Ok(decoded.map(|raw| Picture {
            // Pictures come out in the order in which they are shown.
            capture_time_us: self.held_back.pop_first().unwrap_or(capture_time_us),
            image: Image::Raw(raw),
        }))
    }
}

/// How a stream is to be encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct VideoPlan {
    /// 0: what suits size and rate.
    pub(super) bits_per_second: u32,
    /// Frames a second, as far as they are known.
    pub(super) fps: f32,
    pub(super) key_interval: Duration,
    pub(super) max_size: Option<Size>,
}

/// Makes H.264.
#[derive(Debug, Default)]
pub(super) struct VideoTool {
    decoder: JpegDecoder,
    scaler: Scaler,
    encoder: Option<(VideoSettings, VideoEncoder)>,
    key_us: Option<i64>,
}

impl VideoTool {
    /// The access unit of `image`. Nothing if rate control leaves it out.
    pub(super) fn encode(
        &mut self,
        image: &Image,
        capture_time_us: i64,
        plan: VideoPlan,
        force_key: bool,
    ) -> Result<Option<Encoded>, Unusable> {
        let (decoded, scaled);
        let mut raw: &Raw = match image {
            Image::Raw(raw) => raw,
            Image::Jpeg(jpeg) => {
                decoded = self
                    .decoder
                    .decode(&jpeg.data())
                    .map_err(|error| corrupt(&error))?;
                &decoded
            }
        };
        if let Some(size) = plan
            .max_size
            .and_then(|max| encode::fitting(raw.size(), max))
        {
            scaled = self
                .scaler
                .scale(raw, size)
                .map_err(|error| corrupt(&error))?;
            raw = &scaled;
        }
        let settings = VideoSettings {
            bits_per_second: match plan.bits_per_second {
                0 => suitable(raw.size(), plan.fps),
                asked => asked,
            },
            fps: plan.fps,
            key_interval: plan.key_interval,
        };
        // A new encoder begins with a key frame: it waits until one is due.
        let key_due = force_key
            || self.key_us.is_none_or(|at| {
                let since_us = capture_time_us.saturating_sub(at).unsigned_abs();
                Duration::from_micros(since_us) >= plan.key_interval
            });
        let (_, encoder) = match &mut self.encoder {
            Some(kept) if !key_due || suits(&kept.0, &settings) => kept,
            outdated => outdated.insert((settings, VideoEncoder::new(settings))),
        };
        let encoded = encoder
            .encode(raw, capture_time_us, force_key)
            .map_err(|error| corrupt(&error))?;
        if encoded.as_ref().is_some_and(|encoded| encoded.key) {
            self.key_us = Some(capture_time_us);
        }
        Ok(encoded)
    }
}

/// Whether an encoder for `kept` may go on where `wanted` is right.
fn suits(kept: &VideoSettings, wanted: &VideoSettings) -> bool {
    let about = |kept: f32, wanted: f32| wanted <= kept * 1.5 && kept <= wanted * 1.5;
    about(kept.fps, wanted.fps)
        && about(kept.bits_per_second as f32, wanted.bits_per_second as f32)
        && kept.key_interval == wanted.key_interval
}

/// Bits a second that show a camera's picture of this size well: 1280x720 at 30 frames a second in 2.2 Mbit/s. Fewer
/// frames differ more from each other, and cost more each.
fn suitable(size: Size, fps: f32) -> u32 {
    let pixels = size.width as f32 * size.height as f32;
    let bits = pixels * 0.08 * 30.0 * (fps.max(1.0) / 30.0).powf(0.75);
    // Casts of floats saturate.
    bits.clamp(100_000.0, 20_000_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Layout, Range};

    fn size(text: &str) -> Size {
        text.parse().unwrap()
    }

    #[test]
    fn pictures_after_a_loss_have_their_own_times() {
        let mut encoder = VideoEncoder::new(VideoSettings {
            bits_per_second: 1_000_000,
            fps: 25.0,
            key_interval: Duration::from_secs(60),
        });
        let raw = Raw {
            layout: Layout::Grey,
            width: 64,
            height: 48,
            stride_bytes: 64,
            range: Range::Full,
            data: vec![90; 64 * 48].into(),
        };
        let mut tool = UnitTool::default();
        let (mut shown, mut errors) = (Vec::new(), 0);
        for number in 0..30 {
            let unit = encoder.encode(&raw, number * 40_000, number % 10 == 0);
            let unit = unit.unwrap().unwrap().data;
            match (number, tool.decode(&unit, number)) {
                (4, _) => tool = UnitTool::default(),
                (_, Ok(picture)) => shown.extend(picture.map(|p| (number, p.capture_time_us))),
                (_, Err(_)) => errors += 1,
            }
        }
        let wanted: Vec<_> = (0..4)
            .chain(10..30)
            .map(|number| (number, number))
            .collect();
        assert_eq!((shown, errors), (wanted, 0));
    }

    #[test]
    fn bits_follow_size_and_rate() {
        let hd = suitable(size("1280x720"), 30.0);
        assert!((2_000_000..2_500_000).contains(&hd), "{hd}");
        let slow = suitable(size("1280x720"), 5.0);
        assert!(slow > hd / 6 && slow < hd / 2, "{slow}");
        assert_eq!(suitable(size("65535x65535"), 240.0), 20_000_000);
        assert_eq!(suitable(size("16x16"), f32::NAN), 100_000);
    }

    #[test]
    fn small_changes_of_the_rate_do_not_start_a_new_encoder() {
        let kept = VideoSettings {
            bits_per_second: 1_000_000,
            fps: 30.0,
            key_interval: Duration::from_secs(2),
        };
        let with_fps = |fps| VideoSettings { fps, ..kept };
        assert!(suits(&kept, &with_fps(25.0)));
        assert!(!suits(&kept, &with_fps(5.0)) && !suits(&kept, &with_fps(60.0)));
    }
}
