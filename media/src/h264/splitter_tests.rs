use proptest::prelude::*;

use super::*;
use crate::h264::samples::{B_FRAMES, PPS, SPS, any_nal, mostly_small, slices, stream};

/// What a splitter of small units makes of a stream that comes in chunks of these sizes, over and over.
fn split(bytes: &[u8], max_bytes: usize, sizes: &[usize]) -> Vec<Split> {
    let mut splitter = Splitter::with_limit(max_bytes);
    let mut out = Vec::new();
    let mut rest = bytes;
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, behind) = rest.split_at(size.clamp(1, rest.len()));
        out.extend(splitter.push(chunk, 0));
        assert!(splitter.held.len() <= max_bytes + PIECE_BYTES + OVERLAP);
        rest = behind;
    }
    out.extend(splitter.finish());
    out
}

fn units(splits: &[Split]) -> usize {
    splits
        .iter()
        .filter(|split| matches!(split, Split::Unit(_)))
        .count()
}

#[test]
fn a_stream_is_cut_into_its_frames() {
    let out = split(B_FRAMES, MAX_UNIT_BYTES, &[100]);
    assert_eq!((units(&out), out.len()), (24, 24));
}

#[test]
fn what_comes_before_the_first_start_code_is_garbage_but_zeros_are_not() {
    let garbage = [b"HTTP/1.1 200 OK\r\n\r\n", B_FRAMES].concat();
    assert_eq!(
        split(&garbage, MAX_UNIT_BYTES, &[7])[0],
        Split::Dropped {
            reason: Reason::Garbage,
            bytes: 20
        }
    );
    let zeros = [&[0; 100], B_FRAMES].concat();
    assert_eq!(units(&split(&zeros, MAX_UNIT_BYTES, &[7])), 24);
    assert_eq!(split(&zeros, MAX_UNIT_BYTES, &[7]).len(), 24);
    assert_eq!(
        split(b"no video at all", MAX_UNIT_BYTES, &[4]),
        [Split::Dropped {
            reason: Reason::Garbage,
            bytes: 15
        }]
    );
}

#[test]
fn a_silent_stream_gives_its_last_frame_at_once() {
    let slices = slices();
    let mut splitter = Splitter::default();
    let start = stream([SPS, PPS, slices[0], slices[1]]);
    assert!(splitter.push(&start, 1).is_empty());
    let flushed = splitter.flush();
    assert_eq!(units(&flushed), 1);
    assert!(splitter.flush().is_empty());
    // The next frame's start code begins where the last one ended.
    let out = [
        splitter.push(&stream([slices[2], slices[3]]), 2),
        splitter.flush(),
    ]
    .concat();
    assert_eq!((units(&out), out.len()), (1, 1));
}

#[test]
fn a_frame_that_was_not_over_when_it_was_flushed_is_followed_by_a_key_frame() {
    let slices = slices();
    let whole = stream([SPS, PPS].into_iter().chain(slices.iter().copied()));
    let first_frame = stream([SPS, PPS, slices[0], slices[1]]).len();
    for cut in [first_frame - 5, stream([SPS, PPS, slices[0]]).len()] {
        let mut splitter = Splitter::default();
        let mut out = splitter.push(&whole[..cut], 0);
        out.extend(splitter.flush());
        out.extend(splitter.push(&whole[cut..], 0));
        out.extend(splitter.finish());
        let lost = out
            .iter()
            .filter(|split| matches!(split, Split::Dropped { .. }))
            .count();
        assert_eq!((units(&out), lost), (1 + 12, 12), "{cut}");
    }
}

#[test]
fn a_stamp_is_that_of_the_chunk_in_which_a_frame_starts() {
    let slices = slices();
    let mut splitter = Splitter::default();
    let head = stream([SPS, PPS, slices[0], slices[1], slices[2]]);
    let mut out = splitter.push(&head, 10);
    out.extend(splitter.push(&stream([slices[3], slices[4]]), 20));
    out.extend(splitter.finish());
    let stamps: Vec<_> = out
        .iter()
        .filter_map(|split| match split {
            Split::Unit(unit) => Some(unit.stamp),
            Split::Dropped { .. } => None,
        })
        .collect();
    assert_eq!(stamps, [10, 10, 20]);
}

