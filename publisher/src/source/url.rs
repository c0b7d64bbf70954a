//! The URL that names a source, and what every source reads out of it in the same way.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

use url::Url;

use super::InvalidSource;

/// Where a camera's pictures come from, as it was configured.
///
/// `Display` and [`InvalidSource`] show it without anything that may be a credential.
#[derive(Clone)]
pub(crate) struct SourceUrl {
    text: String,
    scheme: String,
    controls: BTreeMap<String, i64>,
}

impl SourceUrl {
    /// Takes in what was configured; only the scheme must be there. `-` is standard input, `file:-`, and may have
    /// parameters.
    pub(crate) fn new(text: &str, controls: BTreeMap<String, i64>) -> Result<Self, InvalidSource> {
        let stdin;
        let text = match text.trim() {
            text if matches!(text.as_bytes(), [b'-'] | [b'-', b'#' | b'?', ..]) => {
                stdin = format!("file:{text}");
                &stdin
            }
            text => text,
        };
        let scheme = text
            .split_once(':')
            .map(|(scheme, _)| scheme)
            .filter(|scheme| is_scheme(scheme));
        let Some(scheme) = scheme else {
            return Err(InvalidSource {
                // It may hold anything: only its first characters are quoted.
                url: format!("{:?}", text.chars().take(16).collect::<String>()),
                reason: format!(
                    "is not a URL, it must start with {}",
                    super::known_schemes()
                ),
            });
        };
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            text: text.to_owned(),
            controls,
        })
    }

    /// In lower case, without the colon.
    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Everything behind the first colon, as it was written. May hold credentials.
    pub(crate) fn rest(&self) -> &str {
        self.text.split_once(':').map_or("", |(_, rest)| rest)
    }

    /// The parsed URL. May hold credentials.
    pub(crate) fn url(&self) -> Result<Url, InvalidSource> {
        Url::parse(&self.text).map_err(|error| self.invalid(error))
    }

    /// The path of a file, a folder or a device: `scheme:///path`, percent-decoded.
    pub(crate) fn path(&self) -> Result<PathBuf, InvalidSource> {
        let url = self.url()?;
        let wanted = || self.invalid(format!("needs three slashes: {}:///path", self.scheme));
        if url.host_str().is_some_and(|host| !host.is_empty()) {
            return Err(wanted());
        }
        url.to_file_path().map_err(|()| wanted())
    }

    /// Our own parameters, behind `?` or `#`.
    pub(crate) fn parameters(&self) -> Result<Parameters<'_>, InvalidSource> {
        let url = self.url()?;
        match (url.query(), url.fragment()) {
            (Some(_), Some(_)) => Err(self.invalid("its parameters stand behind ? or #, not both")),
            (query, fragment) => Parameters::new(self, query.or(fragment).unwrap_or_default()),
        }
    }

    /// The command line of a source that is one, and our own parameters behind ` #` at its end, where a shell has
    /// its comments.
    pub(crate) fn command(&self) -> Result<(&str, Parameters<'_>), InvalidSource> {
        let line = self.rest();
        let comment = line.match_indices('#').map(|(at, _)| at).find(|&at| {
            let before = &line[..at];
            before.ends_with([' ', '\t'])
                && !before.trim_end().ends_with('\\')
                && shlex::split(before).is_some()
        });
        let (command, parameters) =
            comment.map_or((line, ""), |at| (&line[..at], line[at + 1..].trim()));
        Ok((command, Parameters::new(self, parameters)?))
    }

    /// The parameters behind `#`, for sources whose query belongs to the camera.
    pub(crate) fn fragment_parameters(&self) -> Result<Parameters<'_>, InvalidSource> {
        Parameters::new(self, self.url()?.fragment().unwrap_or_default())
    }

    /// V4L2 controls to set, by name: `cameras.<name>.controls`.
    pub(crate) fn controls(&self) -> &BTreeMap<String, i64> {
        &self.controls
    }

    /// The error that this URL cannot be used.
    pub(crate) fn invalid(&self, reason: impl fmt::Display) -> InvalidSource {
        InvalidSource {
            url: self.to_string(),
            reason: reason.to_string(),
        }
    }
}

/// Without user, password, values in a camera's own path and query, and arguments of a command.
impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == "exec" {
            let program = self.rest().split_whitespace().next().unwrap_or_default();
            return write!(f, "exec:{program} ...");
        }
        let Ok(mut url) = Url::parse(&self.text) else {
            return write!(f, "{}:...", self.scheme);
        };
        // Both fail for URLs that cannot have them.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let network = matches!(self.scheme.as_str(), "http" | "https" | "rtsp" | "rtsps");
        if network && url.path().contains('=') {
            // Some cameras take user and password as a part of their path.
            let path = without_values(url.path());
            url.set_path(&path);
        }
        if network && url.query().is_some() {
            let names: Vec<_> = url
                .query_pairs()
                .map(|(name, _)| format!("{name}=..."))
                .collect();
            url.set_query(None);
            url.set_fragment(None);
            return write!(f, "{url}?{}", names.join("&"));
        }
        write!(f, "{url}")
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceUrl({self})")
    }
}

/// Reads parameters one by one; [`Parameters::finish`] refuses those that nobody asked for.
pub(crate) struct Parameters<'a> {
    url: &'a SourceUrl,
    given: BTreeMap<String, String>,
    known: Vec<&'static str>,
}

