use super::*;
use crate::hub::samples;
use proptest::prelude::*;
use sightline_proto::split::split;

fn picture() -> Bytes {
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 50)
        .encode(&[90; 8 * 16], 8, 16, jpeg_encoder::ColorType::Luma)
        .unwrap();
    jpeg.into()
}

fn frame(sequence: u64) -> Frame {
    Frame {
        epoch: 1,
        sequence,
        codec: Codec::Jpeg.into(),
        data: picture(),
        ..Frame::default()
    }
}

fn intake() -> Intake {
    Intake::new(&JPEG.parse().unwrap())
}

fn take(intake: &mut Intake, payload: Bytes) -> (Option<Accepted>, Vec<Drop>) {
    let mut drops = Vec::new();
    let accepted = intake.take(payload, Duration::ZERO, |reason| drops.push(reason));
    (accepted, drops)
}

fn whole(frame: Frame) -> Bytes {
    split(frame, 1 << 20).unwrap().remove(0)
}

#[test]
fn a_whole_frame_is_accepted_without_a_copy() {
    let message = whole(frame(1));
    let range = message.as_ptr_range();
    let (accepted, drops) = take(&mut intake(), message.clone());
    let frame = accepted.unwrap().frame;
    assert_eq!(frame.data, picture());
    assert!(range.contains(&frame.data.as_ptr()));
    assert_eq!((frame.width, frame.height), (8, 16));
    assert!(drops.is_empty());
}

#[test]
fn each_kind_of_loss_has_its_reason() {
    let mut intake = intake();
    let (none, drops) = take(&mut intake, Bytes::from_static(b"\xff\xff\xff"));
    assert_eq!((none, drops), (None, vec![Drop::Malformed]));

    assert!(take(&mut intake, whole(frame(2))).0.is_some());
    let (none, drops) = take(&mut intake, whole(frame(2)));
    assert_eq!((none, drops), (None, vec![Drop::Repeated]));

    let mut cut = frame(3);
    cut.data = picture().slice(..100);
    let (none, drops) = take(&mut intake, whole(cut));
    assert_eq!((none, drops), (None, vec![Drop::Corrupt]));

    let mut foreign = frame(3);
    foreign.codec = Codec::H264.into();
    let (none, drops) = take(&mut intake, whole(foreign));
    assert_eq!((none, drops), (None, vec![Drop::Malformed]));

    let mut large = frame(4);
    large.data = vec![7; 5_000].into();
    let parts = split(large, 2_048).unwrap();
    assert_eq!(take(&mut intake, parts[1].clone()).1, [Drop::Orphan]);
    assert!(take(&mut intake, parts[0].clone()).1.is_empty());
    let (accepted, drops) = take(&mut intake, whole(frame(5)));
    assert!(accepted.is_some());
    assert_eq!(drops, [Drop::Incomplete]);

    let mut old = frame(9);
    old.epoch = 0;
    assert_eq!(take(&mut intake, whole(old)).1, [Drop::OldEpoch]);
}

/// Frames of H.264: two groups of 12.
fn video() -> Vec<Frame> {
    samples::video(1, 1_000_000)
}

/// The sequence numbers that get through, and the reasons why the others do not. All come on time.
fn follow(intake: &mut Intake, frames: &[Frame]) -> (Vec<u64>, Vec<Drop>) {
    let (mut accepted, mut drops) = (Vec::new(), Vec::new());
    for frame in frames {
        let now = Duration::from_micros(frame.decode_time_us as u64);
        let message = whole(frame.clone());
        let taken = intake.take(message, now, |reason| drops.push(reason));
        accepted.extend(taken.map(|accepted| accepted.frame.sequence));
    }
    (accepted, drops)
}

fn video_intake() -> Intake {
    Intake::new(&H264.parse().unwrap())
}

#[test]
fn a_key_frame_brings_its_parameters() {
    let accepted = take(&mut video_intake(), whole(video().remove(0)))
        .0
        .unwrap();
    assert_eq!(accepted.parameters.unwrap().codec_string(), "avc1.64000A");
}

#[test]
fn after_a_gap_nothing_gets_through_before_the_next_key_frame() {
    let mut frames = video();
    frames.remove(4);
    let (accepted, drops) = follow(&mut video_intake(), &frames);
    assert_eq!(
        accepted,
        [0, 1, 2, 3].into_iter().chain(12..24).collect::<Vec<_>>()
    );
    assert_eq!(drops, [Drop::WaitingForKey; 7]);
}

