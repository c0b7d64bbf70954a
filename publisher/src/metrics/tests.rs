use std::collections::BTreeSet;

use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use sightline_proto::{CameraState, JPEG};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::source::{DropReason, Output};

/// Every metric, with a series of each.
fn exercised(metrics: &Metrics) -> OfCamera {
    let output = Output::default();
    output.count(DropReason::Superseded);
    let watched = Watched {
        state: Box::new(|| CameraState::Live),
        outputs: vec![output.clone(), output],
    };
    let camera = metrics.camera(&"farm/gate".parse().unwrap(), watched);
    camera.captured.inc();
    camera.source_failures.inc();
    let stream = camera.stream(JPEG);
    stream.encoded(Duration::from_millis(4));
    stream.published(1_000, 20_000);
    camera
}

#[test]
fn the_reference_lists_what_is_served_and_nothing_else() {
    let metrics = Metrics::new([]);
    let _camera = exercised(&metrics);
    let text = metrics.text().unwrap();
    let served: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            match kind {
                "counter" => format!("{name}_total"),
                "info" => format!("{name}_info"),
                _ => name.to_owned(),
            }
        })
        .collect();
    let reference = include_str!("../../../docs/ref/metrics.md");
    let listed: BTreeSet<_> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split(['`', '{']).next())
        .filter(|name| name.starts_with("sightline_publisher_"))
        .map(str::to_owned)
        .collect();
    assert_eq!(served, listed);
    for reason in DropReason::ALL {
        assert!(
            reference.contains(&format!("`{}`", reason.word())),
            "{reason:?}"
        );
    }
}

#[test]
fn a_camera_has_series_while_it_runs() {
    let metrics = Metrics::new([]);
    let camera = exercised(&metrics);
    let text = metrics.text().unwrap();
    for line in [
        r#"sightline_publisher_cameras{state="live"} 1"#,
        r#"sightline_publisher_cameras{state="failed"} 0"#,
        r#"sightline_publisher_frames_captured_total{camera="farm/gate"} 1"#,
        r#"sightline_publisher_frames_dropped_total{camera="farm/gate",reason="superseded"} 2"#,
        r#"sightline_publisher_bytes_published_total{camera="farm/gate",stream="jpeg"} 1000"#,
        r#"sightline_publisher_frame_age_at_publish_seconds_count{camera="farm/gate",stream="jpeg"} 1"#,
        r#"sightline_publisher_encode_seconds_count{camera="farm/gate",stream="jpeg"} 1"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    drop(camera);
    let text = metrics.text().unwrap();
    assert!(!text.contains("farm/gate"), "{text}");
    assert!(
        text.contains(r#"sightline_publisher_cameras{state="live"} 0"#),
        "{text}"
    );
}

#[tokio::test]
async fn they_are_served_with_health_and_readiness() {
    let (metrics, bus) = (Metrics::new([]), Bus::local(1 << 20));
    let _camera = exercised(&metrics);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(metrics.clone(), bus, listener, shutdown.clone()));
    let get = async |method: &str, path: &str| {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Empty::<bytes::Bytes>::new());
        let response = sender.send_request(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(get("GET", "/healthz").await, (200, "ok".into()));
    assert_eq!(get("GET", "/readyz").await, (200, "ready".into()));
    assert_eq!(get("GET", "/metrics").await, (200, metrics.text().unwrap()));
    assert_eq!(get("HEAD", "/metrics").await, (200, String::new()));
    assert_eq!(get("POST", "/metrics").await.0, 405);
    assert_eq!(get("GET", "/").await.0, 404);
    shutdown.cancel();
    serving.await.unwrap();
}

#[tokio::test]
async fn more_connections_than_there_are_places_for_are_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let bus = Bus::local(1 << 20);
    let serving = tokio::spawn(serve(Metrics::new([]), bus, listener, shutdown.clone()));
    let mut silent = Vec::new();
    for _ in 0..server::MAX_CONNECTIONS {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let one_more = TcpStream::connect(address).await.unwrap();
    one_more.readable().await.unwrap();
    let end = one_more.try_read(&mut [0]);
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    shutdown.cancel();
    serving.await.unwrap();
}
