//! `test://?size=1280x720&fps=30`: a moving test card with the time and the frame number.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use sightline_media::testcard::{self, Card};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Error, Hint, InvalidSource, Output, Source, SourceUrl};
use crate::{
    clock::now_us,
    picture::{Image, Layout, Picture, Range, Raw, Size},
    pool::Pool,
};

const DEFAULT_SIZE: Size = Size {
    width: 1280,
    height: 720,
};
const DEFAULT_FPS: f64 = 30.0;

/// Smaller cards cannot be read, larger ones cost more than they show.
const SMALLEST: Size = Size {
    width: 64,
    height: 36,
};
const LARGEST: Size = Size {
    width: 7_680,
    height: 4_320,
};

/// A machine that is busy for a moment loses nothing: a driver with four buffers holds as many frames.
const HELD_FRAMES: u64 = 3;

/// The test card of `url`. Draws nothing yet.
pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    let mut parameters = url.parameters()?;
    let size = parameters.size()?.unwrap_or(DEFAULT_SIZE);
    let fps = parameters.fps()?.unwrap_or(DEFAULT_FPS);
    parameters.finish()?;
    let parsed = url.url()?;
    if parsed.has_host() && parsed.host_str() != Some("") || !matches!(parsed.path(), "" | "/") {
        return Err(url.invalid("has no path: write test:// and parameters, as in test://?fps=30"));
    }
    in_range(size).map_err(|error| url.invalid(error))?;
    Ok(Box::new(TestPattern {
        shared: Mutex::new(Shared::of(size)),
        fps,
        next_frame: AtomicU32::new(0),
    }))
}

fn in_range(size: Size) -> Result<(), String> {
    let widths = SMALLEST.width..=LARGEST.width;
    let heights = SMALLEST.height..=LARGEST.height;
    if widths.contains(&size.width) && heights.contains(&size.height) {
        Ok(())
    } else {
        Err(format!("size={size} is not from {SMALLEST} to {LARGEST}"))
    }
}

struct TestPattern {
    /// Of the size that holds now.
    shared: Mutex<Arc<Shared>>,
    fps: f64,
    /// Goes on from one period of demand to the next, so that a repeated or lost frame is seen.
    next_frame: AtomicU32,
}

/// What drawing needs.
struct Shared {
    size: Size,
    card: OnceLock<Card>,
    pool: Pool,
}

impl Source for TestPattern {
    fn hint(&self) -> Hint {
        let Size { width, height } = self.shared().size;
        Hint {
            width,
            height,
            fps: self.fps as f32,
        }
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => Ok(()),
                result = self.draw(output) => result,
            }
        }
        .boxed()
    }

    fn resize(&self, size: Size) -> Result<(), String> {
        in_range(size)?;
        *self.shared() = Shared::of(size);
        Ok(())
    }
}

impl TestPattern {
    fn shared(&self) -> MutexGuard<'_, Arc<Shared>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends only with an error.
    async fn draw(&self, output: &Output) -> Result<(), Error> {
        let shared = self.shared().clone();
        let start = Instant::now();
        let first = self.next_frame.load(Ordering::Relaxed);
        let mut due = 0;
        let mut not_before = start;
        loop {
            sleep_until(not_before.max(start + offset(due, self.fps))).await;
            // Frames that are later than a driver would hold are lost, and their numbers with them.
            due = due.max(due_at(start.elapsed(), self.fps).saturating_sub(HELD_FRAMES));
            let number = first.wrapping_add(due as u32);
            self.next_frame
                .store(number.wrapping_add(1), Ordering::Relaxed);
            output.put(picture(output, &shared, number).await?);
            due += 1;
            // What is caught up with does not come all at once: the encoder takes one at a time.
            not_before = Instant::now() + offset(1, 2.0 * self.fps);
        }
    }
}

