//! Cameras that die, freeze, and stall in the middle of what they say.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sightline_tests::{
    eventually,
    fleet::{Publisher, Relay, SOON},
    mjpeg,
    nats::{Server, Version},
    proxy::{Fault, Proxy},
    rtsp::Camera,
};
use tokio::time::sleep;

use super::{LONG, Row};
use crate::{
    glass,
    measured::Measured,
    stage::{Before, CAMERA, FPS, SOURCE, STEADY, Stage, launch, publisher_launch, steady},
    viewer::{Seen, Viewer},
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "camera-dead",
            fault: "RTSP camera dead for 8 s, and back",
            target: "marked stalled or failed within 2.5 s, back within 1 s of its return",
            figure: "back after",
            slow: true,
            once: false,
            run: || Box::pin(away(Away::Dead)),
        },
        Row {
            name: "camera-frozen",
            fault: "RTSP camera frozen for 8 s: its connection stays open",
            target: "marked stalled within 2.5 s, reopened from 5 s on, back within 1 s of its return",
            figure: "back after",
            slow: true,
            once: false,
            run: || Box::pin(away(Away::Frozen)),
        },
        Row {
            name: "camera-http-cut",
            fault: "HTTP camera unreachable for 8 s, cut in the middle of a picture",
            target: "marked stalled or failed within 2.5 s, back within 1 s of its return",
            figure: "back after",
            slow: true,
            once: false,
            run: || Box::pin(http_cut()),
        },
        Row {
            name: "camera-rtsp-stall",
            fault: "RTSP camera that stalls in each answer, and while it plays",
            target: "next attempt within 5 s; other cameras of the process untouched",
            figure: "next attempt after",
            slow: true,
            once: false,
            run: || Box::pin(rtsp_stalls()),
        },
        Row {
            name: "camera-http-stall",
            fault: "HTTP camera that stalls before and in its answer, and in a picture",
            target: "next attempt within 5 s; other cameras of the process untouched",
            figure: "next attempt after",
            slow: true,
            once: false,
            run: || Box::pin(http_stalls()),
        },
    ]
}

const AWAY: Duration = Duration::from_secs(8);
const BACK: Duration = Duration::from_secs(1);
/// From the last picture to the mark, and what it takes to ask.
const MARKED: Duration = Duration::from_millis(2_600);

enum Away {
    Dead,
    Frozen,
}

async fn away(how: Away) -> Result<Measured> {
    let mut camera = Camera::start(&["--video=jpeg", "--fps=20"]).await;
    let mut stage = Stage::start_with(1, &camera.url("")).await;
    let viewer = stage.steady_viewer().await;
    let before = Before::of(&stage.ours())?;
    let gone = Instant::now();
    match how {
        Away::Dead => camera.kill(),
        Away::Frozen => camera.freeze()?,
    }
    let marked = until_marked(&stage.relays[0]).await - gone;
    sleep(AWAY.saturating_sub(gone.elapsed())).await;
    match how {
        Away::Dead => camera.restart().await,
        Away::Frozen => camera.thaw()?,
    }
    let returned = Instant::now();
    let back = viewer.until_live(returned, LONG, |_| true).await;
    sleep(STEADY).await;

    let mut measured = Measured::default();
    measured.recovery(back.at - returned, BACK);
    measured.at_most(
        "marked after ms",
        marked.as_secs_f64() * 1e3,
        MARKED.as_secs_f64() * 1e3,
    );
    // The camera counts its pictures anew when it was dead.
    let seen = glass::between(&viewer.seen(), back.at, Instant::now());
    measured.glass(&seen, FPS);
    measured.stale_shown = glass::stale_shown(&viewer.seen());
    measured.must(
        stage.readiness[0].held(gone),
        "the relay said it was not ready",
    );
    before.compare(&stage.ours(), &mut measured).await?;
    Ok(measured)
}

/// When the relay says that the camera is not live.
async fn until_marked(relay: &Relay) -> Instant {
    relay
        .until(CAMERA, "is not live", |camera| camera["state"] != "live")
        .await;
    Instant::now()
}

/// One publisher of two cameras: one behind a proxy, the other beside it.
struct Pair {
    _server: Server,
    relay: Relay,
    publisher: Publisher,
    proxy: Proxy,
    other: Viewer,
}

const OTHER: &str = "farm/door";

impl Pair {
    /// `source` makes the URL of the first camera from the proxy's address, behind which `target` is.
    async fn start(target: &str, source: impl Fn(&str) -> String) -> Result<Self> {
        let version = Version::Current;
        let server = Server::start(version, &version.shipped()).await;
        let relay = Relay::launch(&server.url(), launch());
        relay.until_ready().await;
        let proxy = Proxy::start(target).await?;
        let source = source(proxy.address());
        let cameras = [("gate", source.as_str()), ("door", SOURCE)];
        let publisher = Publisher::launch(&server.url(), "farm", &cameras, publisher_launch());
        for camera in [CAMERA, OTHER] {
            relay.until_online(camera).await;
        }
        let other = Viewer::reading(&[relay.address()], OTHER);
        steady(&other).await;
        Ok(Self {
            _server: server,
            relay,
            publisher,
            proxy,
            other,
        })
    }

