//! Turns the messages of one stream into frames that may be shown. Pure: bytes and times in, frames
//! out.

use std::time::Duration;

use bytes::Bytes;
use sightline_media::jpeg::inspect;
use sightline_proto::{
    Codec, Frame, JPEG, Message as _, Token,
    accept::{Acceptance, FrameTime, Verdict},
    assemble::{Assembler, Progress},
};

use crate::metrics::Drop;

/// Puts frames together, looks whether they are whole, and judges them.
#[derive(Debug)]
pub(super) struct Intake {
    /// What the stream's frames must be, if its name says so.
    codec: Option<Codec>,
    assembler: Assembler,
    acceptance: Acceptance,
}

/// A frame that may be shown.
#[derive(Debug, PartialEq)]
pub(super) struct Accepted {
    pub(super) frame: Frame,
    /// By how much more than the best frame it was delayed.
    pub(super) lateness: Duration,
}

impl Intake {
    pub(super) fn new(stream: &Token) -> Self {
        Self {
            codec: (stream.as_str() == JPEG).then_some(Codec::Jpeg),
            assembler: Assembler::default(),
            acceptance: Acceptance::default(),
        }
    }

    /// Takes in the next message, which came at `now`. Each loss is told to `dropped`.
    pub(super) fn take(
        &mut self,
        payload: Bytes,
        now: Duration,
        mut dropped: impl FnMut(Drop),
    ) -> Option<Accepted> {
        let Ok(part) = Frame::decode(payload) else {
            dropped(Drop::Malformed);
            return None;
        };
        let (progress, given_up) = self.assembler.push(part);
        if given_up {
            dropped(Drop::Incomplete);
        }
        match progress {
            Progress::Complete(mut frame) => match self.judge(&mut frame, now) {
                Ok(lateness) => return Some(Accepted { frame, lateness }),
                Err(reason) => dropped(reason),
            },
            Progress::Partial => {}
            Progress::Orphan => dropped(Drop::Orphan),
            _ => dropped(Drop::Malformed),
        }
        None
    }

    fn judge(&mut self, frame: &mut Frame, now: Duration) -> Result<Duration, Drop> {
        if self.codec.is_some_and(|codec| codec != frame.codec()) {
            return Err(Drop::Malformed);
        }
        if frame.codec() == Codec::Jpeg {
            let info = inspect(&frame.data).map_err(|_| Drop::Corrupt)?;
            // What the picture says of its size is what viewers will see.
            (frame.width, frame.height) = (info.width, info.height);
        }
        let time = FrameTime {
            epoch: frame.epoch,
            sequence: frame.sequence,
            capture_us: frame.capture_time_us,
        };
        match self.acceptance.judge(time, now) {
            Verdict::Accept { lateness } => Ok(lateness),
            Verdict::OldEpoch => Err(Drop::OldEpoch),
            Verdict::Stale { .. } => Err(Drop::Stale),
            _ => Err(Drop::Repeated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    proptest! {
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
}
