//! `WS /api/watch`: many cameras on one connection. docs/ref/wire.md describes the messages.

mod feeds;
mod watched;
mod write;

use axum::response::Response;
use sightline_proto::{Message as _, ToRelay, to_relay};
use tokio::sync::mpsc::Receiver;

use super::{
    App,
    socket::{Close, Conversation, Opening, Outlet, Said},
};

pub(super) async fn upgrade(opening: Opening) -> Response {
    let app = opening.app.clone();
    opening.converse(Watch(app))
}

struct Watch(App);

impl Conversation for Watch {
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

    fn speak(
        self,
        outlet: &mut Outlet,
        commands: Receiver<to_relay::Message>,
    ) -> impl Future<Output = Close> + Send {
        write::messages(self.0, outlet, commands)
    }
}
