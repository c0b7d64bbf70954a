//! What the codecs cost, for benchmarks: the moving test card through the encoders and decoders that cameras use.

mod yuyv;

use std::time::Duration;

use bytes::Bytes;
use sightline_media::testcard::{self, Card};

use crate::{
    decode::{JpegDecoder, VideoDecoder},
    encode::{
        Encoder,
        video::{VideoEncoder, VideoSettings},
    },
    picture::{Layout, Range, Raw},
};

pub use yuyv::{Alone, Yuyv, webcam_jpeg};

/// What is done with every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Pixels to JPEG, at quality 80.
    EncodeJpeg,
    /// Pixels to H.264.
    EncodeH264,
    /// JPEG to pixels.
    DecodeJpeg,
    /// H.264 to pixels.
    DecodeH264,
}

/// The codec refused the card.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// Frames of the test card at 30 a second, drawn and encoded beforehand: whoever measures measures the task alone.
#[derive(Debug)]
pub struct Frames {
    settings: VideoSettings,
    raw: Vec<Raw>,
    jpeg: Vec<Bytes>,
    h264: Vec<Bytes>,
}

/// Length of a frame of [`Frames`].
const FRAME_US: i64 = 33_333;

const QUALITY: u8 = 80;

impl Frames {
    /// So many frames of `width` x `height`, H.264 at `bits_per_second`. Takes one and a half bytes of memory for
    /// each pixel of each frame.
    pub fn new(width: u32, height: u32, count: u32, bits_per_second: u32) -> Result<Self, Error> {
        let card = Card::new(width, height);
        let raw = (0..count).map(|number| {
            let mut data = Vec::new();
            card.render(number, time_us(number as usize), &mut data);
            Raw {
                layout: Layout::I420,
                width,
                height,
                stride_bytes: testcard::stride(width),
                range: Range::Full,
                data: data.into(),
            }
        });
        let mut frames = Self {
            settings: VideoSettings {
                bits_per_second,
                fps: 30.0,
                key_interval: Duration::from_secs(2),
            },
            raw: raw.collect(),
            jpeg: Vec::new(),
            h264: Vec::new(),
        };
        frames.jpeg = frames.jpegs()?;
        frames.h264 = frames.units()?;
        Ok(frames)
    }

    /// Does the task with every frame, and says how many bytes the compressed frames have.
    pub fn run(&self, task: Task) -> Result<usize, Error> {
        let len = |frames: &[Bytes]| frames.iter().map(Bytes::len).sum();
        match task {
            Task::EncodeJpeg => self.jpegs().map(|frames| len(&frames)),
            Task::EncodeH264 => self.units().map(|frames| len(&frames)),
            Task::DecodeJpeg => {
                let mut decoder = JpegDecoder::default();
                for jpeg in &self.jpeg {
                    decoder.decode(jpeg).map_err(failed)?;
                }
                Ok(len(&self.jpeg))
            }
            Task::DecodeH264 => {
                let mut decoder = VideoDecoder::default();
                for unit in &self.h264 {
                    decoder.decode(unit).map_err(failed)?;
                }
                Ok(len(&self.h264))
            }
        }
    }

    /// The card as H.264: access units in Annex B form, the first one a key frame, and another one every 2 s.
    pub fn h264(&self) -> &[Bytes] {
        &self.h264
    }

    /// The card as JPEG.
    pub fn jpeg(&self) -> &[Bytes] {
        &self.jpeg
    }

    fn jpegs(&self) -> Result<Vec<Bytes>, Error> {
        let mut encoder = Encoder::default();
        let encoded = self
            .raw
            .iter()
            .map(|raw| encoder.encode(raw, QUALITY, None));
        encoded
            .map(|jpeg| jpeg.map(|jpeg| jpeg.data.data()).map_err(failed))
            .collect()
    }

    fn units(&self) -> Result<Vec<Bytes>, Error> {
        let mut encoder = VideoEncoder::new(self.settings);
        let mut units = Vec::with_capacity(self.raw.len());
        for (number, raw) in self.raw.iter().enumerate() {
            let unit = encoder
                .encode(raw, time_us(number), false)
                .map_err(failed)?;
            units.extend(unit.map(|unit| unit.data));
        }
        Ok(units)
    }
}

fn time_us(number: usize) -> i64 {
    1_795_435_200_000_000 + number as i64 * FRAME_US
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_works_on_every_frame() {
        let frames = Frames::new(320, 180, 10, 1_000_000).unwrap();
        assert_eq!((frames.jpeg.len(), frames.h264.len()), (10, 10));
        for (encode, decode) in [
            (Task::EncodeJpeg, Task::DecodeJpeg),
            (Task::EncodeH264, Task::DecodeH264),
        ] {
            let len = frames.run(encode).unwrap();
            assert!(len > 1_000, "{len} bytes");
            assert_eq!(frames.run(decode), Ok(len));
        }
    }
}
