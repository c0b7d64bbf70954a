//! Whatever stream comes, at whatever times: the file that is made of it can be read, and holds the frames.
//! The first bytes are times, the others the stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mp4_atom::{Decode as _, DecodeMaybe as _, Ftyp, Header, Moof, Moov};
use sightline_media::{
    fmp4::{self, HEAD_BYTES, Sample, Timeline, Track, VIDEO_TIMESCALE},
    h264::{AccessUnit, Split, Splitter, avc},
};

/// Bytes in front of the stream.
const TIMES: usize = 32;

fuzz_target!(|data: &[u8]| {
    let Some((times, stream)) = data.split_at_checked(TIMES) else {
        return;
    };
    let mut splitter = Splitter::default();
    let mut out = splitter.push(stream, 0);
    out.extend(splitter.finish());
    let units: Vec<AccessUnit> = out
        .into_iter()
        .filter_map(|split| match split {
            Split::Unit(unit) => Some(unit),
            Split::Dropped { .. } => None,
        })
        .collect();
    for units in units.chunk_by(|a, b| a.parameters == b.parameters) {
        check(units, times);
    }
});

fn check(units: &[AccessUnit], times: &[u8]) {
    let mut file = fmp4::init_segment(Some(&units[0].parameters), None)
        .expect("parameters fit")
        .to_vec();
    let mut samples = Vec::new();
    let mut timeline = Timeline::video(VIDEO_TIMESCALE, 0, None);
    let mut now_us = 0i64;
    let mut end = 0;
    for (i, unit) in units.iter().enumerate() {
        let time = times[i % TIMES];
        // Mostly some milliseconds; now and then hours, forth or back.
        now_us += match time {
            0 => -10_000_000_000,
            1 => 10_000_000_000,
            _ => i64::from(time) * 1_000,
        };
        let Some(placed) = timeline.place(now_us, unit.key) else {
            continue;
        };
        assert!(placed.decode_time >= end);
        end = placed.decode_time + u64::from(placed.duration);
        let data = avc::from_annex_b(&unit.data, unit.key);
        let sample = Sample {
            track: Track::Video,
            decode_time: placed.decode_time,
            duration: placed.duration,
            composition_offset: i32::from(time) - 128,
            key: unit.key,
            len_bytes: data.len(),
        };
        let fragment = sample.fragment(i as u32, data).expect("frames are small");
        assert_eq!(fragment.head.len(), HEAD_BYTES);
        file.extend_from_slice(&fragment.head);
        file.extend_from_slice(&fragment.payload);
        samples.push((sample, fragment.payload));
    }

    let mut rest = &file[..];
    Ftyp::decode(&mut rest).expect("ftyp");
    let moov = Moov::decode(&mut rest).expect("moov");
    assert_eq!(moov.trak.len(), 1);
    for (sample, payload) in samples {
        let start = rest.len();
        let moof = Moof::decode(&mut rest).expect("moof");
        let mdat = Header::decode_maybe(&mut rest)
            .expect("mdat")
            .expect("mdat");
        assert_eq!(start - rest.len(), HEAD_BYTES);
        assert_eq!(mdat.size, Some(payload.len()));
        assert_eq!(rest[..payload.len()], payload[..]);
        rest = &rest[payload.len()..];
        let traf = &moof.traf[0];
        let decode_time = traf.tfdt.as_ref().map(|tfdt| tfdt.base_media_decode_time);
        assert_eq!(decode_time, Some(sample.decode_time));
        let entry = traf.trun[0].samples.get(0).expect("a sample");
        assert_eq!(entry.cts, Some(sample.composition_offset.into()));
        assert_eq!(entry.size, Some(payload.len() as u32));
    }
    assert!(rest.is_empty());
}
