use proptest::prelude::*;

use super::*;
use crate::h264::{
    annexb,
    samples::{B_FRAMES, PPS, SPS, any_nal, slices},
};

/// NAL units behind lengths.
fn sample<N: AsRef<[u8]>>(nals: impl IntoIterator<Item = N>) -> Vec<u8> {
    let mut out = Vec::new();
    for nal in nals {
        out.extend((nal.as_ref().len() as u32).to_be_bytes());
        out.extend(nal.as_ref());
    }
    out
}

/// The frames of [`B_FRAMES`], each with a delimiter and two slices.
fn samples() -> Vec<Vec<u8>> {
    slices()
        .chunks(2)
        .map(|slices| sample([&[9, 0xF0], slices[0], slices[1]]))
        .collect()
}

fn frames(given: Vec<Given>) -> Vec<Frame> {
    let mut frames = Vec::new();
    for given in given {
        match given {
            Given::Frame(frame) => frames.push(frame),
            Given::Dropped(reason) => panic!("{reason:?}"),
        }
    }
    frames
}

/// Presentation in frames of the first group of [`B_FRAMES`], in the order of decoding.
const SHOWN: [i64; 12] = [0, 4, 2, 1, 3, 8, 6, 5, 7, 11, 9, 10];

#[test]
fn each_frame_comes_at_once_with_its_sets_and_times() {
    let mut video = Video::default();
    let mut last = i64::MIN;
    for (i, sample) in samples()[..12].iter().enumerate() {
        let shown_us = 1_000_000 + SHOWN[i] * 40_000;
        let sets = (i == 0).then_some([SPS, PPS]);
        let frame = frames(video.push(sets, sample, shown_us)).remove(0);
        assert_eq!(frame.capture_time_us, shown_us);
        assert!(frame.decode_time_us > last && frame.decode_time_us <= shown_us);
        last = frame.decode_time_us;
        assert_eq!(frame.key, i == 0);
        let kinds: Vec<_> = annexb::nals(&frame.data).map(|nal| nal[0] & 0x1F).collect();
        let wanted: &[u8] = if i == 0 { &[7, 8, 5, 5] } else { &[1, 1] };
        assert_eq!(kinds, wanted);
    }
}

#[test]
fn sets_inside_of_the_frame_do_as_well() {
    let mut video = Video::default();
    let sample = sample(annexb::nals(B_FRAMES).take_while(|nal| nal[0] & 0x1F != 1));
    let frames = frames(video.push(None, &sample, 7));
    assert_eq!(frames.len(), 1);
    assert!(frames[0].key);
}

#[test]
fn after_a_loss_nothing_comes_before_the_next_key_frame() {
    let mut video = Video::default();
    let samples = samples();
    assert_eq!(video.push(Some([SPS, PPS]), &samples[0], 0).len(), 1);
    video.lose();
    for sample in &samples[2..12] {
        assert_eq!(
            video.push(None, sample, 1),
            [Given::Dropped(Reason::WaitingForKey)]
        );
    }
    assert!(frames(video.push(None, &samples[12], 2))[0].key);
}

#[test]
fn a_length_that_leads_beyond_the_end_is_damage() {
    let mut video = Video::default();
    let samples = samples();
    video.push(Some([SPS, PPS]), &samples[0], 0);
    let cut = &samples[1][..samples[1].len() - 1];
    assert_eq!(video.push(None, cut, 1), [Given::Dropped(Reason::Damaged)]);
    assert_eq!(
        video.push(None, &samples[2], 2),
        [Given::Dropped(Reason::WaitingForKey)]
    );
}

#[test]
fn zeros_behind_a_unit_are_left_out_and_a_start_code_in_it_is_damage() {
    let mut video = Video::default();
    let padded = [SPS, PPS].map(|set| [set, &[0, 0]].concat());
    let given = video.push(Some([&padded[0], &padded[1]]), &samples()[0], 0);
    let frame = frames(given).remove(0);
    assert_eq!(frame.parameters.sps(), SPS);
    let two = sample([[slices()[2], &[0, 0, 1], slices()[3]].concat()]);
    assert_eq!(video.push(None, &two, 1), [Given::Dropped(Reason::Damaged)]);
}

#[test]
fn without_sets_a_frame_is_of_no_use() {
    let mut video = Video::default();
    assert_eq!(
        video.push(None, &samples()[0], 0),
        [Given::Dropped(Reason::NoParameters)]
    );
}

proptest! {
    #[test]
    fn whatever_comes_times_grow(
        nals in prop::collection::vec((any_nal(40), any::<bool>(), 0i64..1 << 40), 0..40),
    ) {
        let mut video = Video::default();
        let samples = samples();
        let mut last = i64::MIN;
        for (i, (nal, good, time)) in nals.iter().enumerate() {
            let given = if *good {
                video.push(Some([SPS, PPS]), &samples[i % samples.len()], *time)
            } else {
                video.push(None, &sample([nal]), *time)
            };
            for given in given {
                let Given::Frame(frame) = given else { continue };
                prop_assert!(frame.decode_time_us > last);
                prop_assert!(frame.decode_time_us <= frame.capture_time_us);
                last = frame.decode_time_us;
            }
        }
    }
}
