//! go2rtc's `/api/ws?src=`: a viewer names a mode, and gets fragmented MP4 or JPEG on the same connection.

use std::{future::Future, pin::Pin};

use axum::{body::Bytes, extract::RawQuery, response::Response};
use bytes::{BufMut as _, BytesMut};
use sightline_media::fmp4::Fragment;
use tokio::sync::mpsc::Receiver;

use super::message::{self, Codecs, Command};
use crate::{
    http::{
        App, Error, Params,
        file::{File, Part, Wanted, WantedSound},
        jpeg_of, resolve,
        socket::{Close, Conversation, Opening, Outlet, Said, Sent},
    },
    hub::{Feed, Inbox, Wish, age},
    metrics::Route,
    viewer::{Decision, Viewer, fresh},
};

/// The player has room for 2 MiB that it did not append yet, and freezes for ever past it.
const BURST_BYTES: usize = 1 << 20;

pub(super) async fn upgrade(
    RawQuery(query): RawQuery,
    opening: Opening,
) -> Result<Response, Error> {
    let params = Params::parse(query.as_deref())?;
    let app = opening.app.clone();
    Ok(opening.converse(Player { app, params }))
}

struct Player {
    app: App,
    params: Params,
}

type Begun = Result<Box<File>, Error>;

/// What a viewer gets. A new wish takes the place of the one before.
enum Mode {
    Nothing,
    /// Waits for a key frame.
    Beginning(Pin<Box<dyn Future<Output = Begun> + Send>>),
    File(Box<File>),
    Jpeg(Box<Pictures>),
}

/// What comes next of a mode.
enum Next {
    Began(Begun),
    Part(Part),
    Picture(Bytes),
}

impl Conversation for Player {
    type Command = Command;

    fn read(said: Said) -> Result<Option<Command>, Close> {
        match said {
            Said::Text(text) => Command::read(&text),
            Said::Binary(_) => Err(Close::Malformed),
        }
    }

    async fn speak(self, outlet: &mut Outlet, mut commands: Receiver<Command>) -> Close {
        let mut mode = Mode::Nothing;
        loop {
            let sent = tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command, &mut mode, outlet).await,
                    None => return Close::Gone,
                },
                next = mode.next() => send(next, &mut mode, outlet).await,
                () = outlet.ping_due() => outlet.ping().await,
            };
            if sent.is_err() {
                return Close::Gone;
            }
        }
    }
}

impl Player {
    async fn obey(&self, command: Command, mode: &mut Mode, outlet: &mut Outlet) -> Sent {
        match command {
            Command::Mse(codecs) => match self.begin(codecs) {
                Ok(beginning) => {
                    *mode = beginning;
                    Ok(())
                }
                Err(error) => outlet.text(message::error("mse", error.message())).await,
            },
            Command::Mjpeg => match self.pictures() {
                Ok(pictures) => {
                    *mode = Mode::Jpeg(Box::new(pictures));
                    outlet.text(message::mjpeg()).await
                }
                Err(error) => outlet.text(message::error("mjpeg", error.message())).await,
            },
            Command::Other(kind) => {
                let words = "this relay has mse and mjpeg";
                outlet.text(message::error(&kind, words)).await
            }
        }
    }

    fn begin(&self, codecs: Codecs) -> Result<Mode, Error> {
        if !codecs.have_h264() {
            return Err(Error::bad_request(
                "the viewer plays no H.264, and there is nothing else",
            ));
        }
        let camera = resolve(&self.app, self.params.src.as_deref())?;
        let wanted = Wanted {
            stream: self.params.stream.clone(),
            sound: codecs
                .listed()
                .map_or(WantedSound::Any, WantedSound::Listed),
            burst_bytes: Some(BURST_BYTES),
        };
        let file = File::begin(self.app.clone(), camera, wanted, Route::Go2rtc);
        Ok(Mode::Beginning(Box::pin(async {
            file.await.map(Box::new)
        })))
    }

    fn pictures(&self) -> Result<Pictures, Error> {
        let camera = resolve(&self.app, self.params.src.as_deref())?;
        let name = jpeg_of(&camera)?;
        let inbox = Inbox::default();
        let route = Route::Go2rtc;
        Ok(Pictures {
            feed: self.app.hub.watch(&name, Wish::All, route, &inbox, 0),
            inbox,
            viewer: Viewer::new(self.params.fps),
            app: self.app.clone(),
        })
    }
}

impl Mode {
    /// What comes next. Cancel safe.
    async fn next(&mut self) -> Next {
        match self {
            Self::Nothing => std::future::pending().await,
            Self::Beginning(file) => Next::Began(file.await),
            Self::File(file) => Next::Part(file.next().await),
            Self::Jpeg(pictures) => Next::Picture(pictures.next().await),
        }
    }
}

async fn send(next: Next, mode: &mut Mode, outlet: &mut Outlet) -> Sent {
    match next {
        Next::Began(Ok(file)) => {
            let mime = file.mime();
            *mode = Mode::File(file);
            outlet.text(message::mse(&mime)).await
        }
        Next::Began(Err(error)) => {
            *mode = Mode::Nothing;
            outlet.text(message::error("mse", error.message())).await
        }
        Next::Part(Part::Init(bytes)) => outlet.binary(bytes).await,
        Next::Part(Part::Fragment(fragment)) => outlet.binary(joined(&fragment)).await,
        Next::Picture(jpeg) => outlet.binary(jpeg).await,
    }
}

/// A fragment is one message, and a message is one buffer: the frame is copied for each viewer, since each has a
/// timeline of its own.
fn joined(fragment: &Fragment) -> Bytes {
    let mut bytes = BytesMut::with_capacity(fragment.head.len() + fragment.payload.len());
    bytes.put_slice(&fragment.head);
    bytes.put_slice(&fragment.payload);
    bytes.freeze()
}

/// The newest JPEG, as often as the viewer takes it.
struct Pictures {
    app: App,
    inbox: Inbox,
    feed: Feed,
    viewer: Viewer,
}

impl Pictures {
    /// The next picture. Cancel safe.
    async fn next(&mut self) -> Bytes {
        loop {
            let held = self.viewer.held_until();
            tokio::select! {
                _ = self.inbox.ready() => {}
                () = tokio::time::sleep_until(self.app.clock.instant(held.unwrap_or_default())), if held.is_some() => {}
            }
            if let Some(jpeg) = self.offer() {
                return jpeg;
            }
        }
    }

    /// Nothing of a picture that is not fresh: there is no way to say so here.
    fn offer(&mut self) -> Option<Bytes> {
        let frame = self.feed.take()?;
        let now = self.app.clock.now();
        let name = self.feed.name();
        let camera = self.app.directory.get(&name.camera);
        if fresh::is_stale_of(camera.as_deref(), &name.stream, age(&frame, now)) {
            return None;
        }
        match self.viewer.offer(frame.number, now) {
            Decision::Send { skipped } => {
                self.feed.skipped(skipped);
                self.feed.sent(&frame, frame.data.len());
                Some(frame.data.clone())
            }
            Decision::Hold { skipped, .. } => {
                self.feed.skipped(skipped);
                None
            }
            Decision::Nothing => None,
        }
    }
}
