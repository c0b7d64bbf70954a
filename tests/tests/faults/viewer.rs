//! A viewer that does what the page does when its relay goes, and writes down all that it was shown.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, ensure};
use sightline_proto::{Form, Subscribe, WatchFrame, to_relay, to_viewer};
use sightline_tests::{eventually, http, picture, watch::Watch};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

/// A picture that passes for live is no older: 1 s, and the shortest time that a picture takes to get here.
pub(crate) const LIVE: Duration = Duration::from_millis(1_100);

/// Pictures that are remembered; after that, a measurement is over.
const MAX_SEEN: usize = 1_000_000;

/// As in `web/src/connection/machine.js`: the pauses between tries, less up to half by chance, and how long an answer
/// may take.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(3);

/// One picture, as it was shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    /// The number on the picture, of viewers that look at them.
    pub(crate) number: Option<u32>,
    /// By the wall clock of this machine, which the publisher shares unless its own was set.
    pub(crate) age_us: i64,
    /// It was said to be old.
    pub(crate) stale: bool,
}

/// What a viewer is to do.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Relays (`host:port`), one after the other when one is lost.
    pub(crate) relays: Vec<String>,
    pub(crate) camera: String,
    /// Whether the numbers on the pictures are read, which takes most of a viewer's time.
    pub(crate) reads: bool,
}

/// It watches until it is dropped.
#[derive(Debug)]
pub(crate) struct Viewer {
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Viewer {
    pub(crate) fn start(wish: Wish) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let task = tokio::spawn(watch(wish, seen.clone()));
        Self { seen, task }
    }

    /// Looks at one camera of these relays, at what is on its pictures.
    pub(crate) fn reading(relays: &[&str], camera: &str) -> Self {
        Self::start(Wish {
            relays: relays.iter().map(ToString::to_string).collect(),
            camera: camera.to_owned(),
            reads: true,
        })
    }

    /// All that it was shown.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// What it was shown since the last time, with the last picture before, and when that came; forgets all else.
    pub(crate) fn take(&mut self) -> (Vec<Seen>, Instant) {
        let mut seen = self.lock();
        let from = seen.first().map_or_else(Instant::now, |seen| seen.at);
        let last = seen.iter().rposition(|seen| !seen.stale);
        let rest = seen.split_off(last.unwrap_or_default());
        let mut taken = std::mem::replace(&mut *seen, rest.clone());
        taken.extend(rest);
        (taken, from)
    }

    /// Waits for a live picture that came after `since` and fits.
    pub(crate) async fn until_live(
        &self,
        since: Instant,
        wait: Duration,
        fits: impl Fn(&Seen) -> bool,
    ) -> Seen {
        eventually("a live picture", wait, async || {
            let seen = self.lock();
            let later = seen.partition_point(|seen| seen.at < since);
            let mut later = seen[later..].iter();
            let found = later.find(|seen| !seen.stale && fits(seen)).copied();
            found.ok_or_else(|| format!("the last was {:?}", seen.last()))
        })
        .await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(wish: Wish, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut failures = 0;
    for relay in wish.relays.iter().cycle() {
        let before = seen.lock().unwrap_or_else(PoisonError::into_inner).len();
        let leaves = match follow(relay, &wish, &seen).await {
            Ok(never) => match never {},
            Err(error) => format!("{error:#}").contains("code: Restart"),
        };
        let after = seen.lock().unwrap_or_else(PoisonError::into_inner).len();
        if after > before {
            failures = 0;
        }
        // A relay that says that it leaves is left at once.
        if !leaves {
            let full = LONGEST_PAUSE.min(FIRST_PAUSE * (1 << failures.min(8)));
            sleep(full.mul_f64(1.0 - rand::random::<f64>() / 2.0)).await;
            failures += 1;
        }
    }
}

enum Never {}

/// Watches at one relay until that ends.
async fn follow(relay: &str, wish: &Wish, seen: &Mutex<Vec<Seen>>) -> Result<Never> {
    // The page does so before it connects again.
    timeout(PATIENCE, http::get(relay, "/healthz")).await??;
    let mut watch = timeout(PATIENCE, Watch::open(relay)).await??;
    let subscribe = || {
        to_relay::Message::Subscribe(Subscribe {
            camera: wish.camera.clone(),
            form: Form::Frame.into(),
            ..Subscribe::default()
        })
    };
    watch.follow_cameras().await?;
    watch.send(subscribe()).await?;
    let mut refused = false;
    loop {
        let known = match watch.next_within(None).await? {
            to_viewer::Message::Frame(frame) => {
                note(&frame, wish.reads, seen)?;
                continue;
            }
            to_viewer::Message::Refused(_) => {
                refused = true;
                continue;
            }
            to_viewer::Message::Cameras(list) => {
                list.cameras.iter().any(|info| info.camera == wish.camera)
            }
            to_viewer::Message::CameraChanged(info) => info.camera == wish.camera,
            _ => continue,
        };
        if std::mem::take(&mut refused) && known {
            watch.send(subscribe()).await?;
        }
    }
}

fn note(frame: &WatchFrame, reads: bool, seen: &Mutex<Vec<Seen>>) -> Result<()> {
    let at = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let one = Seen {
        at,
        epoch: frame.epoch,
        sequence: frame.sequence,
        number: reads.then(|| picture::number(&frame.data)).transpose()?,
        age_us: i64::try_from(now.as_micros())? - frame.capture_time_us,
        stale: frame.stale,
    };
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    ensure!(seen.len() < MAX_SEEN, "the measurement is too long");
    seen.push(one);
    Ok(())
}
