//! Network cameras: a real RTSP server, the real publisher, and what it puts on the bus.

use std::time::Duration;

use anyhow::{Result, ensure};
use sightline_bus::Bus;
use sightline_media::h264::annexb;
use sightline_proto::{AUDIO, CameraState, Codec, Frame, H264, H265, JPEG};
use sightline_tests::{
    fleet::{Publisher, SOON},
    frames::{Frames, announced, connect},
    nats::{Server, Version},
    picture,
    rtsp::Camera,
};

use crate::quiet::light;

const CAMERA: &str = "farm/gate";

/// From the return of the camera to its frames: what the longest pause between attempts is after a short outage, and
/// a key frame.
const BACK_WITHIN: Duration = Duration::from_secs(15);

/// A publisher that watches one camera.
struct Site {
    _server: Server,
    publisher: Publisher,
    bus: Bus,
}

impl Site {
    async fn start(source: &str) -> Self {
        let server = Server::start(Version::Current, "").await;
        let publisher = Publisher::start(&server.url(), "farm", &[("gate", source)]);
        let bus = connect(&server.url()).await;
        announced(&bus, CAMERA, SOON, |_| true).await.unwrap();
        Self {
            _server: server,
            publisher,
            bus,
        }
    }

    async fn watch(&self, stream: &str) -> Frames {
        Frames::watch(&self.bus, CAMERA, stream).await.unwrap()
    }

    /// Waits until the camera is in this state, and gives the reason.
    async fn until(&self, state: CameraState) -> String {
        let fits = |announce: &sightline_proto::Announce| announce.state() == state;
        announced(&self.bus, CAMERA, BACK_WITHIN, fits)
            .await
            .unwrap()
            .reason
    }
}

/// So many frames in a row, of which the first is a key frame and none is lost or out of order.
async fn take(frames: &mut Frames, count: usize) -> Vec<Frame> {
    let mut taken: Vec<Frame> = Vec::new();
    while taken.len() < count {
        let frame = frames.next(SOON).await.unwrap();
        match taken.last() {
            None if !frame.key => continue,
            None => {}
            Some(last) => {
                assert_eq!(frame.sequence, last.sequence + 1);
                assert!(decode_time(&frame) > decode_time(last), "{frame:?}");
            }
        }
        taken.push(frame);
    }
    taken
}

fn decode_time(frame: &Frame) -> i64 {
    match frame.decode_time_us {
        0 => frame.capture_time_us,
        time => time,
    }
}

fn kinds(frame: &Frame) -> Vec<u8> {
    annexb::nals(&frame.data).map(|nal| nal[0] & 0x1F).collect()
}

/// Microseconds from the capture of a frame to now.
fn age_us(frame: &Frame) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_micros() as i64 - frame.capture_time_us
}

#[tokio::test]
async fn video_and_sound_arrive_as_the_camera_made_them() {
    let _machine = light().await;
    let camera = Camera::start(&["--audio=aac"]).await;
    let site = Site::start(&camera.url("")).await;
    let (mut video, mut sound) = (site.watch(H264).await, site.watch(AUDIO).await);
    let video = take(&mut video, 60).await;
    for frame in &video {
        assert_eq!(frame.codec(), Codec::H264);
        assert_eq!((frame.width, frame.height), (320, 180));
        let kinds = kinds(frame);
        let starts: &[u8] = if frame.key { &[7, 8, 5] } else { &[1] };
        // What the encoder says of itself may stand between them.
        let pictures: Vec<_> = kinds.into_iter().filter(|&kind| kind != 6).collect();
        assert!(pictures.starts_with(starts), "{pictures:?}");
    }
    assert!(video.iter().filter(|frame| frame.key).count() >= 2);
    let sound = take(&mut sound, 50).await;
    for pair in sound.windows(2) {
        assert_eq!(pair[0].codec(), Codec::Aac);
        // 1024 samples at 48 kHz, while the clocks are brought together.
        let apart = pair[1].capture_time_us - pair[0].capture_time_us;
        assert!((20_000..23_000).contains(&apart), "{apart}");
    }
    // One clock, which is ours.
    for frame in [&video[59], &sound[49]] {
        assert!(
            (-100_000..10_000_000).contains(&age_us(frame)),
            "{}",
            age_us(frame)
        );
    }
    let announce = announced(&site.bus, CAMERA, SOON, |announce| {
        announce
            .streams
            .iter()
            .any(|stream| stream.name == AUDIO && !stream.codec_config.is_empty())
    });
    let announce = announce.await.unwrap();
    let stream = |name| {
        announce
            .streams
            .iter()
            .find(|stream| stream.name == name)
            .unwrap()
    };
    assert!(
        stream(H264).codec_string.starts_with("avc1.42"),
        "{announce:?}"
    );
    assert_eq!(stream(AUDIO).codec_string, "mp4a.40.2");
    assert_eq!(announce.source, "rtsp");
}

#[tokio::test]
async fn b_frames_are_decoded_before_they_are_shown() {
    let _machine = light().await;
    let camera = Camera::start(&["--b-frames=2"]).await;
    let site = Site::start(&camera.url("")).await;
    let frames = take(&mut site.watch(H264).await, 50).await;
    assert!(
        frames
            .iter()
            .all(|frame| decode_time(frame) <= frame.capture_time_us)
    );
    let swapped = frames
        .windows(2)
        .filter(|pair| pair[1].capture_time_us < pair[0].capture_time_us);
    assert!(swapped.count() > 10);
    let mut shown: Vec<_> = frames.iter().map(|frame| frame.capture_time_us).collect();
    shown.sort_unstable();
    for pair in shown[..40].windows(2) {
        // The clock of the camera is taken over slowly, by a twentieth.
        let apart = pair[1] - pair[0];
        assert!((33_000..47_000).contains(&apart), "{apart}");
    }
}

