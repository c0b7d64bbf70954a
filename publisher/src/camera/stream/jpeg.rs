//! The JPEGs of a camera: its own, or encoded from its pixels, or from pictures decoded from its video.

use std::sync::Arc;

use bytes::Bytes;
use sightline_proto::Codec;
use tokio::time::{Duration, Instant};

use super::{
    super::{
        input::{Arrived, Unusable},
        intake::SLOW,
        offer::{Facts, count},
        rate::RateLimit,
    },
    send::{Outgoing, Sender},
    tools::{JpegTool, UnitTool, with_tool},
};
use crate::{
    encode::Jpeg as Encoded,
    picture::{Image, Picture, Size},
    source::{
        DropReason, Units,
        unit::{Format, Unit},
    },
};

/// While units come faster than they are decoded, a picture is shown this often all the same.
const CATCHING_UP: Duration = Duration::from_millis(500);

/// Makes the JPEGs of one stream.
#[derive(Debug, Default)]
pub(super) struct Jpeg {
    /// Larger pictures are scaled, even if they are JPEGs.
    scaled_to: Option<Size>,
    rate: RateLimit,
    tool: Option<JpegTool>,
    /// There from a key frame on, while its units are decoded.
    decoding: Option<Decoding>,
    /// The last frame of a stream whose limit makes it a slow one, for a relay that joins.
    last: Option<(Encoded, i64)>,
    told_of_size: bool,
}

#[derive(Debug)]
struct Decoding {
    tool: Option<UnitTool>,
    /// When a picture was last shown, or the first unit came.
    shown_at: Instant,
}

impl Jpeg {
    /// None larger than `max`.
    pub(super) fn scaled_to(max: Size) -> Self {
        Self {
            scaled_to: Some(max),
            ..Self::default()
        }
    }

    /// Sends `arrived` if it is wanted and can go at once; else it is dropped, and counted if somebody misses it.
    pub(super) async fn picture(
        &mut self,
        sender: &mut Sender<'_>,
        arrived: &Arc<Arrived>,
        missed: u64,
    ) {
        self.decoding = None;
        if !sender.wants() {
            return;
        }
        // A stream with a lower rate of its own misses nothing.
        if self.scaled_to.is_none() {
            let output = &sender.input.output;
            output.count_many(DropReason::Superseded, missed);
        }
        if let Err(unusable) = self.show(sender, &arrived.picture, arrived.size).await {
            sender.input.complain(unusable);
        }
    }

    /// Decodes `unit`, and sends what comes of it as far as the rate allows.
    /// So many before it were left out.
    pub(super) async fn unit(
        &mut self,
        sender: &mut Sender<'_>,
        unit: Unit,
        skipped: u64,
        units: &mut Units,
    ) {
        let Format::H264(parameters) = &unit.format else {
            return;
        };
        if !sender.wants() {
            self.decoding = None;
            return;
        }
        if let (Some(decoding), 1..) = (&mut self.decoding, skipped) {
            // What the decoder holds back belongs to what was left out.
            decoding.tool = None;
        }
        if unit.key {
            self.decoding.get_or_insert_with(|| Decoding {
                tool: None,
                shown_at: Instant::now(),
            });
        }
        let Some(decoding) = &mut self.decoding else {
            return;
        };
        let size = Size {
            width: parameters.width,
            height: parameters.height,
        };
        count(&sender.stream.work.decoded);
        let (data, time) = (unit.data.clone(), unit.capture_time_us);
        let cores = &sender.shared.publisher.cores;
        let decode = move |tool: &mut UnitTool| tool.decode(&data, time);
        let decoded = with_tool(cores, &mut decoding.tool, decode).await;
        let now = Instant::now();
        let newest = !units.has_more();
        let late = decoding.shown_at + CATCHING_UP <= now;
        // What is held before a newer key frame is not needed for it.
        units.skip_to_newest_key();
        let shown = match decoded {
            Ok(Some(picture)) if newest || late => {
                decoding.shown_at = now;
                self.show(sender, &picture, size).await
            }
            Ok(_) => Ok(()),
            Err(unusable) => {
                self.decoding = None;
                Err(unusable)
            }
        };
        if let Err(unusable) = shown {
            sender.input.complain(unusable);
        }
    }

