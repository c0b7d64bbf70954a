//! All cameras of one publisher.

mod cameras;

use std::{sync::atomic::AtomicUsize, time::Duration};

use rand::Rng as _;
use sightline_bus::Bus;
use tokio::{net::TcpListener, runtime::Handle, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    camera::Publisher,
    config::{Config, InvalidConfig},
    cores::Cores,
    metrics::{self, Metrics},
};
use cameras::{Cameras, Wanted};

/// How long the last messages may take to leave.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

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
    let (_never, changes) = mpsc::channel(1);
    let metrics = None;
    run_with(config, Extras { changes, metrics }, bus, shutdown).await
}

/// What a publisher may have beside its cameras and its bus.
#[derive(Debug)]
pub struct Extras {
    /// Brings settings that were read again: cameras that are new there are started, those that are missing are
    /// stopped, those that are different are started anew, and all others are left alone. Settings that are wrong are
    /// logged and change nothing.
    pub changes: mpsc::Receiver<Config>,
    /// Where metrics are served.
    pub metrics: Option<TcpListener>,
}

/// The same as [`run()`], with more to do.
pub async fn run_with(
    config: Config,
    extras: Extras,
    bus: Bus,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let metrics = Metrics::new([Handle::current()]);
    let publisher = Publisher {
        version: env!("CARGO_PKG_VERSION"),
        instance: random_id(),
        cameras: AtomicUsize::new(0),
        metrics: metrics.clone(),
        cores: Cores::default(),
    };
    let Extras {
        mut changes,
        metrics: listener,
    } = extras;
    let wanted = wanted_of(&config)?;
    let mut cameras = Cameras::new(publisher, wanted, bus.clone(), shutdown.child_token());
    let mut current = config;
    let watch_over = async {
        let serve = async {
            if let Some(listener) = listener {
                metrics::serve(metrics.clone(), bus.clone(), listener, shutdown.clone()).await;
            }
        };
        tokio::join!(metrics.follow(&bus), serve);
        // The bus is closed: the cameras say so.
        std::future::pending::<()>().await;
    };
    let mut watch_over = std::pin::pin!(watch_over);
    let result = loop {
        tokio::select! {
            () = &mut watch_over => {}
            () = shutdown.cancelled() => break Ok(()),
            result = cameras.watch() => break result,
            Some(config) = changes.recv() => match wanted_of(&config) {
                Ok(wanted) => {
                    cameras.change(wanted);
                    warn_of_others(&current, &config);
                    current = config;
                }
                Err(error) => {
                    tracing::error!("the settings are not good, those before still hold: {error}");
                }
            },
        }
    };
    cameras.stop().await;
    bus.flush(FLUSH_LIMIT).await;
    result
}

fn wanted_of(config: &Config) -> Result<Wanted, InvalidConfig> {
    let named = config.cameras()?.into_iter().map(|camera| {
        let own = &config.cameras[camera.name.camera().as_str()];
        (camera.name.clone(), (own.clone(), camera))
    });
    Ok(named.collect())
}