#[tokio::test]
async fn a_login_is_needed_and_a_wrong_one_never_seen() {
    let _machine = light().await;
    for method in ["digest", "basic"] {
        let camera = Camera::start(&[&format!("--{method}=me:s3cr3t-p4ss")]).await;
        let site = Site::start(&camera.url("me:s3cr3t-p4ss@")).await;
        take(&mut site.watch(H264).await, 5).await;
        let mut site = Site::start(&camera.url("me:wr0ng-p4ss@")).await;
        let _frames = site.watch(H264).await;
        let reason = site.until(CameraState::Failed).await;
        assert!(reason.contains("refuses the user or password"), "{reason}");
        assert!(!reason.contains("p4ss"), "{reason}");
        let log = site.publisher.process().log().join("\n");
        assert!(log.contains("refuses the user or password"), "{log}");
        assert!(!log.contains("p4ss"), "{log}");
        let site = Site::start(&camera.url("")).await;
        let _frames = site.watch(H264).await;
        let reason = site.until(CameraState::Failed).await;
        assert!(reason.contains("rtsp://user:password@host"), "{reason}");
    }
}

#[tokio::test]
async fn a_camera_that_starts_again_is_back_within_seconds() {
    let _machine = light().await;
    let mut camera = Camera::start(&["--audio=aac"]).await;
    let site = Site::start(&camera.url("")).await;
    let mut frames = site.watch(H264).await;
    take(&mut frames, 10).await;
    camera.kill();
    site.until(CameraState::Failed).await;
    drain(&mut frames).await;
    camera.restart().await;
    back(&mut frames).await.unwrap();
}

#[tokio::test]
async fn a_camera_that_freezes_is_stalled_and_opened_anew() {
    let _machine = light().await;
    let camera = Camera::start(&[]).await;
    let site = Site::start(&camera.url("")).await;
    let mut frames = site.watch(H264).await;
    let before = take(&mut frames, 10).await;
    camera.freeze().unwrap();
    let reason = site.until(CameraState::Stalled).await;
    assert!(reason.contains("no picture from"), "{reason}");
    // Its system still accepts connections, and answers nothing.
    let reason = site.until(CameraState::Failed).await;
    assert!(reason.contains("no answer within 4s"), "{reason}");
    drain(&mut frames).await;
    camera.thaw().unwrap();
    let first = back(&mut frames).await.unwrap();
    assert!(decode_time(&first) > decode_time(&before[9]));
}

/// Takes what was under way when the camera went away.
async fn drain(frames: &mut Frames) {
    while frames.next(Duration::from_millis(500)).await.is_ok() {}
}

/// Waits until frames come again, the first of them a key frame.
async fn back(frames: &mut Frames) -> Result<Frame> {
    let first = frames.next(BACK_WITHIN).await?;
    ensure!(first.key, "it starts in the middle");
    take(frames, 10).await;
    Ok(first)
}

#[tokio::test]
async fn packets_may_come_by_udp() {
    let _machine = light().await;
    let camera = Camera::start(&["--audio=aac"]).await;
    let site = Site::start(&(camera.url("") + "#transport=udp")).await;
    let (mut video, mut sound) = (site.watch(H264).await, site.watch(AUDIO).await);
    assert_eq!(take(&mut video, 30).await.len(), 30);
    take(&mut sound, 30).await;
}

#[tokio::test]
async fn sound_that_cannot_be_carried_is_left_out() {
    let _machine = light().await;
    let camera = Camera::start(&["--audio=opus"]).await;
    let mut site = Site::start(&camera.url("")).await;
    take(&mut site.watch(H264).await, 30).await;
    let log = site.publisher.process().log();
    let lines = log.iter().filter(|line| line.contains("audio/opus"));
    assert_eq!(lines.count(), 1, "{log:?}");
}

#[tokio::test]
async fn motion_jpeg_is_passed_through_picture_by_picture() {
    let _machine = light().await;
    let camera = Camera::start(&["--video=jpeg"]).await;
    let site = Site::start(&camera.url("")).await;
    let mut frames = site.watch(JPEG).await;
    let mut last = 0;
    for frame in take(&mut frames, 20).await {
        assert_eq!(frame.codec(), Codec::Jpeg);
        let number = picture::number(&frame.data).unwrap();
        assert!(number > last || last == 0, "{number} after {last}");
        last = number;
    }
}

#[tokio::test]
async fn h265_is_carried_with_its_parameter_sets() {
    let _machine = light().await;
    let camera = Camera::start(&["--video=h265"]).await;
    let site = Site::start(&camera.url("")).await;
    // What the camera gives is known once somebody wants to see it.
    let curious = site.watch(JPEG).await;
    let announce = announced(&site.bus, CAMERA, SOON, |announce| {
        announce
            .streams
            .iter()
            .any(|stream| stream.name == H265 && stream.codec_string.starts_with("hvc1."))
    });
    announce.await.unwrap();
    let mut frames = site.watch(H265).await;
    drop(curious);
    for frame in take(&mut frames, 40).await {
        assert_eq!(frame.codec(), Codec::H265);
        assert_eq!((frame.width, frame.height), (320, 180));
        let mut kinds = annexb::nals(&frame.data).map(|nal| nal[0] >> 1 & 0x3F);
        if frame.key {
            // VPS, SPS, PPS.
            assert_eq!(
                [32, 33, 34].map(Some),
                [kinds.next(), kinds.next(), kinds.next()]
            );
        }
    }
}
