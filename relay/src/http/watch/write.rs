//! What a viewer is told.

use bytes::Bytes;
use sightline_proto::{CameraList, Hello, Pong, to_relay, to_viewer};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};

use super::feeds::Feeds;
use crate::{
    clock::wall_us,
    directory::Change,
    form::message::encode,
    http::{
        App,
        socket::{Close, Outlet, Sent},
    },
};

/// Carries out what the viewer says and sends what it watches, one message after the other: while one
/// is on its way, newer frames replace those that wait.
pub(super) async fn messages(
    app: App,
    outlet: &mut Outlet,
    mut commands: mpsc::Receiver<to_relay::Message>,
) -> Close {
    let mut writer = Writer {
        feeds: Feeds::new(app.clone()),
        app,
        outlet,
        changes: None,
    };
    if writer.greet().await.is_err() {
        return Close::Gone;
    }
    loop {
        // Whichever of them is busy, the others get their turn: the order of polling is random.
        let sent = tokio::select! {
            command = commands.recv() => match command {
                Some(command) => writer.obey(command).await,
                None => return Close::Gone,
            },
            key = writer.feeds.ready() => writer.send_frame(key).await,
            change = next(&mut writer.changes) => writer.send_change(change).await,
            () = writer.outlet.ping_due() => writer.outlet.ping().await,
        };
        if sent.is_err() {
            return Close::Gone;
        }
    }
}

struct Writer<'a> {
    app: App,
    outlet: &'a mut Outlet,
    feeds: Feeds,
    /// Set once the viewer follows the cameras.
    changes: Option<broadcast::Receiver<Change>>,
}

impl Writer<'_> {
    async fn send(&mut self, message: Bytes) -> Sent {
        self.outlet.binary(message).await
    }

    async fn greet(&mut self) -> Sent {
        self.send(encode(to_viewer::Message::Hello(Hello {
            relay: self.app.name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            relay_time_us: wall_us(),
        })))
        .await
    }

    async fn obey(&mut self, command: to_relay::Message) -> Sent {
        match command {
            to_relay::Message::Subscribe(wanted) => match self.feeds.subscribe(&wanted) {
                Ok(()) => Ok(()),
                Err(refused) => self.send(refused).await,
            },
            to_relay::Message::Unsubscribe(unwanted) => {
                self.feeds.unsubscribe(&unwanted);
                Ok(())
            }
            to_relay::Message::FollowCameras(_) => {
                self.changes = Some(self.app.directory.follow());
                self.send_list().await
            }
            to_relay::Message::Ping(ping) => {
                self.send(encode(to_viewer::Message::Pong(Pong {
                    viewer_time_us: ping.viewer_time_us,
                    relay_time_us: wall_us(),
                })))
                .await
            }
        }
    }

    async fn send_frame(&mut self, key: u64) -> Sent {
        let outgoing = self.feeds.take(key);
        let messages = [outgoing.init, outgoing.skipped, outgoing.frame];
        for message in messages.into_iter().flatten() {
            self.send(message).await?;
        }
        Ok(())
    }

    async fn send_change(&mut self, change: Result<Change, RecvError>) -> Sent {
        match change {
            Ok(Change::Camera(camera)) => {
                let message = encode(to_viewer::Message::CameraChanged(camera.info()));
                self.send(message).await
            }
            // Too slow for the changes: the list says it all.
            Ok(Change::List) | Err(RecvError::Lagged(_)) => self.send_list().await,
            Err(RecvError::Closed) => {
                self.changes = None;
                Ok(())
            }
        }
    }

    async fn send_list(&mut self) -> Sent {
        let cameras = self.app.directory.cameras();
        self.send(encode(to_viewer::Message::Cameras(CameraList {
            cameras: cameras.iter().map(|camera| camera.info()).collect(),
        })))
        .await
    }
}

/// The next change, if the viewer follows them.
async fn next(changes: &mut Option<broadcast::Receiver<Change>>) -> Result<Change, RecvError> {
    match changes {
        Some(changes) => changes.recv().await,
        None => std::future::pending().await,
    }
}
