//! The bytes that one viewer is sent for each frame, as the relay sends them.

use sightline_media::{
    fmp4::{Sample, Track, VIDEO_TIMESCALE},
    h264::avc,
};
use sightline_proto::{
    Codec, Form, H264, JPEG, Message as _, ToViewer, WatchFrame, to_viewer::Message,
};

use crate::{
    content::{CARD_SIZE, Unit, VIDEO_SIZE},
    shape::{Route, camera},
};

/// One frame on its way to a viewer.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) bytes: Vec<u8>,
    pub(crate) key: bool,
}

/// A moment, for fields that say when: 2026.
const TIME_US: i64 = 1_795_435_200_000_000;

/// What an answer begins with, after the request.
pub(crate) fn opening(route: Route) -> &'static [u8] {
    match route {
        Route::Multipart => {
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=boundarydonotcross\r\n\r\n--boundarydonotcross\r\n"
        }
        Route::Mp4 => b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n",
        Route::Websocket | Route::Fragments => {
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        }
        Route::Poll => b"",
    }
}

/// The frames of `units` as viewers of `route` get them.
pub(crate) fn prepare(route: Route, units: &[Unit], fps: f64) -> anyhow::Result<Vec<Prepared>> {
    let ticks = (f64::from(VIDEO_TIMESCALE) / fps.max(1.0)) as u32;
    let prepared = units.iter().enumerate().map(|(number, unit)| {
        let bytes = match route {
            Route::Multipart => part(&unit.data),
            Route::Websocket => message(unit, number, Form::Frame, &unit.data),
            Route::Fragments => message(unit, number, Form::Fmp4, &fragment(unit, number, ticks)?),
            Route::Mp4 => fragment(unit, number, ticks)?,
            Route::Poll => answer(&unit.data),
        };
        Ok(Prepared {
            bytes,
            key: unit.key,
        })
    });
    prepared.collect()
}

fn part(jpeg: &[u8]) -> Vec<u8> {
    let head = format!(
        "Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {}.000000\r\n\r\n",
        jpeg.len(),
        TIME_US / 1_000_000
    );
    [head.as_bytes(), jpeg, b"\r\n--boundarydonotcross\r\n"].concat()
}

fn answer(jpeg: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        jpeg.len()
    );
    [head.as_bytes(), jpeg].concat()
}

/// `moof` and `mdat`.
fn fragment(unit: &Unit, number: usize, ticks: u32) -> anyhow::Result<Vec<u8>> {
    let payload = avc::from_annex_b(&unit.data, unit.key);
    let head = Sample {
        track: Track::Video,
        decode_time: number as u64 * u64::from(ticks),
        duration: ticks,
        composition_offset: 0,
        key: unit.key,
        len_bytes: payload.len(),
    }
    .head(number as u32)?;
    Ok([head, payload].concat())
}

/// A binary WebSocket message with its header: RFC 6455, section 5.2.
fn message(unit: &Unit, number: usize, form: Form, data: &[u8]) -> Vec<u8> {
    let video = matches!(form, Form::Fmp4);
    let (width, height) = if video { VIDEO_SIZE } else { CARD_SIZE };
    let frame = WatchFrame {
        camera: camera(0),
        stream: if video { H264 } else { JPEG }.into(),
        epoch: TIME_US as u64,
        sequence: 1_000 + number as u64,
        capture_time_us: TIME_US,
        arrival_time_us: TIME_US,
        codec: if video { Codec::H264 } else { Codec::Jpeg }.into(),
        key: unit.key,
        width,
        height,
        form: form.into(),
        media_time_us: if video { 60_000_000 } else { 0 },
        data: data.to_vec().into(),
        ..WatchFrame::default()
    };
    let payload = ToViewer {
        message: Some(Message::Frame(frame)),
    }
    .encode_to_vec();
    let mut bytes = vec![0x82];
    match u16::try_from(payload.len()) {
        Ok(len) if len < 126 => bytes.push(len as u8),
        Ok(len) => {
            bytes.push(126);
            bytes.extend(len.to_be_bytes());
        }
        Err(_) => {
            bytes.push(127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}
