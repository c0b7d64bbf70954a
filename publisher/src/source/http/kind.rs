//! What a camera answers with.

/// How a response's body is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Pictures without end, behind each other. The boundary is as the camera wrote it, and may be empty.
    Multipart { boundary: String },
    /// One picture.
    Picture,
    /// A web page.
    Page,
    /// It does not say; the first bytes may.
    Unsaid,
    /// Nothing that is supported, in words.
    Other(String),
}

/// Tells from a Content-Type header; `None` if there is none.
pub(super) fn of(content_type: Option<&str>) -> Kind {
    let Some(content_type) = content_type.map(str::trim).filter(|text| !text.is_empty()) else {
        return Kind::Unsaid;
    };
    let (media, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let media = media.trim().to_ascii_lowercase();
    match media.as_str() {
        _ if media.starts_with("multipart/") => Kind::Multipart {
            boundary: boundary(parameters),
        },
        "image/jpeg" | "image/jpg" | "image/pjpeg" | "image" => Kind::Picture,
        "text/html" | "application/xhtml+xml" => Kind::Page,
        "application/octet-stream" => Kind::Unsaid,
        _ => Kind::Other(media.chars().filter(|c| !c.is_control()).take(80).collect()),
    }
}

/// The boundary among the parameters of a multipart type, without quotes.
fn boundary(parameters: &str) -> String {
    parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .unwrap_or_default()
}

/// Whether a web page asks for a password.
pub(super) fn asks_for_password(page: &[u8]) -> bool {
    page.windows(b"password".len())
        .any(|window| window.eq_ignore_ascii_case(b"password"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_of_real_cameras_are_understood() {
        let multipart = |boundary: &str| Kind::Multipart {
            boundary: boundary.into(),
        };
        for (content_type, kind) in [
            (
                "multipart/x-mixed-replace;boundary=frame",
                multipart("frame"),
            ),
            (
                "multipart/x-mixed-replace; boundary=\"--my boundary\"",
                multipart("--my boundary"),
            ),
            (
                "Multipart/X-Mixed-Replace; charset=utf-8; Boundary = --x",
                multipart("--x"),
            ),
            ("multipart/mixed", multipart("")),
            ("image/jpeg", Kind::Picture),
            ("IMAGE/JPEG; charset=binary", Kind::Picture),
            ("image/jpg", Kind::Picture),
            ("text/html; charset=utf-8", Kind::Page),
            ("application/octet-stream", Kind::Unsaid),
            (" ", Kind::Unsaid),
            ("video/mp4", Kind::Other("video/mp4".into())),
        ] {
            assert_eq!(of(Some(content_type)), kind, "{content_type}");
        }
        assert_eq!(of(None), Kind::Unsaid);
    }

    #[test]
    fn a_login_page_is_known_by_its_password_field() {
        assert!(asks_for_password(b"<form><INPUT type='PassWord'></form>"));
        assert!(!asks_for_password(b"<h1>It works!</h1>"));
        assert!(!asks_for_password(b""));
    }
}
