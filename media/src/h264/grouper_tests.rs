use super::*;
use crate::h264::samples::{B_FRAMES, PPS, SPS, slices};

/// What a grouper makes of these NAL units.
fn group<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Vec<Split> {
    let mut grouper = Grouper::default();
    let mut out: Vec<_> = units
        .into_iter()
        .filter_map(|unit| grouper.push(unit, 7))
        .collect();
    out.extend(grouper.end());
    out
}

fn units(splits: &[Split]) -> Vec<&AccessUnit> {
    let mut units = Vec::new();
    for split in splits {
        if let Split::Unit(unit) = split {
            units.push(unit);
        }
    }
    units
}

fn dropped(splits: &[Split]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for split in splits {
        if let Split::Dropped { reason, .. } = split {
            reasons.push(*reason);
        }
    }
    reasons
}

fn kinds(unit: &AccessUnit) -> Vec<u8> {
    annexb::nals(&unit.data).map(nal::kind).collect()
}

/// Frames of [`B_FRAMES`], without anything but slices.
fn frames() -> Vec<[&'static [u8]; 2]> {
    slices()
        .chunks(2)
        .map(|frame| [frame[0], frame[1]])
        .collect()
}

#[test]
fn a_stream_becomes_frames_with_parameters_before_key_frames_only() {
    let out = group(annexb::nals(B_FRAMES));
    let units = units(&out);
    assert_eq!(units.len(), 24);
    assert!(dropped(&out).is_empty());
    for (i, unit) in units.iter().enumerate() {
        assert_eq!(unit.key, i % 12 == 0);
        let expected: &[u8] = if unit.key { &[7, 8, 5, 5] } else { &[1, 1] };
        assert_eq!(kinds(unit), expected, "{i}");
        assert_eq!(unit.stamp, 7);
        assert!(Arc::ptr_eq(&unit.parameters, &units[0].parameters));
    }
    assert_eq!(units[0].parameters.codec_string(), "avc1.64000A");
    let counts: Vec<_> = units[..12].iter().map(|unit| unit.order.count).collect();
    assert_eq!(counts, [0, 8, 4, 2, 6, 16, 12, 10, 14, 22, 18, 20]);
    assert!(units[12].order.restarts);
}

#[test]
fn without_delimiters_the_slices_tell_where_a_frame_ends() {
    let sets = [SPS, PPS];
    let out = group(sets.into_iter().chain(slices()));
    assert_eq!(units(&out).len(), 24);
}

#[test]
fn parameters_that_came_once_stand_before_each_key_frame() {
    let out = group([SPS, PPS].into_iter().chain(slices()));
    let keys: Vec<_> = units(&out).into_iter().filter(|unit| unit.key).collect();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!(
            Parameters::from_access_unit(&key.data).unwrap(),
            Some((*key.parameters).clone())
        );
    }
}

#[test]
fn frames_before_the_first_key_frame_are_dropped() {
    let frames = frames();
    let out = group(
        [SPS, PPS]
            .into_iter()
            .chain(frames[9..].iter().flatten().copied()),
    );
    assert_eq!(dropped(&out), [Reason::WaitingForKey; 3]);
    assert_eq!(units(&out).len(), 12);
    assert!(units(&out)[0].key);
}

#[test]
fn without_parameters_nothing_is_given() {
    let out = group(slices());
    assert_eq!(dropped(&out), [Reason::NoParameters; 24]);
}

#[test]
fn after_a_damaged_frame_nothing_is_given_before_the_next_key_frame() {
    let mut stream: Vec<Vec<u8>> = annexb::nals(B_FRAMES).map(<[u8]>::to_vec).collect();
    // The header of the first slice of the sixth frame.
    let slice = stream
        .iter_mut()
        .filter(|unit| nal::kind(unit) == nal::SLICE)
        .nth(8)
        .unwrap();
    slice[1..].fill(0xFF);
    let out = group(stream.iter().map(Vec::as_slice));
    let reasons = dropped(&out);
    assert_eq!(reasons[0], Reason::Damaged);
    assert_eq!(reasons[1..], [Reason::WaitingForKey; 6]);
    assert_eq!(units(&out).len(), 5 + 12);
}

#[test]
fn a_frame_whose_first_slice_is_missing_is_damaged() {
    let frames = frames();
    let stream = [
        SPS,
        PPS,
        frames[0][0],
        frames[0][1],
        frames[1][1],
        frames[2][0],
        frames[2][1],
    ];
    let out = group(stream);
    assert_eq!(dropped(&out), [Reason::Damaged, Reason::WaitingForKey]);
}

