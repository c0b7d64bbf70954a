use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use sightline_media::h264::annexb::nals;
use sightline_proto::H264;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::support::{
    Camera, Relay,
    film::{Film, Projector, RATE, Shot},
    known, within,
};

async fn open(relay: &Relay, channel: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(relay.address).await.unwrap();
    let url = format!("ws://{}/play2", relay.address);
    let mut socket = client_async(url, stream).await.unwrap().0;
    let open = json!({"t": "open", "c": channel, "v": "NA"}).to_string();
    socket.send(Message::Text(open.into())).await.unwrap();
    socket
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Message {
    let message = within("the relay says something", socket.next()).await;
    message.unwrap().unwrap()
}

/// The NAL units of the shot, with a start code of four bytes in front of all, and nowhere else.
fn assert_is(message: &Message, shot: &Shot) {
    let Message::Binary(bytes) = message else {
        panic!("no binary message, but {message:?}");
    };
    assert!(nals(bytes).eq(nals(&shot.data)));
    let long = long_codes(bytes);
    assert_eq!(long, [0]);
}

/// Where start codes of four bytes are.
fn long_codes(bytes: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(4).enumerate();
    windows
        .filter(|(_, window)| *window == [0, 0, 0, 1])
        .map(|(at, _)| at)
        .collect()
}

#[tokio::test]
async fn its_player_gets_whole_access_units_from_a_key_frame_on() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", 2 * RATE, "-bf 0");
    let camera = Camera::with(&relay.bus, "farm/gate", 7, |announce| {
        film.announced(announce);
    })
    .await;
    known(&relay, "farm/gate").await;
    let projector = Projector::new(&relay.bus, &camera, Duration::from_secs(10));
    let pictures: Vec<_> = film
        .shots
        .iter()
        .filter(|shot| shot.stream == H264)
        .cloned()
        .collect();
    let mut socket = open(&relay, "farm/gate").await;
    camera.demanded(1).await;
    projector.show(&pictures[..40]).await;
    for shot in &pictures[..40] {
        assert_is(&next(&mut socket).await, shot);
    }
    // Its own name for a page that names no channel.
    let mut late = open(&relay, "chX").await;
    for shot in &pictures[25..40] {
        assert_is(&next(&mut late).await, shot);
    }
    projector.show(&pictures[40..]).await;
    for socket in [&mut socket, &mut late] {
        for shot in &pictures[40..] {
            assert_is(&next(socket).await, shot);
        }
    }
}

#[tokio::test]
async fn a_channel_that_is_not_there_is_refused_in_words() {
    let relay = Relay::start().await;
    let _camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    for (channel, words) in [
        ("ch7", "there is no camera \"ch7\""),
        ("gate", "offers no stream of H.264"),
    ] {
        let mut socket = open(&relay, channel).await;
        let Message::Close(Some(frame)) = next(&mut socket).await else {
            panic!("no close");
        };
        assert_eq!(u16::from(frame.code), 1008);
        assert!(frame.reason.contains(words), "{}", frame.reason);
    }
}
