//! Looks at everything that a source gives, once for all streams: whether it can be used, and what it is.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use sightline_media::jpeg;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    input::{Arrived, Gives, Input, Unusable, Video},
    shared::Shared,
};
use crate::{
    picture::{Image, Picture, Size},
    source::{
        DropReason,
        unit::{Format, Track, Unit},
    },
};

/// A source whose pictures are further apart than this is a slow one: its last picture is sent once more to a relay
/// that joins, which would have nothing to show for long.
pub(super) const SLOW: Duration = Duration::from_millis(300);

/// Until `shutdown`. Cheap: it never waits for those who work with what came.
pub(super) async fn run(shared: &Shared, input: &Input, shutdown: &CancellationToken) {
    let mut intake = Intake {
        shared,
        input,
        pictures: 0,
        came_at: None,
    };
    let (mut video, mut audio) = (
        input.output.units(Track::Video),
        input.output.units(Track::Audio),
    );
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            picture = input.output.take() => intake.picture(picture),
            (unit, _) = video.next() => intake.unit(&unit),
            (unit, _) = audio.next() => intake.unit(&unit),
        }
    }
}

struct Intake<'a> {
    shared: &'a Shared,
    input: &'a Input,
    pictures: u64,
    came_at: Option<Instant>,
}

impl Intake<'_> {
    fn picture(&mut self, picture: Picture) {
        self.shared.counters.captured.inc();
        let now = Instant::now();
        let slow = self
            .came_at
            .replace(now)
            .is_none_or(|before| before + SLOW <= now);
        let size = match size(&picture.image) {
            Ok(size) => size,
            Err(unusable) => return self.input.complain(unusable),
        };
        self.input.is_well();
        self.input.arrivals().record(now, 0);
        self.gives(|gives| gives.video = Video::Pictures);
        self.pictures += 1;
        self.input.newest.send_replace(Some(Arc::new(Arrived {
            picture,
            size,
            number: self.pictures,
            slow,
        })));
        self.alive(Track::Video);
    }

    fn unit(&mut self, unit: &Unit) {
        self.shared.counters.captured.inc();
        self.gives(|gives| match &unit.format {
            Format::H264(parameters) => gives.video = Video::H264(parameters.clone()),
            Format::H265(facts) => gives.video = Video::H265(facts.clone()),
            Format::Aac(config) => gives.audio = Some(config.clone()),
        });
        self.alive(unit.track());
    }

    fn gives(&self, change: impl FnOnce(&mut Gives)) {
        let mut gives = self.input.gives.borrow().clone();
        change(&mut gives);
        if *self.input.gives.borrow() != gives {
            self.shared.tell_given(self.input, &gives);
            self.input.gives.send_replace(gives);
            self.shared.asked.send_replace(());
            self.shared.news.send_replace(());
        }
    }

    /// Sound does not keep a camera alive whose picture froze.
    fn alive(&self, track: Track) {
        let has_video = &self.input.has_video;
        match track {
            Track::Video => has_video.store(true, Ordering::Relaxed),
            Track::Audio if has_video.load(Ordering::Relaxed) => return,
            Track::Audio => {}
        }
        self.input.alive.send_modify(|alive| *alive += 1);
    }
}

/// Refuses what is not a whole JPEG.
fn size(image: &Image) -> Result<Size, Unusable> {
    match image {
        Image::Raw(raw) => Ok(raw.size()),
        Image::Jpeg(data) => match data.look(jpeg::inspect) {
            Ok(info) => Ok(Size {
                width: info.width,
                height: info.height,
            }),
            Err(error @ jpeg::Error::Truncated) => {
                Err(Unusable(DropReason::Truncated, error.to_string()))
            }
            Err(error) => Err(Unusable(DropReason::Corrupt, error.to_string())),
        },
    }
}
