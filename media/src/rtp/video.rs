//! H.264 access units out of depacketised frames.

use std::sync::Arc;

use bytes::Bytes;

use super::DecodeTimes;
use crate::h264::{Grouper, Parameters, Reason, Split, avc};

/// Bytes of the lengths in front of NAL units, as RTP libraries write them.
const LENGTH_BYTES: u8 = 4;

/// What came of a part of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A frame that can be carried.
    Frame(Frame),
    /// What cannot.
    Dropped(Reason),
}

/// One access unit with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it was taken or is to be shown, microseconds since 1970 UTC.
    pub capture_time_us: i64,
    /// When it is to be decoded: never later, and growing from frame to frame.
    pub decode_time_us: i64,
    /// Decoding may start here.
    pub key: bool,
    /// In Annex B form with its parameter sets in front of key frames.
    pub data: Bytes,
    /// In force since the last key frame.
    pub parameters: Arc<Parameters>,
}

/// Makes access units of depacketised frames: NAL units behind lengths of four bytes each.
///
/// After a loss or damage nothing comes before the next key frame. It holds at most one field, if the stream has
/// fields, and the parameter sets.
#[derive(Debug, Default)]
pub struct Video {
    grouper: Grouper,
    times: DecodeTimes,
}

impl Video {
    /// Takes a frame, or a field of one, which was taken at `capture_time_us`, and gives what it completes. `sets`
    /// are SPS and PPS that came outside of it, if they are new.
    pub fn push(
        &mut self,
        sets: Option<[&[u8]; 2]>,
        frame: &[u8],
        capture_time_us: i64,
    ) -> Vec<Given> {
        let mut given = Vec::new();
        for set in sets.into_iter().flatten() {
            if let Some(split) = self.grouper.push(set, capture_time_us) {
                given.push(self.given(split));
            }
        }
        for nal in avc::nals(frame, LENGTH_BYTES) {
            let Ok(nal) = nal else {
                self.grouper.lose();
                break;
            };
            if let Some(split) = self.grouper.push(nal, capture_time_us) {
                given.push(self.given(split));
            }
        }
        if !self.grouper.awaits_second_field()
            && let Some(split) = self.grouper.end()
        {
            given.push(self.given(split));
        }
        given
    }

    /// Says that something is missing in front of the next frame.
    pub fn lose(&mut self) {
        self.grouper.lose();
    }

    /// Says that the time of the next frame does not follow the one before.
    pub fn restart(&mut self) {
        self.grouper.lose();
        self.times.restart();
    }

    fn given(&mut self, split: Split) -> Given {
        match split {
            Split::Dropped { reason, .. } => Given::Dropped(reason),
            Split::Unit(unit) => {
                self.times.declare(unit.parameters.reordering);
                let times = self.times.next(unit.stamp);
                Given::Frame(Frame {
                    capture_time_us: times.capture_time_us,
                    decode_time_us: times.decode_time_us,
                    key: unit.key,
                    data: unit.data,
                    parameters: unit.parameters,
                })
            }
        }
    }
}

#[cfg(test)]
#[path = "video_tests.rs"]
mod tests;
