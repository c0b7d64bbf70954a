//! The messages in `golden/*.hex`, which the page's own reader and writer are tested with too.
//!
//! A change of these files breaks what is deployed. After adding a message, write its file with
//! `SIGHTLINE_WRITE_GOLDEN=1 cargo test -p sightline-proto --test golden`.

use std::{fs, path::PathBuf};

use sightline_proto::{
    Announce, CameraInfo, CameraList, CameraState, Codec, Count, Demand, FollowCameras, Form,
    Frame, Hello, Init, Leaving, Message, Ping, Pong, Refused, Skipped, Stream, Subscribe, ToRelay,
    ToViewer, Unsubscribe, WatchFrame, to_relay, to_viewer,
};

const NOON_US: i64 = 1_767_225_600_000_000;

fn streams() -> Vec<Stream> {
    vec![
        Stream {
            name: "jpeg".into(),
            codec: Codec::Jpeg.into(),
            width: 1280,
            height: 720,
            fps: 29.5,
            bits_per_second: 21_000_000,
            ..Stream::default()
        },
        Stream {
            name: "h264".into(),
            codec: Codec::H264.into(),
            codec_string: "avc1.640029".into(),
            ..Stream::default()
        },
    ]
}

fn gate() -> CameraInfo {
    CameraInfo {
        camera: "farm/gate".into(),
        title: "Gate, süd".into(),
        online: true,
        state: CameraState::Stalled.into(),
        reason: "no new picture".into(),
        last_seen_us: NOON_US,
        streams: streams(),
        source: "v4l2".into(),
    }
}

fn door() -> CameraInfo {
    CameraInfo {
        camera: "farm/door".into(),
        ..CameraInfo::default()
    }
}

fn to_relay(message: to_relay::Message) -> Vec<u8> {
    ToRelay {
        message: Some(message),
    }
    .encode_to_vec()
}

fn to_viewer(message: to_viewer::Message) -> Vec<u8> {
    ToViewer {
        message: Some(message),
    }
    .encode_to_vec()
}

fn messages_to_the_relay() -> Vec<(&'static str, Vec<u8>)> {
    let subscribe = |stream: &str, max_fps| Subscribe {
        camera: "farm/gate".into(),
        stream: stream.into(),
        max_fps,
        ..Subscribe::default()
    };
    vec![
        (
            "to_relay_subscribe",
            to_relay(to_relay::Message::Subscribe(subscribe("jpeg", 12.5))),
        ),
        (
            "to_relay_subscribe_defaults",
            to_relay(to_relay::Message::Subscribe(subscribe("", 0.0))),
        ),
        (
            "to_relay_subscribe_fmp4",
            to_relay(to_relay::Message::Subscribe(Subscribe {
                form: Form::Fmp4.into(),
                ..subscribe("h264", 0.0)
            })),
        ),
        (
            "to_relay_unsubscribe",
            to_relay(to_relay::Message::Unsubscribe(Unsubscribe {
                camera: "farm/gate".into(),
                stream: "jpeg".into(),
            })),
        ),
        (
            "to_relay_follow_cameras",
            to_relay(to_relay::Message::FollowCameras(FollowCameras {})),
        ),
        (
            "to_relay_ping",
            to_relay(to_relay::Message::Ping(Ping {
                viewer_time_us: NOON_US,
            })),
        ),
        (
            "to_relay_ping_before_1970",
            to_relay(to_relay::Message::Ping(Ping { viewer_time_us: -1 })),
        ),
    ]
}

