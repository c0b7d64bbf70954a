//! All cameras of one publisher.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rand::Rng as _;
use sightline_bus::Bus;
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    camera::{self, Camera, Publisher},
    config::{Config, InvalidConfig},
};

/// How long cameras may take to end once they are told to.
const STOP_LIMIT: Duration = Duration::from_secs(4);

/// How long the last messages may take to leave.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// The pause before a camera whose task broke is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Why a publisher could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings are wrong.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// The bus was closed below it.
    #[error("cannot go on publishing")]
    Bus(#[from] sightline_bus::Error),
}

/// Publishes every camera of `config` until `shutdown`.
///
/// Then sources are closed, relays are told goodbye, and what was sent is flushed; this takes seconds at most.
/// A camera that fails is tried again for ever: only wrong settings and a closed bus are errors.
pub async fn run(config: Config, bus: Bus, shutdown: CancellationToken) -> Result<(), Error> {
    let mut cameras = Cameras::new(config.cameras()?, bus.clone(), shutdown.child_token());
    let result = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        result = cameras.watch() => result,
    };
    cameras.stop().await;
    bus.flush(FLUSH_LIMIT).await;
    result
}

type Ended = Result<(), sightline_bus::Error>;

struct Cameras {
    publisher: Arc<Publisher>,
    bus: Bus,
    shutdown: CancellationToken,
    tasks: JoinSet<Ended>,
    running: HashMap<Id, Camera>,
}

impl Cameras {
    fn new(cameras: Vec<Camera>, bus: Bus, shutdown: CancellationToken) -> Self {
        let publisher = Publisher {
            version: env!("CARGO_PKG_VERSION"),
            instance: random_id(),
            cameras: cameras.len(),
        };
        let mut all = Self {
            publisher: Arc::new(publisher),
            bus,
            shutdown,
            tasks: JoinSet::new(),
            running: HashMap::new(),
        };
        for camera in cameras {
            all.start(camera, Duration::ZERO);
        }
        all
    }

    fn start(&mut self, camera: Camera, pause: Duration) {
        let (publisher, bus) = (self.publisher.clone(), self.bus.clone());
        let (shutdown, again) = (self.shutdown.clone(), camera.clone());
        let task = self.tasks.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(pause) => {}
            }
            camera::run(camera, publisher, bus, shutdown.clone()).await
        });
        self.running.insert(task.id(), again);
    }

    /// Starts a camera whose task broke again. Ends with all cameras.
    async fn watch(&mut self) -> Result<(), Error> {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            match ended {
                Ok((id, result)) => {
                    self.running.remove(&id);
                    result?;
                }
                Err(error) => self.restart(&error),
            }
        }
        Ok(())
    }

    fn restart(&mut self, error: &JoinError) {
        let Some(camera) = self.running.remove(&error.id()) else {
            return;
        };
        tracing::error!(camera = %camera.name, %error, "a camera broke, starting it again: this is a bug");
        self.start(camera, RESTART_PAUSE);
    }

    async fn stop(&mut self) {
        self.shutdown.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(STOP_LIMIT, all).await.is_err() {
            tracing::warn!("some cameras did not end in time");
        }
    }
}

/// 10 of a-z 2-7: 50 random bits.
fn random_id() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = rand::rng();
    (0..10)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        sync::atomic::{AtomicU32, Ordering},
    };

    use futures_util::future::BoxFuture;
    use sightline_bus::Delivery;
    use sightline_proto::{Announce, Message as _, Pattern};

    use super::*;
    use crate::{
        CameraConfig,
        camera::{Named, Offer, Settings},
        source::{Error as SourceError, Hint, Output, Source},
    };

    fn config(cameras: &[(&str, &str)]) -> Config {
        let camera = |source: &str| CameraConfig {
            source: source.into(),
            ..CameraConfig::default()
        };
        Config {
            cameras: cameras
                .iter()
                .map(|(name, source)| ((*name).into(), camera(source)))
                .collect(),
            ..Config::default()
        }
    }

    async fn announcement(announcements: &mut sightline_bus::Subscription) -> (String, Announce) {
        loop {
            match timeout(Duration::from_secs(30), announcements.next())
                .await
                .unwrap()
            {
                Some(Delivery::Message(message)) => {
                    return (message.subject, Announce::decode(message.payload).unwrap());
                }
                Some(Delivery::Lost(_)) => {}
                None => panic!("the bus was closed"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_camera_runs_until_shutdown_and_says_goodbye() {
        let bus = Bus::local(1 << 20);
        let mut announcements = bus.subscribe(&Pattern::every_announce()).await.unwrap();
        let shutdown = CancellationToken::new();
        let config = config(&[
            ("a", "test://"),
            ("b", "test://"),
            ("c", "images:///missing"),
        ]);
        let task = tokio::spawn(run(config, bus, shutdown.clone()));
        let (mut subjects, mut instances) = (BTreeSet::new(), BTreeSet::new());
        while subjects.len() < 3 {
            let (subject, announce) = announcement(&mut announcements).await;
            subjects.insert(subject);
            instances.insert(announce.instance);
        }
        assert_eq!(instances.len(), 1);
        shutdown.cancel();
        timeout(Duration::from_secs(1), task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        while !subjects.is_empty() {
            let (subject, announce) = announcement(&mut announcements).await;
            if announce.goodbye {
                subjects.remove(&subject);
            }
        }
    }

    #[tokio::test]
    async fn wrong_settings_start_nothing() {
        let bus = Bus::local(1 << 20);
        let result = run(
            config(&[("a", "nothing://")]),
            bus,
            CancellationToken::new(),
        )
        .await;
        let text = result.unwrap_err().to_string();
        assert!(text.contains("cameras.a.source"), "{text}");
    }

    /// Panics where nothing but the camera's task catches it.
    struct Broken(Arc<AtomicU32>);

    impl Source for Broken {
        fn hint(&self) -> Hint {
            assert!(self.0.fetch_add(1, Ordering::SeqCst) >= 2, "as planned");
            Hint::default()
        }

        fn run<'a>(
            &'a self,
            _: &'a Output,
            stop: CancellationToken,
        ) -> BoxFuture<'a, Result<(), SourceError>> {
            Box::pin(async move {
                stop.cancelled().await;
                Ok(())
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_camera_whose_task_broke_is_started_again() {
        let bus = Bus::local(1 << 20);
        let mut announcements = bus.subscribe(&Pattern::every_announce()).await.unwrap();
        let starts = Arc::<AtomicU32>::default();
        let camera = Camera {
            name: "farm/gate".parse().unwrap(),
            title: String::new(),
            from: Named {
                source: Arc::new(Broken(starts.clone())),
                scheme: "fake".into(),
                shown: "fake://".into(),
            },
            offer: Offer::default(),
            settings: Settings {
                quality: 80,
                max_fps: 0.0,
            },
            max_size: None,
            always: false,
            control: Vec::new(),
        };
        let mut cameras = Cameras::new(vec![camera], bus, CancellationToken::new());
        tokio::select! {
            _ = cameras.watch() => panic!("it ended"),
            _ = announcement(&mut announcements) => {}
        }
        assert!(starts.load(Ordering::SeqCst) >= 3);
        cameras.stop().await;
    }
}
