//! Answers requests to a camera: change a setting, give a key frame.

use bytes::Bytes;
use sightline_bus::{Bus, Delivery, Error, Message};
use sightline_proto::{
    ControlReply, H264, H265, KeyframeRequest, Message as _, Pattern, SUB, SettingsRequest,
    subject::Topic,
};
use tokio_util::sync::CancellationToken;

use super::{Settings, input::Video, shared::Shared};

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

async fn answer(shared: &Shared, bus: &Bus, message: Message) {
    let verb = match Topic::parse(&message.subject) {
        Some(Topic::Control(_, verb)) => verb.to_string(),
        _ => return,
    };
    let refused = match verb.as_str() {
        "settings" => change(shared, message.payload),
        "keyframe" => keyframe(shared, message.payload),
        _ => Err(format!(
            "there is no request {verb:?}, known are settings, keyframe"
        )),
    }
    .err()
    .unwrap_or_default();
    if let Some(reply) = message.reply {
        let answer = ControlReply { refused }.encode_to_vec().into();
        if let Err(error) = bus.reply(reply, answer).await {
            tracing::debug!(camera = %shared.camera.name, %error, "not answered");
        }
    }
}

fn change(shared: &Shared, payload: Bytes) -> Result<(), String> {
    if !shared.camera.control {
        return Err(format!(
            "settings of this camera cannot be changed from here; cameras.{}.control = true allows it",
            shared.camera.name.camera()
        ));
    }
    let request = SettingsRequest::decode(payload).map_err(|error| error.to_string())?;
    let mut settings = shared.settings();
    *settings = changed(*settings, &request)?;
    tracing::info!(
        camera = %shared.camera.name,
        quality = settings.quality,
        max_fps = settings.max_fps,
        "settings were changed over the bus"
    );
    Ok(())
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

/// Every JPEG is a key frame: there is nothing to do for those.
fn keyframe(shared: &Shared, payload: Bytes) -> Result<(), String> {
    let request = KeyframeRequest::decode(payload).map_err(|error| error.to_string())?;
    let offered: Vec<_> = shared.offered().map(|stream| stream.name).collect();
    let Some(&name) = offered.iter().find(|name| **name == request.stream) else {
        return Err(format!(
            "there is no such stream, known are {}",
            offered.join(", ")
        ));
    };
    let given = match shared.input_of(name).gives.borrow().video {
        Video::H264(_) | Video::H265(_) => {
            matches!(name, H264 | H265) || shared.second.is_some() && name == SUB
        }
        Video::Unknown | Video::Pictures => false,
    };
    if given {
        return Err(format!(
            "{name} comes from the camera as it is, which makes a key frame when it likes"
        ));
    }
    shared.stream(name).ask_key();
    shared.asked.send_replace(());
    Ok(())
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
