//! The list of cameras.

use std::path::Path;

use sightline_publisher::devices;
use sightline_tests_v4l2::webcam::Behaviour;

use crate::{
    fleet::{Fleet, always},
    webcam::plug_in,
};

#[tokio::test]
async fn cameras_are_listed_with_what_they_can_do_and_others_with_why_not() {
    let webcam = plug_in(Behaviour::default()).await;
    let listed = serde_json::to_value(devices::list()).unwrap();
    let cameras = listed["cameras"].as_array().unwrap();
    let by = |driver: &str| {
        cameras
            .iter()
            .find(|camera| camera["driver"] == driver)
            .unwrap()
    };

    let vivid = by("vivid");
    assert_eq!(vivid["path"], "/dev/video0");
    assert!(vivid["stable_path"].is_null());
    let formats = vivid["formats"].as_array().unwrap();
    for word in ["yuyv", "nv12", "i420", "i422", "rgb", "grey"] {
        assert!(
            formats.iter().any(|format| format["format"] == word),
            "{word}"
        );
    }
    assert!(formats.iter().any(|format| format["format"].is_null()));

    let usb = by("uvcvideo");
    assert!(
        usb["name"].as_str().unwrap().contains("Test Webcam"),
        "{usb}"
    );
    assert!(
        usb["stable_path"]
            .as_str()
            .unwrap()
            .starts_with("/dev/v4l/by-id/usb-Sightline")
    );
    let formats = usb["formats"].as_array().unwrap();
    assert_eq!(formats.len(), 1);
    assert_eq!(
        (&formats[0]["fourcc"], &formats[0]["format"]),
        (&"MJPG".into(), &"mjpeg".into())
    );
    let rates = serde_json::json!([30.0, 15.0, 10.0]);
    for (index, (width, height)) in [(640, 480), (320, 180)].into_iter().enumerate() {
        let size = &formats[0]["sizes"][index];
        assert_eq!(
            (&size["width"], &size["height"]),
            (&width.into(), &height.into())
        );
        assert_eq!(size["fps"], rates);
    }
    let brightness = &usb["controls"][0];
    assert_eq!(brightness["name"], "brightness");
    assert_eq!(
        (&brightness["minimum"], &brightness["maximum"]),
        (&(-64).into(), &64.into())
    );

    let others = listed["others"].as_array().unwrap();
    let why = |path: &str| {
        let other = others.iter().find(|other| other["path"] == path);
        other
            .map(|other| other["reason"].as_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    assert!(why("/dev/video1").contains("multi-planar"));
    assert!(why("/dev/video2").contains("metadata"));
    assert!(why("/dev/video3").contains("does not capture"));

    let text = devices::list().to_string();
    assert!(
        text.contains("mjpeg   640x480 (30, 15, 10 fps), 320x180 (30, 15, 10 fps)"),
        "{text}"
    );
    assert!(
        text.contains("source    v4l2:///dev/v4l/by-id/usb-Sightline"),
        "{text}"
    );
    drop(webcam);
}

#[tokio::test]
async fn the_first_camera_is_one_that_can_be_captured_from() {
    assert_eq!(
        devices::first_capture_device().as_deref(),
        Some(Path::new("/dev/video0"))
    );
}

#[tokio::test]
async fn listing_does_not_disturb_a_camera_in_use() {
    let fleet = Fleet::start([("cam", always("v4l2:///dev/video0?size=320x180&format=yuyv"))]);
    let mut frames = fleet.frames("cam").await;
    frames.take(2).await;
    let vivid = devices::list().cameras.into_iter().next().unwrap();
    assert_eq!(vivid.path, Path::new("/dev/video0"));
    frames.take(3).await;
    fleet.stop().await;
}
