//! Requests to a running camera.

use sightline_proto::{ControlReply, ControlsRequest, KeyframeRequest, SettingsRequest};

use super::*;

pub(super) async fn ask(rig: &Rig, verb: &str, request: Vec<u8>) -> String {
    answer(rig, verb, request).await.refused
}

async fn answer(rig: &Rig, verb: &str, request: Vec<u8>) -> ControlReply {
    let subject = Topic::Control(rig.name.clone(), verb.parse().unwrap()).subject();
    let answer = rig
        .bus
        .request(&subject, request.into(), Duration::from_secs(1))
        .await
        .unwrap();
    ControlReply::decode(answer).unwrap()
}

fn open_to_all(camera: Camera) -> Camera {
    Camera {
        control: Verb::ALL.to_vec(),
        ..camera
    }
}

fn settings(jpeg_quality: Option<u32>, max_fps: Option<f32>) -> Vec<u8> {
    SettingsRequest {
        jpeg_quality,
        max_fps,
        ..SettingsRequest::default()
    }
    .encode_to_vec()
}

#[tokio::test(start_paused = true)]
async fn settings_change_while_it_runs() {
    let mut rig = Rig::new(open_to_all(test_pattern(30))).await;
    rig.demand(false).await;
    let before = rig.frame().await.data.len();
    assert_eq!(ask(&rig, "settings", settings(Some(10), None)).await, "");
    let mut after = before;
    for _ in 0..5 {
        after = rig.frame().await.data.len();
    }
    assert!(after < before * 2 / 3, "{before} {after}");
    assert_eq!(ask(&rig, "settings", settings(None, Some(2.0))).await, "");
    let frames = rig.frames_within(Duration::from_secs(10), true).await;
    assert!((19..=22).contains(&frames), "{frames}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_but_key_frames_is_allowed_unless_the_configuration_says_so() {
    let rig = Rig::new(test_pattern(30)).await;
    let size = SettingsRequest {
        width: Some(320),
        height: Some(180),
        ..SettingsRequest::default()
    };
    let controls = ControlsRequest {
        controls: [("gain".to_owned(), 1)].into(),
    };
    for (verb, request, word) in [
        ("settings", settings(Some(10), None), "quality"),
        ("settings", settings(None, Some(1.0)), "max_fps"),
        ("settings", size.encode_to_vec(), "size"),
        ("controls", controls.encode_to_vec(), "controls"),
    ] {
        let reply = answer(&rig, verb, request).await;
        let wanted = format!("does not allow {word}: add it to cameras.gate.control");
        assert!(
            reply.not_allowed && reply.refused.contains(&wanted),
            "{reply:?}"
        );
    }
    assert_eq!(ask(&rig, "keyframe", keyframe(JPEG)).await, "");
    rig.stop().await;

    let rig = Rig::new(Camera {
        control: Vec::new(),
        ..test_pattern(30)
    })
    .await;
    let reply = answer(&rig, "keyframe", keyframe(JPEG)).await;
    assert!(reply.not_allowed, "{reply:?}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_can_is_opened_again_with_another_size() {
    let mut rig = Rig::new(open_to_all(test_pattern(30))).await;
    rig.demand(false).await;
    assert_eq!(rig.frame().await.width, 160);
    let request = SettingsRequest {
        width: Some(320),
        height: Some(180),
        ..SettingsRequest::default()
    };
    let reply = answer(&rig, "settings", request.encode_to_vec()).await;
    assert_eq!(
        (reply.refused.as_str(), reply.width, reply.height),
        ("", Some(320), Some(180))
    );
    assert_eq!((reply.jpeg_quality, reply.max_fps), (Some(80), Some(0.0)));
    while rig.frame().await.width != 320 {}
    for wrong in [
        SettingsRequest {
            width: Some(9),
            height: Some(9),
            ..request
        },
        SettingsRequest {
            height: None,
            ..request
        },
    ] {
        let refused = ask(&rig, "settings", wrong.encode_to_vec()).await;
        assert!(refused.starts_with("size: "), "{refused}");
    }
    assert_eq!(rig.frame().await.width, 320);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_source_cannot_do_it_refuses() {
    let mut rig = Rig::new(open_to_all(camera(Fake::new(|_| Play::default())))).await;
    rig.demand(false).await;
    rig.frame().await;
    let size = SettingsRequest {
        width: Some(320),
        height: Some(180),
        ..SettingsRequest::default()
    };
    let controls = ControlsRequest {
        controls: [("gain".to_owned(), 1)].into(),
    };
    let many = ControlsRequest {
        controls: (0..65).map(|i| (i.to_string(), i)).collect(),
    };
    for (verb, request, wanted) in [
        ("settings", size.encode_to_vec(), "pictures of one size"),
        ("settings", settings(Some(10), None), "gives JPEGs itself"),
        ("controls", controls.encode_to_vec(), "has no controls"),
        ("controls", many.encode_to_vec(), "1 to 64"),
        ("controls", Vec::new(), "1 to 64"),
    ] {
        let reply = answer(&rig, verb, request).await;
        assert!(
            !reply.not_allowed && reply.refused.contains(wanted),
            "{reply:?}"
        );
    }
    rig.stop().await;
}

fn keyframe(stream: &str) -> Vec<u8> {
    KeyframeRequest {
        stream: stream.into(),
    }
    .encode_to_vec()
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_refused_in_words() {
    let rig = Rig::new(open_to_all(test_pattern(30))).await;
    for (verb, request, wanted) in [
        ("settings", settings(Some(0), None), "jpeg_quality"),
        ("settings", settings(None, Some(1e9)), "max_fps"),
        ("settings", vec![0xFF; 5], "decode"),
        ("keyframe", keyframe("sub"), "known are jpeg, h264"),
        ("reboot", Vec::new(), "no request \"reboot\""),
    ] {
        let refused = ask(&rig, verb, request).await;
        assert!(refused.contains(wanted), "{verb}: {refused}");
    }
    assert_eq!(ask(&rig, "keyframe", keyframe(JPEG)).await, "");
    rig.stop().await;
}
