//! One viewer's file as it grows: feeds in, an init segment and fragments out.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use sightline_media::{
    aac,
    fmp4::{self, Fragment, HEAD_BYTES},
    h264,
};
use sightline_proto::{AUDIO, CameraName, CameraState, Codec, Token};
use tokio::sync::broadcast::error::RecvError;

use super::{App, Error, multipart::offline_since, snapshot::why_not, target::h264_of};
use crate::{
    directory::Camera,
    form::file::{FileWriter, Tracks, Unit},
    hub::{Feed, Frame, Inbox, MediaConfig, StreamName, Wish},
    line::Advance,
    metrics::Route,
};

/// How long a viewer waits for the first key frame.
const WAIT_FOR_KEY: Duration = Duration::from_secs(10);

/// A camera that was asleep when the viewer came says within this time after its first key frame whether it has sound.
/// What it says later comes too late: a file's tracks are named at its start.
const WAIT_FOR_SOUND: Duration = Duration::from_secs(1);

/// The keys of the feeds in the inbox.
const VIDEO_KEY: usize = 0;
const SOUND_KEY: usize = 1;

/// What a viewer wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The stream of pictures; without a name, the camera's best one.
    pub(crate) stream: Option<Token>,
    pub(crate) sound: WantedSound,
    /// The most that is sent at once at the start: if there is more since the last key frame, the file begins with
    /// the next one, which the camera is asked for.
    pub(crate) burst_bytes: Option<usize>,
}

/// Which sound a viewer can play.
#[derive(Clone, Debug, Default)]
pub(crate) enum WantedSound {
    #[default]
    Any,
    /// That of these codec strings.
    Listed(Vec<String>),
    None,
}

impl WantedSound {
    fn takes(&self, config: &aac::Config) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(codecs) => codecs.contains(&config.codec_string()),
            Self::None => false,
        }
    }
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Part {
    /// Before the first fragment, and whenever the parameters have changed.
    Init(Bytes),
    Fragment(Fragment),
}

/// A file that has begun.
#[derive(Debug)]
pub(crate) struct File {
    inbox: Inbox,
    video: Feed,
    sound: Option<Feed>,
    writer: FileWriter,
    /// Of the frames that were taken last: others mean that something has changed.
    configs: Configs,
    /// What the last frame gave: itself, and the sound that waited for it.
    out: VecDeque<Part>,
}

#[derive(Debug, Default)]
struct Configs {
    video: Option<Arc<MediaConfig>>,
    sound: Option<Arc<MediaConfig>>,
}

impl File {
    /// Waits for the first key frame of `camera`, and begins a file with it. An error says why there is none.
    pub(crate) async fn begin(
        app: App,
        camera: Arc<Camera>,
        wanted: Wanted,
        route: Route,
    ) -> Result<Self, Error> {
        app.refuse_while_draining()?;
        let name = h264_of(&camera, wanted.stream.as_ref())?;
        if !camera.online {
            return Err(Error::camera_offline(offline_since(&camera)));
        }
        let inbox = Inbox::default();
        let video = app.hub.watch(&name, Wish::All, route, &inbox, VIDEO_KEY);
        // Asked for at once if the camera is known to have it: then it is there together with the pictures.
        let early = sound_of(&camera)
            .filter(|config| wanted.sound.takes(config))
            .and_then(|_| watch_sound(&app, &camera.name, route, &Inbox::default()));
        let parameters = tokio::select! {
            found = first_key(&video, &inbox, wanted.burst_bytes) => found,
            () = tokio::time::sleep(WAIT_FOR_KEY) => {
                return Err(Error::no_picture(why_not(&app, &camera)));
            }
            () = app.draining.cancelled() => return Err(Error::draining()),
        };
        let config = match wanted.sound {
            WantedSound::None => None,
            _ => settled_sound(&app, &camera.name).await,
        };
        let audio = config.filter(|config| wanted.sound.takes(config));
        let sound = audio
            .as_ref()
            .and_then(|_| watch_sound(&app, &camera.name, route, &inbox));
        drop(early);
        let mut file = Self {
            writer: FileWriter::new(Tracks {
                video: parameters,
                audio,
            }),
            inbox,
            video,
            sound,
            configs: Configs::default(),
            out: VecDeque::new(),
        };
        file.put_init().map_err(|error| {
            Error::unplayable(format!(
                "camera {} cannot be put into MP4: {error}",
                file.video.name().camera
            ))
        })?;
        // With the key frame that was found, or a newer one.
        file.video.restart();
        Ok(file)
    }

    /// The type of the file, with its codecs.
    pub(crate) fn mime(&self) -> String {
        self.writer.mime()
    }

    /// When the last picture ends, in microseconds from the start of the file.
    pub(crate) fn end_us(&self) -> u64 {
        self.writer.end_us()
    }

    /// Whether all is taken that there is by now.
    pub(crate) fn is_taken(&self) -> bool {
        self.out.is_empty()
    }

    /// Says where news goes: `line` is advanced when there is more.
    pub(crate) fn attach(&self, line: Weak<dyn Advance>) {
        self.inbox.attach(line);
    }

    /// The next part, if there is one by now.
    pub(crate) fn next(&mut self) -> Option<Part> {
        while self.out.is_empty() {
            let taken = if self.inbox.try_ready()? == VIDEO_KEY {
                self.take_video()
            } else {
                self.take_sound()
            };
            if let Err(error) = taken {
                // Only a frame larger than any that the bus carries.
                let camera = &self.video.name().camera;
                tracing::debug!(%camera, %error, "a frame was left out");
            }
        }
        self.out.pop_front()
    }

