//! The streams that one connection watches.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Weak,
    time::Duration,
};

use bytes::Bytes;
use sightline_media::aac;
use sightline_proto::{Codec, Form, JPEG, Refused, Subscribe, Unsubscribe, to_viewer};
use slab::Slab;

use super::watched::{Next, Outgoing, Watched};
use crate::{
    directory::Offer,
    form::message::encode,
    http::App,
    hub::{Inbox, MAX_FEEDS, StreamName, Wish},
    line::Advance,
    metrics::Route,
};

/// What a viewer named is quoted up to here, in characters.
const MAX_QUOTED: usize = 160;

#[derive(Debug)]
pub(super) struct Feeds {
    app: App,
    inbox: Inbox,
    keys: HashMap<StreamName, usize>,
    feeds: Slab<Watched>,
    /// Frames that wait for their turn.
    held: BTreeSet<(Duration, usize)>,
}

impl Feeds {
    pub(super) fn new(app: App) -> Self {
        Self {
            app,
            inbox: Inbox::default(),
            keys: HashMap::new(),
            feeds: Slab::new(),
            held: BTreeSet::new(),
        }
    }

    /// Says where news goes: `line` is advanced when there is some.
    pub(super) fn attach(&self, line: Weak<dyn Advance>) {
        self.inbox.attach(line);
    }

    /// The stream that has something new next, or whose picture's turn has come; streams take turns.
    pub(super) fn ready(&self, now: Duration) -> Option<usize> {
        self.inbox.try_ready().or_else(|| {
            let (until, key) = self.held.first()?;
            (*until <= now).then_some(*key)
        })
    }

    /// Whether no stream has anything new.
    pub(super) fn are_quiet(&self) -> bool {
        self.inbox.is_empty()
    }

    /// When the next turn of a picture comes.
    pub(super) fn held_until(&self) -> Option<Duration> {
        self.held.first().map(|(until, _)| *until)
    }

    /// Starts a stream, or changes the limit of one that runs, or starts it anew in another form; or says why not.
    pub(super) fn subscribe(&mut self, wanted: &Subscribe) -> Result<(), Bytes> {
        let refuse = |code, message| refused(&wanted.camera, &wanted.stream, code, message);
        let name = parse(&wanted.camera, &wanted.stream)
            .map_err(|message| refuse("bad_request", message))?;
        let limit = limit(wanted.max_fps).map_err(|message| refuse("bad_request", message))?;
        let form = Form::try_from(wanted.form)
            .map_err(|_| refuse("unknown_form", format!("form {} is not known", wanted.form)))?;
        let running = self
            .keys
            .get(&name)
            .and_then(|key| self.feeds.get_mut(*key));
        if let Some(watched) = running.filter(|watched| watched.form() == form) {
            watched.limit(limit);
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
        if let Some(offer) = camera.offer(&name.stream) {
            suits(offer, form)
                .map_err(|why| refuse("unknown_form", format!("camera {} {why}", name.camera)))?;
        }
        let running = self
            .keys
            .get(&name)
            .and_then(|key| self.feeds.get_mut(*key));
        if let Some(watched) = running {
            watched.limit(limit);
            watched.restart(form);
            return Ok(());
        }
        if self.feeds.len() >= MAX_FEEDS {
            return Err(refuse(
                "too_many_subscriptions",
                format!("one connection can watch {MAX_FEEDS} streams"),
            ));
        }
        let entry = self.feeds.vacant_entry();
        let key = entry.key();
        let feed = self
            .app
            .hub
            .watch(&name, Wish::All, Route::WebSocket, &self.inbox, key);
        entry.insert(Watched::new(feed, form, limit));
        self.keys.insert(name, key);
        Ok(())
    }

    /// Ends a stream; one that does not run is ended already.
    pub(super) fn unsubscribe(&mut self, unwanted: &Unsubscribe) {
        if let Ok(name) = parse(&unwanted.camera, &unwanted.stream) {
            self.end(&name);
        }
    }

    fn end(&mut self, name: &StreamName) {
        let Some(key) = self.keys.remove(name) else {
            return;
        };
        let watched = self.feeds.try_remove(key);
        if let Some(until) = watched.and_then(|watched| watched.held_until()) {
            self.held.remove(&(until, key));
        }
    }

    /// What stream `key` has for the viewer now.
    pub(super) fn take(&mut self, key: usize, now: Duration) -> Outgoing {
        let Some(watched) = self.feeds.get_mut(key) else {
            return Outgoing::default();
        };
        if let Some(until) = watched.held_until() {
            self.held.remove(&(until, key));
        }
        match watched.next(&self.app, now) {
            Next::Nothing => Outgoing::default(),
            Next::Send(outgoing) => outgoing,
            Next::Hold(until) => {
                self.held.insert((until, key));
                Outgoing::default()
            }
            Next::Unfit => {
                let name = watched.name().clone();
                self.end(&name);
                let message = format!(
                    "stream {} of camera {} has become one that MP4 does not carry",
                    name.stream, name.camera
                );
                let (camera, stream) = (name.camera.to_string(), name.stream.to_string());
                Outgoing {
                    frame: Some(refused(&camera, &stream, "unknown_form", message)),
                    ..Outgoing::default()
                }
            }
        }
    }
}

/// Whether a stream can be had in `form`, as far as its camera says; why not, otherwise.
fn suits(offer: &Offer, form: Form) -> Result<(), String> {
    match (offer.codec, form) {
        (Codec::Aac, _) => aac::Config::parse(&offer.codec_config)
            .map(drop)
            .map_err(|error| {
                format!(
                    "does not say how its stream {} is to be decoded: {error}",
                    offer.name
                )
            }),
        (Codec::Jpeg | Codec::H265, Form::Fmp4) => Err(format!(
            "offers stream {} as {}, which cannot be had as MP4: only h264 and aac can",
            offer.name,
            offer.codec.word()
        )),
        _ => Ok(()),
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
