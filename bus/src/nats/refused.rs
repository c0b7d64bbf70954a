//! What it means that a server refuses a subject, in words for whoever wrote the settings. Pure.

use sightline_proto::subject::Topic;

use crate::Options;

/// The setting that says who we are, with the file or user that it names; never a secret.
pub(super) fn credential(options: &Options) -> String {
    if !options.nkey_file.as_os_str().is_empty() {
        format!("nats.nkey_file ({})", options.nkey_file.display())
    } else if !options.creds_file.as_os_str().is_empty() {
        format!("nats.creds_file ({})", options.creds_file.display())
    } else if !options.user.is_empty() {
        format!("nats.user ({})", options.user)
    } else if !options.token.is_empty() {
        "nats.token".to_owned()
    } else {
        "no credentials: nats.nkey_file is not set".to_owned()
    }
}

/// What a server that says `error` does not allow, and what to look at. Nothing if it speaks of something else.
pub(super) fn explain(error: &str, credential: &str) -> Option<String> {
    let lower = error.to_lowercase();
    if !lower.contains("permissions violation") {
        return None;
    }
    let hears = lower.contains("subscription");
    let Some(subject) = quoted(error) else {
        return Some(format!("look at the permissions of {credential}"));
    };
    let doing = if hears { "subscribe to" } else { "publish to" };
    let look = if hears && subject.contains('*') && !subject.contains(".control.") {
        relay(credential)
    } else {
        match Topic::parse(subject) {
            Some(Topic::Frame(..) | Topic::Relay(_)) if hears => relay(credential),
            Some(
                Topic::Demand(_) | Topic::Control(..) | Topic::QueryAnnounce | Topic::Relay(_),
            ) if !hears => relay(credential),
            Some(Topic::Frame(camera, _) | Topic::Announce(camera) | Topic::Demand(camera)) => {
                site(camera.site().as_str(), camera.camera().as_str(), credential)
            }
            _ => match control(subject) {
                Some((of_site, camera)) => site(of_site, camera, credential),
                None => format!("look at the permissions of {credential}"),
            },
        }
    };
    Some(format!("may not {doing} {subject}: {look}"))
}

/// Site and camera of a subscription to all control verbs of a camera.
fn control(subject: &str) -> Option<(&str, &str)> {
    let mut tokens = subject.strip_prefix("sightline.v1.control.")?.split('.');
    Some((tokens.next()?, tokens.next()?))
}

fn site(site: &str, camera: &str, credential: &str) -> String {
    format!(
        "camera {camera} is configured to be at site {site}, and {credential} is not of that site; correct site or \
         cameras.{camera}.site, or make credentials with `credentials site {site}`"
    )
}

fn relay(credential: &str) -> String {
    format!(
        "only a relay does this, and {credential} is not a relay's, or is older than this relay; make credentials with \
         `credentials relay`"
    )
}

/// The first text in quotes.
fn quoted(text: &str) -> Option<&str> {
    text.split('"').nth(1).filter(|subject| !subject.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(kind: &str, subject: &str) -> String {
        let error = format!("nats: Permissions Violation for {kind} to \"{subject}\"");
        explain(&error, "nats.nkey_file (site-farm.nk)").unwrap()
    }

    #[test]
    fn a_camera_of_another_site_is_named_with_its_settings() {
        for (kind, subject) in [
            ("Publish", "sightline.v1.announce.shop.gate"),
            ("Publish", "sightline.v1.frame.shop.gate.jpeg"),
            ("Subscription", "sightline.v1.demand.shop.gate"),
            ("Subscription", "sightline.v1.announce.shop.gate"),
            ("Subscription", "sightline.v1.control.shop.gate.*"),
        ] {
            let text = explained(kind, subject);
            for part in [
                subject,
                "site shop",
                "cameras.gate.site",
                "nats.nkey_file (site-farm.nk)",
            ] {
                assert!(text.contains(part), "{part} is not in {text}");
            }
        }
    }

    #[test]
    fn what_only_relays_do_asks_for_a_relays_credentials() {
        for (kind, subject) in [
            ("Publish", "sightline.v1.demand.farm.gate"),
            ("Publish", "sightline.v1.relay.01ab"),
            ("Publish", "sightline.v1.query.announce"),
            ("Subscription", "sightline.v1.announce.*.*"),
            ("Subscription", "sightline.v1.relay.*"),
            ("Subscription", "sightline.v1.frame.farm.gate.jpeg"),
        ] {
            let text = explained(kind, subject);
            assert!(text.contains("credentials relay"), "{text}");
        }
    }

    #[test]
    fn anything_else_is_left_to_the_servers_words() {
        assert_eq!(explain("nats: maximum connections exceeded", "x"), None);
        assert!(explained("Publish", "_R_.x").contains("permissions of nats.nkey_file"));
        let odd = explain("Permissions Violation", "nats.token").unwrap();
        assert!(odd.contains("nats.token"), "{odd}");
    }

    #[test]
    fn a_credential_is_named_and_not_told() {
        let mut options = Options {
            user: "farm".into(),
            password: "secret".into(),
            ..Options::default()
        };
        assert_eq!(credential(&options), "nats.user (farm)");
        options.user.clear();
        options.token = "secret".into();
        assert_eq!(credential(&options), "nats.token");
        assert!(credential(&Options::default()).contains("not set"));
    }
}
