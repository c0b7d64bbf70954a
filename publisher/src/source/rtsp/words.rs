//! What the library says of a failure, in words for people and without anything secret.
//!
//! Its errors are text of many lines, and parts of the text are the camera's or the URL's.

use super::Target;
use crate::source::Error;

/// More of an error than this says nothing to people.
const MAX_CHARS: usize = 160;

/// What the library says if the camera asks who we are, and nobody told us.
const NO_LOGIN: &str = "no credentials supplied";

/// What it says if it cannot answer.
const UNKNOWN_LOGIN: &str = "understand WWW-Authenticate";

/// What it says if the camera refuses, and does not say how to log in.
const UNSAID_LOGIN: &str = "without WWW-Authenticate";

/// What it says of an offer in which there is nothing.
const NO_TRACKS: &str = "No parseable streams";

/// The error in our words. `opened` says whether frames could come already.
pub(super) fn in_words(target: &Target, error: &retina::Error, opened: bool) -> Error {
    of_text(target, error.status_code(), &error.to_string(), opened)
}

fn of_text(target: &Target, status: Option<u16>, text: &str, opened: bool) -> Error {
    let reason = match status {
        Some(401) if text.contains(NO_LOGIN) => {
            "it asks for a login: write rtsp://user:password@host/...".to_owned()
        }
        Some(401) if text.contains(UNKNOWN_LOGIN) => {
            "it asks for a login that is neither basic nor digest".to_owned()
        }
        Some(401) if text.contains(UNSAID_LOGIN) => {
            "it asks for a login and does not say which kind".to_owned()
        }
        Some(401) => {
            return Error::Unauthorized {
                what: target.what.clone(),
            };
        }
        Some(status @ 300..=399) => {
            format!("it redirects ({status}), which is not followed: name the address it leads to")
        }
        Some(404) => "it has nothing at this path (404): its manual names the right one".to_owned(),
        Some(461) => format!(
            "it does not send by {} (461): try #transport={}",
            target.transport.word(),
            match target.transport {
                super::Transport::Tcp => "udp",
                super::Transport::Udp => "tcp",
            }
        ),
        Some(status) if !(200..300).contains(&status) => {
            format!("it answers {}", cleaned(target, text))
        }
        Some(_) if text.contains(NO_TRACKS) => "it offers no track that can be read".to_owned(),
        Some(_) => {
            // In front stands what was asked.
            let what = text.split_once(": ").map_or(text, |(_, what)| what);
            format!("its answer cannot be used: {}", cleaned(target, what))
        }
        None => cleaned(target, text),
    };
    if opened {
        target.failed(reason)
    } else {
        target.open(reason)
    }
}

/// The first line, without addresses, secrets and what only the library's authors need.
fn cleaned(target: &Target, text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = [
        "Unable to connect to RTSP server: ",
        "Error reading from RTSP peer: ",
        "RTSP framing error: ",
    ]
    .iter()
    .find_map(|prefix| line.strip_prefix(prefix))
    .unwrap_or(line);
    let words: Vec<_> = line
        .split_whitespace()
        .map(|word| if word.contains("://") { "..." } else { word })
        .collect();
    let mut line = words.join(" ");
    for secret in secrets(target) {
        line = line.replace(&secret, "...");
    }
    line.chars()
        .filter(|c| !c.is_control())
        .take(MAX_CHARS)
        .collect::<String>()
        .trim_end_matches([':', ';', ' '])
        .to_owned()
}

/// What must not be seen. Shorter ones would take away parts of words, and give nothing away.
fn secrets(target: &Target) -> Vec<String> {
    let login = target.login.iter();
    let passwords = login.map(|(_, password)| password.clone());
    let query = target
        .url
        .query_pairs()
        .map(|(_, value)| value.into_owned());
    let segments = target.url.path_segments().into_iter().flatten();
    let hidden = segments.filter_map(|segment| segment.split_once('='));
    let mut secrets: Vec<_> = passwords
        .chain(query)
        .chain(hidden.map(|(_, value)| value.to_owned()))
        .filter(|secret| secret.len() > 3)
        .collect();
    // A part of another one would leave the rest to be seen.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::source::SourceUrl;

    fn target(text: &str) -> Target {
        let url = SourceUrl::new(text, BTreeMap::new()).unwrap();
        Target::new(&url, Duration::from_secs(5)).unwrap()
    }

    fn words(status: Option<u16>, text: &str) -> String {
        let target = target("rtsp://me:secret@cam/user=adm_password=hidden?key=value1");
        let error = of_text(&target, status, text, false).to_string();
        for secret in ["secret", "hidden", "value1"] {
            assert!(!error.contains(secret), "{error}");
        }
        error
            .strip_prefix("cannot open rtsp://cam/user=...?key=...: ")
            .unwrap_or(&error)
            .to_owned()
    }

    #[test]
    fn what_people_can_mend_is_said_so() {
        for (status, text, wanted) in [
            (
                401,
                "401 Unauthorized response to DESCRIBE: Received Unauthorized after trying digest auth",
                "rtsp://cam/user=...?key=... refuses the user or password",
            ),
            (
                401,
                "401: Authentication requested and no credentials supplied",
                "it asks for a login: write rtsp://user:password@host/...",
            ),
            (
                401,
                "401: Can't understand WWW-Authenticate header: x",
                "it asks for a login that is neither basic nor digest",
            ),
            (
                302,
                "302 Found response",
                "it redirects (302), which is not followed: name the address it leads to",
            ),
            (
                404,
                "404 Not Found",
                "it has nothing at this path (404): its manual names the right one",
            ),
            (
                461,
                "461 Unsupported Transport",
                "it does not send by tcp (461): try #transport=udp",
            ),
            (
                503,
                "503 Service Unavailable response to SETUP CSeq=3: Unexpected RTSP response status\n\nconn: x",
                "it answers 503 Service Unavailable response to SETUP CSeq=3: Unexpected RTSP response status",
            ),
        ] {
            assert_eq!(words(Some(status), text), wanted);
        }
    }

    #[test]
    fn one_line_is_enough_and_holds_no_secret() {
        for (text, wanted) in [
            (
                "Unable to connect to RTSP server: Connection refused (os error 111)",
                "Connection refused (os error 111)",
            ),
            (
                "RTSP framing error: Invalid RTSP message: byte 0: x; buffered:\n00 01 02",
                "Invalid RTSP message: byte 0: x; buffered",
            ),
            (
                "DESCRIBE response at rtsp://cam/user=adm_password=hidden?key=value1 has no type",
                "DESCRIBE response at ... has no type",
            ),
            ("you said secret and value1\u{7}", "you said ... and ..."),
        ] {
            assert_eq!(words(None, text), wanted);
        }
        assert!(words(None, &"x".repeat(9_000)).len() <= MAX_CHARS);
    }
}