async fn picture(output: &Output, shared: &Arc<Shared>, number: u32) -> Result<Picture, Error> {
    let shared = shared.clone();
    let drawing = output.cores().run(move || shared.picture(number));
    drawing.await.map_err(|error| Error::Failed {
        what: "the test pattern".into(),
        reason: error.to_string(),
    })
}

impl Shared {
    fn of(size: Size) -> Arc<Self> {
        Arc::new(Self {
            size,
            card: OnceLock::default(),
            pool: Pool::default(),
        })
    }

    fn picture(&self, number: u32) -> Picture {
        let size = self.size;
        let card = self.card.get_or_init(|| Card::new(size.width, size.height));
        let mut data = self.pool.take();
        let capture_time_us = now_us();
        card.render(number, capture_time_us, &mut data);
        Picture {
            capture_time_us,
            image: Image::Raw(Raw {
                layout: Layout::I420,
                width: size.width,
                height: size.height,
                stride_bytes: testcard::stride(size.width),
                range: Range::Full,
                data: self.pool.share(data),
            }),
        }
    }
}

/// When frame `frame` is due. Counted from the start, so that errors do not add up.
fn offset(frame: u64, fps: f64) -> Duration {
    Duration::from_secs_f64(frame as f64 / fps)
}

/// The last frame that is due after `elapsed`.
fn due_at(elapsed: Duration, fps: f64) -> u64 {
    // A timer may fire a little early by the rounding of its clock.
    (elapsed.as_secs_f64() * fps + 1e-3) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn source(url: &str) -> Result<Box<dyn Source>, InvalidSource> {
        parse(&SourceUrl::new(url, BTreeMap::new()).unwrap())
    }

    fn number(picture: &Picture) -> u32 {
        let Image::Raw(raw) = &picture.image else {
            panic!("not raw")
        };
        testcard::read_number(&raw.data, raw.width, raw.height, raw.stride_bytes).unwrap()
    }

    #[test]
    fn size_and_rate_are_checked() {
        for (url, wanted) in [
            ("test://?size=10x10", "not from 64x36"),
            ("test://?size=9000x9000", "not from 64x36"),
            ("test://?fps=x", "fps=x"),
            ("test://?colour=red", "no parameter"),
            ("test://gate", "has no path"),
            ("test:///dev/video0", "has no path"),
        ] {
            let error = source(url).err().unwrap().to_string();
            assert!(error.contains(wanted), "{url}: {error}");
        }
        assert_eq!(
            source("test://").unwrap().hint(),
            Hint {
                width: 1280,
                height: 720,
                fps: 30.0
            }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn numbers_go_on_across_periods_of_demand() {
        let source = source("test://?size=64x36&fps=50").unwrap();
        let output = Output::default();
        let mut seen = Vec::new();
        for _ in 0..2 {
            let stop = CancellationToken::new();
            let taking = async {
                for _ in 0..5 {
                    seen.push(number(&output.take().await));
                }
                stop.cancel();
            };
            let (result, ()) = tokio::join!(source.run(&output, stop.clone()), taking);
            result.unwrap();
            output.clear();
        }
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn frames_keep_to_their_times_and_those_that_are_too_late_are_lost() {
        let source = source("test://?size=64x36&fps=30").unwrap();
        let output = Output::default();
        let stop = CancellationToken::new();
        let start = Instant::now();
        let taking = async {
            for i in 0..300 {
                assert_eq!(number(&output.take().await), i);
            }
            let drift = start
                .elapsed()
                .abs_diff(Duration::from_secs_f64(299.0 / 30.0));
            assert!(drift <= Duration::from_millis(1), "{drift:?}");
            tokio::time::advance(Duration::from_secs(1)).await;
            // The frame that is due now is 329; three are still held, and caught up with.
            for i in 326..340 {
                assert_eq!(number(&output.take().await), i);
            }
            assert_eq!(start.elapsed().as_millis(), 11_300, "on time again");
            stop.cancel();
        };
        let (result, ()) = tokio::join!(source.run(&output, stop.clone()), taking);
        result.unwrap();
    }
}
