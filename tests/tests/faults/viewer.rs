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

/// As in `web/src/connection/carrier.js`, when a relay leaves: how long until the next one is opened, at most, and tried
/// again.
const SPREAD: Duration = Duration::from_millis(300);
const AGAIN: Duration = Duration::from_millis(400);

/// As in `web/src/connection/forward.js`.
const LOWER_EPOCH_AFTER: Duration = Duration::from_millis(1_250);

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
    let shown = Shown { wish, seen };
    let mut failures = 0;
    let mut turn = 0;
    let mut next = None;
    loop {
        let before = shown.count();
        let leaves = match shown.follow(&mut turn, next.take()).await {
            Ok(found) => {
                next = Some(found);
                true
            }
            Err(error) => format!("{error:#}").contains("code: Restart"),
        };
        if shown.count() > before {
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

/// A connection to a relay, on which the camera was asked for.
struct Stream {
    watch: Watch,
    refused: bool,
    /// It has shown something that is newer than what other relays did. One relay keeps the order by itself, and is held
    /// to it; what another one still has from before is passed over, as the page does.
    has_newer: bool,
}

/// All that a viewer was shown.
struct Shown {
    wish: Wish,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Shown {
    fn count(&self) -> usize {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The relay whose turn it is.
    fn relay(&self, turn: &mut usize) -> &str {
        let relay = &self.wish.relays[*turn % self.wish.relays.len()];
        *turn += 1;
        relay
    }

    fn subscribe(&self) -> to_relay::Message {
        to_relay::Message::Subscribe(Subscribe {
            camera: self.wish.camera.clone(),
            form: Form::Frame.into(),
            ..Subscribe::default()
        })
    }

    async fn open(&self, relay: &str) -> Result<Stream> {
        let mut watch = timeout(PATIENCE, Watch::open(relay)).await??;
        watch.follow_cameras().await?;
        watch.send(self.subscribe()).await?;
        Ok(Stream {
            watch,
            refused: false,
            has_newer: false,
        })
    }

    /// Watches at one relay until that ends, or leaves and another one has taken over.
    async fn follow(&self, turn: &mut usize, found: Option<Stream>) -> Result<Stream> {
        let mut here = match found {
            Some(found) => found,
            None => {
                let relay = self.relay(turn);
                // The page does so before it connects again.
                timeout(PATIENCE, http::get(relay, "/healthz")).await??;
                self.open(relay).await?
            }
        };
        while self.take(&mut here).await? {}
        let opening = async {
            sleep(SPREAD.mul_f64(rand::random())).await;
            loop {
                if let Ok(opened) = self.open(self.relay(turn)).await {
                    return opened;
                }
                sleep(AGAIN).await;
            }
        };
        tokio::pin!(opening);
        let mut there = loop {
            tokio::select! {
                opened = &mut opening => break opened,
                taken = self.take(&mut here) => taken?,
            };
        };
        while !there.has_newer {
            tokio::select! {
                taken = self.take(&mut there) => taken?,
                taken = self.take(&mut here) => match taken {
                    Ok(taken) => taken,
                    // Then the other one is all there is.
                    Err(_) => break,
                },
            };
        }
        Ok(there)
    }

    /// Takes the relay's next message. Says whether the relay stays.
    async fn take(&self, from: &mut Stream) -> Result<bool> {
        let known = match from.watch.next_within(None).await? {
            to_viewer::Message::Frame(frame) => {
                self.note(&frame, from)?;
                return Ok(true);
            }
            to_viewer::Message::Leaving(_) => return Ok(false),
            to_viewer::Message::Refused(_) => {
                from.refused = true;
                return Ok(true);
            }
            to_viewer::Message::Cameras(list) => {
                let mut names = list.cameras.iter().map(|info| &info.camera);
                names.any(|name| *name == self.wish.camera)
            }
            to_viewer::Message::CameraChanged(info) => info.camera == self.wish.camera,
            _ => return Ok(true),
        };
        if known && std::mem::take(&mut from.refused) {
            from.watch.send(self.subscribe()).await?;
        }
        Ok(true)
    }

    fn note(&self, frame: &WatchFrame, from: &mut Stream) -> Result<()> {
        let at = Instant::now();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let number = self
            .wish
            .reads
            .then(|| picture::number(&frame.data))
            .transpose()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let last = seen.last();
        let is_newer = last.is_none_or(|last| {
            // Epochs are times by a clock that may have been set back.
            let takes_over = frame.epoch < last.epoch && at - last.at >= LOWER_EPOCH_AFTER;
            (frame.epoch, frame.sequence) > (last.epoch, last.sequence) || takes_over
        });
        if !is_newer && !from.has_newer {
            return Ok(());
        }
        from.has_newer = true;
        ensure!(seen.len() < MAX_SEEN, "the measurement is too long");
        seen.push(Seen {
            at,
            epoch: frame.epoch,
            sequence: frame.sequence,
            number,
            age_us: i64::try_from(now.as_micros())? - frame.capture_time_us,
            stale: frame.stale,
        });
        Ok(())
    }
}
