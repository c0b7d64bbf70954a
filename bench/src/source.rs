//! A camera on the bus: announces itself and sends the same picture at a steady rate, watched or not.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sightline_bus::{Bus, Link, Options};
use sightline_proto::{
    Announce, CameraName, CameraState, Codec, Frame, HEARTBEAT, JPEG, Message as _, Stream,
    split::split, subject::Topic,
};
use tokio::time::{MissedTickBehavior, interval};

use crate::frame::{self, CAMERA};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    nats: String,
    #[arg(long)]
    frame_bytes: usize,
    #[arg(long)]
    fps: f64,
}

/// Runs until it is killed.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(send(arguments))
}

async fn send(arguments: &Arguments) -> anyhow::Result<()> {
    let bus = Bus::connect(&Options {
        url: arguments.nats.clone(),
        ..Options::default()
    })
    .await?;
    bus.link().wait_for(|link| *link == Link::Up).await?;
    let camera: CameraName = CAMERA.parse()?;
    let announce = Topic::Announce(camera.clone()).subject();
    let subject = Topic::Frame(camera, JPEG.parse()?).subject();
    let data = Bytes::from(frame::jpeg(arguments.frame_bytes)?);
    let epoch = now_us() as u64;
    let mut frames = interval(Duration::from_secs_f64(1.0 / arguments.fps));
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut heartbeat = interval(HEARTBEAT);
    let mut sequence = 0;
    loop {
        tokio::select! {
            _ = heartbeat.tick() => {
                bus.publish(&announce, announcement(epoch).encode_to_vec().into()).await?;
                continue;
            }
            _ = frames.tick() => {}
        }
        let frame = Frame {
            epoch,
            sequence,
            capture_time_us: now_us(),
            codec: Codec::Jpeg.into(),
            key: true,
            width: 16,
            height: 16,
            data: data.clone(),
            ..Frame::default()
        };
        sequence += 1;
        for part in split(frame, bus.max_payload_bytes())? {
            bus.publish(&subject, part).await?;
        }
    }
}

fn announcement(epoch: u64) -> Announce {
    Announce {
        epoch,
        time_us: now_us(),
        state: CameraState::Live.into(),
        streams: vec![Stream {
            name: JPEG.into(),
            codec: Codec::Jpeg.into(),
            ..Stream::default()
        }],
        instance: "bench".into(),
        ..Announce::default()
    }
}

fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| time.as_micros() as i64)
}
