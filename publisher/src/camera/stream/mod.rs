//! The streams of a camera: one worker each, which does nothing while nobody watches its stream.

mod encoded;
mod jpeg;
mod pass;
mod send;
mod tools;
mod workers;

use std::{future::pending, sync::Arc};

use sightline_bus::Bus;
use sightline_proto::{AUDIO, H264, H265, JPEG, SUB};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Sub, input::Arrived, intake::SLOW, shared::Shared};
use crate::source::{
    Units,
    unit::{Track, Unit},
};
use send::Sender;

/// What is done for one stream with what its source gives.
trait Work {
    /// The newest picture, and how many before it came while this worker was busy.
    async fn picture(&mut self, picture: &Arc<Arrived>, missed: u64);

    /// The next unit of `units`, and how many before it were lost to a reader that is too slow.
    async fn unit(&mut self, unit: Unit, skipped: u64, units: &mut Units);

    /// A relay joined that has nothing to show yet, or a key frame was asked for. `newest` is the last picture, if
    /// the next one may be long in coming.
    async fn joined(&mut self, newest: Option<&Arc<Arrived>>, units: &mut Units);

    /// Nobody watches any more: frees what takes memory.
    fn rest(&mut self);
}

/// Runs the workers of all streams of a camera until `shutdown`.
pub(super) async fn run(shared: &Shared, bus: &Bus, shutdown: &CancellationToken) {
    let sender = |name| Sender::new(shared, bus, name);
    let follow = |name, track| Follow {
        shared,
        name,
        track,
        shutdown,
    };
    let (video, sound) = (Track::Video, Track::Audio);
    let sub = async {
        let follow = follow(SUB, video);
        match &shared.camera.offer.sub {
            None => {}
            Some(Sub::Source(_)) => follow.run(workers::AsGiven::new(sender(SUB))).await,
            Some(Sub::Scaled { max, .. }) => {
                let jpeg = jpeg::Jpeg::scaled_to(*max);
                follow.run(workers::Pictures::new(sender(SUB), jpeg)).await;
            }
        }
    };
    tokio::join!(
        follow(JPEG, video).run(workers::Pictures::new(sender(JPEG), jpeg::Jpeg::default())),
        follow(H264, video).run(workers::Video::new(sender(H264))),
        follow(H265, video).run(workers::Passed::new(sender(H265))),
        follow(AUDIO, sound).run(workers::Passed::new(sender(AUDIO))),
        sub,
    );
}

/// One stream, and the track that it is made of unless the source gives pictures.
struct Follow<'a> {
    shared: &'a Shared,
    name: &'static str,
    track: Track,
    shutdown: &'a CancellationToken,
}

impl Follow<'_> {
    async fn run(self, mut work: impl Work) {
        let (stream, input) = (
            self.shared.stream(self.name),
            self.shared.input_of(self.name),
        );
        let mut asked = self.shared.asked.subscribe();
        loop {
            asked.mark_unchanged();
            if self.is_active() {
                stream.take_key_asked();
                self.while_active(&mut work).await;
                work.rest();
                stream.meter().clear();
                stream.pace().clear();
                tracing::debug!(
                    camera = %input.camera, stream = self.name, work = ?stream.work, "at rest"
                );
            }
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                // The sender lives in `shared`.
                _ = asked.changed() => {}
            }
        }
    }

    async fn while_active(&self, work: &mut impl Work) {
        let (stream, input) = (
            self.shared.stream(self.name),
            self.shared.input_of(self.name),
        );
        let mut asked = self.shared.asked.subscribe();
        let mut newest = input.newest.subscribe();
        // What is there already is better than to wait for the next.
        newest.mark_changed();
        let mut units = input.output.units(self.track);
        let (mut seen, mut joined_at, mut join_at) = (None, None::<Instant>, None);
        while self.is_active() {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                _ = newest.changed() => {
                    let Some(picture) = newest.borrow_and_update().clone() else { continue };
                    let before = seen.replace(picture.number);
                    let missed = before.map_or(0, |before| picture.number.saturating_sub(before + 1));
                    work.picture(&picture, missed).await;
                }
                (unit, skipped) = units.next() => work.unit(unit, skipped, &mut units).await,
                _ = asked.changed() => {
                    if stream.key_is_asked() || self.shared.demands().has_newcomer(self.name) {
                        let earliest = joined_at.map(|at| at + SLOW);
                        join_at = earliest.max(Some(Instant::now()));
                    }
                }
                () = at(join_at) => {
                    (join_at, joined_at) = (None, Some(Instant::now()));
                    stream.take_key_asked();
                    let last = newest.borrow().clone().filter(|picture| picture.slow);
                    work.joined(last.as_ref(), &mut units).await;
                }
                () = at(self.active_until()) => {}
            }
        }
    }

    fn is_active(&self) -> bool {
        self.shared.always(self.name) || self.active_until().is_some()
    }

    fn active_until(&self) -> Option<Instant> {
        self.shared
            .demands()
            .active_until(self.name, Instant::now())
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
