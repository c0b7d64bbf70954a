//! Query parameters of pictures and streams.

use std::time::Duration;

use form_urlencoded::parse;
use sightline_proto::Token;

use super::Error;

/// What a request for a picture or a stream may say. Parameters that are not known are ignored:
/// clients add some to get past caches.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Params {
    /// The camera, in dialects whose paths do not name one.
    pub(crate) src: Option<String>,
    /// Frames per second at most.
    pub(crate) fps: Option<f64>,
    /// The head of the next part follows each picture at once.
    pub(crate) advance_headers: bool,
    /// The stream, of a file.
    pub(crate) stream: Option<Token>,
    /// How long a file is to be.
    pub(crate) duration: Option<Duration>,
    /// A file is to have no sound.
    pub(crate) muted: bool,
}

impl Params {
    /// Reads the part of a URL after `?`. An error names the parameter.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Error> {
        let mut params = Self::default();
        for (key, value) in parse(query.unwrap_or_default().as_bytes()) {
            match &*key {
                "src" => params.src = Some(value.into_owned()),
                "fps" => params.fps = Some(rate(&value)?),
                "advance_headers" => params.advance_headers = flag(&key, &value)?,
                "stream" => params.stream = Some(stream(&value)?),
                "duration" => params.duration = Some(duration(&value)?),
                "audio" => params.muted = !flag(&key, &value)?,
                _ => {}
            }
        }
        Ok(params)
    }
}

fn rate(value: &str) -> Result<f64, Error> {
    value
        .parse()
        .ok()
        .filter(|fps: &f64| fps.is_finite() && *fps > 0.0)
        .ok_or_else(|| Error::bad_request("fps must be a number of frames per second above 0"))
}

fn stream(value: &str) -> Result<Token, Error> {
    value
        .parse()
        .map_err(|error| Error::bad_request(format!("stream: {error}")))
}

fn duration(value: &str) -> Result<Duration, Error> {
    let seconds = value.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| Error::bad_request("duration must be a number of seconds above 0"))
}

fn flag(key: &str, value: &str) -> Result<bool, Error> {
    match value {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" | "" => Ok(false),
        _ => Err(Error::bad_request(format!("{key} must be 0 or 1"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_foreign_ones_ignored() {
        let params =
            Params::parse(Some("fps=7.5&advance_headers=1&src=farm%2Fgate&t=123")).unwrap();
        assert_eq!(params.fps, Some(7.5));
        assert!(params.advance_headers);
        assert_eq!(params.src.as_deref(), Some("farm/gate"));
        assert_eq!(Params::parse(None).unwrap(), Params::default());
        let params = Params::parse(Some("stream=sub&duration=2.5&audio=0")).unwrap();
        assert_eq!(params.stream.unwrap().as_str(), "sub");
        assert_eq!(params.duration, Some(Duration::from_millis(2_500)));
        assert!(params.muted);
    }

    #[test]
    fn a_malformed_parameter_is_named() {
        for bad in ["fps=0", "fps=-1", "fps=x", "fps=", "fps=nan", "fps=inf"] {
            let error = Params::parse(Some(bad)).unwrap_err().json();
            assert!(error.to_string().contains("fps must"), "{bad}: {error}");
        }
        for (bad, wanted) in [
            ("advance_headers=maybe", "advance_headers must"),
            ("audio=loud", "audio must"),
            ("duration=0", "duration must"),
            ("duration=-1", "duration must"),
            ("duration=nan", "duration must"),
            ("duration=1e300", "duration must"),
            ("stream=A%20B", "stream: "),
        ] {
            let error = Params::parse(Some(bad)).unwrap_err().json();
            assert!(error.to_string().contains(wanted), "{bad}: {error}");
        }
    }
}
