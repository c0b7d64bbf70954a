//! What the cameras of a benchmark send: valid JPEG and H.264 of any size.

use bytes::Bytes;
use sightline_media::h264::annexb;
use sightline_publisher::cost::Frames;

use crate::shape::{Route, Shape};

/// One frame.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) data: Bytes,
    pub(crate) key: bool,
}

/// Pixels of the video.
pub(crate) const VIDEO_SIZE: (u32, u32) = (320, 180);

/// Pixels of the pictures that are large enough to hold the test card.
pub(crate) const CARD_SIZE: (u32, u32) = (1280, 720);

/// Frames of a group of H.264, and how many times larger its key frame is than the others.
const GROUP_FRAMES: usize = 60;
const KEY_TIMES: usize = 5;

/// Grey.
const PICTURE: &[u8] = include_bytes!("picture.jpg");

/// What a camera sends again and again: one picture, or one group of video.
pub(crate) fn units(shape: &Shape) -> anyhow::Result<Vec<Unit>> {
    match shape.route {
        Route::Multipart | Route::Websocket | Route::Poll => Ok(vec![Unit {
            data: jpeg(shape.frame_bytes)?.into(),
            key: true,
        }]),
        Route::Fragments | Route::Mp4 => {
            let frame_bytes = shape.bits_per_second as f64 / 8.0 / shape.fps.max(1.0);
            video(frame_bytes as usize)
        }
    }
}

/// A valid JPEG of `len_bytes`, filled up by comment segments: the test card at 720p if it fits, else a small grey
/// picture. Not less than 1 KB.
pub(crate) fn jpeg(len_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let (width, height) = CARD_SIZE;
    let card = Frames::new(width, height, 1, 1_000_000)?;
    let fits = |picture: &&[u8]| len_bytes == picture.len() || len_bytes >= picture.len() + 4;
    let mut picture = card
        .jpeg()
        .iter()
        .map(|picture| &picture[..])
        .chain([PICTURE])
        .find(fits)
        .ok_or_else(|| anyhow::anyhow!("a frame of {len_bytes} bytes is too small"))?
        .to_vec();
    let mut missing = len_bytes - picture.len();
    let rest = picture.split_off(2);
    while missing > 0 {
        // Marker and length take four bytes; what is left over must fit another segment or be none.
        let mut segment = missing.min(60_000);
        if (1..4).contains(&(missing - segment)) {
            segment -= 4;
        }
        picture.extend([0xFF, 0xFE]);
        picture.extend(((segment - 2) as u16).to_be_bytes());
        picture.extend(std::iter::repeat_n(b'.', segment - 4));
        missing -= segment;
    }
    picture.extend(rest);
    Ok(picture)
}

/// A group of the test card, encoded and filled up by SEI messages, `mean_bytes` a frame on average.
fn video(mean_bytes: usize) -> anyhow::Result<Vec<Unit>> {
    let (width, height) = VIDEO_SIZE;
    let card = Frames::new(width, height, GROUP_FRAMES as u32, 200_000)?;
    let other_bytes = mean_bytes * GROUP_FRAMES / (GROUP_FRAMES + KEY_TIMES - 1);
    let units = card.h264().iter().enumerate().map(|(number, unit)| {
        let key = number == 0;
        let wanted = other_bytes * if key { KEY_TIMES } else { 1 };
        Unit {
            data: filled(unit, wanted).into(),
            key,
        }
    });
    Ok(units.collect())
}

/// NAL unit types: H.264, table 7-1.
const SLICE: u8 = 1;
const IDR: u8 = 5;
const SEI: u8 = 6;

/// The access unit with an SEI message before its first slice, or unchanged if it is as large already.
fn filled(unit: &[u8], wanted: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(wanted.max(unit.len()));
    let mut missing = wanted.saturating_sub(unit.len());
    for nal in annexb::nals(unit) {
        let is_slice = matches!(nal.first().map(|first| first & 0x1F), Some(SLICE | IDR));
        if is_slice && missing > 64 {
            annexb::write(&sei(missing), &mut out);
            missing = 0;
        }
        annexb::write(nal, &mut out);
    }
    out
}

/// A NAL unit of about `len_bytes` that means nothing: "user data unregistered", H.264 D.1.7.
fn sei(len_bytes: usize) -> Vec<u8> {
    // Start code, header, type, end; and a byte of length for every 255.
    let payload = (len_bytes - 8) * 255 / 256;
    let mut nal = vec![SEI, 5];
    nal.extend(std::iter::repeat_n(0xFF, payload / 255));
    nal.push((payload % 255) as u8);
    nal.extend(std::iter::repeat_n(b'.', payload));
    nal.push(0x80);
    nal
}

#[cfg(test)]
mod tests {
    use sightline_media::h264::Parameters;

    use super::*;

    #[test]
    fn a_jpeg_has_the_size_that_was_asked_for() {
        for len in [1_000, 60_001, 60_700, 100_000, 1_000_000] {
            let jpeg = jpeg(len).unwrap();
            assert_eq!(jpeg.len(), len);
            assert_eq!(jpeg[..2], [0xFF, 0xD8]);
            assert_eq!(jpeg[len - 2..], [0xFF, 0xD9]);
        }
        assert!(jpeg(10).is_err());
    }

    #[test]
    fn a_group_has_one_key_frame_and_the_rate_that_was_asked_for() {
        let units = video(16_667).unwrap();
        let keys: Vec<bool> = units.iter().map(|unit| unit.key).collect();
        assert!(keys[0] && keys[1..].iter().all(|key| !key));
        assert_eq!(keys.len(), GROUP_FRAMES);
        let total: usize = units.iter().map(|unit| unit.data.len()).sum();
        let wanted = 16_667 * GROUP_FRAMES;
        assert!(total.abs_diff(wanted) < wanted / 50, "{total} of {wanted}");
        let parameters = Parameters::from_access_unit(&units[0].data)
            .unwrap()
            .unwrap();
        assert_eq!((parameters.width, parameters.height), VIDEO_SIZE);
    }
}
