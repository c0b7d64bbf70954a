//! Sources that do as they are told.

use super::*;

/// What a source does in one attempt.
#[derive(Clone, Debug)]
pub(super) struct Play {
    pub(super) pictures: u32,
    pub(super) jpeg: Bytes,
    pub(super) period: Duration,
    pub(super) then: Then,
}

#[derive(Clone, Debug)]
pub(super) enum Then {
    Hang,
    Fail(&'static str),
    Refuse,
    End,
    Panic,
    /// Ignores that it is told to stop.
    Stick,
}

impl Default for Play {
    fn default() -> Self {
        Self {
            pictures: u32::MAX,
            jpeg: jpeg(32, 16),
            period: Duration::from_millis(100),
            then: Then::Hang,
        }
    }
}

/// A source that does in each attempt what it was told for it.
pub(super) struct Fake {
    pub(super) attempts: Arc<AtomicU32>,
    pub(super) running: Arc<AtomicU32>,
    pub(super) plan: Box<dyn Fn(u32) -> Play + Send + Sync>,
    pub(super) fps: f32,
}

impl Fake {
    pub(super) fn new(plan: impl Fn(u32) -> Play + Send + Sync + 'static) -> Self {
        Self {
            attempts: Arc::default(),
            running: Arc::default(),
            plan: Box::new(plan),
            fps: 0.0,
        }
    }
}

impl Source for Fake {
    fn hint(&self) -> Hint {
        Hint {
            width: 0,
            height: 0,
            fps: self.fps,
        }
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let play = (self.plan)(self.attempts.fetch_add(1, Ordering::SeqCst));
        let running = self.running.clone();
        running.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let _guard = scopeguard(running);
            let playing = async {
                for _ in 0..play.pictures {
                    output.put(Picture {
                        capture_time_us: crate::clock::now_us(),
                        image: Image::Jpeg(play.jpeg.clone().into()),
                    });
                    sleep(play.period).await;
                }
                let what = "fake://".to_owned();
                match play.then {
                    Then::Hang => std::future::pending().await,
                    Then::Fail(reason) => Err(Error::Failed {
                        what,
                        reason: reason.into(),
                    }),
                    Then::Refuse => Err(Error::Unauthorized { what }),
                    Then::End => Ok(()),
                    Then::Panic => panic!("as planned"),
                    Then::Stick => {
                        stop.cancelled().await;
                        std::future::pending().await
                    }
                }
            };
            if matches!(play.then, Then::Stick) {
                return playing.await;
            }
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                result = playing => result,
            }
        })
    }
}

/// A source whose output the test fills while it is open.
#[derive(Clone, Default)]
pub(super) struct Fed(Arc<watch::Sender<Option<Output>>>);

impl Fed {
    /// Where to put what it gives, once it is opened.
    pub(super) async fn output(&self) -> Output {
        let mut output = self.0.subscribe();
        let opened = output.wait_for(Option::is_some).await.unwrap();
        opened.clone().unwrap()
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.borrow().is_some()
    }
}

impl Source for Fed {
    fn hint(&self) -> Hint {
        Hint::default()
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.0.send_replace(Some(output.clone()));
            stop.cancelled().await;
            self.0.send_replace(None);
            Ok(())
        })
    }
}

/// Says that a source is no longer running, however it ended.
pub(super) fn scopeguard(running: Arc<AtomicU32>) -> impl Drop {
    struct Guard(Arc<AtomicU32>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    Guard(running)
}

/// Noise: as long as a picture of this size gets.
pub(super) fn jpeg(width: u16, height: u16) -> Bytes {
    let mut state = 1u32;
    let mut pixel = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height))
        .map(|_| pixel())
        .collect();
    let mut out = Vec::new();
    jpeg_encoder::Encoder::new(&mut out, 80)
        .encode(&pixels, width, height, jpeg_encoder::ColorType::Luma)
        .unwrap();
    out.into()
}
