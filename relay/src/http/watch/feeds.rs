//! The streams that one connection watches.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use sightline_proto::{JPEG, Refused, Skipped, Subscribe, Unsubscribe, to_viewer};

use crate::{
    form::message::encode,
    http::App,
    hub::{Feed, Frame, Inbox, StreamName, Wish, age},
    metrics::Route,
    viewer::{Decision, Viewer, fresh},
};

/// Streams that one connection may watch.
const MAX_FEEDS: usize = 256;

/// A viewer is told at most this often, for each stream, how many frames it missed.
const TELL_SKIPPED_EVERY: Duration = Duration::from_secs(1);

/// What a viewer named is quoted up to here, in characters.
const MAX_QUOTED: usize = 160;

#[derive(Debug)]
pub(super) struct Feeds {
    app: App,
    inbox: Inbox,
    next_key: u64,
    keys: HashMap<StreamName, u64>,
    feeds: HashMap<u64, Watched>,
    /// Frames that wait for their turn.
    held: BTreeSet<(Duration, u64)>,
}

#[derive(Debug)]
struct Watched {
    feed: Feed,
    viewer: Viewer,
    held_until: Option<Duration>,
    /// Frames that the viewer missed and was not told of.
    skipped: u64,
    told_at: Option<Duration>,
}

/// What goes to the viewer, in this order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outgoing {
    pub(super) skipped: Option<Bytes>,
    pub(super) frame: Option<Bytes>,
}

impl Feeds {
    pub(super) fn new(app: App) -> Self {
        Self {
            app,
            inbox: Inbox::default(),
            next_key: 0,
            keys: HashMap::new(),
            feeds: HashMap::new(),
            held: BTreeSet::new(),
        }
    }

    /// The stream that has something new next; streams take turns. Cancel safe.
    pub(super) async fn ready(&self) -> u64 {
        let Some(&(until, key)) = self.held.first() else {
            return self.inbox.ready().await;
        };
        tokio::select! {
            key = self.inbox.ready() => key,
            () = tokio::time::sleep_until(self.app.clock.instant(until)) => key,
        }
    }

    /// Starts a stream, or changes the limit of one that runs; or says why not.
    pub(super) fn subscribe(&mut self, wanted: &Subscribe) -> Result<(), Bytes> {
        let refuse = |code, message| refused(&wanted.camera, &wanted.stream, code, message);
        let name = parse(&wanted.camera, &wanted.stream)
            .map_err(|message| refuse("bad_request", message))?;
        let limit = limit(wanted.max_fps).map_err(|message| refuse("bad_request", message))?;
        if let Some(key) = self.keys.get(&name) {
            if let Some(watched) = self.feeds.get_mut(key) {
                watched.viewer.limit(limit);
            }
            return Ok(());
        }
        let Some(camera) = self.app.directory.get(&name.camera) else {
            return Err(refuse(
                "unknown_camera",
                format!("there is no camera {}", name.camera),
            ));
        };
        if !camera.may_offer(&name.stream) {
            return Err(refuse(
                "unknown_stream",
                format!("camera {} offers no stream {}", name.camera, name.stream),
            ));
        }
        if self.feeds.len() >= MAX_FEEDS {
            return Err(refuse(
                "too_many_subscriptions",
                format!("one connection can watch {MAX_FEEDS} streams"),
            ));
        }
        let key = self.next_key;
        self.next_key += 1;
        let watched = Watched {
            feed: self
                .app
                .hub
                .watch(&name, Wish::All, Route::WebSocket, &self.inbox, key),
            viewer: Viewer::new(limit),
            held_until: None,
            skipped: 0,
            told_at: None,
        };
        self.feeds.insert(key, watched);
        self.keys.insert(name, key);
        Ok(())
    }

    /// Ends a stream; one that does not run is ended already.
    pub(super) fn unsubscribe(&mut self, unwanted: &Unsubscribe) {
        let key = parse(&unwanted.camera, &unwanted.stream)
            .ok()
            .and_then(|name| self.keys.remove(&name));
        let watched = key.and_then(|key| self.feeds.remove(&key).map(|watched| (key, watched)));
        if let Some((key, watched)) = watched {
            self.held
                .retain(|held| Some(*held) != watched.held_until.map(|until| (until, key)));
        }
    }

    /// What stream `key` has for the viewer now.
    pub(super) fn take(&mut self, key: u64) -> Outgoing {
        let now = self.app.clock.now();
        let Some(watched) = self.feeds.get_mut(&key) else {
            return Outgoing::default();
        };
        if let Some(until) = watched.held_until.take() {
            self.held.remove(&(until, key));
        }
        let Some(frame) = watched.feed.take() else {
            return Outgoing::default();
        };
        match watched.viewer.offer(frame.number, now) {
            Decision::Nothing => Outgoing::default(),
            Decision::Hold { until, skipped } => {
                watched.skip(skipped);
                watched.held_until = Some(until);
                self.held.insert((until, key));
                Outgoing::default()
            }
            Decision::Send { skipped } => {
                watched.skip(skipped);
                Outgoing {
                    skipped: watched.tell_skipped(now),
                    frame: Some(watched.send(&self.app, &frame, now)),
                }
            }
        }
    }
}

impl Watched {
    fn skip(&mut self, frames: u64) {
        self.feed.skipped(frames);
        self.skipped += frames;
    }

    fn tell_skipped(&mut self, now: Duration) -> Option<Bytes> {
        let just_told = self
            .told_at
            .is_some_and(|told| now.saturating_sub(told) < TELL_SKIPPED_EVERY);
        if self.skipped == 0 || just_told {
            return None;
        }
        self.told_at = Some(now);
        let name = self.feed.name();
        Some(encode(to_viewer::Message::Skipped(Skipped {
            camera: name.camera.to_string(),
            stream: name.stream.to_string(),
            frames: std::mem::take(&mut self.skipped),
        })))
    }

    fn send(&self, app: &App, frame: &Arc<Frame>, now: Duration) -> Bytes {
        let name = self.feed.name();
        let camera = app.directory.get(&name.camera);
        if fresh::is_stale_of(camera.as_deref(), &name.stream, age(frame, now)) {
            let message = frame.stale_message().clone();
            self.feed.sent_again(message.len());
            message
        } else {
            let message = frame.message().clone();
            self.feed.sent(frame, message.len());
            message
        }
    }
}

fn parse(camera: &str, stream: &str) -> Result<StreamName, String> {
    let stream = if stream.is_empty() { JPEG } else { stream };
    Ok(StreamName {
        camera: camera
            .parse()
            .map_err(|error: sightline_proto::InvalidName| error.to_string())?,
        stream: stream
            .parse()
            .map_err(|error: sightline_proto::InvalidName| error.to_string())?,
    })
}

fn limit(max_fps: f32) -> Result<Option<f64>, String> {
    if max_fps.is_finite() && max_fps >= 0.0 {
        Ok((max_fps > 0.0).then_some(f64::from(max_fps)))
    } else {
        Err("max_fps must be a number of frames per second, or 0 for all of them".into())
    }
}

fn refused(camera: &str, stream: &str, code: &str, message: String) -> Bytes {
    let cut = |text: &str| text.chars().take(MAX_QUOTED).collect();
    encode(to_viewer::Message::Refused(Refused {
        camera: cut(camera),
        stream: cut(stream),
        code: code.into(),
        message,
    }))
}
