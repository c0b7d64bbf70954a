//! A WebSocket client that speaks the messages of `/api/watch`.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use sightline_proto::{
    FollowCameras, Form, Init, Message as _, Refused, Subscribe, ToRelay, ToViewer, Unsubscribe,
    WatchFrame, to_relay, to_viewer,
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest as _, http::HeaderValue},
};

use super::within;

pub(crate) struct Socket(pub(crate) WebSocketStream<TcpStream>);

impl Socket {
    /// A connection that has been greeted.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::over(stream, address).await
    }

    pub(crate) async fn over(stream: TcpStream, address: SocketAddr) -> Self {
        let url = format!("ws://{address}/api/watch");
        let (socket, _) = client_async(url, stream).await.unwrap();
        let mut socket = Self(socket);
        let hello = socket.next().await;
        assert!(matches!(hello, to_viewer::Message::Hello(h) if h.relay == "test-relay"));
        socket
    }

    /// The answer to an upgrade from a page of `origin`.
    pub(crate) async fn status_for(address: SocketAddr, origin: &str) -> u16 {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut request = format!("ws://{address}/api/watch")
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("Origin", HeaderValue::from_str(origin).unwrap());
        match client_async(request, stream).await {
            Ok((_, response)) => response.status().as_u16(),
            Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn say(&mut self, message: to_relay::Message) {
        let message = ToRelay {
            message: Some(message),
        };
        self.send(Message::Binary(message.encode_to_vec().into()))
            .await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, camera: &str, max_fps: f32) {
        self.say(to_relay::Message::Subscribe(Subscribe {
            camera: camera.into(),
            max_fps,
            ..Subscribe::default()
        }))
        .await;
    }

    /// Watches the stream `stream` in a form of MP4 or as it is.
    pub(crate) async fn watch(&mut self, camera: &str, stream: &str, form: Form) {
        self.say(to_relay::Message::Subscribe(Subscribe {
            camera: camera.into(),
            stream: stream.into(),
            form: form.into(),
            ..Subscribe::default()
        }))
        .await;
    }

    /// The refusal that comes next.
    pub(crate) async fn refused(&mut self) -> Refused {
        match self.next().await {
            to_viewer::Message::Refused(refused) => refused,
            other => panic!("not refused, but {other:?}"),
        }
    }

    /// The init segment that comes next.
    pub(crate) async fn init(&mut self) -> Init {
        match self.next().await {
            to_viewer::Message::Init(init) => init,
            other => panic!("no init segment, but {other:?}"),
        }
    }

    pub(crate) async fn unsubscribe(&mut self, camera: &str) {
        self.say(to_relay::Message::Unsubscribe(Unsubscribe {
            camera: camera.into(),
            stream: String::new(),
        }))
        .await;
    }

    pub(crate) async fn follow(&mut self) {
        self.say(to_relay::Message::FollowCameras(FollowCameras {}))
            .await;
    }

    /// The next message of the relay.
    pub(crate) async fn next(&mut self) -> to_viewer::Message {
        loop {
            match self.raw().await {
                Some(Ok(Message::Binary(bytes))) => {
                    return ToViewer::decode(bytes).unwrap().message.unwrap();
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no message, but {other:?}"),
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> WatchFrame {
        match self.next().await {
            to_viewer::Message::Frame(frame) => frame,
            other => panic!("no frame, but {other:?}"),
        }
    }

    /// The code that the relay closes with.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match self.raw().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("no close, but {other:?}"),
            }
        }
    }

    pub(crate) async fn raw(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        within("the relay says something", self.0.next()).await
    }
}