fn messages_to_the_viewer() -> Vec<(&'static str, Vec<u8>)> {
    let frame = WatchFrame {
        camera: "farm/gate".into(),
        stream: "jpeg".into(),
        epoch: u64::MAX - 1,
        sequence: (1 << 53) - 1,
        capture_time_us: NOON_US,
        arrival_time_us: NOON_US + 1_500,
        codec: Codec::Jpeg.into(),
        key: true,
        width: 1280,
        height: 720,
        stale: true,
        data: (0..=255).collect::<Vec<u8>>().into(),
        ..WatchFrame::default()
    };
    let fragment = WatchFrame {
        stream: "h264".into(),
        codec: Codec::H264.into(),
        stale: false,
        decode_time_us: NOON_US - 80_000,
        form: Form::Fmp4.into(),
        media_time_us: 5_000_000_000,
        ..frame.clone()
    };
    vec![
        (
            "to_viewer_hello",
            to_viewer(to_viewer::Message::Hello(Hello {
                relay: "relay-1".into(),
                version: "0.1.0".into(),
                relay_time_us: NOON_US,
            })),
        ),
        (
            "to_viewer_frame",
            to_viewer(to_viewer::Message::Frame(frame)),
        ),
        (
            "to_viewer_frame_defaults",
            to_viewer(to_viewer::Message::Frame(WatchFrame {
                capture_time_us: -1,
                ..WatchFrame::default()
            })),
        ),
        (
            "to_viewer_fragment",
            to_viewer(to_viewer::Message::Frame(fragment)),
        ),
        (
            "to_viewer_init",
            to_viewer(to_viewer::Message::Init(Init {
                camera: "farm/gate".into(),
                stream: "h264".into(),
                mime: "video/mp4; codecs=\"avc1.640029\"".into(),
                data: vec![0, 0, 0, 8].into(),
            })),
        ),
        (
            "to_viewer_cameras",
            to_viewer(to_viewer::Message::Cameras(CameraList {
                cameras: vec![door(), gate()],
            })),
        ),
        (
            "to_viewer_cameras_none",
            to_viewer(to_viewer::Message::Cameras(CameraList::default())),
        ),
        (
            "to_viewer_camera_changed",
            to_viewer(to_viewer::Message::CameraChanged(gate())),
        ),
        (
            "to_viewer_refused",
            to_viewer(to_viewer::Message::Refused(Refused {
                camera: "farm/gaet".into(),
                stream: "jpeg".into(),
                code: "unknown_camera".into(),
                message: "there is no camera farm/gaet".into(),
            })),
        ),
        (
            "to_viewer_skipped",
            to_viewer(to_viewer::Message::Skipped(Skipped {
                camera: "farm/gate".into(),
                stream: "jpeg".into(),
                frames: 300,
            })),
        ),
        (
            "to_viewer_pong",
            to_viewer(to_viewer::Message::Pong(Pong {
                viewer_time_us: NOON_US,
                relay_time_us: NOON_US + 2_000_000,
            })),
        ),
        (
            "to_viewer_leaving",
            to_viewer(to_viewer::Message::Leaving(Leaving {})),
        ),
    ]
}

fn messages_on_the_bus() -> Vec<(&'static str, Vec<u8>)> {
    let frame = Frame {
        epoch: u64::MAX - 1,
        sequence: 70_000,
        capture_time_us: NOON_US,
        codec: Codec::Jpeg.into(),
        key: true,
        width: 1280,
        height: 720,
        part: 1,
        part_count: 3,
        total_len_bytes: 2_500_000,
        data: vec![0xff, 0xd8, 0xff, 0xd9].into(),
        ..Frame::default()
    };
    let video_frame = Frame {
        codec: Codec::H264.into(),
        key: false,
        decode_time_us: NOON_US - 80_000,
        ..frame.clone()
    };
    let sound = Stream {
        name: "audio".into(),
        codec: Codec::Aac.into(),
        codec_string: "mp4a.40.2".into(),
        codec_config: vec![0x11, 0x90].into(),
        ..Stream::default()
    };
    let announce = Announce {
        epoch: 7,
        time_us: NOON_US,
        state: CameraState::Failed.into(),
        reason: "the camera refuses the password".into(),
        goodbye: true,
        streams: streams(),
        title: "Gate, süd".into(),
        source: "http".into(),
        version: "0.1.0".into(),
        instance: "k3v9".into(),
        dropped: vec![Count {
            reason: "truncated".into(),
            count: 3,
        }],
    };
    let demand = Demand {
        stream: "jpeg".into(),
        relay: "r7".into(),
        single: true,
        ..Demand::default()
    };
    let late = Demand {
        stream: "jpeg".into(),
        relay: "r7".into(),
        single: false,
        late_ms: 250,
        every_ms: 160,
        epoch: 7,
        sequence: 1_000,
    };
    vec![
        ("bus_frame", frame.encode_to_vec()),
        ("bus_video_frame", video_frame.encode_to_vec()),
        ("bus_stream", sound.encode_to_vec()),
        ("bus_announce", announce.encode_to_vec()),
        ("bus_demand", demand.encode_to_vec()),
        ("bus_demand_late", late.encode_to_vec()),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .chunks(32)
        .map(|line| {
            line.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                + "\n"
        })
        .collect()
}

fn check(messages: Vec<(&'static str, Vec<u8>)>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
    for (name, bytes) in messages {
        let path = folder.join(name).with_extension("hex");
        if std::env::var_os("SIGHTLINE_WRITE_GOLDEN").is_some() {
            fs::write(&path, hex(&bytes)).expect("the folder can be written to");
        }
        let golden =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(hex(&bytes), golden, "{name}");
    }
}

#[test]
fn messages_to_the_relay_are_encoded_as_ever() {
    check(messages_to_the_relay());
}

#[test]
fn messages_to_the_viewer_are_encoded_as_ever() {
    check(messages_to_the_viewer());
}

#[test]
fn messages_on_the_bus_are_encoded_as_ever() {
    check(messages_on_the_bus());
}