#[test]
fn a_unit_that_is_too_large_is_dropped_with_those_that_need_it() {
    let mut grouper = Grouper::with_limit(400);
    let large = [slices()[24], &[0x55; 500]].concat();
    let mut out = Vec::new();
    let frames = frames();
    let mut stream: Vec<&[u8]> = vec![SPS, PPS];
    stream.extend(frames[0]);
    stream.extend(frames[1]);
    stream.extend([&large[..]]);
    stream.extend(frames[13]);
    stream.extend(frames[12]);
    for unit in stream {
        out.extend(grouper.push(unit, 0));
    }
    out.extend(grouper.end());
    assert_eq!(dropped(&out), [Reason::TooLarge, Reason::WaitingForKey]);
    assert_eq!(units(&out).len(), 3);
}

#[test]
fn many_small_units_of_one_frame_are_bounded_as_well() {
    let mut grouper = Grouper::with_limit(1_000);
    let mut stream: Vec<&[u8]> = vec![SPS, PPS];
    stream.extend([&[6u8, 5, 1, 0, 0x80][..]; 1_000]);
    stream.extend(frames()[0]);
    let mut out = Vec::new();
    for unit in stream {
        out.extend(grouper.push(unit, 0));
        assert!(grouper.pending.len() <= 1_000);
    }
    out.extend(grouper.end());
    assert_eq!(dropped(&out), [Reason::TooLarge]);
}

#[test]
fn a_loss_that_the_caller_knows_of_waits_for_a_key_frame() {
    let mut grouper = Grouper::default();
    let mut out = Vec::new();
    for (i, unit) in [SPS, PPS].into_iter().chain(slices()).enumerate() {
        if i == 8 {
            grouper.lose();
        }
        out.extend(grouper.push(unit, 0));
    }
    out.extend(grouper.end());
    assert_eq!(dropped(&out)[0], Reason::Damaged);
    assert_eq!(units(&out).len(), 2 + 12);
}

#[test]
fn parameters_that_change_are_told_by_the_frame_that_brings_them() {
    let mut pps = PPS.to_vec();
    pps[2] ^= 0x08;
    let frames = frames();
    let mut stream: Vec<&[u8]> = vec![SPS, PPS];
    stream.extend(frames[0]);
    stream.extend([&pps[..]]);
    stream.extend(frames[1]);
    stream.extend([SPS, &pps]);
    stream.extend(frames[2]);
    stream.extend(frames[12]);
    let out = group(stream);
    let units = units(&out);
    assert_eq!(units.len(), 4);
    // In the middle of a group a change is passed on, and a repetition is not.
    assert_eq!(kinds(units[1]), [8, 1, 1]);
    assert_eq!(kinds(units[2]), [1, 1]);
    assert_eq!(units[1].parameters, units[0].parameters);
    assert_ne!(units[3].parameters, units[0].parameters);
    assert_eq!(units[3].parameters.pps()[0][..], pps[..]);
}

#[test]
fn a_recovery_point_is_a_key_frame() {
    let frames = frames();
    let point = [6u8, 6, 1, 0xC4, 0x80];
    let mut stream: Vec<&[u8]> = vec![SPS, PPS, &point];
    stream.extend(frames[1]);
    stream.extend(frames[2]);
    let out = group(stream);
    assert_eq!(kinds(units(&out)[0]), [7, 8, 6, 1, 1]);
    assert!(units(&out)[0].key && !units(&out)[1].key);
}

#[test]
fn what_browsers_do_not_decode_is_left_out() {
    let frames = frames();
    let rest: [&[u8]; 6] = [
        &[12, 0xFF, 0x80],
        &[19, 1, 2],
        &[20, 1, 2, 3, 4],
        &[10],
        &[11],
        &[30, 1],
    ];
    let mut stream: Vec<&[u8]> = vec![&[9, 0x10], SPS, PPS, &[13, 1]];
    stream.extend(frames[0]);
    stream.extend(rest);
    let out = group(stream);
    assert_eq!(kinds(units(&out)[0]), [7, 8, 5, 5]);
}

#[test]
fn partitioned_slices_and_forbidden_bits_are_damage() {
    for bad in [&[2u8, 1, 2][..], &[0x81, 1, 2], &[0x65 | 0x80, 1]] {
        let out = group([SPS, PPS, bad]);
        assert_eq!(dropped(&out), [Reason::Damaged], "{bad:?}");
    }
}

#[test]
fn the_end_said_by_a_container_ends_a_frame() {
    let mut grouper = Grouper::default();
    let frames = frames();
    for unit in [SPS, PPS, frames[0][0], frames[0][1]] {
        assert_eq!(grouper.push(unit, 0), None);
    }
    assert!(matches!(grouper.end(), Some(Split::Unit(_))));
    assert_eq!(grouper.end(), None);
}
