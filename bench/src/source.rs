//! Cameras on the bus: they announce themselves and send the same frames at a steady rate, watched or not.

use std::time::{Duration, Instant, SystemTime};

use sightline_bus::{Bus, Link, Options};
use sightline_media::h264::Parameters;
use sightline_proto::{
    Announce, CameraName, CameraState, Codec, Frame, H264, HEARTBEAT, JPEG, Message as _, Stream,
    Subject, split::split, subject::Topic,
};

use crate::{
    content::{self, CARD_SIZE, Unit, VIDEO_SIZE},
    shape::{self, Shape},
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    nats: String,
    #[command(flatten)]
    shape: Shape,
}

/// How long is slept at most between two looks at the clock.
const SLEEP: Duration = Duration::from_millis(20);

struct Cameras {
    bus: Bus,
    epoch: u64,
    units: Vec<Unit>,
    stream: Stream,
    /// Where each announces itself, and where it sends frames.
    subjects: Vec<(Subject, Subject)>,
}

/// Runs until it is killed.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(send(arguments))
}

async fn send(arguments: &Arguments) -> anyhow::Result<()> {
    let shape = &arguments.shape;
    let bus = Bus::connect(&Options {
        url: arguments.nats.clone(),
        ..Options::default()
    })
    .await?;
    bus.link().wait_for(|link| *link == Link::Up).await?;
    let units = content::units(shape)?;
    let stream = stream(shape, &units)?;
    let subjects = (0..shape.cameras).map(|number| {
        let camera: CameraName = shape::camera(number).parse()?;
        let frames = Topic::Frame(camera.clone(), stream.name.parse()?);
        Ok((Topic::Announce(camera).subject(), frames.subject()))
    });
    let cameras = Cameras {
        epoch: now_us() as u64,
        units,
        subjects: subjects.collect::<anyhow::Result<_>>()?,
        stream,
        bus,
    };
    let start = Instant::now();
    // All cameras together, one after the other, as they would at different times if they were started by themselves.
    let a_second = shape.fps * shape.cameras as f64;
    let announcements_a_second = shape.cameras as f64 / HEARTBEAT.as_secs_f64();
    let (mut sent, mut announced): (u64, u64) = (0, 0);
    loop {
        let due = (start.elapsed().as_secs_f64() * announcements_a_second) as u64;
        while announced <= due {
            let camera = (announced % shape.cameras as u64) as usize;
            cameras.announce(camera).await;
            announced += 1;
        }
        let due = (start.elapsed().as_secs_f64() * a_second) as u64;
        while sent < due {
            let camera = (sent % shape.cameras as u64) as usize;
            cameras.frame(camera, sent / shape.cameras as u64).await?;
            sent += 1;
        }
        let next = if a_second > 0.0 {
            Duration::from_secs_f64((sent + 1) as f64 / a_second)
        } else {
            SLEEP
        };
        let sleep = next.saturating_sub(start.elapsed()).min(SLEEP);
        tokio::time::sleep(sleep).await;
    }
}

impl Cameras {
    async fn announce(&self, camera: usize) {
        let announcement = Announce {
            epoch: self.epoch,
            time_us: now_us(),
            state: CameraState::Live.into(),
            streams: vec![self.stream.clone()],
            instance: "bench".into(),
            ..Announce::default()
        }
        .encode_to_vec();
        let (subject, _) = &self.subjects[camera];
        // What cannot go is said again at the next heartbeat.
        let _ = self.bus.publish(subject, announcement.into()).await;
    }

    async fn frame(&self, camera: usize, sequence: u64) -> anyhow::Result<()> {
        let unit = &self.units[(sequence % self.units.len() as u64) as usize];
        let frame = Frame {
            epoch: self.epoch,
            sequence,
            capture_time_us: now_us(),
            codec: self.stream.codec,
            key: unit.key,
            width: self.stream.width,
            height: self.stream.height,
            data: unit.data.clone(),
            ..Frame::default()
        };
        for part in split(frame, self.bus.max_payload_bytes())? {
            // What the bus cannot take in time is lost, as with a real camera: viewers get fewer frames.
            let _ = self.bus.publish(&self.subjects[camera].1, part).await;
        }
        Ok(())
    }
}

/// What the cameras announce.
fn stream(shape: &Shape, units: &[Unit]) -> anyhow::Result<Stream> {
    let fps = shape.fps as f32;
    if !shape.route.is_video() {
        return Ok(Stream {
            name: JPEG.into(),
            codec: Codec::Jpeg.into(),
            width: CARD_SIZE.0,
            height: CARD_SIZE.1,
            fps,
            ..Stream::default()
        });
    }
    let parameters = Parameters::from_access_unit(&units[0].data)?;
    Ok(Stream {
        name: H264.into(),
        codec: Codec::H264.into(),
        width: VIDEO_SIZE.0,
        height: VIDEO_SIZE.1,
        fps,
        bits_per_second: shape.bits_per_second as u32,
        codec_string: parameters.map_or_else(String::new, |it| it.codec_string()),
        ..Stream::default()
    })
}

/// Microseconds since 1970 UTC.
pub(crate) fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| time.as_micros() as i64)
}
