//! A viewer on the WebSocket.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use sightline_proto::{
    FollowCameras, Form, Message as _, Subscribe, ToRelay, ToViewer, WatchFrame, to_relay,
    to_viewer,
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, protocol::CloseFrame},
};

/// Nothing that is waited for may take longer.
const WAIT: Duration = Duration::from_secs(10);

/// An open connection.
#[derive(Debug)]
pub struct Watch(WebSocketStream<TcpStream>);

impl Watch {
    /// Connects to the relay at `address` (`host:port`).
    pub async fn open(address: &str) -> Result<Self> {
        Self::over(TcpStream::connect(address).await?, address).await
    }

    /// The same over a connection that is there already.
    pub async fn over(stream: TcpStream, address: &str) -> Result<Self> {
        let url = format!("ws://{address}/api/watch");
        let (socket, _) = tokio::time::timeout(WAIT, client_async(url, stream)).await??;
        Ok(Self(socket))
    }

    /// Sends a message.
    pub async fn send(&mut self, message: to_relay::Message) -> Result<()> {
        let message = ToRelay {
            message: Some(message),
        };
        self.send_raw(Message::binary(message.encode_to_vec()))
            .await
    }

    /// Sends whatever a WebSocket can carry.
    pub async fn send_raw(&mut self, message: Message) -> Result<()> {
        Ok(tokio::time::timeout(WAIT, self.0.send(message)).await??)
    }

    /// Asks for a camera's pictures.
    pub async fn subscribe(&mut self, camera: &str) -> Result<()> {
        let subscribe = Subscribe {
            camera: camera.to_owned(),
            ..Subscribe::default()
        };
        self.send(to_relay::Message::Subscribe(subscribe)).await
    }

    /// Asks for a stream of a camera, as its frames are or as MP4.
    pub async fn subscribe_to(&mut self, camera: &str, stream: &str, form: Form) -> Result<()> {
        let subscribe = Subscribe {
            camera: camera.to_owned(),
            stream: stream.to_owned(),
            form: form.into(),
            ..Subscribe::default()
        };
        self.send(to_relay::Message::Subscribe(subscribe)).await
    }

    /// Asks for the list of cameras and its changes.
    pub async fn follow_cameras(&mut self) -> Result<()> {
        self.send(to_relay::Message::FollowCameras(FollowCameras {}))
            .await
    }

    /// The next message of the relay.
    pub async fn next(&mut self) -> Result<to_viewer::Message> {
        self.next_within(Some(WAIT)).await
    }

    /// The next message of the relay, for which this viewer waits so long, or for ever.
    pub async fn next_within(&mut self, wait: Option<Duration>) -> Result<to_viewer::Message> {
        loop {
            match self.receive(wait).await? {
                Message::Binary(bytes) => {
                    let message = ToViewer::decode(bytes)?;
                    return message.message.context("an empty message");
                }
                Message::Close(frame) => bail!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next picture.
    pub async fn next_frame(&mut self) -> Result<WatchFrame> {
        loop {
            if let to_viewer::Message::Frame(frame) = self.next().await? {
                return Ok(frame);
            }
        }
    }

    /// Waits until the relay closes the connection, and gives its reason.
    pub async fn until_closed(&mut self) -> Result<Option<CloseFrame>> {
        loop {
            if let Message::Close(frame) = self.receive(Some(WAIT)).await? {
                return Ok(frame);
            }
        }
    }

    async fn receive(&mut self, wait: Option<Duration>) -> Result<Message> {
        let message = match wait {
            None => self.0.next().await,
            Some(wait) => tokio::time::timeout(wait, self.0.next())
                .await
                .with_context(|| format!("nothing within {wait:?}"))?,
        };
        Ok(message.context("the connection ended")??)
    }
}
