//! Messages to viewers on `WS /api/watch`.

use bytes::Bytes;
use sightline_proto::{Message as _, ToViewer, WatchFrame, to_viewer};

use crate::hub::Frame;

/// The message that carries `frame`: the same bytes for all viewers.
pub(crate) fn frame(frame: &Frame, stale: bool) -> Bytes {
    encode(to_viewer::Message::Frame(WatchFrame {
        camera: frame.name.camera.to_string(),
        stream: frame.name.stream.to_string(),
        epoch: frame.epoch,
        sequence: frame.sequence,
        capture_time_us: frame.capture_time_us,
        arrival_time_us: frame.arrival_time_us,
        codec: frame.codec.into(),
        key: frame.key,
        width: frame.width,
        height: frame.height,
        stale,
        decode_time_us: frame.decode_time_us,
        data: frame.data.clone(),
        ..WatchFrame::default()
    }))
}

pub(crate) fn encode(message: to_viewer::Message) -> Bytes {
    ToViewer {
        message: Some(message),
    }
    .encode_to_vec()
    .into()
}
