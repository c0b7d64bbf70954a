//! Names of sites, cameras and streams.

use std::{fmt, str::FromStr, sync::Arc};

/// The longest [`Token`], in bytes.
pub const MAX_TOKEN_BYTES: usize = 64;

/// 1 to 64 of `a-z 0-9 - _`: a site, a camera, a stream or a control verb. Cheap to clone.
///
/// It is one token of a subject and one segment of a URL, and needs escaping in neither.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(Arc<str>);

/// A camera: `<site>/<camera>`. Cheap to clone, ordered by site, then camera.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CameraName {
    site: Token,
    camera: Token,
}

/// What was given is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// A token is empty, too long, or has a character outside of `a-z 0-9 - _`.
    #[error("{0:?} is not a name: use 1 to 64 of a-z 0-9 - _")]
    Token(String),
    /// Not two tokens with one slash between them.
    #[error("{0:?} is not a camera: use site/camera")]
    Camera(String),
}

impl Token {
    /// The name as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let valid = (1..=MAX_TOKEN_BYTES).contains(&text.len())
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if valid {
            Ok(Self(text.into()))
        } else {
            // What a stranger sent may be long: the error quotes its start only.
            Err(InvalidName::Token(
                text.chars().take(MAX_TOKEN_BYTES).collect(),
            ))
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CameraName {
    /// The camera `camera` of `site`.
    pub fn new(site: Token, camera: Token) -> Self {
        Self { site, camera }
    }

    /// The site that the camera is at.
    pub fn site(&self) -> &Token {
        &self.site
    }

    /// The camera's name within its site.
    pub fn camera(&self) -> &Token {
        &self.camera
    }
}

impl FromStr for CameraName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let Some((site, camera)) = text.split_once('/') else {
            return Err(InvalidName::Camera(
                text.chars().take(2 * MAX_TOKEN_BYTES).collect(),
            ));
        };
        Ok(Self::new(site.parse()?, camera.parse()?))
    }
}

impl fmt::Display for CameraName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.site, self.camera)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_a_site_and_a_camera() {
        let name: CameraName = "farm/gate-2_b".parse().unwrap();
        assert_eq!(
            (name.site().as_str(), name.camera().as_str()),
            ("farm", "gate-2_b")
        );
        assert_eq!(name.to_string(), "farm/gate-2_b");
    }

    #[test]
    fn what_would_need_escaping_is_refused() {
        for bad in [
            "", "/", "a/", "/b", "a", "a/b/c", "A/b", "a/b.c", "a/*", "a/>", "a/b ", "ä/b",
        ] {
            assert!(bad.parse::<CameraName>().is_err(), "{bad:?}");
        }
        assert!("x".repeat(64).parse::<Token>().is_ok());
        assert!("x".repeat(65).parse::<Token>().is_err());
    }

    #[test]
    fn the_error_quotes_only_the_start_of_a_long_name() {
        let error = "x".repeat(100_000).parse::<Token>().unwrap_err();
        assert!(error.to_string().len() < 200);
    }
}
