//! The kernel's test driver: raw formats, controls, what can go wrong with a device.

use std::{fs, path::Path};

use sightline_proto::{ControlsRequest, Frame, Message as _, SettingsRequest};
use sightline_publisher::CameraConfig;

use crate::{
    decoded::Decoded,
    fleet::{Fleet, always, dropped, open_devices, with_controls},
};

/// Without text over the picture, and as bright as by default: controls outlive the test that set them.
const CLEAN: [(&str, i64); 2] = [("osd_text_mode", 2), ("brightness", 128)];

fn camera(parameters: &str, controls: &[(&str, i64)]) -> CameraConfig {
    let source = format!("v4l2:///dev/video0?size=320x180&{parameters}");
    with_controls(always(&source), &[&CLEAN, controls].concat())
}

/// Checks the bars of the driver's test pattern: white, yellow, cyan, green, magenta, red, blue, black, at
/// three quarters of full brightness. Looks at the top and at the bottom, so that a wrong stride shows.
fn assert_bars(picture: &Decoded, grey: bool) {
    const BARS: [[i32; 3]; 8] = [
        [191, 191, 191],
        [191, 191, 0],
        [0, 191, 191],
        [0, 191, 0],
        [191, 0, 191],
        [191, 0, 0],
        [0, 0, 191],
        [0, 0, 0],
    ];
    /// Compression and rounding.
    const TOLERANCE: i32 = 16;
    for (index, bar) in BARS.into_iter().enumerate() {
        let [r, g, b] = bar;
        // The driver takes ITU-R BT.709 for grey.
        let luma = (2126 * r + 7152 * g + 722 * b) / 10_000;
        let wanted = if grey { [luma; 3] } else { bar };
        for down in [0.1, 0.9] {
            let got = picture.colour((index as f32 + 0.5) / 8.0, down);
            let near = wanted
                .iter()
                .zip(got)
                .all(|(wanted, got)| wanted.abs_diff(got) <= TOLERANCE as u32);
            assert!(near, "bar {index}: {got:?} instead of {wanted:?}");
        }
    }
}

#[tokio::test]
async fn every_raw_format_shows_the_colours_of_the_camera() {
    for format in ["yuyv", "nv12", "i420", "i422", "rgb", "grey"] {
        let fleet = Fleet::start([("cam", camera(&format!("format={format}"), &[]))]);
        let mut frames = fleet.frames("cam").await;
        for frame in frames.take(3).await {
            assert_eq!((frame.width, frame.height), (320, 180), "{format}");
            assert_bars(&Decoded::new(&frame), format == "grey");
        }
        let announce = fleet.live("cam").await;
        assert_eq!(
            (announce.streams[0].width, announce.streams[0].height),
            (320, 180)
        );
        assert_eq!(announce.source, "v4l2");
        fleet.stop().await;
    }
}

#[tokio::test]
async fn yuv_of_the_full_range_is_not_stretched() {
    const FULL_RANGE: (&str, i64) = ("quantization", 1);
    for format in ["yuyv", "nv12"] {
        let camera = camera(&format!("format={format}"), &[FULL_RANGE]);
        let fleet = Fleet::start([("cam", camera)]);
        let frame = fleet.frames("cam").await.next().await;
        assert_bars(&Decoded::new(&frame), false);
        fleet.stop().await;
    }
    let fleet = Fleet::start([("cam", camera("format=yuyv", &[("quantization", 0)]))]);
    fleet.live("cam").await;
    fleet.stop().await;
}

#[tokio::test]
async fn a_size_that_the_driver_rounds_is_announced_as_it_is() {
    let fleet = Fleet::start([("cam", always("v4l2:///dev/video0?size=323x181&format=nv12"))]);
    let frame = fleet.frames("cam").await.next().await;
    let picture = Decoded::new(&frame);
    assert!(frame.width.abs_diff(323) < 16 && frame.height.abs_diff(181) < 16);
    assert_ne!((frame.width, frame.height), (323, 181));
    assert!(picture.mean_brightness() > 0.0);
    fleet.stop().await;
}

#[tokio::test]
async fn a_control_changes_the_picture_and_is_read_back() {
    let mut brightness = Vec::new();
    for value in [32, 224, 128] {
        let fleet = Fleet::start([("cam", camera("format=yuyv", &[("brightness", value)]))]);
        let frame = fleet.frames("cam").await.next().await;
        brightness.push(Decoded::new(&frame).mean_brightness());
        let devices = sightline_publisher::devices::list();
        let control = devices.cameras[0]
            .controls
            .iter()
            .find(|c| c.name == "brightness")
            .unwrap();
        assert_eq!(control.value, Some(value));
        assert_eq!(
            (control.minimum, control.maximum, control.default),
            (0, 255, 128)
        );
        fleet.stop().await;
    }
    assert!(
        brightness[0] < brightness[2] && brightness[2] < brightness[1],
        "{brightness:?}"
    );
}

