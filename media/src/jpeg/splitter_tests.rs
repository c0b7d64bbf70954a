use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::jpeg::samples;

const MAX: usize = 100_000;

/// Everything a splitter says of `stream`, cut at `cuts`; each chunk is stamped with its offset.
fn split(stream: &[u8], cuts: &[usize], max: usize) -> Vec<Split> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    let mut splitter = Splitter::new(max);
    let mut out = Vec::new();
    for pair in cuts.windows(2) {
        out.extend(splitter.push(&stream[pair[0]..pair[1]], pair[0] as i64));
        assert!(splitter.current.data.len() <= max);
    }
    out.extend(splitter.finish());
    out
}

fn pictures(splits: &[Split]) -> Vec<&Vec<u8>> {
    splits
        .iter()
        .filter_map(|split| match split {
            Split::Picture { data, .. } => Some(data),
            Split::Dropped { .. } => None,
        })
        .collect()
}

fn dropped(splits: &[Split]) -> Vec<(Reason, u64)> {
    splits
        .iter()
        .filter_map(|split| match split {
            Split::Dropped { reason, bytes } => Some((*reason, *bytes)),
            Split::Picture { .. } => None,
        })
        .collect()
}

fn with_thumbnail() -> Bytes {
    let exif = samples::exif(true, Some(6), Some(&samples::colour(16, 16)));
    samples::with_segment(&samples::colour(48, 32), 0xE1, &exif)
}

#[test]
fn pictures_in_a_row_come_out_as_they_went_in() {
    let all = [
        samples::colour(32, 32),
        with_thumbnail(),
        samples::progressive(40, 24),
        samples::grey(8, 8),
    ];
    let stream = all.concat();
    for cuts in [vec![], (0..stream.len()).collect::<Vec<_>>()] {
        let splits = split(&stream, &cuts, MAX);
        assert_eq!(pictures(&splits), all.iter().collect::<Vec<_>>());
        assert_eq!(dropped(&splits), []);
    }
}

#[test]
fn bytes_between_pictures_are_counted_once_per_gap() {
    let jpeg = samples::colour(32, 32);
    let stream = [
        b"\r\n--frame\xFF\xFF\xD8\r\n",
        &jpeg[..],
        &[0; 7],
        &jpeg[..],
        b"\xFF\xD8",
    ]
    .concat();
    let splits = split(&stream, &[5, 12, 13], MAX);
    assert_eq!(pictures(&splits), [&jpeg, &jpeg]);
    assert_eq!(
        dropped(&splits),
        [
            (Reason::Garbage, 14),
            (Reason::Garbage, 7),
            (Reason::Garbage, 2)
        ]
    );
}

#[test]
fn a_picture_cut_off_by_the_next_one_is_truncated() {
    let jpeg = samples::colour(32, 32);
    let stream = [&jpeg[..jpeg.len() - 30], &jpeg[..], &jpeg[..200]].concat();
    let splits = split(&stream, &[], MAX);
    assert_eq!(pictures(&splits), [&jpeg]);
    let cut = jpeg.len() as u64 - 30;
    assert_eq!(
        dropped(&splits),
        [(Reason::Truncated, cut), (Reason::Truncated, 200)]
    );
}

#[test]
fn a_thumbnail_in_a_damaged_picture_is_not_taken_for_a_picture() {
    let mut damaged = with_thumbnail().to_vec();
    let dqt = memchr::memmem::rfind(&damaged, &[0xFF, 0xDB]).unwrap();
    damaged[dqt] = 0;
    let next = samples::colour(32, 32);
    let splits = split(&[&damaged[..], &next[..]].concat(), &[], MAX);
    assert_eq!(pictures(&splits), [&next]);
    assert_eq!(dropped(&splits)[0].0, Reason::Corrupt);
}

#[test]
fn a_picture_that_ends_before_its_scan_is_corrupt() {
    let stream = [
        0xFF, 0xD8, 0xFF, 0xFE, 0, 2, 0xFF, 0xD9, 0xFF, 0xD8, 0xFF, 0xE0, 0, 1,
    ];
    let reasons: Vec<_> = dropped(&split(&stream, &[], MAX))
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(
        reasons,
        [
            Reason::Corrupt,
            Reason::Garbage,
            Reason::Corrupt,
            Reason::Garbage
        ]
    );
}

#[test]
fn a_picture_longer_than_allowed_is_dropped_and_the_next_one_found() {
    let large = samples::colour(200, 200);
    let small = samples::colour(16, 16);
    let splits = split(
        &[&large[..], &small[..]].concat(),
        &[100, 1000],
        large.len() - 1,
    );
    assert_eq!(pictures(&splits), [&small]);
    assert_eq!(dropped(&splits), [(Reason::TooLarge, large.len() as u64)]);
    assert_eq!(pictures(&split(&large, &[100], large.len())), [&large]);
}