    fn take_video(&mut self) -> Result<(), fmp4::Error> {
        let Some(step) = self.video.step() else {
            return Ok(());
        };
        self.video.skipped(step.skipped);
        let Some((parameters, config)) = video_config(&step.frame) else {
            return Ok(());
        };
        let is_new = replaced(&mut self.configs.video, config);
        if is_new && *parameters != self.writer.tracks().video {
            let audio = self.writer.tracks().audio.clone();
            self.writer.change(Tracks {
                video: parameters.clone(),
                audio,
            });
            self.put_init()?;
        }
        self.put(&step.frame, VIDEO_KEY)
    }

    fn take_sound(&mut self) -> Result<(), fmp4::Error> {
        let Some(step) = self.sound.as_ref().and_then(Feed::step) else {
            return Ok(());
        };
        if let Some(sound) = &self.sound {
            sound.skipped(step.skipped);
        }
        let Some(media) = &step.frame.media else {
            return Ok(());
        };
        let MediaConfig::Audio(config) = &*media.config else {
            return Ok(());
        };
        let is_new = replaced(&mut self.configs.sound, &media.config);
        if is_new && Some(config) != self.writer.tracks().audio.as_ref() {
            let video = self.writer.tracks().video.clone();
            self.writer.change(Tracks {
                video,
                audio: Some(config.clone()),
            });
            // Players take nothing after an init segment before a key frame.
            self.video.ask_for_key();
            self.put_init()?;
        }
        self.put(&step.frame, SOUND_KEY)
    }

    fn put(&mut self, frame: &Frame, key: usize) -> Result<(), fmp4::Error> {
        let Some(media) = &frame.media else {
            return Ok(());
        };
        let unit = Unit {
            epoch: frame.epoch,
            track: media.track,
            key: frame.key,
            decode_time: media.decode_time,
            duration: media.duration,
            composition_offset: media.composition_offset,
            sample: frame.sample().clone(),
        };
        let len_bytes = HEAD_BYTES + unit.sample.len();
        let mut fragments = Vec::new();
        let put = self.writer.put(unit, &mut fragments);
        self.out.extend(fragments.into_iter().map(Part::Fragment));
        let feed = if key == VIDEO_KEY {
            Some(&self.video)
        } else {
            self.sound.as_ref()
        };
        if let Some(feed) = feed {
            feed.sent(frame, len_bytes);
        }
        put
    }

    fn put_init(&mut self) -> Result<(), fmp4::Error> {
        self.out.push_back(Part::Init(self.writer.init()?));
        Ok(())
    }
}

/// Waits for a key frame to begin with, and gives its parameters.
async fn first_key(video: &Feed, inbox: &Inbox, burst_bytes: Option<usize>) -> h264::Parameters {
    let limit = burst_bytes.unwrap_or(usize::MAX);
    loop {
        inbox.ready().await;
        let mut found = None;
        let mut bytes = 0usize;
        while let Some(step) = video.step() {
            if step.frame.key {
                found = video_config(&step.frame).map(|(parameters, _)| parameters.clone());
                bytes = 0;
            }
            bytes = bytes.saturating_add(step.frame.data.len());
            if bytes > limit || limit == usize::MAX && found.is_some() {
                break;
            }
        }
        match found {
            Some(parameters) if bytes <= limit => return parameters,
            Some(_) => video.ask_for_key(),
            None => {}
        }
    }
}

fn video_config(frame: &Frame) -> Option<(&h264::Parameters, &Arc<MediaConfig>)> {
    let config = &frame.media.as_ref()?.config;
    match &**config {
        MediaConfig::Video(parameters) => Some((parameters, config)),
        MediaConfig::Audio(_) => None,
    }
}

/// Whether `new` is another one than what `held` was until now.
fn replaced(held: &mut Option<Arc<MediaConfig>>, new: &Arc<MediaConfig>) -> bool {
    let same = held.as_ref().is_some_and(|held| Arc::ptr_eq(held, new));
    if !same {
        *held = Some(new.clone());
    }
    !same
}

fn watch_sound(app: &App, camera: &CameraName, route: Route, inbox: &Inbox) -> Option<Feed> {
    let name = StreamName {
        camera: camera.clone(),
        stream: AUDIO.parse().ok()?,
    };
    Some(app.hub.watch(&name, Wish::All, route, inbox, SOUND_KEY))
}

/// What the sound of a camera is, if it says that it has any.
fn sound_of(camera: &Camera) -> Option<aac::Config> {
    let offer = camera.offer(&AUDIO.parse().ok()?)?;
    (offer.codec == Codec::Aac)
        .then(|| aac::Config::parse(&offer.codec_config).ok())
        .flatten()
}

/// The same of a camera that has just begun, once it has said all.
async fn settled_sound(app: &App, camera: &CameraName) -> Option<aac::Config> {
    let mut changes = app.directory.follow();
    let settled = async {
        loop {
            let now = app.directory.get(camera)?;
            let sound = sound_of(&now);
            if sound.is_some() || now.state == CameraState::Live || !now.online {
                return sound;
            }
            if let Err(RecvError::Closed) = changes.recv().await {
                return None;
            }
        }
    };
    tokio::time::timeout(WAIT_FOR_SOUND, settled)
        .await
        .ok()
        .flatten()
}
