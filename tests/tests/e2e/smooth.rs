//! What a viewer sees of a camera that is well.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use sightline_tests::{
    fleet::{Publisher, Relay},
    mjpeg::Stream,
    nats::{Server, Version},
    watch::Watch,
};

use crate::quiet::alone;

const FPS: u32 = 30;
const SECONDS: u32 = 60;

/// A machine that runs nothing for so long, more than half a frame, may cost one: the newest frame wins.
const STANDSTILL: Duration = Duration::from_millis(20);

/// A frame number and when it was read.
type Seen = (u32, Instant);

/// Every frame number comes once, in order, on both routes. Only where the machine itself stood still, as a
/// thread that does nothing but sleep saw, may a number be missing.
#[tokio::test]
async fn no_frame_is_lost_or_repeated_in_a_minute() {
    let _machine = alone().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let source = format!("test://?size=320x180&fps={FPS}");
    let _publisher = Publisher::start(&server.url(), "farm", &[("gate", &source)]);
    relay.until_online("farm/gate").await;
    let wanted = FPS * SECONDS;
    let control = Control::start();
    let start = Instant::now();
    let (multipart, websocket) = tokio::join!(
        multipart(relay.address(), wanted),
        websocket(relay.address(), wanted)
    );
    let elapsed = start.elapsed();
    let standstills = control.stop();
    for seen in [multipart, websocket] {
        for pair in seen.windows(2) {
            let ((before, _), (number, at)) = (pair[0], pair[1]);
            assert!(number > before, "{number} after {before}");
            let excused = standstills.iter().any(|still| {
                let apart = at.duration_since(*still) + still.duration_since(at);
                apart < Duration::from_secs(1)
            });
            assert!(
                number == before + 1 || excused,
                "{number} after {before}, and the machine was well"
            );
        }
        let lost = seen[seen.len() - 1].0 - seen[0].0 + 1 - wanted;
        println!("{lost} lost, {} standstills", standstills.len());
        assert!(lost <= wanted / 200, "{lost} of {wanted} lost");
    }
    let due = Duration::from_secs(SECONDS.into());
    assert!(
        elapsed.abs_diff(due) < due / 50,
        "{wanted} frames took {elapsed:?}"
    );
}

async fn multipart(address: &str, wanted: u32) -> Vec<Seen> {
    let mut stream = Stream::open(address, "farm/gate").await.unwrap();
    let mut numbers = Vec::with_capacity(wanted as usize);
    for _ in 0..wanted {
        let part = stream.next().await.unwrap();
        assert_eq!(part.stale, None);
        numbers.push((part.number().unwrap(), Instant::now()));
    }
    numbers
}

async fn websocket(address: &str, wanted: u32) -> Vec<Seen> {
    let mut watch = Watch::open(address).await.unwrap();
    watch.subscribe("farm/gate").await.unwrap();
    let mut numbers = Vec::with_capacity(wanted as usize);
    for _ in 0..wanted {
        let frame = watch.next_frame().await.unwrap();
        assert!(!frame.stale);
        let number = sightline_tests::picture::number(&frame.data).unwrap();
        numbers.push((number, Instant::now()));
    }
    numbers
}

/// A thread that notices when the machine runs nothing for a while.
struct Control {
    stop: Arc<AtomicBool>,
    standstills: Arc<Mutex<Vec<Instant>>>,
    thread: JoinHandle<()>,
}

impl Control {
    fn start() -> Self {
        let (stop, standstills) = (
            Arc::<AtomicBool>::default(),
            Arc::<Mutex<Vec<_>>>::default(),
        );
        let thread = std::thread::spawn({
            let (stop, standstills) = (stop.clone(), standstills.clone());
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let before = Instant::now();
                    std::thread::sleep(Duration::from_millis(2));
                    if before.elapsed() > STANDSTILL {
                        standstills.lock().unwrap().push(Instant::now());
                    }
                }
            }
        });
        Self {
            stop,
            standstills,
            thread,
        }
    }

    /// When the machine went on after each standstill.
    fn stop(self) -> Vec<Instant> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        std::mem::take(&mut self.standstills.lock().unwrap())
    }
}
