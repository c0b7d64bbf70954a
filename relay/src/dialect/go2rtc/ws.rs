//! go2rtc's `/api/ws?src=`: a viewer names a mode, and gets fragmented MP4 or JPEG on the same connection.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use axum::{extract::RawQuery, response::Response};
use bytes::Bytes;
use sightline_media::fmp4::Fragment;
use tokio_util::task::AbortOnDropHandle;

use super::message::{self, Codecs, Command};
use crate::{
    http::{
        App, Error, Params,
        file::{File, Part, Wanted, WantedSound},
        jpeg_of, resolve,
        socket::{Close, Messages, Opening, Said, Talk},
    },
    hub::{Feed, Inbox, Wish, age},
    line::{Advance, Next},
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
    Ok(opening.converse(Player {
        app,
        params,
        mode: Mode::Nothing,
        line: None,
    }))
}

#[derive(Debug)]
struct Player {
    app: App,
    params: Params,
    mode: Mode,
    /// The connection, once the talk has begun.
    line: Option<Weak<dyn Advance>>,
}

type Begun = Result<Box<File>, Error>;

/// What a viewer gets. A new wish takes the place of the one before.
#[derive(Debug)]
enum Mode {
    Nothing,
    /// Waits for a key frame.
    Beginning(Beginning),
    File(Box<File>),
    Jpeg(Box<Pictures>),
}

impl Talk for Player {
    type Command = Command;

    fn read(said: Said) -> Result<Option<Command>, Close> {
        match said {
            Said::Text(text) => Command::read(&text),
            Said::Binary(_) => Err(Close::Malformed),
        }
    }

    fn begin(&mut self, line: Weak<dyn Advance>, _: &mut Messages<'_>) {
        self.line = Some(line);
    }

    fn obey(&mut self, command: Command, out: &mut Messages<'_>) -> Result<(), Close> {
        match command {
            Command::Mse(codecs) => match self.begin_file(codecs) {
                Ok(beginning) => self.mode = beginning,
                Err(error) => out.text(&message::error("mse", error.message())),
            },
            Command::Mjpeg => match self.pictures() {
                Ok(pictures) => {
                    self.mode = Mode::Jpeg(Box::new(pictures));
                    out.text(&message::mjpeg());
                }
                Err(error) => out.text(&message::error("mjpeg", error.message())),
            },
            Command::Other(kind) => {
                let words = "this relay has mse and mjpeg";
                out.text(&message::error(&kind, words));
            }
        }
        Ok(())
    }

    fn next(&mut self, out: &mut Messages<'_>, now: Duration) -> Next {
        match &mut self.mode {
            Mode::Nothing => Next::Wait(None),
            Mode::Beginning(beginning) => match beginning.taken() {
                None => Next::Wait(None),
                Some(begun) => self.has_begun(begun, out),
            },
            Mode::File(file) => match file.next() {
                None => Next::Wait(None),
                Some(Part::Init(bytes)) => put(out, [bytes]),
                // A timeline is a viewer's own, and so is the head; the frame is shared.
                Some(Part::Fragment(Fragment { head, payload, .. })) => put(out, [head, payload]),
            },
            Mode::Jpeg(pictures) => pictures.next(out, now),
        }
    }
}

fn put<const N: usize>(out: &mut Messages<'_>, pieces: [Bytes; N]) -> Next {
    out.binary(pieces);
    Next::More
}

impl Player {
    fn begin_file(&self, codecs: Codecs) -> Result<Mode, Error> {
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
        Ok(Mode::Beginning(Beginning::of(file, self.line.clone())))
    }

    fn has_begun(&mut self, begun: Begun, out: &mut Messages<'_>) -> Next {
        match begun {
            Ok(file) => {
                out.text(&message::mse(&file.mime()));
                if let Some(line) = &self.line {
                    file.attach(line.clone());
                }
                self.mode = Mode::File(file);
            }
            Err(error) => {
                out.text(&message::error("mse", error.message()));
                self.mode = Mode::Nothing;
            }
        }
        Next::More
    }

    fn pictures(&self) -> Result<Pictures, Error> {
        let camera = resolve(&self.app, self.params.src.as_deref())?;
        let name = jpeg_of(&camera)?;
        let inbox = Inbox::default();
        if let Some(line) = &self.line {
            inbox.attach(line.clone());
        }
        let route = Route::Go2rtc;
        Ok(Pictures {
            feed: self.app.hub.watch(&name, Wish::All, route, &inbox, 0),
            inbox,
            viewer: Viewer::new(self.params.fps),
            app: self.app.clone(),
        })
    }
}

/// A file that waits for its key frame, in a task of its own.
#[derive(Debug)]
struct Beginning {
    begun: Arc<Mutex<Option<Begun>>>,
    _task: AbortOnDropHandle<()>,
}

impl Beginning {
    fn of(
        file: impl Future<Output = Result<File, Error>> + Send + 'static,
        line: Option<Weak<dyn Advance>>,
    ) -> Self {
        let begun = Arc::default();
        let task = tokio::spawn({
            let begun = Arc::clone(&begun);
            async move {
                let file = file.await.map(Box::new);
                *lock(&begun) = Some(file);
                if let Some(line) = line.as_ref().and_then(Weak::upgrade) {
                    line.advance();
                }
            }
        });
        Self {
            begun,
            _task: AbortOnDropHandle::new(task),
        }
    }

    fn taken(&self) -> Option<Begun> {
        lock(&self.begun).take()
    }
}

fn lock(begun: &Mutex<Option<Begun>>) -> MutexGuard<'_, Option<Begun>> {
    begun.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The newest JPEG, as often as the viewer takes it.
#[derive(Debug)]
struct Pictures {
    app: App,
    inbox: Inbox,
    feed: Feed,
    viewer: Viewer,
}

impl Pictures {
    fn next(&mut self, out: &mut Messages<'_>, now: Duration) -> Next {
        let held = self.viewer.held_until();
        if self.inbox.try_ready().is_none() && held.is_none_or(|until| until > now) {
            return Next::Wait(held);
        }
        if let Some(jpeg) = self.offer(now) {
            out.binary([jpeg]);
        }
        Next::More
    }

    /// Nothing of a picture that is not fresh: there is no way to say so here.
    fn offer(&mut self, now: Duration) -> Option<Bytes> {
        let Some(frame) = self.feed.take() else {
            self.viewer.release();
            return None;
        };
        let age = age(&frame, now);
        if age >= fresh::NEW {
            let name = self.feed.name();
            let camera = self.app.directory.get(&name.camera);
            if fresh::is_stale_of(camera.as_deref(), &name.stream, age) {
                self.viewer.release();
                return None;
            }
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
