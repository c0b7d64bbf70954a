//! Answers a camera that asks who we are: basic and digest authentication.
//!
//! Source: RFC 7617 (basic), RFC 7616 and 2069 (digest: MD5 and SHA-256, qop auth or none).

use http_auth::{PasswordClient, PasswordParams};

/// User and password, and what the camera said about how to send them.
pub(super) struct Login {
    user: String,
    password: String,
    scheme: Option<PasswordClient>,
}

/// What to do after a camera answered 401.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask again, with the header that [`Login::header`] gives now.
    Again,
    /// User or password are wrong. Cameras lock those out who try too often.
    Refused,
    /// It wants something that is not supported, in words.
    Unsupported(String),
}

impl Login {
    pub(super) fn new(user: String, password: String) -> Self {
        Self {
            user,
            password,
            scheme: None,
        }
    }

    /// The Authorization header for `GET uri`, once a camera has asked for one.
    pub(super) fn header(&mut self, uri: &str) -> Option<String> {
        let mut params = PasswordParams {
            username: &self.user,
            password: &self.password,
            uri,
            method: "GET",
            body: None,
        };
        let scheme = self.scheme.as_mut()?;
        // Protection of the body is answered where nothing less is asked for: there is no body.
        scheme.respond(&params).ok().or_else(|| {
            params.body = Some(&[]);
            scheme.respond(&params).ok()
        })
    }

    /// Takes the WWW-Authenticate headers of a 401. `attempts` says how many requests were answered so
    /// since this camera was last asked for a picture, and `sent` whether the last one carried our
    /// header.
    pub(super) fn challenged<'a>(
        &mut self,
        challenges: impl Iterator<Item = &'a str>,
        sent: bool,
        attempts: usize,
    ) -> Verdict {
        let scheme = challenges
            .fold(PasswordClient::builder(), |builder, value| {
                builder.challenges(value)
            })
            .build();
        let scheme = match scheme {
            Ok(scheme) => scheme,
            Err(reason) => {
                let reason: String = reason
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(120)
                    .collect();
                return Verdict::Unsupported(format!(
                    "it asks for a login that is not supported: {reason}"
                ));
            }
        };
        let old = self.scheme.replace(scheme);
        let digest = |scheme: Option<&PasswordClient>| match scheme {
            Some(PasswordClient::Digest(digest)) => {
                Some((digest.nonce().to_owned(), digest.stale()))
            }
            _ => None,
        };
        // A nonce is good for some time or some requests. One that was got for this very request may be
        // refused only if the camera says that it was too old.
        let stale = match (digest(old.as_ref()), digest(self.scheme.as_ref())) {
            (Some((old, _)), Some((new, stale))) => stale || (attempts == 0 && old != new),
            _ => false,
        };
        if sent && (!stale || attempts >= MAX_ATTEMPTS) {
            self.scheme = None;
            return Verdict::Refused;
        }
        Verdict::Again
    }
}

/// Answers to one request that a camera may call too old before it is taken for a refusal.
const MAX_ATTEMPTS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = r#"Digest realm="cam", qop="auth", algorithm=MD5, nonce="n1""#;
    const STALE: &str = r#"Digest realm="cam", qop="auth", algorithm=MD5, nonce="n2", stale=TRUE"#;
    const RENEWED: &str = r#"Digest realm="cam", qop="auth", algorithm=MD5, nonce="n2""#;
    const BASIC: &str = r#"Basic realm="cam""#;

    fn login() -> Login {
        Login::new("Mufasa".into(), "Circle of Life".into())
    }

    #[test]
    fn nothing_is_sent_before_a_camera_asks() {
        assert_eq!(login().header("/"), None);
    }

    #[test]
    fn basic_is_answered_and_refused_once() {
        let mut login = login();
        assert_eq!(
            login.challenged([BASIC].into_iter(), false, 0),
            Verdict::Again
        );
        assert_eq!(
            login.header("/").unwrap(),
            "Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl"
        );
        assert_eq!(
            login.challenged([BASIC].into_iter(), true, 1),
            Verdict::Refused
        );
        assert_eq!(login.header("/"), None);
    }

    #[test]
    fn digest_is_preferred_and_its_old_nonces_are_renewed() {
        let mut login = login();
        assert_eq!(
            login.challenged([BASIC, DIGEST].into_iter(), false, 0),
            Verdict::Again
        );
        assert!(login.header("/x?y=1").unwrap().contains(r#"uri="/x?y=1""#));
        assert!(login.header("/").unwrap().contains("nc=00000002"));
        // Some cameras say that a nonce is old, some only send a new one.
        assert_eq!(
            login.challenged([STALE].into_iter(), true, 0),
            Verdict::Again
        );
        assert!(login.header("/").unwrap().contains(r#"nonce="n2""#));
        assert_eq!(
            login.challenged([DIGEST].into_iter(), true, 0),
            Verdict::Again
        );
        assert_eq!(
            login.challenged([RENEWED].into_iter(), true, 1),
            Verdict::Refused
        );
    }

    #[test]
    fn a_camera_that_calls_every_nonce_old_refuses() {
        let mut login = login();
        assert_eq!(
            login.challenged([DIGEST].into_iter(), false, 0),
            Verdict::Again
        );
        assert_eq!(
            login.challenged([STALE].into_iter(), true, 1),
            Verdict::Again
        );
        assert_eq!(
            login.challenged([STALE].into_iter(), true, 2),
            Verdict::Refused
        );
    }

    #[test]
    fn a_login_of_another_kind_is_named() {
        for challenge in ["Bearer realm=\"x\"", "", "\u{7f}garbage,,,"] {
            let verdict = login().challenged([challenge].into_iter(), false, 0);
            assert!(matches!(verdict, Verdict::Unsupported(_)), "{challenge}");
        }
        assert!(matches!(
            login().challenged(std::iter::empty(), false, 0),
            Verdict::Unsupported(_)
        ));
    }
}
