//! H.264 and AAC on the WebSocket.

use std::time::Duration;

use bytes::Bytes;
use sightline_proto::{
    AUDIO, Codec, Form, H264, H265, SUB, Stream, Subscribe, WatchFrame, split::split,
    subject::Topic, to_relay, to_viewer,
};
use tokio::time::sleep;

use crate::support::{
    Camera, Client, Relay, Socket,
    film::{Film, Judged, Projector, RATE},
    jpeg, known,
};

const GATE: &str = "farm/gate";

/// A live camera that has `film`, which began three seconds ago.
async fn cinema(relay: &Relay, film: &Film) -> (Camera, Projector) {
    let camera = Camera::with(&relay.bus, GATE, 7, |announce| film.announced(announce)).await;
    known(relay, GATE).await;
    let projector = Projector::new(&relay.bus, &camera, Duration::from_secs(3));
    (camera, projector)
}

/// A viewer of a stream of the camera, which has heard of it.
async fn viewer(relay: &Relay, camera: &Camera, stream: &str, form: Form) -> Socket {
    let demands = camera.demands().len();
    let mut socket = Socket::open(relay.address).await;
    socket.watch(GATE, stream, form).await;
    camera.demanded(demands + 1).await;
    socket
}

/// Another viewer of a stream that is watched already.
async fn another(relay: &Relay, stream: &str, form: Form) -> Socket {
    let mut socket = Socket::open(relay.address).await;
    socket.watch(GATE, stream, form).await;
    socket
}

async fn frames(socket: &mut Socket, count: usize) -> Vec<WatchFrame> {
    let mut frames = Vec::new();
    while frames.len() < count {
        frames.push(socket.frame().await);
    }
    frames
}

fn file(init: &[u8], frames: &[WatchFrame]) -> Judged {
    let fragments = frames.iter().flat_map(|frame| &frame.data[..]);
    let bytes: Vec<u8> = init.iter().chain(fragments).copied().collect();
    Judged::new(&bytes, ".mp4")
}

fn sequences(frames: &[WatchFrame]) -> Vec<u64> {
    frames.iter().map(|frame| frame.sequence).collect()
}

#[tokio::test]
async fn access_units_come_as_the_camera_sent_them() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", RATE, "-bf 2");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut video = viewer(&relay, &camera, H264, Form::Frame).await;
    let mut sound = viewer(&relay, &camera, AUDIO, Form::Frame).await;
    projector.show(&film.shots).await;
    let seen = film.shots.iter().filter(|shot| shot.stream == H264);
    for (shot, number) in seen.zip(1..) {
        let frame = video.frame().await;
        assert_eq!((frame.sequence, frame.key), (number, shot.key));
        assert_eq!(frame.codec(), Codec::H264);
        assert_eq!((frame.width, frame.height), (160, 120));
        assert_eq!(
            frame.capture_time_us - frame.decode_time_us,
            shot.shown_us - shot.decode_us
        );
        assert_eq!(frame.data, shot.data);
    }
    for shot in film.shots.iter().filter(|shot| shot.stream == AUDIO) {
        let frame = sound.frame().await;
        assert!(frame.key && frame.codec() == Codec::Aac);
        assert_eq!(frame.data, shot.data);
    }
}

