//! Whether the machine stood still during a measurement: a virtual machine that was paused, or one that is busy with
//! something else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const BEAT: Duration = Duration::from_millis(20);

/// Feels the pulse of the machine until it is dropped.
#[derive(Debug)]
pub(crate) struct Pulse {
    longest_ms: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Pulse {
    pub(crate) fn start() -> Self {
        let pulse = Self {
            longest_ms: Arc::default(),
            ended: Arc::default(),
        };
        let (longest_ms, ended) = (pulse.longest_ms.clone(), pulse.ended.clone());
        thread::spawn(move || {
            let mut last = Instant::now();
            while !ended.load(Ordering::Relaxed) {
                thread::sleep(BEAT);
                let late = last.elapsed().saturating_sub(BEAT);
                longest_ms.fetch_max(late.as_millis() as u64, Ordering::Relaxed);
                last = Instant::now();
            }
        });
        pulse
    }

    /// For how long at most nothing ran that should have.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_millis(self.longest_ms.load(Ordering::Relaxed))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}