/// Says which of the settings that changed do not hold before the next start.
fn warn_of_others(before: &Config, now: &Config) {
    for (key, changed) in [
        ("nats", before.nats != now.nats),
        ("log", before.log != now.log),
        ("metrics", before.metrics != now.metrics),
    ] {
        if changed {
            tracing::warn!(setting = key, "changed, which holds from the next start on");
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
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use futures_util::future::BoxFuture;
    use sightline_bus::Delivery;
    use sightline_proto::{Announce, Frame, Message as _, Pattern, subject::Topic};
    use tokio::time::timeout;

    use super::*;
    use crate::{
        CameraConfig,
        camera::{Camera, Named, Offer, Settings},
        source::{Error as SourceError, Hint, Output, Source},
    };

    fn config_of(source: &str) -> CameraConfig {
        CameraConfig {
            source: source.into(),
            ..CameraConfig::default()
        }
    }

    fn config(cameras: &[(&str, &str)]) -> Config {
        Config {
            cameras: cameras
                .iter()
                .map(|(name, source)| ((*name).into(), config_of(source)))
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

    /// Whether `camera` announces itself next, or says goodbye.
    async fn next_of(announcements: &mut sightline_bus::Subscription, camera: &str) -> Announce {
        loop {
            let (subject, announce) = announcement(announcements).await;
            if subject.ends_with(camera) {
                return announce;
            }
        }
    }

    /// The next frame of `local/a`.
    async fn frame(frames: &mut sightline_bus::Subscription) -> Frame {
        match timeout(Duration::from_secs(30), frames.next()).await {
            Ok(Some(Delivery::Message(message))) => Frame::decode(message.payload).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_camera_goes_on_while_others_are_added_changed_and_removed() {
        let bus = Bus::local(1 << 20);
        let mut announcements = bus.subscribe(&Pattern::every_announce()).await.unwrap();
        let a: sightline_proto::CameraName = "local/a".parse().unwrap();
        let topic = Topic::Frame(a.clone(), "jpeg".parse().unwrap());
        let mut frames = bus.subscribe(&topic.subject().into()).await.unwrap();
        let (changed, changes) = mpsc::channel(1);
        let shutdown = CancellationToken::new();
        let base = [("a", "test://?size=64x36&fps=20")];
        let first = Config {
            cameras: {
                let mut cameras = config(&base).cameras;
                cameras.get_mut("a").unwrap().always = true;
                cameras
            },
            ..Config::default()
        };
        let with_b = |source: &str| {
            let mut config = first.clone();
            let b = config_of(source);
            config.cameras.insert("b".into(), b);
            config
        };
        let extras = Extras {
            changes,
            metrics: None,
        };
        let task = tokio::spawn(run_with(
            first.clone(),
            extras,
            bus.clone(),
            shutdown.clone(),
        ));
        let start = frame(&mut frames).await;
        let mut next = start.sequence + 1;
        let mut goes_on = async |frames: &mut _| {
            for _ in 0..5 {
                let frame = frame(frames).await;
                assert_eq!((frame.epoch, frame.sequence), (start.epoch, next));
                next += 1;
            }
        };
        changed.send(with_b("test://")).await.unwrap();
        let added = next_of(&mut announcements, ".b").await;
        assert_eq!((added.goodbye, added.source.as_str()), (false, "test"));
        goes_on(&mut frames).await;

        changed.send(with_b("images://")).await.unwrap();
        loop {
            let announce = next_of(&mut announcements, ".b").await;
            assert!(!announce.goodbye, "it is only replaced");
            if announce.epoch > added.epoch {
                assert_eq!(announce.source, "images");
                break;
            }
        }
        goes_on(&mut frames).await;

        // Wrong settings change nothing.
        changed.send(with_b("gopher://")).await.unwrap();
        changed.send(config(&[])).await.unwrap();
        goes_on(&mut frames).await;

        changed.send(first.clone()).await.unwrap();
        while !next_of(&mut announcements, ".b").await.goodbye {}
        goes_on(&mut frames).await;

        // Off and on again before it has ended: it is there.
        changed.send(with_b("test://")).await.unwrap();
        changed.send(first.clone()).await.unwrap();
        changed.send(with_b("test://")).await.unwrap();
        while next_of(&mut announcements, ".b").await.goodbye {}
        goes_on(&mut frames).await;
        shutdown.cancel();
        task.await.unwrap().unwrap();
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
        let publisher = Publisher {
            version: "1",
            instance: "i".into(),
            cameras: AtomicUsize::new(0),
            metrics: Metrics::new([]),
            cores: Cores::default(),
        };
        let wanted = [(camera.name.clone(), (CameraConfig::default(), camera))].into();
        let mut cameras = Cameras::new(publisher, wanted, bus, CancellationToken::new());
        tokio::select! {
            _ = cameras.watch() => panic!("it ended"),
            _ = announcement(&mut announcements) => {}
        }
        assert!(starts.load(Ordering::SeqCst) >= 3);
        cameras.stop().await;
    }
}
