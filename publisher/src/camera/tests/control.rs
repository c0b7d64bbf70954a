//! Requests to a running camera.

use sightline_proto::{ControlReply, KeyframeRequest, SettingsRequest};

use super::*;

pub(super) async fn ask(rig: &Rig, verb: &str, request: Vec<u8>) -> String {
    let subject = Topic::Control(rig.name.clone(), verb.parse().unwrap()).subject();
    let answer = rig
        .bus
        .request(&subject, request.into(), Duration::from_secs(1))
        .await
        .unwrap();
    ControlReply::decode(answer).unwrap().refused
}

fn settings(jpeg_quality: Option<u32>, max_fps: Option<f32>) -> Vec<u8> {
    SettingsRequest {
        jpeg_quality,
        max_fps,
    }
    .encode_to_vec()
}

#[tokio::test(start_paused = true)]
async fn settings_change_while_it_runs() {
    let mut rig = Rig::new(Camera {
        control: true,
        ..test_pattern(30)
    })
    .await;
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
async fn settings_are_refused_unless_the_configuration_allows_them() {
    let rig = Rig::new(test_pattern(30)).await;
    let refused = ask(&rig, "settings", settings(Some(10), None)).await;
    assert!(refused.contains("cameras.gate.control = true"), "{refused}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_refused_in_words() {
    let rig = Rig::new(Camera {
        control: true,
        ..test_pattern(30)
    })
    .await;
    for (verb, request, wanted) in [
        ("settings", settings(Some(0), None), "jpeg_quality"),
        ("settings", settings(None, Some(1e9)), "max_fps"),
        ("settings", vec![0xFF; 5], "decode"),
        (
            "keyframe",
            KeyframeRequest {
                stream: "sub".into(),
            }
            .encode_to_vec(),
            "known are jpeg, h264",
        ),
        ("reboot", Vec::new(), "no request \"reboot\""),
    ] {
        let refused = ask(&rig, verb, request).await;
        assert!(refused.contains(wanted), "{verb}: {refused}");
    }
    let keyframe = KeyframeRequest {
        stream: JPEG.into(),
    }
    .encode_to_vec();
    assert_eq!(ask(&rig, "keyframe", keyframe).await, "");
    rig.stop().await;
}
