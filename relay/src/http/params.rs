//! Query parameters of pictures and streams.

use form_urlencoded::parse;

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
}

impl Params {
    /// Reads the part of a URL after `?`. An error names the parameter.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Error> {
        let mut params = Self::default();
        for (key, value) in parse(query.unwrap_or_default().as_bytes()) {
            match &*key {
                "src" => params.src = Some(value.into_owned()),
                "fps" => params.fps = Some(rate(&value)?),
                "advance_headers" => params.advance_headers = flag(&value)?,
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

fn flag(value: &str) -> Result<bool, Error> {
    match value {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" | "" => Ok(false),
        _ => Err(Error::bad_request("advance_headers must be 0 or 1")),
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
    }

    #[test]
    fn a_malformed_parameter_is_named() {
        for bad in ["fps=0", "fps=-1", "fps=x", "fps=", "fps=nan", "fps=inf"] {
            let error = Params::parse(Some(bad)).unwrap_err().json();
            assert!(error.to_string().contains("fps must"), "{bad}: {error}");
        }
        let error = Params::parse(Some("advance_headers=maybe")).unwrap_err();
        assert!(error.json().to_string().contains("advance_headers must"));
    }
}