#[test]
fn after_its_end_it_takes_another_stream() {
    let slices = slices();
    let mut splitter = Splitter::default();
    splitter.push(B_FRAMES, 0);
    splitter.finish();
    // The first frame is no key frame: it needs what came before the end.
    let mut out = splitter.push(&stream([slices[2], slices[3], slices[24], slices[25]]), 0);
    out.extend(splitter.finish());
    assert_eq!(units(&out), 1);
    assert!(matches!(
        out[0],
        Split::Dropped {
            reason: Reason::WaitingForKey,
            ..
        }
    ));
}

#[test]
fn a_unit_of_the_largest_size_is_taken_and_one_byte_more_is_not() {
    let slices = slices();
    let frame_of = |len: usize| {
        let mut slice = slices[0].to_vec();
        slice.resize(len, 0x55);
        slice
    };
    // SPS, PPS and slice with a start code each.
    let room = 10_000 - (SPS.len() + PPS.len() + 3 * 4);
    for (len, expected) in [
        (room, 1),
        (room + 1, 0),
        (9_999, 0),
        (10_000, 0),
        (10_001, 0),
        (200_000, 0),
    ] {
        let bytes = stream([SPS, PPS, &frame_of(len)]);
        for sizes in [1, 1_000, 1_000_000] {
            assert_eq!(
                units(&split(&bytes, 10_000, &[sizes])),
                expected,
                "{len} {sizes}"
            );
        }
    }
}

/// A stream made of pieces of a real one, broken here and there.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let real = prop::sample::select([&[SPS, PPS, &[9, 0x10]][..], &slices()].concat());
    let unit = prop_oneof![
        8 => real.prop_map(<[u8]>::to_vec),
        2 => any_nal(700),
    ];
    let damage = prop::option::weighted(0.1, (any::<prop::sample::Index>(), any::<u8>()));
    let zeros = prop_oneof![6 => Just(0usize), 1 => 0usize..40];
    prop::collection::vec((unit, damage, zeros), 0..60).prop_map(|units| {
        let mut bytes = Vec::new();
        for (mut unit, damage, zeros) in units {
            if let Some((at, byte)) = damage {
                let at = at.index(unit.len());
                unit[at] = byte;
            }
            bytes.extend([0, 0, 1]);
            bytes.extend(unit);
            bytes.resize(bytes.len() + zeros, 0);
        }
        bytes
    })
}

proptest! {
    #[test]
    fn chunks_make_no_difference(
        bytes in any_stream(),
        sizes in prop::collection::vec(1usize..200, 1..20),
        max_bytes in prop::sample::select(vec![300, 1_000, MAX_UNIT_BYTES]),
    ) {
        let whole = split(&bytes, max_bytes, &[bytes.len()]);
        prop_assert_eq!(&split(&bytes, max_bytes, &sizes), &whole);
        prop_assert_eq!(&split(&bytes, max_bytes, &[1]), &whole);
    }

    #[test]
    fn whatever_comes_frames_have_their_form(bytes in any_stream()) {
        let mut after_key = false;
        for split in split(&bytes, 1_000, &[64]) {
            let Split::Unit(unit) = split else { continue };
            prop_assert!(unit.data.len() <= 1_000);
            after_key |= unit.key;
            prop_assert!(after_key, "the first frame is no key frame");
            let parameters = crate::h264::Parameters::from_access_unit(&unit.data);
            if unit.key {
                prop_assert_eq!(parameters, Ok(Some((*unit.parameters).clone())));
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let bytes: Vec<u8> = bytes.into_iter().map(mostly_small).collect();
        let mut splitter = Splitter::with_limit(500);
        for chunk in bytes.chunks(97) {
            splitter.push(chunk, 0);
            if chunk[0] == 1 {
                splitter.flush();
            }
        }
        splitter.finish();
    }
}