impl<'a> Parameters<'a> {
    fn new(url: &'a SourceUrl, encoded: &str) -> Result<Self, InvalidSource> {
        let mut given = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(encoded.as_bytes()) {
            if given.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(url.invalid(format!("{name} is given twice")));
            }
        }
        Ok(Self {
            url,
            given,
            known: Vec::new(),
        })
    }

    /// The value of `name`, if it is given and not empty. `what` says in the error what would be right.
    pub(crate) fn take<T: FromStr>(
        &mut self,
        name: &'static str,
        what: &str,
    ) -> Result<Option<T>, InvalidSource> {
        self.known.push(name);
        let Some(value) = self.given.remove(name).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        value
            .parse()
            .map(Some)
            .map_err(|_| self.url.invalid(format!("{name}={value} is not {what}")))
    }

    /// Frames per second: more than 0, at most 240.
    pub(crate) fn fps(&mut self) -> Result<Option<f64>, InvalidSource> {
        const WHAT: &str = "a rate: use a number above 0 and up to 240";
        let fps = self.take("fps", WHAT)?;
        match fps {
            Some(fps) if !(fps > 0.0 && fps <= 240.0) => {
                Err(self.url.invalid(format!("fps={fps} is not {WHAT}")))
            }
            fps => Ok(fps),
        }
    }

    /// `size=1280x720`.
    pub(crate) fn size(&mut self) -> Result<Option<crate::picture::Size>, InvalidSource> {
        self.take("size", "a size: use <width>x<height>, for example 1280x720")
    }

    /// Refuses what is left over.
    pub(crate) fn finish(self) -> Result<(), InvalidSource> {
        let Some(name) = self.given.keys().next() else {
            return Ok(());
        };
        Err(self.url.invalid(if self.known.is_empty() {
            format!("takes no parameters, but has {name:?}")
        } else {
            format!(
                "there is no parameter {name:?}; known are {}",
                self.known.join(", ")
            )
        }))
    }
}

/// Leaves out what follows the first `=` in each segment of a path.
fn without_values(path: &str) -> String {
    let segments: Vec<_> = path
        .split('/')
        .map(|segment| match segment.split_once('=') {
            Some((name, _)) => format!("{name}=..."),
            None => segment.to_owned(),
        })
        .collect();
    segments.join("/")
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> SourceUrl {
        SourceUrl::new(text, BTreeMap::new()).unwrap()
    }

    #[test]
    fn what_may_be_a_credential_is_not_shown() {
        for (text, shown) in [
            ("http://me:secret@cam:81/video", "http://cam:81/video"),
            (
                "http://cam/snap?channel=2&pwd=secret",
                "http://cam/snap?channel=...&pwd=...",
            ),
            (
                "rtsp://me:secret@cam/1?x=secret#secret",
                "rtsp://cam/1?x=...",
            ),
            (
                "rtsp://cam:554/user=me_password=secret_channel=1/a",
                "rtsp://cam:554/user=.../a",
            ),
            ("exec:ffmpeg -i rtsp://me:secret@cam -", "exec:ffmpeg ..."),
            ("http://me:secret@[broken", "http:..."),
            ("v4l2:///dev/video0?fps=30", "v4l2:///dev/video0?fps=30"),
        ] {
            assert_eq!(url(text).to_string(), shown);
            assert!(!format!("{:?}", url(text).invalid("x")).contains("secret"));
        }
    }

    #[test]
    fn a_path_is_percent_decoded_and_needs_three_slashes() {
        assert_eq!(
            url("images:///a%20b").path().unwrap(),
            PathBuf::from("/a b")
        );
        let error = url("images://a/b").path().unwrap_err().to_string();
        assert!(error.contains("images:///path"), "{error}");
    }

    #[test]
    fn a_dash_is_standard_input() {
        let url = url("-");
        assert_eq!((url.scheme(), url.rest()), ("file", "-"));
        let with_options = SourceUrl::new("-#fps=2", BTreeMap::new()).unwrap();
        assert_eq!(with_options.rest(), "-#fps=2");
        let mut parameters = with_options.parameters().unwrap();
        assert_eq!(parameters.fps(), Ok(Some(2.0)));
    }

    #[test]
    fn parameters_of_a_command_stand_where_a_shell_has_comments() {
        for (text, command, fps) in [
            ("exec:cmd -a b #fps=2", "cmd -a b ", Some(2.0)),
            ("exec:cmd a#fps=2", "cmd a#fps=2", None),
            ("exec:cmd ' #fps=2'", "cmd ' #fps=2'", None),
            ("exec:cmd ' #x' #fps=3", "cmd ' #x' ", Some(3.0)),
            ("exec:cmd \\ #fps=2", "cmd \\ #fps=2", None),
        ] {
            let url = url(text);
            let (line, mut parameters) = url.command().unwrap();
            assert_eq!((line, parameters.fps()), (command, Ok(fps)), "{text}");
        }
        assert!(url("exec:cmd #fps=1&fps=2").command().is_err());
    }

    #[test]
    fn parameters_are_checked_by_name_and_value() {
        let read = |text: &str| {
            let url = url(text);
            let mut parameters = url.parameters()?;
            let values = (parameters.size()?, parameters.fps()?);
            parameters.finish().map(|()| values)
        };
        let (size, fps) = read("test://?size=640x360&fps=12.5").unwrap();
        assert_eq!(size.map(|size| (size.width, size.height)), Some((640, 360)));
        assert_eq!(fps, Some(12.5));
        assert_eq!(read("test://").unwrap(), (None, None));
        for (text, wanted) in [
            ("test://?fps=0", "fps=0"),
            ("test://?fps=NaN", "fps=NaN"),
            ("test://?fps=x", "fps=x"),
            ("test://?size=640", "size=640"),
            ("test://?siez=640x360", "known are size, fps"),
            ("test://?fps=1&fps=2", "fps is given twice"),
            ("test://?fps=1#fps=2", "behind ? or #, not both"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
