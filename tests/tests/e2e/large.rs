//! Pictures that are larger than what a nats-server takes in one message.

use sightline_tests::{
    fleet::{Publisher, Relay},
    mjpeg::Stream,
    nats::{Server, Version},
    picture,
};
use tempfile::TempDir;

use crate::quiet::alone;

const WIDTH: u16 = 3840;
const HEIGHT: u16 = 2160;

/// A 4K picture that compresses badly: more than 3 MB.
fn large_jpeg() -> Vec<u8> {
    let mut pixels = vec![0; usize::from(WIDTH) * usize::from(HEIGHT)];
    // Noise that is the same in each run (xorshift).
    let mut state = 0x9e37_79b9_u32;
    for pixel in &mut pixels {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *pixel = state.to_be_bytes()[0];
    }
    let mut jpeg = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 62);
    encoder
        .encode(&pixels, WIDTH, HEIGHT, jpeg_encoder::ColorType::Luma)
        .unwrap();
    jpeg
}

#[tokio::test]
async fn a_4k_picture_of_3_mb_passes_a_server_with_the_default_limit() {
    let _machine = alone().await;
    let jpeg = large_jpeg();
    assert!(
        (3_000_000..6_000_000).contains(&jpeg.len()),
        "{} bytes",
        jpeg.len()
    );
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("large.jpg"), &jpeg).unwrap();
    let source = format!("images://{}?fps=5", folder.path().display());
    for version in [Version::Debian, Version::Current] {
        let server = Server::start(version, "").await;
        let relay = Relay::start(&server.url()).await;
        let _publisher = Publisher::start(&server.url(), "farm", &[("gate", &source)]);
        relay.until_online("farm/gate").await;
        let mut viewer = Stream::open(relay.address(), "farm/gate").await.unwrap();
        for _ in 0..10 {
            let part = viewer.next_fresh().await.unwrap();
            assert!(
                part.jpeg == jpeg,
                "{} bytes of {}",
                part.jpeg.len(),
                jpeg.len()
            );
        }
        let (_, width, height) = picture::luma(&jpeg).unwrap();
        assert_eq!((width, height), (WIDTH.into(), HEIGHT.into()));
        let camera = relay.camera("farm/gate").await.unwrap();
        assert_eq!(camera["streams"][0]["width"], WIDTH, "{camera}");
        let snapshot = relay
            .get("/api/cameras/farm/gate/snapshot.jpg")
            .await
            .unwrap();
        assert!(snapshot.body == jpeg);
    }
}