#[tokio::test]
async fn a_control_that_another_one_rules_is_set_after_it() {
    let controls = [("gain", 42), ("gain_automatic", 0)];
    let fleet = Fleet::start([("cam", camera("", &controls))]);
    fleet.live("cam").await;
    let devices = sightline_publisher::devices::list();
    let value = |name: &str| {
        devices.cameras[0]
            .controls
            .iter()
            .find(|control| control.name == name)
            .unwrap()
            .value
    };
    assert_eq!(
        (value("gain"), value("gain_automatic")),
        (Some(42), Some(0))
    );
    fleet.stop().await;
}

/// The value of a control of the first device, asked of the driver.
fn value_of(control: &str) -> Option<i64> {
    let devices = sightline_publisher::devices::list();
    let mut controls = devices.cameras[0].controls.iter();
    controls.find(|known| known.name == control).unwrap().value
}

fn controls(wanted: &[(&str, i64)]) -> Vec<u8> {
    let wanted = wanted.iter().map(|&(name, value)| (name.to_owned(), value));
    ControlsRequest {
        controls: wanted.collect(),
    }
    .encode_to_vec()
}

#[tokio::test]
async fn controls_and_size_change_over_the_bus_while_the_camera_runs() {
    let mut config = camera("format=yuyv", &[("brightness", 32)]);
    config.control = ["controls", "size"].map(str::to_owned).to_vec();
    let fleet = Fleet::start([("cam", config)]);
    let mut frames = fleet.frames("cam").await;
    let before = frames.next().await;
    // Spelled as the driver does, and in the order that does not work: gain is ruled by the other one.
    let request = controls(&[("Brightness", 224), ("gain", 42), ("gain_automatic", 0)]);
    let reply = fleet.ask("cam", "controls", request).await;
    assert_eq!(reply.refused, "");
    let set = [("brightness", 224), ("gain", 42), ("gain_automatic", 0)];
    assert_eq!(
        reply.controls,
        set.map(|(name, value)| (name.to_owned(), value)).into()
    );
    assert_eq!(value_of("brightness"), Some(224));
    assert_eq!(value_of("gain"), Some(42));
    // The stream goes on, and shows it.
    let brightness = |frame: &Frame| Decoded::new(frame).mean_brightness();
    let dark = brightness(&before);
    let mut after = frames.next().await;
    while brightness(&after) <= dark {
        assert!(after.sequence < before.sequence + 200, "it stays dark");
        after = frames.next().await;
    }
    assert_eq!(after.epoch, before.epoch);

    for (wanted, reason) in [
        ([("brigthness", 1)], "it has brightness, "),
        ([("brightness", 256)], "use 0 to 255"),
    ] {
        let reply = fleet.ask("cam", "controls", controls(&wanted)).await;
        assert!(reply.refused.contains(reason), "{reply:?}");
    }
    let reply = fleet
        .ask("cam", "controls", controls(&[("gain_automatic", 1)]))
        .await;
    assert_eq!(reply.refused, "");
    let reply = fleet.ask("cam", "controls", controls(&[("gain", 7)])).await;
    assert!(
        reply.refused.contains("another control rules it"),
        "{reply:?}"
    );

    // Another size opens the camera again, with the controls that hold now.
    let size = SettingsRequest {
        width: Some(640),
        height: Some(360),
        ..SettingsRequest::default()
    };
    let reply = fleet.ask("cam", "settings", size.encode_to_vec()).await;
    assert_eq!(reply.refused, "");
    while frames.next().await.width != 640 {}
    assert_eq!(value_of("brightness"), Some(224));
    fleet.stop().await;
}