    fn viewer(&self) -> Viewer {
        Viewer::reading(&[self.relay.address()], CAMERA)
    }

    /// How long after the stall, or its last picture, the camera is connected to again.
    async fn next_attempt(
        &mut self,
        stalls_after: u64,
        measured: &mut Measured,
    ) -> Result<Duration> {
        self.proxy.set(Fault::StallAfter(stalls_after));
        let from = Instant::now();
        let viewer = self.viewer();
        let (first, next) = eventually("the next attempt", LONG, async || {
            let accepted = self.proxy.accepted();
            let mut accepted = accepted.into_iter().filter(|at| *at > from);
            let first = accepted.next().context("no first attempt")?;
            let next = accepted.next().context("no next attempt")?;
            anyhow::Ok((first, next))
        })
        .await;
        let shown: Vec<Seen> = glass::between(&viewer.seen(), first, next);
        let stalled = shown.last().map_or(first, |seen| seen.at);
        self.proxy.set(Fault::None);
        // It works again as soon as it can.
        viewer.until_live(next, LONG, |_| true).await;
        let seen = glass::between(&self.other.seen(), from, Instant::now());
        measured.glass(&seen, FPS);
        let missing = glass::missing(&seen);
        measured.must(
            missing == 0,
            format!("the other camera lost {missing} frames"),
        );
        Ok(next - stalled)
    }
}

const NEXT: Duration = Duration::from_secs(5);

async fn stalls(mut pair: impl AsyncFnMut() -> Result<Pair>, states: &[u64]) -> Result<Measured> {
    let mut measured = Measured::default();
    for &state in states {
        // A new process each time: pauses grow from one failure to the next.
        let mut pair = pair().await?;
        let before = Before::of(&[("publisher".into(), &*pair.publisher.process())])?;
        let took = pair.next_attempt(state, &mut measured).await?;
        println!("  after {state} bytes: {took:?}");
        measured.recovery(took, NEXT);
        let after = [("publisher".into(), &*pair.publisher.process())];
        before.compare(&after, &mut measured).await?;
    }
    Ok(measured)
}

/// So many bytes of the camera come: nothing, half of the first answer, half of later ones, some pictures.
const RTSP_STATES: [u64; 6] = [0, 60, 400, 800, 1_150, 60_000];
const HTTP_STATES: [u64; 4] = [0, 40, 600, 40_000];

async fn rtsp_stalls() -> Result<Measured> {
    let camera = Camera::start(&["--video=jpeg", "--fps=20"]).await;
    let url = camera.url("");
    let target = url
        .trim_start_matches("rtsp://")
        .trim_end_matches("/live")
        .to_owned();
    let pair = async || Pair::start(&target, |proxy| format!("rtsp://{proxy}/live")).await;
    stalls(pair, &RTSP_STATES).await
}

/// A relay, whose streams are those of an HTTP camera.
async fn http_camera() -> (Stage, String) {
    let stage = Stage::start(1).await;
    let address = stage.relays[0].address().to_owned();
    (stage, address)
}

async fn http_stalls() -> Result<Measured> {
    let (_camera, target) = http_camera().await;
    let path = mjpeg::path(CAMERA);
    let pair = async || Pair::start(&target, |proxy| format!("http://{proxy}{path}")).await;
    stalls(pair, &HTTP_STATES).await
}

async fn http_cut() -> Result<Measured> {
    let (_camera, target) = http_camera().await;
    let path = mjpeg::path(CAMERA);
    let mut pair = Pair::start(&target, |proxy| format!("http://{proxy}{path}")).await?;
    let viewer = pair.viewer();
    viewer.until_live(Instant::now(), SOON, |_| true).await;
    sleep(STEADY).await;
    let programs = [("publisher".to_owned(), &*pair.publisher.process())];
    let before = Before::of(&programs)?;
    let gone = Instant::now();
    pair.proxy.set(Fault::Reset);
    let marked = until_marked(&pair.relay).await - gone;
    sleep(AWAY.saturating_sub(gone.elapsed())).await;
    let returned = Instant::now();
    pair.proxy.set(Fault::None);
    let back = viewer.until_live(returned, LONG, |_| true).await;
    sleep(STEADY).await;

    let mut measured = Measured::default();
    measured.recovery(back.at - returned, BACK);
    measured.at_most(
        "marked after ms",
        marked.as_secs_f64() * 1e3,
        MARKED.as_secs_f64() * 1e3,
    );
    measured.glass(
        &glass::between(&viewer.seen(), back.at, Instant::now()),
        FPS,
    );
    measured.stale_shown = glass::stale_shown(&viewer.seen());
    let other = glass::missing(&glass::between(&pair.other.seen(), gone, Instant::now()));
    measured.must(other == 0, format!("the other camera lost {other} frames"));
    before.compare(&programs, &mut measured).await?;
    Ok(measured)
}