#[tokio::test]
async fn fragments_taken_late_and_with_a_gap_are_faultless() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", 6 * RATE, "-bf 2");
    let (camera, projector) = cinema(&relay, &film).await;
    let _early = viewer(&relay, &camera, H264, Form::Fmp4).await;
    let shown = film.part(0.0..3.0);
    projector.show(&shown).await;
    let received = r#"sightline_relay_frames_received_total{camera="farm/gate"}"#;
    relay.metric_reaches(received, 75.0).await;
    let mut late = another(&relay, H264, Form::Fmp4).await;
    let init = late.init().await;
    assert_eq!((init.camera.as_str(), init.stream.as_str()), (GATE, H264));
    assert!(
        init.mime.starts_with("video/mp4; codecs=\"avc1."),
        "{}",
        init.mime
    );
    // From the newest key frame on, at once.
    let mut got = frames(&mut late, RATE as usize).await;
    assert!(got[0].key);
    // With the key frame at 3: what follows is of no use up to the next one.
    projector.lose(&film.part(3.0..3.5));
    projector.go_on(&film.part(3.5..6.0)).await;
    got.extend(frames(&mut late, 2 * RATE as usize).await);
    assert!(got[25].key);
    for frame in &got {
        assert_eq!(frame.form(), Form::Fmp4);
        assert!(!frame.stale);
    }
    let file = file(&init.data, &got);
    file.assert_faultless();
    let packets = file.packets("v");
    assert_eq!(packets.len(), got.len());
    for (pair, frames) in packets.windows(2).zip(got.windows(2)) {
        assert!(pair[0].decoded < pair[1].decoded, "{pair:?}");
        assert!(frames[0].media_time_us < frames[1].media_time_us);
    }
    // The times on the wire are those in the file.
    let in_file = (packets[0].decoded * 1e6) as u64;
    assert!(got[0].media_time_us.abs_diff(in_file) < 100);
    let whole = Judged::new(&film.raw, ".h264").pictures();
    let wanted = [&whole[50..75], &whole[100..148]].concat();
    assert_eq!(file.pictures()[..wanted.len()], wanted);
}

#[tokio::test]
async fn sound_and_picture_count_from_the_same_moment() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", RATE, "");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut video = viewer(&relay, &camera, H264, Form::Fmp4).await;
    let mut sound = viewer(&relay, &camera, AUDIO, Form::Fmp4).await;
    projector.show(&film.shots).await;
    video.init().await;
    let init = sound.init().await;
    assert_eq!(init.mime, "audio/mp4; codecs=\"mp4a.40.2\"");
    let (seen, heard) = (frames(&mut video, 20).await, frames(&mut sound, 40).await);
    assert_eq!(seen[0].media_time_us.abs_diff(60_000_000), 0);
    assert!(heard[0].media_time_us.abs_diff(60_000_000) < 25);
    for frame in seen.iter().chain(&heard) {
        let decode_us = match frame.decode_time_us {
            0 => frame.capture_time_us,
            us => us,
        };
        let in_epoch_us = decode_us - frame.epoch as i64 + 60_000_000;
        assert!(frame.media_time_us.abs_diff(in_epoch_us as u64) < 50_000);
    }
    let file = file(&init.data, &heard);
    file.assert_faultless();
    assert_eq!(file.packets("a").len(), 40);
}

#[tokio::test]
async fn new_parameters_and_a_new_publisher_bring_a_new_init_segment() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", RATE, "");
    let larger = Film::make("320x240", RATE, "");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut socket = viewer(&relay, &camera, H264, Form::Fmp4).await;
    projector.show(&film.shots).await;
    let first = socket.init().await;
    let got = frames(&mut socket, RATE as usize).await;
    file(&first.data, &got).assert_faultless();
    projector.go_on(&larger.shots).await;
    let second = socket.init().await;
    assert_ne!(first.data, second.data);
    let got = frames(&mut socket, RATE as usize).await;
    assert_eq!((got[0].width, got[0].height), (320, 240));
    file(&second.data, &got).assert_faultless();
    // The same parameters, and times that count from elsewhere.
    let restarted = Projector::new(&relay.bus, &camera, Duration::from_millis(500));
    restarted.show(&larger.shots).await;
    assert_eq!(socket.init().await.data, second.data);
    let frame = socket.frame().await;
    assert!(frame.key);
    assert_eq!(frame.media_time_us, 60_000_000);
}

