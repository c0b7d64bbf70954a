//! wfs.js: `/play2`. The viewer names a channel, and gets the camera's access units in Annex B form, one in each
//! message, from a key frame on.
//!
//! Its player takes what is between two start codes of four bytes for a picture, counts 30 of them a second whatever
//! comes, and shows them in the order in which they are decoded.

use axum::{Router, response::Response, routing::get};
use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Deserialize;
use sightline_media::h264::annexb::nals;
use tokio::sync::mpsc::Receiver;

use crate::{
    http::{
        App, Error, h264_of, resolve,
        socket::{Close, Conversation, Opening, Outlet, Said, Sent},
    },
    hub::{Feed, Inbox, Wish},
    metrics::Route,
};

/// What the player sends if its page names no channel: the first camera.
const NO_CHANNEL: &str = "chX";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/play2", get(upgrade))
}

async fn upgrade(opening: Opening) -> Response {
    let app = opening.app.clone();
    opening.converse(Player(app))
}

struct Player(App);

/// The channel that the viewer wants: a camera as `src` names it.
struct Open(String);

#[derive(Deserialize)]
struct Message {
    t: String,
    #[serde(default)]
    c: String,
}

impl Conversation for Player {
    type Command = Open;

    fn read(said: Said) -> Result<Option<Open>, Close> {
        let Said::Text(text) = said else {
            return Err(Close::Malformed);
        };
        let message: Message = serde_json::from_str(&text).map_err(|_| Close::Malformed)?;
        Ok((message.t == "open").then_some(Open(message.c)))
    }

    async fn speak(self, outlet: &mut Outlet, mut commands: Receiver<Open>) -> Close {
        let inbox = Inbox::default();
        let mut feed = None;
        loop {
            let sent = tokio::select! {
                command = commands.recv() => match command {
                    Some(Open(channel)) => match self.watch(&channel, &inbox) {
                        Ok(opened) => {
                            feed = Some(opened);
                            Ok(())
                        }
                        Err(error) => return Close::Refused(error.message().to_owned()),
                    },
                    None => return Close::Gone,
                },
                _ = inbox.ready() => send(feed.as_ref(), outlet).await,
                () = outlet.ping_due() => outlet.ping().await,
            };
            if sent.is_err() {
                return Close::Gone;
            }
        }
    }
}

impl Player {
    fn watch(&self, channel: &str, inbox: &Inbox) -> Result<Feed, Error> {
        let src = Some(channel).filter(|channel| !channel.is_empty() && *channel != NO_CHANNEL);
        let camera = resolve(&self.0, src)?;
        let name = h264_of(&camera, None)?;
        Ok(self.0.hub.watch(&name, Wish::All, Route::Wfs, inbox, 0))
    }
}

/// The next access unit. After some were skipped it is a key frame.
async fn send(feed: Option<&Feed>, outlet: &mut Outlet) -> Sent {
    let Some((feed, step)) = feed.and_then(|feed| Some((feed, feed.step()?))) else {
        return Ok(());
    };
    feed.skipped(step.skipped);
    feed.sent(&step.frame, step.frame.data.len());
    outlet.binary(as_one(&step.frame.data)).await
}

/// An access unit with a start code of four bytes in front, and none within: its NAL units stand behind three.
fn as_one(access_unit: &[u8]) -> Bytes {
    // Three for each unit that had three or four, and one more.
    let mut out = BytesMut::with_capacity(access_unit.len() + 1);
    out.put_u8(0);
    for nal in nals(access_unit) {
        out.put_slice(&[0, 0, 1]);
        out.put_slice(nal);
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<String>, Close> {
        Ok(Player::read(Said::Text(text.into()))?.map(|open| open.0))
    }

    #[test]
    fn an_access_unit_has_one_start_code_of_four_bytes() {
        let unit = [
            0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 0, 0,
        ];
        let wanted = [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3];
        assert_eq!(as_one(&unit), wanted[..]);
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
