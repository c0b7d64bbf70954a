use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    fmp4::{Sample as Fragment, init_segment},
    h264::{
        Parameters,
        samples::{PPS, SPS},
    },
};

/// The body of the `moov` of a fragmented file.
fn moov() -> Vec<u8> {
    let parameters = Parameters::new(SPS, [PPS]).unwrap();
    let audio = crate::aac::Config::new(2, 48_000, 2).unwrap();
    let init = init_segment(Some(&parameters), Some(&audio)).unwrap();
    boxes::child(&init, b"moov").unwrap().to_vec()
}

/// The `moof` of a frame with its body, and where its `mdat` starts.
fn fragment(decode_time: u64, composition_offset: i32, key: bool) -> (Vec<u8>, u64) {
    let sample = Fragment {
        track: Track::Video,
        decode_time,
        duration: 3_600,
        composition_offset,
        key,
        len_bytes: 7,
    };
    let head = sample
        .fragment(1, Bytes::from_static(&[0; 7]))
        .unwrap()
        .head;
    let moof = boxes::child(&head, b"moof").unwrap().to_vec();
    (moof, head.len() as u64)
}

/// A box around `body`.
fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 8).unwrap();
    [&len.to_be_bytes()[..], kind, body].concat()
}

/// The body of a `moov` whose only track has these tables.
fn with_tables(tables: &[(&[u8; 4], &[u32])]) -> Vec<u8> {
    let numbers = |numbers: &[u32]| -> Vec<u8> {
        numbers
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect()
    };
    let fragmented = moov();
    let trak = boxes::child(&fragmented, b"trak").unwrap();
    let mdia = boxes::child(trak, b"mdia").unwrap();
    let minf = boxes::child(mdia, b"minf").unwrap();
    let stsd = boxes::child(boxes::child(minf, b"stbl").unwrap(), b"stsd").unwrap();
    let mut stbl = boxed(b"stsd", stsd);
    for (kind, table) in tables {
        stbl.extend(boxed(kind, &[&[0; 4][..], &numbers(table)].concat()));
    }
    let minf = boxed(b"minf", &boxed(b"stbl", &stbl));
    let keep = |parent: &[u8], kind: &[u8; 4]| boxed(kind, boxes::child(parent, kind).unwrap());
    let mdia = [keep(mdia, b"mdhd"), keep(mdia, b"hdlr"), minf].concat();
    let trak = [keep(trak, b"tkhd"), boxed(b"mdia", &mdia)].concat();
    boxed(b"trak", &trak)
}

const SIZES: (&[u8; 4], &[u32]) = (b"stsz", &[0, 3, 100, 200, 300]);
const TIMES: (&[u8; 4], &[u32]) = (b"stts", &[1, 3, 3_600]);
const RUNS: (&[u8; 4], &[u32]) = (b"stsc", &[2, 1, 2, 1, 2, 1, 1]);
const CHUNKS: (&[u8; 4], &[u32]) = (b"stco", &[2, 1_000, 5_000]);

#[test]
fn frames_lie_one_after_the_other_in_their_chunks() {
    let syncs = (b"stss", &[2, 1, 3][..]);
    let movie = Movie::parse(&with_tables(&[SIZES, TIMES, RUNS, CHUNKS, syncs])).unwrap();
    assert!(!movie.is_fragmented());
    let mut place = Place::default();
    let mut found = Vec::new();
    while let Some(sample) = movie.next(&mut place, 0) {
        found.push((
            sample.offset,
            sample.len_bytes,
            sample.decode_us,
            sample.sync,
        ));
    }
    assert_eq!(
        found,
        [
            (1_000, 100, 0, true),
            (1_100, 200, 40_000, false),
            (5_000, 300, 80_000, true)
        ]
    );
    assert_eq!(movie.beyond(5_300), (0, 3));
    assert_eq!(movie.beyond(5_299), (1, 3));
    assert_eq!(movie.beyond(0), (3, 3));
}