#[test]
fn a_stream_that_never_ends_a_picture_holds_no_more_than_one() {
    let mut splitter = Splitter::new(1000);
    splitter.push(&samples::colour(32, 32)[..700], 0);
    for _ in 0..1000 {
        assert_eq!(splitter.push(&[7; 1000], 0), []);
        assert!(splitter.current.data.capacity() <= 2000);
    }
    let dropped = splitter.finish();
    assert_eq!(
        dropped,
        Some(Split::Dropped {
            reason: Reason::TooLarge,
            bytes: 1_000_700
        })
    );
}

#[test]
fn a_picture_carries_the_stamp_of_its_first_byte() {
    let jpeg = samples::colour(32, 32);
    let cut = &jpeg[..jpeg.len() - 30];
    let stream = [b"xx", cut, &jpeg, &jpeg].concat();
    let starts = [2 + cut.len(), 2 + cut.len() + jpeg.len()];
    for shift in 0..4 {
        // Chunks that end before, inside and after each SOI marker.
        let cuts: Vec<usize> = starts
            .iter()
            .flat_map(|start| [start + shift - 1, start + shift])
            .collect();
        let mut edges = cuts.clone();
        edges.push(0);
        let stamps: Vec<i64> = split(&stream, &cuts, MAX)
            .into_iter()
            .filter_map(|split| match split {
                Split::Picture { stamp, .. } => Some(stamp),
                Split::Dropped { .. } => None,
            })
            .collect();
        let expected: Vec<i64> = starts
            .iter()
            .map(|start| *edges.iter().filter(|edge| *edge <= start).max().unwrap() as i64)
            .collect();
        assert_eq!(stamps, expected, "shift {shift}");
    }
}

/// Pieces that a stream of pictures, or of garbage that looks like it, may consist of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let jpeg = samples::colour(16, 16).to_vec();
    let len = jpeg.len();
    let cut = jpeg.clone();
    let marks = prop_oneof![
        Just(0xFFu8),
        Just(0xD8),
        Just(0xD9),
        Just(0xDA),
        Just(0xE0),
        Just(0),
        any::<u8>()
    ];
    prop_oneof![
        Just(jpeg),
        Just(with_thumbnail().to_vec()),
        (0..len).prop_map(move |end| cut[..end].to_vec()),
        proptest::collection::vec(marks, 0..40),
        proptest::collection::vec(any::<u8>(), 0..40),
    ]
}

fn without_stamps(splits: Vec<Split>) -> Vec<Split> {
    splits
        .into_iter()
        .map(|split| match split {
            Split::Picture { data, .. } => Split::Picture { data, stamp: 0 },
            dropped @ Split::Dropped { .. } => dropped,
        })
        .collect()
}

proptest! {
    #[test]
    fn cutting_the_stream_elsewhere_changes_nothing_and_no_byte_is_lost(
        pieces in proptest::collection::vec(piece(), 0..6),
        cuts in proptest::collection::vec(any::<usize>(), 0..20),
        max in prop_oneof![Just(MAX), 4usize..2000],
    ) {
        let stream = pieces.concat();
        let whole = without_stamps(split(&stream, &[], max));
        prop_assert_eq!(&without_stamps(split(&stream, &cuts, max)), &whole);
        prop_assert_eq!(&without_stamps(split(&stream, &(0..stream.len()).collect::<Vec<_>>(), max)), &whole);
        let mut total = 0;
        for split in whole {
            total += match split {
                Split::Picture { data, .. } => {
                    prop_assert!(data.len() <= max);
                    prop_assert!(data.starts_with(&[0xFF, 0xD8, 0xFF]) && data.ends_with(&[0xFF, 0xD9]));
                    data.len() as u64
                }
                Split::Dropped { bytes, .. } => bytes,
            };
        }
        prop_assert_eq!(total, stream.len() as u64);
    }
}

#[test]
fn pictures_are_appended_to_the_buffers_that_are_given() {
    let jpeg = samples::colour(32, 32);
    let mut splitter = Splitter::with_buffers(jpeg.len(), || b"room".to_vec());
    for _ in 0..2 {
        let splits = splitter.push(&jpeg, 0);
        assert_eq!(pictures(&splits), [&[b"room", &jpeg[..]].concat()]);
    }
    let larger = samples::with_segment(&jpeg, 0xE5, &[0; 9]);
    let splits = splitter.push(&larger, 0);
    assert_eq!(dropped(&splits), [(Reason::TooLarge, larger.len() as u64)]);
}
