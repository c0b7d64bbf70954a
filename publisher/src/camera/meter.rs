//! Frames and bits per second, as announced.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// What is measured over; slower streams are measured over their last interval.
const WINDOW: Duration = Duration::from_secs(4);

/// Frames that are remembered; at higher rates the window becomes shorter.
const MAX_FRAMES: usize = 256;

/// Measures one stream.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    frames: VecDeque<(Instant, usize)>,
}

impl Meter {
    /// A frame of `len_bytes` was sent.
    pub(crate) fn record(&mut self, now: Instant, len_bytes: usize) {
        self.frames.push_back((now, len_bytes));
        while self.frames.len() > MAX_FRAMES
            || (self.frames.len() > 2 && self.frames[0].0 + WINDOW < now)
        {
            self.frames.pop_front();
        }
    }

    /// Nothing is sent any more.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
    }

    /// Frames and bits per second. Nothing before the second frame.
    pub(crate) fn rates(&self) -> Option<(f32, u32)> {
        let (first, last) = (self.frames.front()?, self.frames.back()?);
        let seconds = (last.0 - first.0).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let bytes: usize = self.frames.iter().skip(1).map(|(_, len)| len).sum();
        let fps = (self.frames.len() - 1) as f64 / seconds;
        // Casts of floats saturate.
        Some((fps as f32, (bytes as f64 * 8.0 / seconds) as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn steady_frames_are_measured_exactly() {
        for (fps, interval_ms) in [(25.0, 40), (1.0, 1_000), (0.1, 10_000)] {
            let (mut meter, start) = (Meter::default(), Instant::now());
            assert_eq!(meter.rates(), None);
            for i in 0..300 {
                meter.record(start + Duration::from_millis(i * interval_ms), 1_000);
            }
            let (measured, bits) = meter.rates().unwrap();
            assert!((measured - fps).abs() < 0.01 * fps, "{measured}");
            assert!(
                (bits as f32 - fps * 8_000.0).abs() < 0.01 * fps * 8_000.0,
                "{bits}"
            );
        }
    }

    #[tokio::test]
    async fn any_rate_takes_bounded_memory() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        for i in 0..100_000 {
            meter.record(start + Duration::from_micros(i), 1);
        }
        assert!(meter.frames.len() <= MAX_FRAMES);
        meter.clear();
        assert_eq!(meter.rates(), None);
    }
}