    /// Gives a relay that joined something to show.
    pub(super) async fn joined(
        &mut self,
        sender: &mut Sender<'_>,
        newest: Option<&Arc<Arrived>>,
        units: &mut Units,
    ) {
        if !sender.has_newcomer() {
            return;
        }
        if let Some((jpeg, capture_time_us)) = self.last.clone() {
            self.send(sender, jpeg, capture_time_us).await;
        } else if let Some(arrived) = newest {
            // One that cannot be used was counted when it came.
            let _ = self.show(sender, &arrived.picture, arrived.size).await;
        } else if self.decoding.is_none() {
            *units = sender.input.output.units(units.track());
        }
    }

    pub(super) fn rest(&mut self) {
        (self.tool, self.decoding, self.last) = (None, None, None);
        self.rate = RateLimit::default();
    }

    async fn show(
        &mut self,
        sender: &mut Sender<'_>,
        picture: &Picture,
        size: Size,
    ) -> Result<(), Unusable> {
        let settings = *sender.shared.settings();
        let limit = sender.shared.fps_limit(sender.stream.name);
        if !self.rate.allows(Instant::now(), limit) {
            if limit == settings.max_fps {
                sender.input.output.count(DropReason::RateLimit);
            }
            return Ok(());
        }
        if !sender.is_connected() || !sender.has_room() {
            return Ok(());
        }
        let jpeg = match &picture.image {
            Image::Jpeg(data) if self.may_pass(sender, size) => Encoded {
                data: data.clone(),
                size,
            },
            image => {
                count(&sender.stream.work.encoded);
                let (image, max) = (image.clone(), self.max_size(sender));
                let encode = move |tool: &mut JpegTool| tool.encode(&image, settings.quality, max);
                let began = Instant::now();
                let encoded =
                    with_tool(&sender.shared.publisher.cores, &mut self.tool, encode).await;
                sender.encoded(began.elapsed());
                encoded?
            }
        };
        let slow = limit > 0.0 && limit * SLOW.as_secs_f64() < 1.0;
        self.last = slow.then(|| (jpeg.clone(), picture.capture_time_us));
        if sender.wants() {
            self.send(sender, jpeg, picture.capture_time_us).await;
        }
        Ok(())
    }

    async fn send(&mut self, sender: &mut Sender<'_>, jpeg: Encoded, capture_time_us: i64) {
        let size = jpeg.size;
        let sent = sender
            .send(Outgoing {
                capture_time_us,
                decode_time_us: capture_time_us,
                codec: Codec::Jpeg,
                key: true,
                size: Some(size),
                data: jpeg.data,
            })
            .await;
        if sent {
            sender.served();
            let facts = Facts {
                codec: Some(Codec::Jpeg),
                size: Some(size),
                codec_string: String::new(),
                codec_config: Bytes::new(),
            };
            sender.shared.tell(sender.stream, facts);
        }
    }

    fn max_size(&self, sender: &Sender<'_>) -> Option<Size> {
        self.scaled_to.or(sender.shared.camera.max_size)
    }

    /// Whether the camera's own JPEG is passed on.
    fn may_pass(&mut self, sender: &Sender<'_>, size: Size) -> bool {
        let Some(max) = self.max_size(sender) else {
            return true;
        };
        let fits = size.width <= max.width && size.height <= max.height;
        if self.scaled_to.is_some() {
            return fits;
        }
        if !fits && !self.told_of_size {
            self.told_of_size = true;
            tracing::warn!(
                camera = %sender.input.camera, %size, max_size = %max,
                "this camera gives JPEGs larger than max_size; they are passed on as they are"
            );
        }
        true
    }
}
