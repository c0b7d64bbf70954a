//! A USB webcam with Motion JPEG, as `uvcvideo` drives it.

use std::{fs, path::PathBuf, time::Duration};

use sightline_proto::{CameraState, Demand, Frame, JPEG, Message as _, subject::Topic};
use sightline_publisher::{CameraConfig, devices};
use sightline_tests_v4l2::{
    picture,
    webcam::{Behaviour, Webcam},
};

use crate::fleet::{Fleet, always, dropped, name};

/// Of [`camera`] in the webcam's sizes.
const SIZE_INDEX: usize = 1;

/// A name that stays when the webcam is plugged in again. What udev does elsewhere, [`plug_in`] does here.
const STABLE: &str = "/dev/v4l/by-id/usb-Sightline_Test_Webcam-video-index0";

/// Plugs a webcam in and waits until it has a device.
pub(crate) async fn plug_in(behaviour: Behaviour) -> Webcam {
    let webcam = Webcam::plug_in(behaviour).unwrap();
    let device = eventually("the webcam is listed", || {
        let listed = devices::list().cameras.into_iter();
        listed
            .filter(|camera| camera.driver == "uvcvideo")
            .map(|camera| camera.path)
            .next()
    })
    .await;
    let _ = fs::remove_file(STABLE);
    fs::create_dir_all("/dev/v4l/by-id").unwrap();
    let target = PathBuf::from("../..").join(device.file_name().unwrap());
    std::os::unix::fs::symlink(target, STABLE).unwrap();
    webcam
}

pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "not in time: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn camera(parameters: &str) -> CameraConfig {
    always(&format!("v4l2://{STABLE}?size=320x180{parameters}"))
}

/// The number of a picture that is what the webcam sent, byte by byte.
fn untouched(frame: &Frame) -> u32 {
    assert_eq!((frame.width, frame.height), (320, 180));
    let number = picture::number(&frame.data).expect("not a picture of the webcam");
    assert_eq!(
        frame.data,
        Webcam::picture(SIZE_INDEX, number),
        "picture {number} was changed"
    );
    number
}

#[tokio::test]
async fn motion_jpeg_is_passed_through_byte_by_byte_and_in_order() {
    let webcam = plug_in(Behaviour::default()).await;
    let fleet = Fleet::start([("cam", camera(""))]);
    let frames = fleet.frames("cam").await.take(30).await;
    let numbers: Vec<u32> = frames.iter().map(untouched).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let announce = fleet.live("cam").await;
    assert_eq!(
        (
            dropped(&announce, "corrupt"),
            dropped(&announce, "truncated")
        ),
        (0, 0)
    );
    fleet.stop().await;
    drop(webcam);
}

#[tokio::test]
async fn padding_behind_a_picture_is_not_sent() {
    let webcam = plug_in(Behaviour {
        padding: 3000,
        ..Behaviour::default()
    })
    .await;
    let fleet = Fleet::start([("cam", camera(""))]);
    fleet
        .frames("cam")
        .await
        .take(5)
        .await
        .iter()
        .for_each(|frame| {
            untouched(frame);
        });
    fleet.stop().await;
    drop(webcam);
}

#[tokio::test]
async fn a_size_that_the_webcam_lacks_becomes_the_nearest_it_has() {
    let webcam = plug_in(Behaviour::default()).await;
    let source = format!("v4l2://{STABLE}?size=600x400&fps=14");
    let fleet = Fleet::start([("cam", always(&source))]);
    let frame = fleet.frames("cam").await.next().await;
    assert_eq!((frame.width, frame.height), (640, 480));
    fleet.stop().await;
    drop(webcam);
}

#[tokio::test]
async fn a_format_that_the_webcam_lacks_is_an_error_that_says_what_it_has() {
    let webcam = plug_in(Behaviour::default()).await;
    let fleet = Fleet::start([("cam", camera("&format=yuyv"))]);
    let reason = fleet.failure("cam").await;
    assert_eq!(
        reason,
        format!("cannot open {STABLE}: it has no yuyv, only mjpeg")
    );
    fleet.stop().await;
    drop(webcam);
}

#[tokio::test]
async fn frames_that_are_flagged_or_cut_are_dropped_and_counted() {
    let webcam = plug_in(Behaviour {
        flag_every: 5,
        cut_every: 7,
        ..Behaviour::default()
    })
    .await;
    let fleet = Fleet::start([("cam", camera(""))]);
    for frame in fleet.frames("cam").await.take(40).await {
        let number = untouched(&frame);
        assert!(
            !number.is_multiple_of(5) && !number.is_multiple_of(7),
            "{number} is broken"
        );
    }
    let broken = |reason| move |announce: &_| dropped(announce, reason) >= 2;
    fleet.announced("cam", broken("corrupt")).await;
    fleet.announced("cam", broken("truncated")).await;
    fleet.stop().await;
    drop(webcam);
}

#[tokio::test]
async fn a_webcam_that_is_pulled_out_fails_and_is_back_when_it_is_plugged_in_again() {
    let mut webcam = plug_in(Behaviour::default()).await;
    let fleet = Fleet::start([("cam", camera(""))]);
    let mut frames = fleet.frames("cam").await;
    for _ in 0..2 {
        frames.take(3).await;
        fleet.live("cam").await;
        drop(webcam);
        let reason = fleet.failure("cam").await;
        assert!(reason.contains(STABLE), "{reason}");
        webcam = plug_in(Behaviour::default()).await;
        fleet.live("cam").await;
        untouched(&frames.next().await);
    }
    fleet.stop().await;
    drop(webcam);
}

#[tokio::test]
async fn a_webcam_that_falls_silent_is_noticed_and_used_again_when_it_speaks() {
    let webcam = plug_in(Behaviour::default()).await;
    let fleet = Fleet::start([("cam", camera(""))]);
    let mut frames = fleet.frames("cam").await;
    frames.take(2).await;
    webcam.behave(Behaviour {
        silent: true,
        ..Behaviour::default()
    });
    let reason = fleet.failure("cam").await;
    assert!(reason.contains("no picture"), "{reason}");
    webcam.behave(Behaviour::default());
    fleet.live("cam").await;
    let sent = webcam.sent();
    eventually("pictures are sent again", || {
        (webcam.sent() > sent).then_some(())
    })
    .await;
    frames.take(2).await;
    fleet.stop().await;
    drop(webcam);
}

#[tokio::test]
async fn a_webcam_that_nobody_watches_is_closed() {
    let webcam = plug_in(Behaviour::default()).await;
    let unwatched = CameraConfig {
        always: false,
        ..camera("")
    };
    let fleet = Fleet::start([("cam", unwatched)]);
    let idle = |announce: &sightline_proto::Announce| announce.state() == CameraState::Idle;
    fleet.announced("cam", idle).await;
    assert_eq!(webcam.sent(), 0);
    let demand = Demand {
        stream: JPEG.into(),
        relay: "test".into(),
        ..Demand::default()
    };
    let subject = Topic::Demand(name("cam")).subject();
    let mut frames = fleet.frames("cam").await;
    fleet
        .bus()
        .publish(&subject, demand.encode_to_vec().into())
        .await
        .unwrap();
    untouched(&frames.next().await);
    // The demand is not repeated.
    fleet.announced("cam", idle).await;
    let sent = webcam.sent();
    fleet.announced("cam", idle).await;
    assert_eq!(webcam.sent(), sent);
    fleet.stop().await;
    drop(webcam);
}
