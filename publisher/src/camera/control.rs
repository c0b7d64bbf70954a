//! Answers requests to a camera: change a setting, give a key frame.

use bytes::Bytes;
use sightline_bus::{Bus, Delivery, Error, Message};
use sightline_proto::{
    ControlReply, ControlsRequest, H264, H265, KeyframeRequest, Message as _, Pattern, SUB,
    SettingsRequest, subject::Topic,
};
use tokio_util::sync::CancellationToken;

use super::{
    Settings, Sub, Verb,
    input::{Input, Video},
    shared::Shared,
};
use crate::picture::{Image, Size};

/// V4L2 controls in one request; real cameras have about twenty.
const MAX_CONTROLS: usize = 64;

/// The longest name of a control that is looked for; the kernel's have 31.
const MAX_NAME_BYTES: usize = 64;

pub(super) async fn run(
    shared: &Shared,
    bus: &Bus,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let pattern = Pattern::control_of(&shared.camera.name);
    let mut messages = tokio::select! {
        biased;
        () = shutdown.cancelled() => return Ok(()),
        messages = bus.subscribe(&pattern) => messages?,
    };
    loop {
        let delivery = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            delivery = messages.next() => delivery,
        };
        match delivery {
            Some(Delivery::Message(message)) => answer(shared, bus, message).await,
            Some(Delivery::Lost(_)) => {}
            None => return Err(Error::Closed),
        }
    }
}

/// Why a request is not carried out.
#[derive(Debug, PartialEq)]
enum Refused {
    /// The configuration does not allow it.
    NotAllowed(Verb),
    /// In words, for people.
    Because(String),
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self::Because(reason)
    }
}

type Answer = Result<ControlReply, Refused>;

async fn answer(shared: &Shared, bus: &Bus, message: Message) {
    let verb = match Topic::parse(&message.subject) {
        Some(Topic::Control(_, verb)) => verb.to_string(),
        _ => return,
    };
    let answer = match verb.as_str() {
        "settings" => change(shared, message.payload),
        "keyframe" => keyframe(shared, message.payload),
        "controls" => controls(shared, message.payload).await,
        _ => Err(Refused::Because(format!(
            "there is no request {verb:?}, known are settings, keyframe, controls"
        ))),
    };
    if let Some(reply) = message.reply {
        let answer = answer.unwrap_or_else(|refused| refusal(shared, refused));
        if let Err(error) = bus.reply(reply, answer.encode_to_vec().into()).await {
            tracing::debug!(camera = %shared.camera.name, %error, "not answered");
        }
    }
}

fn refusal(shared: &Shared, refused: Refused) -> ControlReply {
    let not_allowed = matches!(refused, Refused::NotAllowed(_));
    let refused = match refused {
        Refused::Because(reason) => reason,
        Refused::NotAllowed(verb) => format!(
            "the camera's publisher does not allow {word}: add it to cameras.{}.control",
            shared.camera.name.camera(),
            word = verb.word()
        ),
    };
    ControlReply {
        refused,
        not_allowed,
        ..ControlReply::default()
    }
}

fn allow(shared: &Shared, verb: Verb) -> Result<(), Refused> {
    if shared.camera.control.contains(&verb) {
        Ok(())
    } else {
        Err(Refused::NotAllowed(verb))
    }
}

fn change(shared: &Shared, payload: Bytes) -> Answer {
    let request = SettingsRequest::decode(payload).map_err(|error| error.to_string())?;
    for (asked, verb) in [
        (request.jpeg_quality.is_some(), Verb::Quality),
        (request.max_fps.is_some(), Verb::MaxFps),
        (request.width.or(request.height).is_some(), Verb::Size),
    ] {
        if asked {
            allow(shared, verb)?;
        }
    }
    if request.jpeg_quality.is_some() && passes_all_jpegs(shared) {
        return Err(Refused::Because(
            "jpeg_quality: this camera gives JPEGs itself, and they are passed on as they are"
                .into(),
        ));
    }
    let settings = changed(*shared.settings(), &request)?;
    let size = size(&request)?;
    if let Some(size) = size {
        resize(&shared.main, size)?;
    }
    if *shared.settings() != settings || size.is_some() {
        tracing::info!(
            camera = %shared.camera.name,
            quality = settings.quality,
            max_fps = settings.max_fps,
            size = size.map(tracing::field::display),
            "settings were changed over the bus"
        );
    }
    *shared.settings() = settings;
    let hint = shared.main.from.source.hint();
    let known = hint.width > 0 && hint.height > 0;
    Ok(ControlReply {
        jpeg_quality: Some(settings.quality.into()),
        max_fps: Some(settings.max_fps as f32),
        width: known.then_some(hint.width),
        height: known.then_some(hint.height),
        ..ControlReply::default()
    })
}

/// Whether no JPEG is encoded here: as far as the last picture shows.
fn passes_all_jpegs(shared: &Shared) -> bool {
    let gives_jpegs = |input: &Input| {
        let newest = input.newest.borrow();
        let image = newest.as_ref().map(|arrived| &arrived.picture.image);
        matches!(image, Some(Image::Jpeg(_)))
    };
    let scales = matches!(shared.camera.offer.sub, Some(Sub::Scaled { .. }));
    let second = shared.second.as_ref();
    !scales && gives_jpegs(&shared.main) && second.is_none_or(gives_jpegs)
}

