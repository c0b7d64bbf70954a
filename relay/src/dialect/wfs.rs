//! wfs.js: `/play2`. The viewer names a channel, and gets the camera's access units in Annex B form, one in each
//! message, from a key frame on.
//!
//! Its player takes what is between two start codes of four bytes for a picture, counts 30 of them a second whatever
//! comes, and shows them in the order in which they are decoded.

use std::{sync::Weak, time::Duration};

use axum::{Router, response::Response, routing::get};
use serde::Deserialize;

use crate::{
    http::{
        App, Error, h264_of, resolve,
        socket::{Close, Messages, Opening, Said, Talk},
    },
    hub::{Feed, Inbox, Wish},
    line::{Advance, Next},
    metrics::Route,
};

/// What the player sends if its page names no channel: the first camera.
const NO_CHANNEL: &str = "chX";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/play2", get(upgrade))
}

async fn upgrade(opening: Opening) -> Response {
    let app = opening.app.clone();
    opening.converse(Player {
        app,
        inbox: Inbox::default(),
        feed: None,
    })
}

#[derive(Debug)]
struct Player {
    app: App,
    inbox: Inbox,
    feed: Option<Feed>,
}

/// The channel that the viewer wants: a camera as `src` names it.
struct Open(String);

#[derive(Deserialize)]
struct Message {
    t: String,
    #[serde(default)]
    c: String,
}

impl Talk for Player {
    type Command = Open;

    fn read(said: Said) -> Result<Option<Open>, Close> {
        let Said::Text(text) = said else {
            return Err(Close::Malformed);
        };
        let message: Message = serde_json::from_str(&text).map_err(|_| Close::Malformed)?;
        Ok((message.t == "open").then_some(Open(message.c)))
    }

    fn begin(&mut self, line: Weak<dyn Advance>, _: &mut Messages<'_>) {
        self.inbox.attach(line);
    }

    fn obey(&mut self, Open(channel): Open, _: &mut Messages<'_>) -> Result<(), Close> {
        match self.watch(&channel) {
            Ok(feed) => {
                self.feed = Some(feed);
                Ok(())
            }
            Err(error) => Err(Close::Refused(error.message().to_owned())),
        }
    }

    /// The next access unit. After some were skipped it is a key frame.
    fn next(&mut self, out: &mut Messages<'_>, _: Duration) -> Next {
        if self.inbox.try_ready().is_none() {
            return Next::Wait(None);
        }
        if let Some(feed) = &self.feed
            && let Some(step) = feed.step()
        {
            let message = step.frame.unit_message();
            feed.skipped(step.skipped);
            feed.sent(&step.frame, message.len());
            out.ready(message.clone());
        }
        Next::More
    }
}

impl Player {
    fn watch(&self, channel: &str) -> Result<Feed, Error> {
        let src = Some(channel).filter(|channel| !channel.is_empty() && *channel != NO_CHANNEL);
        let camera = resolve(&self.app, src)?;
        let name = h264_of(&camera, None)?;
        Ok(self
            .app
            .hub
            .watch(&name, Wish::All, Route::Wfs, &self.inbox, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<String>, Close> {
        Ok(Player::read(Said::Text(text.into()))?.map(|open| open.0))
    }

    #[test]
    fn its_one_message_is_understood() {
        let opened = read(r#"{"t":"open","c":"farm/gate","v":"NA"}"#);
        assert_eq!(opened, Ok(Some("farm/gate".into())));
        assert_eq!(read(r#"{"t":"close","c":"farm/gate"}"#), Ok(None));
        assert_eq!(read("open"), Err(Close::Malformed));
        let binary = Player::read(Said::Binary(vec![1].into()));
        assert_eq!(binary.err(), Some(Close::Malformed));
    }
}
