use futures_util::FutureExt as _;

use super::*;
use crate::source::{
    DropReason,
    file::samples::units_of_h264,
    output::Units as Reader,
    passthrough::samples,
    unit::{Track, Unit},
};

const FRAME_US: i64 = 40_000;

fn live() -> Live {
    Live::new(None, Duration::from_secs(15), &Output::default())
}

fn waiting(reader: &mut Reader) -> Vec<Unit> {
    std::iter::from_fn(|| reader.next().now_or_never())
        .map(|(unit, _)| unit)
        .collect()
}

#[test]
fn frames_have_the_time_of_their_first_byte() {
    let units = units_of_h264("-bf 0");
    let (mut live, output) = (live(), Output::default());
    let mut reader = output.units(Track::Video);
    let mut times = Vec::new();
    for (at, unit) in units.iter().enumerate() {
        let came_us = 1_000_000 + at as i64 * FRAME_US;
        let (first, rest) = unit.split_at(unit.len() / 2);
        live.push(first, came_us, &output).unwrap();
        live.push(rest, came_us + 20_000, &output).unwrap();
        times.extend(waiting(&mut reader));
    }
    live.finish(&output);
    times.extend(waiting(&mut reader));
    assert_eq!(times.len(), 25);
    for (at, unit) in times.iter().enumerate() {
        let came_us = 1_000_000 + at as i64 * FRAME_US;
        assert_eq!(
            (unit.decode_time_us, unit.capture_time_us),
            (came_us, came_us)
        );
        assert_eq!((unit.key, &unit.data), (at % 12 == 0, &units[at]));
    }
    assert_eq!(output.dropped().count(), 0);
}

#[test]
fn a_frame_does_not_wait_for_the_next_one_once_the_stream_is_quiet() {
    let units = units_of_h264("-bf 0");
    let (mut live, output) = (live(), Output::default());
    let mut reader = output.units(Track::Video);
    assert_eq!(live.quiet(), Duration::MAX, "nothing has come");
    for (at, unit) in units.iter().enumerate() {
        assert!(!live.push(unit, at as i64 * FRAME_US, &output).unwrap());
        assert_eq!(live.quiet(), Duration::from_millis(10));
        assert!(live.flush(&output));
        assert_eq!(live.quiet(), Duration::MAX, "nothing is left");
        assert_eq!(waiting(&mut reader).len(), 1);
    }
    assert_eq!(output.dropped().count(), 0);
}

#[test]
fn who_pauses_within_frames_is_given_more_time() {
    let units = units_of_h264("-bf 0");
    let (mut live, output) = (live(), Output::default());
    let mut quiet = Vec::new();
    for (at, unit) in units.iter().cycle().take(125).enumerate() {
        let (first, rest) = unit.split_at(unit.len() / 2);
        live.push(first, at as i64 * FRAME_US, &output).unwrap();
        if live.quiet() < Duration::from_millis(50) {
            live.flush(&output);
        }
        live.push(rest, at as i64 * FRAME_US, &output).unwrap();
        quiet.push(live.quiet());
        quiet.dedup();
    }
    assert_eq!(quiet, [10, 20, 40, 80].map(Duration::from_millis));
    let dropped: Vec<_> = output.dropped().collect();
    assert_eq!(dropped[0].0, DropReason::Damaged);
    assert!((3..=5).contains(&dropped[0].1), "{dropped:?}");
    assert_eq!(dropped[1].0, DropReason::WaitingForKey);
    live.finish(&output);
    let last = waiting(&mut output.units(Track::Video));
    assert!(
        last.iter().map(|unit| &unit.data).eq(&units[24..]),
        "whole again"
    );
}