#[test]
fn a_frame_that_is_stale_or_cannot_be_used_is_a_gap() {
    let mut frames = video();
    frames[4].data = Bytes::from_static(b"no video");
    let mut intake = video_intake();
    let (mut accepted, mut drops) = (Vec::new(), Vec::new());
    for (frame, n) in frames.iter_mut().zip(0..) {
        // The camera pauses after 15, which comes at the end of that.
        let pause_ms = if n < 15 { 0 } else { 2_000 };
        if n > 15 {
            frame.decode_time_us += 2_000_000;
        }
        let now = Duration::from_millis(10_000 + n * 40 + pause_ms);
        let taken = intake.take(whole(frame.clone()), now, |reason| drops.push(reason));
        accepted.extend(taken.map(|accepted| accepted.frame.sequence));
    }
    assert_eq!(accepted, [0, 1, 2, 3, 12, 13, 14]);
    assert_eq!(drops[..2], [Drop::Corrupt, Drop::WaitingForKey]);
    assert_eq!(
        drops[8..],
        [&[Drop::Stale][..], &[Drop::WaitingForKey; 8]].concat()
    );
}

#[test]
fn a_group_that_is_sent_again_breaks_nothing_and_mends_what_was_lost() {
    let frames = video();
    let mut intake = video_intake();
    follow(&mut intake, &frames[..8]);
    let again = [&frames[..8], &frames[8..10]].concat();
    assert_eq!(
        follow(&mut intake, &again),
        (vec![8, 9], vec![Drop::Repeated; 8])
    );
    // 10 is lost, and comes with the group that another relay asked for.
    assert_eq!(
        follow(&mut intake, &frames[11..12]).1,
        [Drop::WaitingForKey]
    );
    assert_eq!(follow(&mut intake, &frames[..12]).0, [10, 11]);
}

#[test]
fn a_relay_that_joins_in_the_middle_takes_the_group_that_is_sent_again() {
    let frames = video();
    let mut intake = video_intake();
    assert_eq!(
        follow(&mut intake, &frames[6..8]).1,
        [Drop::WaitingForKey; 2]
    );
    assert!(!intake.has_begun());
    // All at once, the first of them seconds late.
    let mut accepted = Vec::new();
    for frame in &frames[..12] {
        let now = Duration::from_secs(20);
        let taken = intake.take(whole(frame.clone()), now, |_| ());
        accepted.extend(taken.map(|accepted| accepted.frame.sequence));
    }
    assert_eq!(accepted, (0..12).collect::<Vec<_>>());
}

#[test]
fn a_key_frame_without_parameters_is_corrupt() {
    let mut intake = video_intake();
    let mut frame = video().remove(1);
    frame.key = true;
    assert_eq!(take(&mut intake, whole(frame)).1, [Drop::Corrupt]);
    let mut frame = video().remove(0);
    frame.codec = Codec::H265.into();
    assert_eq!(take(&mut intake, whole(frame)).1, [Drop::Malformed]);
}

#[test]
fn sound_goes_on_after_a_gap() {
    let mut intake = Intake::new(&AUDIO.parse().unwrap());
    for sequence in [1, 2, 5] {
        let frame = Frame {
            epoch: 1,
            sequence,
            codec: Codec::Aac.into(),
            data: vec![1, 2, 3].into(),
            ..Frame::default()
        };
        assert!(take(&mut intake, whole(frame)).0.unwrap().frame.key);
    }
}

proptest! {
    /// Whatever is lost, comes twice or in another order, a frame gets through only after the one before it, or
    /// if it is a key frame.
    #[test]
    fn no_frame_gets_through_without_those_that_it_needs(
        order in prop::collection::vec((0usize..24, 0u64..3_000), 0..120),
    ) {
        let frames = video();
        let mut intake = video_intake();
        let (mut last, mut now) = (None, 0);
        for (frame, pause) in order {
            now += pause;
            let message = whole(frames[frame].clone());
            if let Some(accepted) = intake.take(message, Duration::from_millis(now), |_| ()) {
                let sequence = accepted.frame.sequence;
                prop_assert!(accepted.frame.key || last == Some(sequence - 1));
                last = Some(sequence);
            }
        }
    }

    #[test]
    fn nothing_on_the_bus_makes_it_panic(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
    ) {
        let mut intake = intake();
        for message in messages {
            take(&mut intake, message.into());
        }
    }
}
