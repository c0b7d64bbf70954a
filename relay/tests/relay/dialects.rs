use crate::support::{Camera, Client, Relay, jpeg, known};

async fn two_cameras(relay: &Relay) -> (Camera, Camera) {
    let mut door = Camera::start(&relay.bus, "barn/door").await;
    let mut gate = Camera::start(&relay.bus, "farm/gate").await;
    known(relay, "barn/door").await;
    known(relay, "farm/gate").await;
    door.stream(20, vec![jpeg(1)]);
    gate.stream(20, vec![jpeg(2)]);
    (door, gate)
}

#[tokio::test]
async fn streams_of_other_servers_are_ours() {
    let relay = Relay::start().await;
    let _cameras = two_cameras(&relay).await;
    for (path, wanted) in [
        ("/?action=stream", jpeg(1)),
        ("/?action=stream_0", jpeg(1)),
        ("/?action=stream?dummy=param.mjpg", jpeg(1)),
        ("/?src=gate&action=stream", jpeg(2)),
        ("/stream", jpeg(1)),
        ("/stream?src=farm/gate&extra_headers=1", jpeg(2)),
        ("/api/stream.mjpeg?src=farm%2Fgate", jpeg(2)),
        ("/api/stream.mjpeg?src=door", jpeg(1)),
        ("/video_feed", jpeg(1)),
    ] {
        let mut client = Client::get(relay.address, path).await;
        let head = client.head().await;
        assert_eq!(head.status, 200, "{path}");
        assert_eq!(
            head.header("content-type"),
            Some("multipart/x-mixed-replace;boundary=boundarydonotcross"),
            "{path}"
        );
        client.until(b"\r\n").await;
        assert_eq!(client.part().await.1, wanted, "{path}");
    }
}

#[tokio::test]
async fn snapshots_of_other_servers_are_ours() {
    let relay = Relay::start().await;
    let _cameras = two_cameras(&relay).await;
    for (path, wanted) in [
        ("/?action=snapshot", jpeg(1)),
        ("/?action=snapshot_0&n=3", jpeg(1)),
        ("/snapshot", jpeg(1)),
        ("/snapshot?src=farm/gate", jpeg(2)),
        ("/api/frame.jpeg?src=gate", jpeg(2)),
    ] {
        let (head, picture) = relay.get(path).await;
        assert_eq!(head.status, 200, "{path}");
        assert_eq!(head.header("content-type"), Some("image/jpeg"), "{path}");
        assert_eq!(picture, wanted, "{path}");
    }
}

#[tokio::test]
async fn states_of_other_servers_have_their_shape() {
    let relay = Relay::start().await;
    let _cameras = two_cameras(&relay).await;
    let (_, state) = relay.get_json("/state?src=gate").await;
    assert_eq!(state["ok"], true);
    assert_eq!(state["result"]["source"]["online"], true);
    assert_eq!(state["result"]["source"]["resolution"]["width"], 64);
    let (_, streams) = relay.get_json("/api/streams").await;
    assert_eq!(
        streams["farm/gate"]["producers"].as_array().unwrap().len(),
        1
    );
    assert_eq!(streams.as_object().unwrap().len(), 2);
    let (_, one) = relay.get_json("/api/streams?src=gate").await;
    assert_eq!(one, streams["farm/gate"]);
}

#[tokio::test]
async fn a_camera_that_is_not_there_or_not_clear_is_told_so() {
    let relay = Relay::start().await;
    let (head, json) = relay.get_json("/stream").await;
    assert_eq!(head.status, 404);
    assert_eq!(json["error"]["code"], "unknown_camera");
    let _cameras = two_cameras(&relay).await;
    let _other = Camera::start(&relay.bus, "barn/gate").await;
    known(&relay, "barn/gate").await;
    let (head, json) = relay.get_json("/snapshot?src=gate").await;
    assert_eq!(head.status, 400);
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.contains("barn/gate") && message.contains("farm/gate"));
    let (head, _) = relay.get_json("/api/frame.jpeg?src=none").await;
    assert_eq!(head.status, 404);
}
