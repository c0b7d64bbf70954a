//! Wall clocks that are set.

use std::time::{Duration, Instant};

use anyhow::Result;
use sightline_tests::{
    clock::Clock,
    fleet::{Publisher, Relay, SOON},
    nats::{Server, Version},
    process::Launch,
};
use tokio::time::sleep;

use super::{LONG, Row};
use crate::{
    glass,
    measured::Measured,
    stage::{Before, CAMERA, FPS, SOURCE, STEADY, launch, publisher_launch, steady},
    viewer::Viewer,
};

const TARGET: &str = "picture goes on, gap at most 2 s";
const LIMIT: Duration = Duration::from_secs(2);

pub(super) fn rows() -> Vec<Row> {
    let row = |name, fault, run| Row {
        name,
        fault,
        target: TARGET,
        figure: "longest gap",
        slow: false,
        once: false,
        run,
    };
    vec![
        row(
            "clock-publisher",
            "wall clock of the publisher set an hour forward, and back",
            || Box::pin(set(Whose::Publisher, false)),
        ),
        row(
            "clock-publisher-restart",
            "the same, and the publisher killed and restarted each time",
            || Box::pin(set(Whose::Publisher, true)),
        ),
        row(
            "clock-relay",
            "wall clock of the relay set an hour forward, and back",
            || Box::pin(set(Whose::Relay, false)),
        ),
        row(
            "clock-relay-restart",
            "the same, and the relay killed and restarted each time",
            || Box::pin(set(Whose::Relay, true)),
        ),
    ]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Publisher,
    Relay,
}

/// Off by these, one after the other: forward, back twice as far, and right again.
const OFFSETS_S: [i64; 3] = [3_600, -3_600, 0];

async fn set(whose: Whose, restarts: bool) -> Result<Measured> {
    let clock = Clock::new()?;
    let governed = |launch: Launch, by: Whose| {
        if by == whose {
            clock.govern(launch)
        } else {
            launch
        }
    };
    let server = Server::start(Version::Current, &Version::Current.shipped()).await;
    let url = server.url();
    let cameras = [("gate", SOURCE)];
    let launched = governed(publisher_launch(), Whose::Publisher);
    let mut publisher = Publisher::launch(&url, "farm", &cameras, launched);
    let mut relay = Relay::launch(&url, governed(launch(), Whose::Relay));
    relay.until_ready().await;
    relay.until_online(CAMERA).await;
    let viewer = Viewer::reading(&[relay.address()], CAMERA);
    steady(&viewer).await;

    let mut measured = Measured::default();
    for offset in OFFSETS_S {
        let before = Before::of(&[
            ("relay".into(), &*relay.process()),
            ("publisher".into(), &*publisher.process()),
        ])?;
        let old = viewer.seen().last().map(|seen| seen.epoch);
        let set = Instant::now();
        clock.set_off_by(offset)?;
        if restarts && whose == Whose::Publisher {
            publisher.kill();
            publisher.restart();
            viewer
                .until_live(set, LONG, |seen| Some(seen.epoch) != old)
                .await;
        } else if restarts {
            relay.kill();
            relay.restart();
            relay.until_ready().await;
        }
        viewer.until_live(Instant::now(), SOON, |_| true).await;
        sleep(STEADY).await;
        measured.recovery(glass::gap(&viewer.seen(), set), LIMIT);
        // An earlier start of the publisher has a higher number now: the order of epochs says nothing here.
        let seen = glass::between(&viewer.seen(), set, Instant::now());
        measured.stale_shown += glass::stale_shown(&seen);
        measured.lost = measured.lost.max(glass::lost(&seen, FPS));
        let after = [
            ("relay".into(), &*relay.process()),
            ("publisher".into(), &*publisher.process()),
        ];
        before.compare(&after, &mut measured).await?;
    }
    Ok(measured)
}