#[test]
fn b_frames_are_shown_in_their_order_if_the_stream_says_that_it_has_them() {
    let units = units_of_h264("-bf 3 -x264-params b-adapt=0");
    let (mut live, output) = (live(), Output::default());
    let mut reader = output.units(Track::Video);
    let mut given = Vec::new();
    for (at, unit) in units.iter().enumerate() {
        live.push(unit, at as i64 * FRAME_US, &output).unwrap();
        given.extend(waiting(&mut reader));
    }
    live.finish(&output);
    given.extend(waiting(&mut reader));
    let data: Vec<_> = given.iter().map(|unit| unit.data.clone()).collect();
    assert_eq!(data, units);
    assert!(
        given
            .iter()
            .all(|unit| unit.decode_time_us <= unit.capture_time_us)
    );
    assert!(
        given
            .iter()
            .any(|unit| unit.decode_time_us < unit.capture_time_us)
    );
    let decoded: Vec<_> = given.iter().map(|unit| unit.decode_time_us).collect();
    assert_eq!(decoded, (0..25).map(|at| at * FRAME_US).collect::<Vec<_>>());
    let mut shown: Vec<_> = given.iter().map(|unit| unit.capture_time_us).collect();
    shown.sort_unstable();
    let first = shown[0];
    assert_eq!(
        shown,
        (0..25).map(|at| first + at * FRAME_US).collect::<Vec<_>>()
    );
}

#[test]
fn a_clock_that_is_set_back_does_not_turn_decoding_round() {
    let units = units_of_h264("-bf 0");
    let (mut live, output) = (live(), Output::default());
    let mut reader = output.units(Track::Video);
    for unit in &units {
        live.push(unit, 7, &output).unwrap();
    }
    let times: Vec<_> = waiting(&mut reader)
        .iter()
        .map(|unit| unit.decode_time_us)
        .collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}

#[test]
fn a_stream_with_a_hole_goes_on_at_the_next_key_frame() {
    let units = units_of_h264("-bf 0");
    let (mut live, output) = (live(), Output::default());
    let mut reader = output.units(Track::Video);
    let mut given = Vec::new();
    for (at, unit) in units.iter().enumerate() {
        let kept = if at == 5 { &unit[..0] } else { unit };
        let damaged = if at == 3 { &kept[..5] } else { kept };
        live.push(damaged, at as i64 * FRAME_US, &output).unwrap();
        given.extend(waiting(&mut reader));
    }
    live.finish(&output);
    given.extend(waiting(&mut reader));
    // The rest of a NAL unit that has but its header belongs to the frame before it.
    assert_eq!(given.len(), 2 + 13);
    assert!(given[2].key);
    let dropped: Vec<_> = output.dropped().collect();
    assert_eq!(
        dropped,
        [(DropReason::Damaged, 1), (DropReason::WaitingForKey, 7)]
    );
}

#[test]
fn the_content_says_what_a_stream_is_unless_it_is_configured() {
    let jpeg = samples::jpeg(32, 32);
    let output = Output::default();
    assert!(live().push(&jpeg, 0, &output).unwrap());
    let mut configured = Live::new(Some(Format::H264), Duration::ZERO, &output);
    let configured = configured.push(&jpeg, 0, &output);
    assert!(!configured.unwrap());
    for (content, wanted) in [
        (
            &b"\0\0\0\x20ftypisom"[..],
            "it gives an MP4 file; supported are",
        ),
        (
            b"\0\0\0\x01\x40\x01\x0C\x01",
            "it gives bare H.265; supported are",
        ),
        (
            b"\x1A\x45\xDF\xA3 a film",
            "it gives a Matroska or WebM file",
        ),
    ] {
        let error = live().push(content, 0, &output).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn a_stream_whose_rate_is_known_to_be_slow_is_waited_for() {
    let slow = Options {
        fps: Some(0.1),
        ..Options::default()
    };
    let usual = Duration::from_secs(15);
    assert_eq!(slow.silence(usual), Duration::from_secs(30));
    assert_eq!(slow.hint().fps, 0.1);
    let quick = Options {
        fps: Some(30.0),
        ..Options::default()
    };
    assert_eq!(quick.silence(usual), usual);
    assert_eq!(Options::default().hint(), Hint::default());
}
