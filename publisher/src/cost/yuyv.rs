//! A webcam that gives pixels, without the webcam: all that a frame costs from the driver's buffer to the bus, or what
//! its encoder costs alone.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use sightline_bus::Bus;
use sightline_media::testcard::{self, Card};
use sightline_proto::CameraName;
use tokio_util::sync::CancellationToken;
use v4l::FourCC;

use super::{Error, QUALITY, failed, time_us};
use crate::{
    camera::{self, Camera, Ending, Named, Offer, Publisher, Settings},
    clock::now_us,
    cores::Cores,
    encode::Encoder,
    metrics::Metrics,
    picture::{Image, Layout, Picture, Raw},
    pool::Pool,
    source::{
        self, Hint, Output, Source,
        v4l2::{ioctl::Format, pixel::Shape},
    },
};

/// Frames of the moving test card, as a driver gives them.
#[derive(Clone, Debug)]
pub struct Yuyv {
    shape: Shape,
    frames: Arc<Vec<Vec<u8>>>,
}

/// The encoder, and planes for it.
#[derive(Debug)]
pub struct Alone {
    encoder: Encoder,
    pictures: Vec<Raw>,
    next: usize,
}

impl Yuyv {
    /// So many different frames, drawn beforehand: two bytes of memory for each pixel. Sides are even.
    pub fn new(width: u32, height: u32, count: u32) -> Self {
        let card = Card::new(width, height);
        let mut drawn = Vec::new();
        let frames = (0..count).map(|number| {
            card.render(number, time_us(number as usize), &mut drawn);
            packed(&drawn, width as usize, height as usize)
        });
        Self {
            frames: Arc::new(frames.collect()),
            shape: Shape::new(
                Layout::Yuyv,
                &Format {
                    fourcc: FourCC::new(b"YUYV"),
                    width,
                    height,
                    stride_bytes: 2 * width,
                    field: 1,
                    colorspace: 0,
                    quantization: 0,
                },
            ),
        }
    }

    /// What encodes them, and nothing else.
    pub fn encoder(&self) -> Alone {
        let planes = self
            .frames
            .iter()
            .filter_map(|frame| self.shape.picture(frame, &Pool::default()));
        Alone {
            pictures: planes.collect(),
            encoder: Encoder::default(),
            next: 0,
        }
    }

    /// Publishes the frames as JPEGs of each of `cameras`, one every `interval`. Never ends by itself.
    pub async fn publish(&self, cameras: Vec<CameraName>, interval: Duration, bus: Bus) {
        let publisher = Arc::new(Publisher {
            version: env!("CARGO_PKG_VERSION"),
            instance: "bench".into(),
            cameras: cameras.len().into(),
            metrics: Metrics::new([]),
            cores: Cores::default(),
        });
        let tasks = cameras.into_iter().map(|name| {
            let source = Played {
                camera: self.clone(),
                interval,
            };
            let (publisher, bus) = (publisher.clone(), bus.clone());
            let camera = camera(name, Arc::new(source));
            let ending = Ending::of(&CancellationToken::new());
            tokio::spawn(camera::run(camera, publisher, bus, ending))
        });
        join_all(tasks).await;
    }
}

impl Alone {
    /// Encodes the next picture, and says how long it is.
    pub fn encode(&mut self) -> Result<usize, Error> {
        let picture = &self.pictures[self.next % self.pictures.len()];
        self.next += 1;
        let jpeg = self.encoder.encode(picture, QUALITY, None);
        jpeg.map(|jpeg| jpeg.data.len()).map_err(failed)
    }
}

struct Played {
    camera: Yuyv,
    interval: Duration,
}

impl Source for Played {
    fn hint(&self) -> Hint {
        Hint::default()
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), source::Error>> {
        let (camera, interval, output) = (self.camera.clone(), self.interval, output.clone());
        async move {
            // Nobody can end a blocking thread but itself.
            let stop = stop.child_token();
            let _ended = stop.clone().drop_guard();
            let playing =
                tokio::task::spawn_blocking(move || camera.play(interval, &output, &stop));
            playing.await.map_err(|error| source::Error::Failed {
                what: "the played camera".into(),
                reason: error.to_string(),
            })
        }
        .boxed()
    }
}

