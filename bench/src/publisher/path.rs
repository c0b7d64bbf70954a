//! Cameras with pixels, inside this process: the whole way to the broker, or the encoder alone.

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use sightline_bus::{Bus, Options};
use sightline_publisher::cost::Yuyv;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_enum)]
    part: Part,
    #[arg(long)]
    width: u32,
    #[arg(long)]
    height: u32,
    #[arg(long)]
    fps: f64,
    /// Cameras that are published.
    #[arg(long)]
    camera: Vec<String>,
    #[arg(long, default_value_t)]
    nats: String,
}

/// What is done with the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// From the driver's buffer to the broker, as the publisher does it.
    Whole,
    /// Planes to JPEG, and nothing else: the library, with what it takes best.
    Encoder,
}

/// Pictures that are drawn beforehand: more than caches hold.
const PICTURES: u32 = 8;

/// Runs until it is killed.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let pictures = Yuyv::new(arguments.width, arguments.height, PICTURES);
    let interval = Duration::from_secs_f64(1.0 / arguments.fps);
    match arguments.part {
        Part::Encoder => encode(&pictures, interval),
        Part::Whole => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(publish(arguments, &pictures, interval)),
    }
}

async fn publish(arguments: &Arguments, pictures: &Yuyv, interval: Duration) -> anyhow::Result<()> {
    let bus = Bus::connect(&Options {
        url: arguments.nats.clone(),
        ..Options::default()
    })
    .await?;
    let names = arguments.camera.iter().map(|name| name.parse());
    let names = names.collect::<Result<Vec<_>, _>>()?;
    pictures.publish(names, interval, bus).await;
    Ok(())
}

/// Prints how many pictures were encoded, once a second.
fn encode(pictures: &Yuyv, interval: Duration) -> anyhow::Result<()> {
    let mut encoder = pictures.encoder();
    let (mut next, mut count, mut told) = (Instant::now(), 0, Instant::now());
    loop {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next = (next + interval).max(Instant::now());
        encoder.encode()?;
        count += 1;
        if told.elapsed() >= Duration::from_secs(1) {
            told = Instant::now();
            println!("{count}");
        }
    }
}