/// All of `request`, or nothing.
fn changed(settings: Settings, request: &SettingsRequest) -> Result<Settings, String> {
    let quality = match request.jpeg_quality {
        None => settings.quality,
        Some(quality @ 1..=100) => quality as u8,
        Some(quality) => return Err(format!("jpeg_quality: {quality} is not from 1 to 100")),
    };
    let max_fps = match request.max_fps {
        None => settings.max_fps,
        Some(fps) if (0.0..=240.0).contains(&fps) => f64::from(fps),
        Some(fps) => return Err(format!("max_fps: {fps} is not from 0 (no limit) to 240")),
    };
    Ok(Settings { quality, max_fps })
}

fn size(request: &SettingsRequest) -> Result<Option<Size>, String> {
    let pixels = 1..=u32::from(u16::MAX);
    match (request.width, request.height) {
        (None, None) => Ok(None),
        (Some(width), Some(height)) if pixels.contains(&width) && pixels.contains(&height) => {
            Ok(Some(Size { width, height }))
        }
        (Some(width), Some(height)) => Err(format!(
            "size: {width}x{height} is not from 1x1 to 65535x65535"
        )),
        _ => Err("size: give width and height".into()),
    }
}

fn resize(input: &Input, size: Size) -> Result<(), String> {
    let source = &input.from.source;
    let before = source.hint();
    source
        .resize(size)
        .map_err(|error| format!("size: {error}"))?;
    if (before.width, before.height) != (size.width, size.height) {
        input.reopen.send_modify(|count| *count += 1);
    }
    Ok(())
}

async fn controls(shared: &Shared, payload: Bytes) -> Answer {
    let request = ControlsRequest::decode(payload).map_err(|error| error.to_string())?;
    allow(shared, Verb::Controls)?;
    let controls = request.controls;
    if controls.is_empty() || controls.len() > MAX_CONTROLS {
        return Err(Refused::Because(format!(
            "controls: give 1 to {MAX_CONTROLS} of them"
        )));
    }
    if controls.keys().any(|name| name.len() > MAX_NAME_BYTES) {
        return Err(Refused::Because(format!(
            "controls: a name has {MAX_NAME_BYTES} bytes at most"
        )));
    }
    let controls = shared.main.from.source.set_controls(controls).await?;
    tracing::info!(camera = %shared.camera.name, ?controls, "controls were changed over the bus");
    Ok(ControlReply {
        controls,
        ..ControlReply::default()
    })
}

/// Every JPEG is a key frame: there is nothing to do for those.
fn keyframe(shared: &Shared, payload: Bytes) -> Answer {
    allow(shared, Verb::Keyframe)?;
    let request = KeyframeRequest::decode(payload).map_err(|error| error.to_string())?;
    let offered: Vec<_> = shared.offered().map(|stream| stream.name).collect();
    let Some(&name) = offered.iter().find(|name| **name == request.stream) else {
        return Err(Refused::Because(format!(
            "there is no such stream, known are {}",
            offered.join(", ")
        )));
    };
    let given = match shared.input_of(name).gives.borrow().video {
        Video::H264(_) | Video::H265(_) => {
            matches!(name, H264 | H265) || shared.second.is_some() && name == SUB
        }
        Video::Unknown | Video::Pictures => false,
    };
    if given {
        return Err(Refused::Because(format!(
            "{name} comes from the camera as it is, which makes a key frame when it likes"
        )));
    }
    shared.stream(name).ask_key();
    shared.asked.send_replace(());
    Ok(ControlReply::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Settings = Settings {
        quality: 80,
        max_fps: 10.0,
    };

    fn request(jpeg_quality: Option<u32>, max_fps: Option<f32>) -> SettingsRequest {
        SettingsRequest {
            jpeg_quality,
            max_fps,
            ..SettingsRequest::default()
        }
    }

    #[test]
    fn a_size_has_two_sides() {
        let asked = |width, height| {
            size(&SettingsRequest {
                width,
                height,
                ..SettingsRequest::default()
            })
        };
        assert_eq!(asked(None, None), Ok(None));
        let wanted = "640x360".parse().unwrap();
        assert_eq!(asked(Some(640), Some(360)), Ok(Some(wanted)));
        for (width, height) in [
            (Some(640), None),
            (None, Some(0)),
            (Some(0), Some(9)),
            (Some(9), Some(65_536)),
        ] {
            assert!(asked(width, height).unwrap_err().starts_with("size: "));
        }
    }

    #[test]
    fn what_is_absent_stays() {
        assert_eq!(changed(BEFORE, &request(None, None)), Ok(BEFORE));
        assert_eq!(
            changed(BEFORE, &request(Some(30), Some(0.0))),
            Ok(Settings {
                quality: 30,
                max_fps: 0.0
            })
        );
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_name() {
        for (request, name) in [
            (request(Some(0), None), "jpeg_quality"),
            (request(Some(101), None), "jpeg_quality"),
            (request(Some(336), None), "jpeg_quality"),
            (request(None, Some(-1.0)), "max_fps"),
            (request(None, Some(f32::NAN)), "max_fps"),
        ] {
            assert!(changed(BEFORE, &request).unwrap_err().starts_with(name));
        }
    }
}