#[tokio::test]
async fn a_control_that_cannot_be_set_is_an_error_that_says_what_can() {
    for (control, wanted) in [
        (
            ("brigthness", 1),
            "controls.brigthness: there is no such control, it has brightness, ",
        ),
        (
            ("brightness", 256),
            "controls.brightness = 256 is out of range: use 0 to 255",
        ),
        (
            ("test_pattern", 99),
            "controls.test_pattern = 99 is out of range: use 0 to ",
        ),
    ] {
        let fleet = Fleet::start([("cam", camera("", &[control]))]);
        let reason = fleet.failure("cam").await;
        assert!(reason.starts_with("cannot open /dev/video0: "), "{reason}");
        assert!(reason.contains(wanted), "{reason}");
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_device_that_cannot_be_used_is_an_error_that_says_why() {
    for (device, wanted) in [
        ("/dev/video63", "there is no such device"),
        ("/dev/null", "it is not a video device"),
        (
            "/dev/video1",
            "it only has the multi-planar interface, which is not supported",
        ),
        ("/dev/video2", "it carries metadata and no pictures"),
        ("/dev/video3", "it does not capture video"),
    ] {
        let fleet = Fleet::start([("cam", always(&format!("v4l2://{device}")))]);
        let reason = fleet.failure("cam").await;
        assert!(
            reason.starts_with(&format!("cannot open {device}: {wanted}")),
            "{reason}"
        );
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_device_in_use_is_an_error_and_its_user_is_not_disturbed() {
    let first = Fleet::start([("cam", camera("format=yuyv", &[]))]);
    let mut frames = first.frames("cam").await;
    frames.take(2).await;
    let second = Fleet::start([("cam", always("v4l2:///dev/video0?size=640x360"))]);
    let reason = second.failure("cam").await;
    assert_eq!(
        reason,
        "cannot open /dev/video0: it is in use by another program"
    );
    for frame in frames.take(3).await {
        assert_eq!((frame.width, frame.height), (320, 180));
    }
    first.stop().await;
    // It is tried again, and works now.
    let frame = second.frames("cam").await.next().await;
    assert_eq!((frame.width, frame.height), (640, 360));
    second.stop().await;
}

#[tokio::test]
async fn a_frame_with_the_error_flag_is_dropped_and_counted() {
    let camera = camera("format=yuyv", &[("inject_v4l2_buf_flag_error", 1)]);
    let fleet = Fleet::start([("cam", camera)]);
    let announce = fleet
        .announced("cam", |announce| dropped(announce, "corrupt") > 0)
        .await;
    assert_eq!(dropped(&announce, "corrupt"), 1);
    let frame = fleet.frames("cam").await.next().await;
    assert_bars(&Decoded::new(&frame), false);
    fleet.stop().await;
}

#[tokio::test]
async fn a_driver_that_refuses_to_start_is_an_error_and_is_left_as_it_was() {
    for step in ["reqbufs", "qbuf", "streamon"] {
        let control = format!("inject_vidioc_{step}_error");
        let fleet = Fleet::start([("cam", camera("", &[(&control, 1)]))]);
        let reason = fleet.failure("cam").await;
        assert!(
            reason.starts_with("cannot open /dev/video0: "),
            "{step}: {reason}"
        );
        fleet.stop().await;
        let fleet = Fleet::start([("cam", camera("", &[]))]);
        fleet.frames("cam").await.next().await;
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_child_process_does_not_inherit_the_camera() {
    let fleet = Fleet::start([("cam", camera("", &[]))]);
    fleet.frames("cam").await.next().await;
    assert_eq!(open_devices(), [("/dev/video0".into(), false)]);
    fleet.stop().await;
}

#[tokio::test]
async fn a_driver_that_gives_no_frames_is_noticed() {
    let fleet = Fleet::start([("cam", camera("", &[("percentage_of_dropped_buffers", 100)]))]);
    let reason = fleet.failure("cam").await;
    assert!(reason.contains("no picture from /dev/video0"), "{reason}");
    fleet.stop().await;
    let fleet = Fleet::start([("cam", camera("", &[("percentage_of_dropped_buffers", 0)]))]);
    fleet.frames("cam").await.take(2).await;
    fleet.stop().await;
}

#[tokio::test]
async fn a_driver_that_goes_away_and_comes_back_is_captured_from_again() {
    const DRIVER: &str = "/sys/bus/platform/drivers/vivid";
    let fleet = Fleet::start([("cam", camera("format=nv12", &[]))]);
    let mut frames = fleet.frames("cam").await;
    frames.take(2).await;
    fs::write(format!("{DRIVER}/unbind"), "vivid.0").unwrap();
    let reason = fleet.failure("cam").await;
    assert!(reason.contains("/dev/video0"), "{reason}");
    fs::write(format!("{DRIVER}/bind"), "vivid.0").unwrap();
    assert!(Path::new("/dev/video0").exists());
    fleet.live("cam").await;
    for frame in frames.take(3).await {
        assert_bars(&Decoded::new(&frame), false);
    }
    fleet.stop().await;
}
