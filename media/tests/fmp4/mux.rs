//! From raw H.264 and ADTS to a file, as publisher and relay do it.

use bytes::Bytes;
use sightline_media::{
    aac::{self, adts},
    fmp4::{self, Sample, Timeline, Track, VIDEO_TIMESCALE},
    h264::{AccessUnit, Parameters, Reorder, Split, Splitter, avc},
};

/// A frame of either track with its times, in microseconds.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) track: Track,
    pub(crate) key: bool,
    pub(crate) decode_us: i64,
    pub(crate) present_us: i64,
    pub(crate) data: Bytes,
}

/// The access units of a stream that comes in chunks. Nothing may be dropped.
pub(crate) fn split(stream: &[u8]) -> Vec<AccessUnit> {
    let mut splitter = Splitter::default();
    let mut out: Vec<_> = stream
        .chunks(1_000)
        .flat_map(|chunk| splitter.push(chunk, 0))
        .collect();
    out.extend(splitter.finish());
    out.into_iter()
        .map(|split| match split {
            Split::Unit(unit) => unit,
            Split::Dropped { reason, bytes } => panic!("{bytes} bytes dropped: {reason:?}"),
        })
        .collect()
}

/// Frames of a stream without times of its own, at a constant rate.
pub(crate) fn video(units: Vec<AccessUnit>, rate: u32) -> Vec<Frame> {
    let Some(first) = units.first() else {
        return Vec::new();
    };
    let mut reorder = Reorder::new(first.parameters.reordering.max_frames);
    let mut ordered = Vec::new();
    for unit in units {
        let order = unit.order;
        ordered.extend(reorder.push(unit, order));
    }
    ordered.extend(reorder.finish());
    let us = |index: u64| i64::try_from(index * 1_000_000 / u64::from(rate)).unwrap();
    ordered
        .into_iter()
        .map(|ordered| Frame {
            track: Track::Video,
            key: ordered.unit.key,
            decode_us: us(ordered.decode_index),
            present_us: us(ordered.presentation_index),
            data: ordered.unit.data,
        })
        .collect()
}

/// Frames of a stream of ADTS, and their configuration.
pub(crate) fn audio(mut stream: &[u8]) -> (aac::Config, Vec<Frame>) {
    let config = adts::frame(stream).unwrap().config;
    let mut frames = Vec::new();
    while !stream.is_empty() {
        let frame = adts::frame(stream).unwrap();
        assert_eq!(frame.config, config);
        let samples = frames.len() as i64 * i64::from(config.frame_samples);
        let us = samples * 1_000_000 / i64::from(config.sample_rate);
        frames.push(Frame {
            track: Track::Audio,
            key: true,
            decode_us: us,
            present_us: us,
            data: Bytes::copy_from_slice(frame.data),
        });
        stream = frame.rest;
    }
    (config, frames)
}

/// A file that starts at the time `origin_us` with the first of these frames, which are interleaved by time.
pub(crate) fn file(
    parameters: Option<&Parameters>,
    audio: Option<&aac::Config>,
    mut frames: Vec<Frame>,
    origin_us: i64,
) -> Vec<u8> {
    frames.sort_by_key(|frame| frame.decode_us);
    let mut video_time = Timeline::video(VIDEO_TIMESCALE, origin_us, None);
    let mut audio_time =
        audio.map(|config| Timeline::audio(config.sample_rate, origin_us, config.frame_samples));
    let mut file = fmp4::init_segment(parameters, audio).unwrap().to_vec();
    let mut sequence = 0;
    for frame in frames {
        let (timeline, data) = match frame.track {
            Track::Video => (&mut video_time, avc::from_annex_b(&frame.data, frame.key)),
            Track::Audio => (audio_time.as_mut().unwrap(), frame.data.clone()),
        };
        let Some(placed) = timeline.place(frame.decode_us, frame.key) else {
            continue;
        };
        let sample = Sample {
            track: frame.track,
            decode_time: placed.decode_time,
            duration: placed.duration,
            composition_offset: i32::try_from(timeline.ticks(frame.present_us - frame.decode_us))
                .unwrap(),
            key: frame.key,
            len_bytes: data.len(),
        };
        sequence += 1;
        let fragment = sample.fragment(sequence, data).unwrap();
        file.extend_from_slice(&fragment.head);
        file.extend_from_slice(&fragment.payload);
    }
    file
}