#[tokio::test]
async fn a_stream_subscribed_to_in_another_form_begins_anew() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", RATE, "");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut socket = viewer(&relay, &camera, H264, Form::Frame).await;
    projector.show(&film.shots).await;
    let got = frames(&mut socket, RATE as usize).await;
    socket.watch(GATE, H264, Form::Fmp4).await;
    let init = socket.init().await;
    let again = frames(&mut socket, RATE as usize).await;
    assert_eq!(sequences(&got), sequences(&again));
    file(&init.data, &again).assert_faultless();
    // The same form once more changes nothing.
    socket.watch(GATE, H264, Form::Fmp4).await;
    projector.go_on(&film.shots).await;
    assert_eq!(socket.frame().await.sequence, again[24].sequence + 1);
}

#[tokio::test]
async fn what_mp4_does_not_carry_is_refused_in_words() {
    let relay = Relay::start().await;
    let _camera = Camera::with(&relay.bus, GATE, 7, |announce| {
        for (name, codec, config) in [(H265, Codec::H265, &[][..]), (AUDIO, Codec::Aac, &[0xFF])] {
            announce.streams.push(Stream {
                name: name.into(),
                codec: codec.into(),
                codec_config: Bytes::from_static(config),
                ..Stream::default()
            });
        }
    })
    .await;
    known(&relay, GATE).await;
    let mut socket = Socket::open(relay.address).await;
    for (stream, form, word) in [
        ("jpeg", Form::Fmp4, "offers stream jpeg as jpeg"),
        (H265, Form::Fmp4, "offers stream h265 as h265"),
        (AUDIO, Form::Fmp4, "does not say how"),
        (AUDIO, Form::Frame, "does not say how"),
    ] {
        socket.watch(GATE, stream, form).await;
        let refused = socket.refused().await;
        assert_eq!(
            (refused.code.as_str(), refused.stream.as_str()),
            ("unknown_form", stream)
        );
        assert!(refused.message.contains(word), "{}", refused.message);
    }
    let unknown = Subscribe {
        camera: GATE.into(),
        form: 9,
        ..Subscribe::default()
    };
    socket.say(to_relay::Message::Subscribe(unknown)).await;
    assert_eq!(socket.refused().await.code, "unknown_form");
}

#[tokio::test]
async fn a_group_of_a_camera_that_has_gone_is_marked() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", RATE, "");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut first = viewer(&relay, &camera, H264, Form::Fmp4).await;
    projector.show(&film.shots).await;
    first.init().await;
    assert!(!frames(&mut first, RATE as usize).await[24].stale);
    camera.say_goodbye().await;
    sleep(Duration::from_millis(600)).await;
    for form in [Form::Frame, Form::Fmp4] {
        let mut late = another(&relay, H264, form).await;
        if form == Form::Fmp4 {
            late.init().await;
        }
        let got = frames(&mut late, RATE as usize).await;
        assert!(got.iter().all(|frame| frame.stale && frame.form() == form));
        assert_eq!(sequences(&got), (1..=25).collect::<Vec<_>>());
    }
}

/// A connection of so many bytes a second, as its owner reads no faster.
struct Slow {
    socket: Socket,
    bytes_per_second: f64,
}

