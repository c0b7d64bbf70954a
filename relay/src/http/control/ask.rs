//! Asks a camera over the bus, and says what came of it.

use std::time::Duration;

use sightline_bus::Error as BusError;
use sightline_proto::{ControlReply, Message as _, Token, subject::Topic};

use super::super::{App, Error};
use crate::{directory::Camera, metrics::Control};

/// How long a camera is waited for. Publishers answer within 2 s even if a driver does not.
const WAIT: Duration = Duration::from_secs(4);

/// Requests on their way at the same time; further ones are refused, as cameras answer one at a time.
pub(crate) const MAX_AT_ONCE: usize = 32;

/// What people are told of a camera's reason, in characters.
const MAX_REASON: usize = 512;

/// The last token of the subject.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Keyframe,
    Settings,
    Controls,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Keyframe => "keyframe",
            Self::Settings => "settings",
            Self::Controls => "controls",
        }
    }
}

/// Sends `request` to `camera` and waits for its answer.
pub(super) async fn ask(
    app: &App,
    camera: &Camera,
    kind: Kind,
    request: Vec<u8>,
) -> (Control, Result<ControlReply, Error>) {
    let name = &camera.name;
    if !camera.online {
        let error = Error::camera_offline(format!("camera {name} is offline"));
        return (Control::Unanswered, Err(error));
    }
    let Ok(_place) = app.controls.try_acquire() else {
        let error = Error::busy("too many requests to cameras are on their way: try again");
        return (Control::Forbidden, Err(error));
    };
    let Ok(verb) = kind.word().parse::<Token>() else {
        return (Control::Unanswered, Err(Error::internal("no verb")));
    };
    let subject = Topic::Control(name.clone(), verb).subject();
    let answer = app.bus.request(&subject, request.into(), WAIT).await;
    let reply = match answer {
        Ok(payload) => ControlReply::decode(payload)
            .map_err(|error| Error::no_answer(format!("camera {name} answered nonsense: {error}"))),
        Err(error) => Err(unanswered(camera, &error)),
    };
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return (Control::Unanswered, Err(error)),
    };
    if reply.refused.is_empty() {
        tracing::info!(camera = %name, request = kind.word(), "carried out");
        return (Control::Done, Ok(reply));
    }
    let reason: String = reply.refused.chars().take(MAX_REASON).collect();
    (
        Control::Refused,
        Err(Error::camera_refuses(reason, reply.not_allowed)),
    )
}

fn unanswered(camera: &Camera, error: &BusError) -> Error {
    let name = &camera.name;
    match error {
        BusError::NoResponder { .. } => Error::camera_offline(format!(
            "nobody answers for camera {name}: its publisher is gone, or its credentials do not let it hear requests"
        )),
        BusError::Timeout { .. } => Error::no_answer(format!(
            "camera {name} did not answer within {} s; what was asked for may still happen",
            WAIT.as_secs()
        )),
        error => Error::not_ready(error.to_string()),
    }
}
