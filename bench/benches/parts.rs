//! What each step on the way of a frame costs by itself: `cargo bench -p sightline-bench`.

use std::{hint::black_box, time::Duration};

use bytes::Bytes;
use divan::{Bencher, counter::BytesCount};
use sightline_media::{
    fmp4::{Sample, Track},
    group::{Limits, Next, Window},
    h264::avc,
    jpeg,
};
use sightline_proto::{
    Codec, Form, Frame, Message as _, ToViewer, WatchFrame,
    accept::{Acceptance, FrameTime},
    assemble::Assembler,
    split::split,
    to_viewer,
};
use sightline_publisher::cost::Frames;

fn main() {
    divan::main();
}

/// Bytes of a frame of the bus: one message, and several.
const FRAME_BYTES: [usize; 3] = [30_000, 100_000, 2_000_000];

const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Units that a stream holds: ten seconds.
const WINDOW: Limits = Limits {
    units: 300,
    bytes: 32 << 20,
};

fn frame(len_bytes: usize) -> Frame {
    Frame {
        epoch: 1_795_435_200_000_000,
        sequence: 1_000,
        capture_time_us: 1_795_435_200_000_000,
        codec: Codec::Jpeg.into(),
        key: true,
        width: 1920,
        height: 1080,
        data: vec![b'.'; len_bytes].into(),
        ..Frame::default()
    }
}

fn messages(len_bytes: usize) -> Vec<Bytes> {
    split(frame(len_bytes), MAX_PAYLOAD_BYTES).unwrap_or_default()
}

/// The test card, 720p at 4 Mb/s.
fn card() -> Result<Frames, sightline_publisher::cost::Error> {
    Frames::new(1280, 720, 30, 4_000_000)
}

#[divan::bench(args = FRAME_BYTES)]
fn split_a_frame_for_the_bus(bencher: Bencher<'_, '_>, len_bytes: usize) {
    let frame = frame(len_bytes);
    bencher
        .counter(BytesCount::new(len_bytes))
        .bench(|| split(frame.clone(), MAX_PAYLOAD_BYTES));
}

#[divan::bench(args = FRAME_BYTES)]
fn decode_a_frame_from_the_bus(bencher: Bencher<'_, '_>, len_bytes: usize) {
    let messages = messages(len_bytes);
    bencher.counter(BytesCount::new(len_bytes)).bench(|| {
        let mut assembler = Assembler::default();
        for message in &messages {
            if let Ok(part) = Frame::decode(message.clone()) {
                black_box(assembler.push(part));
            }
        }
    });
}

#[divan::bench]
fn judge_a_frame(bencher: Bencher<'_, '_>) {
    let mut acceptance = Acceptance::default();
    let mut number: u64 = 0;
    bencher.bench_local(|| {
        number += 1;
        let time = FrameTime {
            epoch: 1,
            sequence: number,
            capture_us: number.cast_signed() * 33_333,
        };
        acceptance.judge(time, Duration::from_micros(number * 33_333))
    });
}

#[divan::bench(args = FRAME_BYTES)]
fn write_a_websocket_message(bencher: Bencher<'_, '_>, len_bytes: usize) {
    let data = Bytes::from(vec![b'.'; len_bytes]);
    bencher.counter(BytesCount::new(len_bytes)).bench(|| {
        let frame = WatchFrame {
            camera: "site/camera".into(),
            stream: "jpeg".into(),
            codec: Codec::Jpeg.into(),
            form: Form::Frame.into(),
            data: data.clone(),
            ..WatchFrame::default()
        };
        let message = Some(to_viewer::Message::Frame(frame));
        ToViewer { message }.encode_to_vec()
    });
}

#[divan::bench]
fn look_into_a_jpeg(bencher: Bencher<'_, '_>) {
    let Ok(card) = card() else { return };
    let picture = &card.jpeg()[0];
    bencher
        .counter(BytesCount::new(picture.len()))
        .bench(|| jpeg::inspect(black_box(picture)));
}

#[divan::bench]
fn write_a_fragment(bencher: Bencher<'_, '_>) {
    let Ok(card) = card() else { return };
    let unit = &card.h264()[1];
    bencher.counter(BytesCount::new(unit.len())).bench(|| {
        let payload = avc::from_annex_b(black_box(unit), false);
        let sample = Sample {
            track: Track::Video,
            decode_time: 90_000,
            duration: 3_000,
            composition_offset: 0,
            key: false,
            len_bytes: payload.len(),
        };
        (sample.head(1), payload)
    });
}

/// A frame comes, and each of so many viewers takes it.
#[divan::bench(args = [1, 100, 1_000])]
fn hand_a_frame_to_viewers(bencher: Bencher<'_, '_>, viewers: usize) {
    let mut window = Window::new(WINDOW);
    window.push(0, true, 100_000);
    let mut cursors = vec![window.join(); viewers];
    let mut number: u64 = 0;
    bencher.bench_local(|| {
        number += 1;
        window.push(number, number.is_multiple_of(60), 16_667);
        for cursor in &mut cursors {
            while let Next::Unit { unit, .. } = window.next(cursor) {
                black_box(unit);
            }
        }
    });
}
