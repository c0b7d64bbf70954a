//! Whether a page of some origin may use this relay.

use axum::http::{HeaderMap, HeaderValue, header};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin<'a> {
    /// Not from a page, or from one of this relay.
    Own,
    /// From a page of an origin that the configuration names.
    Allowed(&'a HeaderValue),
    /// From any other page.
    Foreign(&'a HeaderValue),
}

/// Judges by `Origin` (RFC 6454), which browsers send and pages cannot change, and `Host`.
pub(super) fn of<'a>(headers: &'a HeaderMap, allowed: &[String]) -> Origin<'a> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Origin::Own;
    };
    let Ok(text) = origin.to_str() else {
        return Origin::Foreign(origin);
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| is_at(text, host)) {
        Origin::Own
    } else if allowed.iter().any(|one| one.eq_ignore_ascii_case(text)) {
        Origin::Allowed(origin)
    } else {
        Origin::Foreign(origin)
    }
}

/// Whether `origin` is at `host`, whichever of the two names the default port. The scheme may be
/// either: a proxy may have ended the encryption.
fn is_at(origin: &str, host: &str) -> bool {
    let (at, default_port) = match origin.split_once("://") {
        Some(("http", at)) => (at, ":80"),
        Some(("https", at)) => (at, ":443"),
        _ => return false,
    };
    let without_port = |text: &str| text.strip_suffix(default_port).unwrap_or(text).to_owned();
    !at.is_empty() && without_port(at).eq_ignore_ascii_case(&without_port(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(origin: Option<&str>, host: &str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        match of(&headers, &["https://wall.example".into()]) {
            Origin::Own => "own",
            Origin::Allowed(_) => "allowed",
            Origin::Foreign(_) => "foreign",
        }
    }

    #[test]
    fn only_the_own_host_and_configured_origins_are_let_in() {
        for (origin, host, wanted) in [
            (None, "relay:8080", "own"),
            (Some("http://relay:8080"), "relay:8080", "own"),
            (Some("https://Relay:8080"), "relay:8080", "own"),
            (Some("http://relay"), "relay:80", "own"),
            (Some("https://relay:443"), "relay", "own"),
            (Some("http://[::1]:8080"), "[::1]:8080", "own"),
            (Some("https://wall.example"), "relay:8080", "allowed"),
            (Some("http://wall.example"), "relay:8080", "foreign"),
            (
                Some("https://wall.example.evil.example"),
                "relay",
                "foreign",
            ),
            (Some("http://relay:8081"), "relay:8080", "foreign"),
            (Some("http://relay:443"), "relay", "foreign"),
            (Some("http://evil.example"), "relay", "foreign"),
            (Some("null"), "relay", "foreign"),
            (Some("http://"), "", "foreign"),
            (Some("file://relay"), "relay", "foreign"),
        ] {
            assert_eq!(judged(origin, host), wanted, "{origin:?} at {host}");
        }
    }
}
