//! What lately became of the frames of cameras, and of all frames since the start: for `/status`.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use sightline_proto::CameraName;

use super::labels::Drop;

/// Cameras that are remembered: as many as a directory holds. Those that are first watched when there are so many
/// are not.
const MAX_CAMERAS: usize = 4_096;

/// An age is shown for so long after its frame.
const SHOWN_FOR_US: i64 = 3_000_000;

/// A handle to what is remembered. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cameras: Mutex<HashMap<CameraName, Arc<Frames>>>,
    dropped: [AtomicU64; Drop::ALL.len()],
}

/// The frames of one camera.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Smoothed.
    age_us: AtomicI64,
    arrived_us: AtomicI64,
    dropped: AtomicU64,
}

impl Recent {
    pub(super) fn of(&self, camera: &CameraName) -> Arc<Frames> {
        let mut cameras = self.cameras();
        if let Some(frames) = cameras.get(camera) {
            return frames.clone();
        }
        let frames = Arc::<Frames>::default();
        if cameras.len() < MAX_CAMERAS {
            cameras.insert(camera.clone(), frames.clone());
        }
        frames
    }

    /// The age at which frames of `camera` arrive, and how many were not accepted. No age if none came lately.
    pub(crate) fn look(&self, camera: &CameraName, now_us: i64) -> (Option<u64>, u64) {
        let Some(frames) = self.cameras().get(camera).cloned() else {
            return (None, 0);
        };
        let since = now_us.abs_diff(frames.arrived_us.load(Ordering::Relaxed));
        let age_us = frames.age_us.load(Ordering::Relaxed);
        let age_ms = age_us.max(0).unsigned_abs() / 1_000;
        (
            (since < SHOWN_FOR_US.unsigned_abs()).then_some(age_ms),
            frames.dropped.load(Ordering::Relaxed),
        )
    }

    /// What was not accepted since the start, by reason, for the reasons that occurred.
    pub(crate) fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Drop::ALL.into_iter().filter_map(|reason| {
            let count = self.0.dropped[reason as usize].load(Ordering::Relaxed);
            (count > 0).then_some((reason.word(), count))
        })
    }

    pub(super) fn count(&self, reason: Drop, count: u64) {
        self.0.dropped[reason as usize].fetch_add(count, Ordering::Relaxed);
    }

    fn cameras(&self) -> MutexGuard<'_, HashMap<CameraName, Arc<Frames>>> {
        self.0
            .cameras
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frames {
    /// A frame arrived, so long after it was taken.
    pub(super) fn arrived(&self, age_us: i64, now_us: i64) {
        let before_us = self.arrived_us.swap(now_us, Ordering::Relaxed);
        let known = now_us.abs_diff(before_us) < SHOWN_FOR_US.unsigned_abs();
        let smooth = |old: i64| {
            if known {
                old + (age_us - old) / 8
            } else {
                age_us
            }
        };
        let old = self.age_us.load(Ordering::Relaxed);
        self.age_us.store(smooth(old), Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_that_of_the_last_frames_and_fades() {
        let recent = Recent::default();
        let gate: CameraName = "farm/gate".parse().unwrap();
        assert_eq!(recent.look(&gate, 0), (None, 0));
        let frames = recent.of(&gate);
        let start = 1_000_000_000;
        frames.arrived(80_000, start);
        assert_eq!(recent.look(&gate, start), (Some(80), 0));
        for n in 1..100 {
            frames.arrived(40_000, start + n * 40_000);
        }
        assert_eq!(recent.look(&gate, start + 4_000_000), (Some(40), 0));
        recent.of(&gate).dropped(3);
        assert_eq!(recent.look(&gate, start + 9_000_000), (None, 3));
        recent.count(Drop::Stale, 2);
        assert_eq!(recent.dropped().collect::<Vec<_>>(), [("stale", 2)]);
    }

    #[test]
    fn any_number_of_cameras_takes_bounded_memory() {
        let recent = Recent::default();
        for n in 0..MAX_CAMERAS + 10 {
            recent.of(&format!("farm/c{n}").parse().unwrap()).dropped(1);
        }
        assert_eq!(recent.cameras().len(), MAX_CAMERAS);
    }
}
