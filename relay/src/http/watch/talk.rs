//! What a viewer asks for, and what it is told.

use std::{sync::Weak, time::Duration};

use bytes::Bytes;
use sightline_proto::{
    CameraList, Hello, Leaving, Message as _, Pong, ToRelay, to_relay, to_viewer,
};
use tokio::sync::broadcast::{
    self,
    error::{RecvError, TryRecvError},
};
use tokio_util::task::AbortOnDropHandle;

use super::feeds::Feeds;
use crate::{
    clock::wall_us,
    directory::Change,
    form::message::encode,
    http::{
        App,
        socket::{Close, Messages, Said, Talk},
    },
    line::{Advance, Next},
};

#[derive(Debug)]
pub(super) struct Watch {
    app: App,
    feeds: Feeds,
    /// Set once the viewer follows the cameras.
    changes: Option<Changes>,
    /// The connection, once the talk has begun.
    line: Option<Weak<dyn Advance>>,
}

#[derive(Debug)]
struct Changes {
    receiver: broadcast::Receiver<Change>,
    /// Has the line advanced for each change.
    _told: AbortOnDropHandle<()>,
}

impl Watch {
    pub(super) fn new(app: App) -> Self {
        Self {
            feeds: Feeds::new(app.clone()),
            app,
            changes: None,
            line: None,
        }
    }

    fn list(&self) -> Bytes {
        let cameras = self.app.directory.cameras();
        encode(to_viewer::Message::Cameras(CameraList {
            cameras: cameras.iter().map(|camera| camera.info()).collect(),
        }))
    }

    /// The next change of a camera, if the viewer follows them.
    fn change(&mut self) -> Option<Bytes> {
        let change = self.changes.as_mut()?.receiver.try_recv();
        match change {
            Ok(Change::Camera(camera)) => {
                Some(encode(to_viewer::Message::CameraChanged(camera.info())))
            }
            // Too slow for the changes: the list says it all.
            Ok(Change::List) | Err(TryRecvError::Lagged(_)) => Some(self.list()),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => {
                self.changes = None;
                None
            }
        }
    }

    /// What the next stream that has something new, or whose picture's turn has come, has for the viewer.
    fn frame(&mut self, out: &mut Messages<'_>, now: Duration) -> Next {
        let Some(key) = self.feeds.ready(now) else {
            return Next::Wait(self.feeds.held_until());
        };
        let outgoing = self.feeds.take(key, now);
        [outgoing.init, outgoing.skipped, outgoing.frame]
            .into_iter()
            .flatten()
            .for_each(|message| out.ready(message));
        if self.changes.is_none() && self.feeds.are_quiet() {
            return Next::Only(self.feeds.held_until());
        }
        Next::More
    }
}

impl Talk for Watch {
    type Command = to_relay::Message;

    fn read(said: Said) -> Result<Option<to_relay::Message>, Close> {
        match said {
            // A kind of message that this relay does not know yet has no content.
            Said::Binary(bytes) => match ToRelay::decode(bytes) {
                Ok(to_relay) => Ok(to_relay.message),
                Err(_) => Err(Close::Malformed),
            },
            Said::Text(_) => Err(Close::Malformed),
        }
    }

    fn begin(&mut self, line: Weak<dyn Advance>, out: &mut Messages<'_>) {
        self.feeds.attach(line.clone());
        self.line = Some(line);
        out.ready(encode(to_viewer::Message::Hello(Hello {
            relay: self.app.name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            relay_time_us: wall_us(),
        })));
    }

    fn obey(&mut self, command: to_relay::Message, out: &mut Messages<'_>) -> Result<(), Close> {
        match command {
            to_relay::Message::Subscribe(wanted) => {
                if let Err(refused) = self.feeds.subscribe(&wanted) {
                    out.ready(refused);
                }
            }
            to_relay::Message::Unsubscribe(unwanted) => self.feeds.unsubscribe(&unwanted),
            to_relay::Message::FollowCameras(_) => {
                if let Some(line) = &self.line {
                    self.changes = Some(follow(&self.app, line.clone()));
                }
                out.ready(self.list());
            }
            to_relay::Message::Ping(ping) => {
                out.ready(encode(to_viewer::Message::Pong(Pong {
                    viewer_time_us: ping.viewer_time_us,
                    relay_time_us: wall_us(),
                })));
            }
        }
        Ok(())
    }

    fn next(&mut self, out: &mut Messages<'_>, now: Duration) -> Next {
        if let Some(change) = self.change() {
            out.ready(change);
            return Next::More;
        }
        self.frame(out, now)
    }

    fn leave(&mut self, out: &mut Messages<'_>) -> bool {
        out.ready(encode(to_viewer::Message::Leaving(Leaving {})));
        true
    }
}

fn follow(app: &App, line: Weak<dyn Advance>) -> Changes {
    let mut changes = app.directory.follow();
    Changes {
        receiver: app.directory.follow(),
        _told: AbortOnDropHandle::new(tokio::spawn(async move {
            while !matches!(changes.recv().await, Err(RecvError::Closed)) {
                let Some(line) = line.upgrade() else {
                    return;
                };
                line.advance();
            }
        })),
    }
}
