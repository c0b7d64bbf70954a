//! Messages to viewers on `WS /api/watch`, ready for the socket.

use bytes::Bytes;
use sightline_proto::{Form, Init, Message as _, ToViewer, WatchFrame, to_viewer};

use super::websocket::{self, Kind};
use crate::hub::{Frame, Media, MediaConfig, StreamName};

/// The message that carries `frame`: the same bytes for all viewers, those of the frame last.
pub(crate) fn frame(frame: &Frame, stale: bool) -> Bytes {
    encode(to_viewer::Message::Frame(WatchFrame {
        stale,
        data: frame.data.clone(),
        ..without_data(frame)
    }))
}

/// The message that carries `frame` as a fragment, whose bytes are last.
pub(crate) fn fragment(frame: &Frame, media: &Media, fragment: Bytes, stale: bool) -> Bytes {
    encode(to_viewer::Message::Frame(WatchFrame {
        stale,
        form: Form::Fmp4.into(),
        media_time_us: media.decode_time_us(),
        data: fragment,
        ..without_data(frame)
    }))
}

/// The message that carries the init segment of a stream. Without a segment if it cannot be written, which
/// parameters that could be read never lead to.
pub(crate) fn init(name: &StreamName, config: &MediaConfig) -> Bytes {
    let segment = config
        .init_segment()
        .inspect_err(|error| tracing::debug!(%error, "no init segment"));
    encode(to_viewer::Message::Init(Init {
        camera: name.camera.to_string(),
        stream: name.stream.to_string(),
        mime: config.mime(),
        data: segment.unwrap_or_default(),
    }))
}

fn without_data(frame: &Frame) -> WatchFrame {
    WatchFrame {
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
        decode_time_us: frame.decode_time_us,
        ..WatchFrame::default()
    }
}

/// The WebSocket message that carries `message`.
pub(crate) fn encode(message: to_viewer::Message) -> Bytes {
    let message = ToViewer {
        message: Some(message),
    };
    websocket::frame(Kind::Binary, message.encoded_len(), |bytes| {
        message.encode_raw(bytes);
    })
}
