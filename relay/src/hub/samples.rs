//! Video for tests.

use sightline_media::h264::{Reorder, Split, Splitter};
use sightline_proto::{Codec, Frame};

/// 24 frames of 64x48 with B-frames, in two groups of 12.
const B_FRAMES: &[u8] = include_bytes!("../../../media/src/h264/samples/b_frames.h264");

const FRAME_US: i64 = 40_000;

/// Them as frames at 25 a second from `start_us` on, numbered from 0.
pub(crate) fn video(epoch: u64, start_us: i64) -> Vec<Frame> {
    let mut splitter = Splitter::default();
    let mut units = splitter.push(B_FRAMES, 0);
    units.extend(splitter.finish());
    let mut reorder = None;
    let mut ordered = Vec::new();
    for unit in units {
        let Split::Unit(unit) = unit else {
            panic!("{unit:?}");
        };
        let reorder =
            reorder.get_or_insert_with(|| Reorder::new(unit.parameters.reordering.max_frames));
        let order = unit.order;
        ordered.extend(reorder.push(unit, order));
    }
    ordered.extend(reorder.into_iter().flat_map(|mut reorder| reorder.finish()));
    let at = |index: u64| start_us + i64::try_from(index).unwrap() * FRAME_US;
    ordered
        .into_iter()
        .zip(0..)
        .map(|(ordered, sequence)| Frame {
            epoch,
            sequence,
            capture_time_us: at(ordered.presentation_index),
            decode_time_us: at(ordered.decode_index),
            codec: Codec::H264.into(),
            key: ordered.unit.key,
            data: ordered.unit.data,
            ..Frame::default()
        })
        .collect()
}
