//! Messages of go2rtc's WebSocket: JSON with `type` and `value`. Pure.

use serde::Deserialize;
use serde_json::json;

use crate::http::socket::Close;

/// Types are quoted up to here, in characters.
const MAX_QUOTED: usize = 64;

/// What a viewer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Fragmented MP4 for a SourceBuffer.
    Mse(Codecs),
    /// One JPEG in each message.
    Mjpeg,
    /// What this relay does not have.
    Other(String),
}

/// What a viewer can play; nothing is known of one that did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Codecs(Option<Vec<String>>);

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    value: serde_json::Value,
}

impl Command {
    /// `None` for what needs no answer.
    pub(super) fn read(text: &str) -> Result<Option<Self>, Close> {
        let message: Message = serde_json::from_str(text).map_err(|_| Close::Malformed)?;
        Ok(match &*message.kind {
            "mse" => Some(Self::Mse(Codecs::of(message.value.as_str()))),
            "mjpeg" => Some(Self::Mjpeg),
            // Of an offer that was answered with an error.
            "webrtc/candidate" => None,
            other => Some(Self::Other(other.chars().take(MAX_QUOTED).collect())),
        })
    }
}

impl Codecs {
    fn of(value: Option<&str>) -> Self {
        let list = value.filter(|value| !value.is_empty());
        Self(list.map(|list| {
            list.split(',')
                .map(|codec| codec.trim().to_owned())
                .collect()
        }))
    }

    /// Whether H.264 can be played, of whatever profile: go2rtc looks no closer, and browsers play more than
    /// its player asks them for.
    pub(super) fn have_h264(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|codecs| codecs.iter().any(|codec| codec.starts_with("avc1.")))
    }

    /// All of them, if the viewer said so.
    pub(super) fn listed(self) -> Option<Vec<String>> {
        self.0
    }
}

/// `{"type": "mse", "value": "video/mp4; codecs=..."}`
pub(super) fn mse(mime: &str) -> String {
    json!({"type": "mse", "value": mime}).to_string()
}

/// What comes before the first JPEG.
pub(super) fn mjpeg() -> String {
    json!({"type": "mjpeg"}).to_string()
}

/// An error that begins with the mode: by that the player knows what to fall back from.
pub(super) fn error(mode: &str, words: &str) -> String {
    json!({"type": "error", "value": format!("{mode}: {words}")}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Command> {
        Command::read(text).unwrap()
    }

    #[test]
    fn the_messages_of_its_player_are_understood() {
        let Some(Command::Mse(codecs)) =
            read(r#"{"type":"mse","value":"avc1.640029,avc1.64002A,mp4a.40.2"}"#)
        else {
            panic!("not understood");
        };
        assert!(codecs.have_h264());
        assert_eq!(codecs.listed().unwrap().last().unwrap(), "mp4a.40.2");
        assert_eq!(read(r#"{"type":"mjpeg"}"#), Some(Command::Mjpeg));
        assert_eq!(
            read(r#"{"type":"webrtc/offer","value":"v=0"}"#),
            Some(Command::Other("webrtc/offer".into()))
        );
        assert_eq!(read(r#"{"type":"webrtc/candidate","value":""}"#), None);
    }

    #[test]
    fn who_names_no_codecs_plays_all_and_who_names_others_plays_no_h264() {
        for (text, wanted) in [
            (r#"{"type":"mse"}"#, true),
            (r#"{"type":"mse","value":""}"#, true),
            (r#"{"type":"mse","value":7}"#, true),
            (r#"{"type":"mse","value":"mp4a.40.2, avc1.42E01E"}"#, true),
            (
                r#"{"type":"mse","value":"hvc1.1.6.L153.B0,mp4a.40.2"}"#,
                false,
            ),
        ] {
            let Some(Command::Mse(codecs)) = read(text) else {
                panic!("{text}");
            };
            assert_eq!(codecs.have_h264(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_message_ends_the_connection() {
        for text in ["", "[]", "{}", r#"{"type":7}"#, r#"{"type":"mse""#] {
            assert_eq!(Command::read(text), Err(Close::Malformed), "{text}");
        }
    }

    #[test]
    fn a_type_is_quoted_in_part_however_long_it_is() {
        let text = format!(r#"{{"type":"{}"}}"#, "é".repeat(1_000));
        let Some(Command::Other(kind)) = read(&text) else {
            panic!("not understood");
        };
        assert_eq!(kind.chars().count(), MAX_QUOTED);
    }

    #[test]
    fn an_error_begins_with_the_mode() {
        assert_eq!(
            error("mse", "there is no camera \"x\""),
            r#"{"type":"error","value":"mse: there is no camera \"x\""}"#
        );
    }
}