impl Yuyv {
    /// As the thread of a driver's camera does it.
    fn play(&self, interval: Duration, output: &Output, stop: &CancellationToken) {
        let mut next = Instant::now();
        for frame in self.frames.iter().cycle() {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            next = (next + interval).max(Instant::now());
            if stop.is_cancelled() {
                return;
            }
            let capture_time_us = now_us();
            if let Some(raw) = self.shape.picture(frame, output.pool()) {
                output.put(Picture {
                    capture_time_us,
                    image: Image::Raw(raw),
                });
            }
        }
    }
}

fn camera(name: CameraName, source: Arc<dyn Source>) -> Camera {
    Camera {
        name,
        title: String::new(),
        from: Named {
            source,
            scheme: "bench".into(),
            shown: "bench://".into(),
        },
        settings: Settings {
            quality: QUALITY,
            max_fps: 0.0,
        },
        offer: Offer::default(),
        max_size: None,
        always: false,
        control: Vec::new(),
    }
}

/// A JPEG as a webcam gives it: the test card in 1920x1080 with so much noise that it has about 370 KB.
pub fn webcam_jpeg() -> Result<Bytes, Error> {
    let mut camera = Yuyv::new(1_920, 1_080, 1);
    let mut random = 1u32;
    for sample in Arc::make_mut(&mut camera.frames).iter_mut().flatten() {
        // Numerical Recipes' generator: any noise will do, as long as it is always the same.
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample = sample.saturating_add((random >> 28) as u8);
    }
    let mut alone = camera.encoder();
    let jpeg = alone.encoder.encode(&alone.pictures[0], QUALITY, None);
    jpeg.map(|jpeg| jpeg.data.data()).map_err(failed)
}

/// I420 as YUYV: each row of colour belongs to two rows of pixels.
fn packed(i420: &[u8], width: usize, height: usize) -> Vec<u8> {
    let stride = testcard::stride(width as u32);
    let half = stride / 2;
    let (luma, chroma) = i420.split_at(stride * height);
    let (u, v) = chroma.split_at(half * height.div_ceil(2));
    let mut out = Vec::with_capacity(2 * width * height);
    for (y, row) in luma.chunks_exact(stride).enumerate() {
        let at = y / 2 * half;
        for (x, pair) in row[..width].as_chunks::<2>().0.iter().enumerate() {
            out.extend([pair[0], u[at + x], pair[1], v[at + x]]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use sightline_bus::Delivery;
    use sightline_proto::{Demand, JPEG, Message as _, subject::Topic};

    use super::*;

    #[test]
    fn a_webcams_picture_is_whole_and_as_large_as_it_says() {
        let jpeg = webcam_jpeg().unwrap();
        let info = sightline_media::jpeg::inspect(&jpeg).unwrap();
        assert_eq!((info.width, info.height), (1_920, 1_080));
        assert!((320_000..420_000).contains(&jpeg.len()), "{}", jpeg.len());
    }

    #[tokio::test]
    async fn a_played_camera_sends_what_its_encoder_gives_alone() {
        let camera = Yuyv::new(320, 180, 1);
        let bus = Bus::local(1 << 20);
        let name: CameraName = "bench/camera".parse().unwrap();
        let topic = Topic::Frame(name.clone(), JPEG.parse().unwrap());
        let mut frames = bus.subscribe(&topic.subject().into()).await.unwrap();
        let interval = Duration::from_millis(10);
        let publishing = camera.publish(vec![name.clone()], interval, bus.clone());
        let asking = async {
            let demand = Demand {
                stream: JPEG.into(),
                relay: "a".into(),
                ..Demand::default()
            };
            let subject = Topic::Demand(name).subject();
            loop {
                let payload = demand.encode_to_vec().into();
                bus.publish(&subject, payload).await.unwrap();
                tokio::time::sleep(interval).await;
            }
        };
        let frame = tokio::select! {
            () = publishing => panic!("it ended"),
            () = asking => panic!("it ended"),
            Some(Delivery::Message(message)) = frames.next() => {
                sightline_proto::Frame::decode(message.payload).unwrap()
            }
        };
        assert_eq!(frame.data.len(), camera.encoder().encode().unwrap());
        assert_eq!((frame.width, frame.height), (320, 180));
    }
}