impl Slow {
    async fn next(&mut self) -> to_viewer::Message {
        let message = self.socket.next().await;
        if let to_viewer::Message::Frame(frame) = &message {
            sleep(Duration::from_secs_f64(
                frame.data.len() as f64 / self.bytes_per_second,
            ))
            .await;
        }
        message
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_with_a_third_of_the_bitrate_sees_the_beginning_of_each_group() {
    let relay = Relay::start().await;
    let seconds = 8;
    // Noise, so that a second is more than sockets hold.
    let film = Film::make(
        "320x240",
        seconds * RATE,
        "-vf noise=alls=60:allf=t -b:v 6M -maxrate 6M -bufsize 3M",
    );
    let video: Vec<_> = film
        .shots
        .iter()
        .filter(|shot| shot.stream == H264)
        .cloned()
        .collect();
    let bytes: usize = video.iter().map(|shot| shot.data.len()).sum();
    let bytes_per_second = bytes as f64 / f64::from(seconds);
    assert!(bytes_per_second > 500_000.0, "{bytes_per_second}");
    let camera = Camera::with(&relay.bus, GATE, 7, |announce| film.announced(announce)).await;
    known(&relay, GATE).await;
    let projector = Projector::new(&relay.bus, &camera, Duration::ZERO);
    let mut fast = viewer(&relay, &camera, H264, Form::Fmp4).await;
    let stream = Client::connect_small(relay.address).await.stream;
    let mut slow = Slow {
        socket: Socket::over(stream, relay.address).await,
        bytes_per_second: bytes_per_second / 3.0,
    };
    slow.socket.watch(GATE, H264, Form::Fmp4).await;
    let show = async {
        let start = tokio::time::Instant::now();
        for shot in &video {
            tokio::time::sleep_until(start + Duration::from_micros(shot.decode_us as u64)).await;
            projector.show(std::slice::from_ref(shot)).await;
        }
    };
    let follow = async {
        fast.init().await;
        frames(&mut fast, video.len()).await
    };
    let struggle = async {
        let to_viewer::Message::Init(init) = slow.next().await else {
            panic!("no init segment");
        };
        let (mut got, mut skips, mut just_told) = (Vec::<WatchFrame>::new(), 0, 0);
        while got
            .last()
            .is_none_or(|frame| frame.sequence < 7 * u64::from(RATE))
        {
            match slow.next().await {
                to_viewer::Message::Frame(frame) => {
                    if let Some(last) = got.last() {
                        assert_eq!(frame.sequence, last.sequence + 1 + just_told);
                        assert!(just_told == 0 || frame.key);
                    }
                    just_told = 0;
                    got.push(frame);
                }
                to_viewer::Message::Skipped(skipped) => {
                    skips += 1;
                    just_told = skipped.frames;
                }
                other => panic!("{other:?}"),
            }
        }
        (init, got, skips)
    };
    let ((), all, (init, got, skips)) = tokio::join!(show, follow, struggle);
    assert_eq!(
        sequences(&all),
        (1..=u64::from(seconds * RATE)).collect::<Vec<_>>()
    );
    assert!(
        skips >= 2 && got.len() < all.len() * 2 / 3,
        "{skips} skips, {} frames",
        got.len()
    );
    let file = file(&init.data, &got);
    file.assert_faultless();
    assert_eq!(file.packets("v").len(), got.len());
    relay
        .metric_reaches(
            r#"sightline_relay_frames_skipped_total{camera="farm/gate",route="websocket"}"#,
            (all.len() / 3) as f64 - f64::from(2 * RATE),
        )
        .await;
}

#[tokio::test]
async fn a_stream_that_turns_into_pictures_ends_where_only_mp4_will_do() {
    let relay = Relay::start().await;
    let camera = Camera::with(&relay.bus, GATE, 7, |announce| {
        announce.streams.push(Stream {
            name: SUB.into(),
            codec: Codec::H264.into(),
            ..Stream::default()
        });
    })
    .await;
    known(&relay, GATE).await;
    let mut socket = viewer(&relay, &camera, SUB, Form::Fmp4).await;
    let topic = Topic::Frame(camera.name.clone(), SUB.parse().unwrap());
    for part in split(camera.frame(1, &jpeg(1)), 1 << 20).unwrap() {
        relay.bus.publish(&topic.subject(), part).await.unwrap();
    }
    let refused = socket.refused().await;
    assert_eq!(
        (refused.code.as_str(), refused.stream.as_str()),
        ("unknown_form", SUB)
    );
    // As it is, it can be had.
    socket.watch(GATE, SUB, Form::Frame).await;
    assert_eq!(socket.frame().await.data, jpeg(1));
}