#[test]
fn tables_that_contradict_each_other_are_named() {
    for (tables, wanted) in [
        (
            vec![SIZES, (b"stts", &[1, 2, 3_600]), RUNS, CHUNKS],
            "frame 3 has no time (stts)",
        ),
        (
            vec![SIZES, TIMES, RUNS, (b"stco", &[1, 1_000])],
            "frame 3 is in no chunk",
        ),
        (
            vec![SIZES, TIMES, (b"stsc", &[1, 1, 0, 1]), CHUNKS],
            "frame 1 is in no chunk",
        ),
        (
            vec![SIZES, TIMES, (b"stsc", &[0]), CHUNKS],
            "frame 1 is in no chunk",
        ),
        (vec![SIZES, TIMES, RUNS], "it has no box stco"),
        (
            vec![(b"stsz", &[1, 4_000_000_000]), TIMES, RUNS, CHUNKS],
            "it says that it has 4000000000 frames in a track, at most 16777216 are accepted",
        ),
        (
            vec![(b"stsz", &[0, 4_000_000_000, 1]), TIMES, RUNS, CHUNKS],
            "its box stsz cannot be read",
        ),
    ] {
        let error = Movie::parse(&with_tables(&tables)).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    assert_eq!(
        Movie::parse(&[]).unwrap_err().to_string(),
        "it has no H.264 or H.265 video"
    );
}

#[test]
fn offsets_that_lead_out_of_any_file_are_beyond_it() {
    let moov = with_tables(&[
        (b"stsz", &[u32::MAX, 3]),
        TIMES,
        (b"stsc", &[1, 1, 3, 1]),
        (b"co64", &[1, u32::MAX, u32::MAX - 7]),
    ]);
    let error = Movie::parse(&moov).unwrap_err().to_string();
    assert!(error.contains("frame 2 is in no chunk"), "{error}");
}

#[test]
fn a_fragment_says_where_its_frames_lie_and_when() {
    let mut movie = Movie::parse(&moov()).unwrap();
    assert!(movie.is_fragmented());
    let mut progress = Progress::default();
    let (moof, data_at) = fragment(90_000, 7_200, true);
    let samples = movie.fragment(&moof, 10_000, &mut progress).unwrap();
    assert_eq!(
        samples,
        [Sample {
            track: Track::Video,
            offset: 10_000 + data_at,
            len_bytes: 7,
            decode_us: 1_000_000,
            present_us: 1_080_000,
            duration_us: 40_000,
            sync: true,
            format: 0,
        }]
    );
    let (moof, _) = fragment(93_600, 0, false);
    let samples = movie.fragment(&moof, 20_000, &mut progress).unwrap();
    assert!(!samples[0].sync && samples[0].present_us == 1_040_000);
}

#[test]
fn frames_are_never_shown_before_they_are_decoded() {
    let mut movie = Movie::parse(&moov()).unwrap();
    let mut progress = Progress::default();
    let mut times = Vec::new();
    for (decode, offset) in [(0, -3_600), (3_600, 7_200), (7_200, -9_000)] {
        let (moof, _) = fragment(decode, offset, true);
        let sample = movie.fragment(&moof, 0, &mut progress).unwrap()[0];
        times.push((sample.decode_us, sample.present_us));
    }
    // The last one is earlier than the first fragment let expect.
    assert_eq!(times, [(-40_000, -40_000), (0, 120_000), (40_000, 40_000)]);
}

proptest! {
    #[test]
    fn damaged_boxes_are_survived(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
        tables in any::<bool>(),
    ) {
        let mut bytes = if tables { with_tables(&[SIZES, TIMES, RUNS, CHUNKS]) } else { moov() };
        for (at, byte) in damage {
            *at.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(cut.index(bytes.len() * 4).max(1));
        if let Ok(mut movie) = Movie::parse(&bytes) {
            let _ = movie.beyond(1_000);
            let _ = movie.fragment(&fragment(0, 0, true).0, 0, &mut Progress::default());
        }
    }

    #[test]
    fn damaged_fragments_are_survived(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
    ) {
        let mut movie = Movie::parse(&moov()).unwrap();
        let (mut moof, _) = fragment(0, 0, true);
        for (at, byte) in damage {
            *at.get_mut(&mut moof) = byte;
        }
        if let Ok(samples) = movie.fragment(&moof, u64::MAX - 200, &mut Progress::default()) {
            prop_assert!(samples.iter().all(|sample| sample.decode_us <= sample.present_us));
        }
    }
}
