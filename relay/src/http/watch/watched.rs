//! One stream that a connection watches: what goes to the viewer next.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sightline_proto::{Form, Skipped, to_viewer};

use crate::{
    form::message::encode,
    http::App,
    hub::{Feed, Frame, MediaConfig, Step, StreamName, age},
    viewer::{Decision, Viewer, fresh},
};

/// A viewer of pictures is told at most this often, for each stream, how many it missed.
const TELL_SKIPPED_EVERY: Duration = Duration::from_secs(1);

/// A frame that is older than this is from memory.
const FROM_MEMORY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Watched {
    feed: Feed,
    form: Form,
    /// The rules for pictures; the feed has those for other frames.
    viewer: Viewer,
    held_until: Option<Duration>,
    /// Frames that the viewer missed and was not told of.
    skipped: u64,
    told_at: Option<Duration>,
    /// What the viewer's init segment was made of.
    init: Option<Arc<MediaConfig>>,
}

/// What a stream has for its viewer.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    Nothing,
    Send(Outgoing),
    /// A picture, but not before this time.
    Hold(Duration),
    /// Frames that cannot be had in the form that was asked for, and never can.
    Unfit,
}

/// What goes to the viewer, in this order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outgoing {
    pub(super) init: Option<Bytes>,
    pub(super) skipped: Option<Bytes>,
    pub(super) frame: Option<Bytes>,
}

impl Watched {
    pub(super) fn new(feed: Feed, form: Form, limit: Option<f64>) -> Self {
        Self {
            feed,
            form,
            viewer: Viewer::new(limit),
            held_until: None,
            skipped: 0,
            told_at: None,
            init: None,
        }
    }

    pub(super) fn name(&self) -> &StreamName {
        self.feed.name()
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn limit(&mut self, limit: Option<f64>) {
        self.viewer.limit(limit);
    }

    /// Begins anew in another form.
    pub(super) fn restart(&mut self, form: Form) {
        self.form = form;
        self.init = None;
        self.feed.restart();
    }

    /// Until when a picture is held.
    pub(super) fn held_until(&self) -> Option<Duration> {
        self.held_until
    }

    pub(super) fn next(&mut self, app: &App, now: Duration) -> Next {
        self.held_until = None;
        match self.feed.take() {
            Some(_) if self.form == Form::Fmp4 => Next::Unfit,
            Some(frame) => self.picture(app, &frame, now),
            None => match self.feed.step() {
                Some(step) => self.frame(app, &step, now),
                None => Next::Nothing,
            },
        }
    }

    fn picture(&mut self, app: &App, frame: &Frame, now: Duration) -> Next {
        match self.viewer.offer(frame.number, now) {
            Decision::Nothing => Next::Nothing,
            Decision::Hold { until, skipped } => {
                self.skip(skipped);
                self.held_until = Some(until);
                Next::Hold(until)
            }
            Decision::Send { skipped } => {
                self.skip(skipped);
                let stale = self.is_stale(app, age(frame, now));
                let message = if stale {
                    frame.stale_message()
                } else {
                    frame.message()
                };
                self.sent(frame, message.len(), stale);
                Next::Send(Outgoing {
                    init: None,
                    skipped: self.tell_skipped(now),
                    frame: Some(message.clone()),
                })
            }
        }
    }

    /// A frame that needs those before it. Only a stream that stands still is stale: the others are on their way to
    /// the newest frame, and are over with at once.
    fn frame(&mut self, app: &App, step: &Step, now: Duration) -> Next {
        let frame = &*step.frame;
        let stale = self.is_stale(app, step.quiet_for);
        let (init, message) = match (self.form, &frame.media) {
            (Form::Frame, _) => (None, frame.as_message(stale)),
            (Form::Fmp4, Some(media)) => {
                let known = self
                    .init
                    .as_ref()
                    .is_some_and(|init| Arc::ptr_eq(init, &media.config));
                let init = if known { None } else { frame.init_message() };
                self.init = Some(media.config.clone());
                (init.cloned(), frame.as_fragment_message(stale))
            }
            // More sound than time.
            (Form::Fmp4, None) if frame.codec == sightline_proto::Codec::Aac => {
                return Next::Nothing;
            }
            (Form::Fmp4, None) => return Next::Unfit,
        };
        self.skip(step.skipped);
        self.sent(frame, message.len(), stale || age(frame, now) > FROM_MEMORY);
        Next::Send(Outgoing {
            init,
            skipped: (self.skipped > 0).then(|| self.skipped_message()),
            frame: Some(message),
        })
    }

    fn is_stale(&self, app: &App, age: Duration) -> bool {
        if age < fresh::NEW {
            return false;
        }
        let name = self.feed.name();
        let camera = app.directory.get(&name.camera);
        fresh::is_stale_of(camera.as_deref(), &name.stream, age)
    }

    fn sent(&self, frame: &Frame, len_bytes: usize, from_memory: bool) {
        if from_memory {
            self.feed.sent_again(len_bytes);
        } else {
            self.feed.sent(frame, len_bytes);
        }
    }

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
        Some(self.skipped_message())
    }

    fn skipped_message(&mut self) -> Bytes {
        let name = self.feed.name();
        encode(to_viewer::Message::Skipped(Skipped {
            camera: name.camera.to_string(),
            stream: name.stream.to_string(),
            frames: std::mem::take(&mut self.skipped),
        }))
    }
}
