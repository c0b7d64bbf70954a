//! A camera of H.264 and AAC made by ffmpeg, whose frames are sent when the test says so, at times that it chooses.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use sightline_bus::Bus;
use sightline_media::{
    aac::adts,
    h264::{AccessUnit, Reorder, Split, Splitter},
};
use sightline_proto::{AUDIO, Announce, Codec, Frame, H264, Stream, split::split, subject::Topic};

use super::Camera;

/// Frames a second.
pub(crate) const RATE: u32 = 25;

/// A frame with its times, from the start of the film.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    pub(crate) stream: &'static str,
    pub(crate) key: bool,
    pub(crate) decode_us: i64,
    pub(crate) shown_us: i64,
    pub(crate) data: Bytes,
}

/// Pictures and sound, in the order in which they are decoded.
#[derive(Clone, Debug)]
pub(crate) struct Film {
    pub(crate) shots: Vec<Shot>,
    /// As ffmpeg made it.
    pub(crate) raw: Vec<u8>,
    codec_string: String,
    audio_config: Bytes,
}

impl Film {
    /// So many pictures of `size`, a key frame each second, with sound of the same length.
    pub(crate) fn make(size: &str, frames: u32, options: &str) -> Self {
        let raw = ffmpeg(&format!(
            "-f lavfi -i testsrc2=size={size}:rate={RATE} -frames:v {frames} -pix_fmt yuv420p \
             -c:v libx264 -preset veryfast -g {RATE} -keyint_min {RATE} -sc_threshold 0 {options} -f h264 -"
        ));
        let seconds = f64::from(frames) / f64::from(RATE);
        let sound = ffmpeg(&format!(
            "-f lavfi -i sine=frequency=440:sample_rate=48000:duration={seconds} -ac 2 -c:a aac -f adts -"
        ));
        let units = units(&raw);
        let codec_string = units[0].parameters.codec_string();
        let (audio_config, heard) = heard(&sound);
        let mut shots = seen(units);
        shots.extend(heard);
        shots.sort_by_key(|shot| shot.decode_us);
        Self {
            shots,
            raw,
            codec_string,
            audio_config,
        }
    }

    /// What a camera announces that has it.
    pub(crate) fn announced(&self, announce: &mut Announce) {
        announce.streams.push(Stream {
            name: H264.into(),
            codec: Codec::H264.into(),
            codec_string: self.codec_string.clone(),
            fps: RATE as f32,
            ..Stream::default()
        });
        announce.streams.push(Stream {
            name: AUDIO.into(),
            codec: Codec::Aac.into(),
            codec_string: "mp4a.40.2".into(),
            codec_config: self.audio_config.clone(),
            ..Stream::default()
        });
    }

    /// All of it, so many seconds later.
    pub(crate) fn later(&self, seconds: i64) -> Vec<Shot> {
        let mut shots = self.shots.clone();
        for shot in &mut shots {
            shot.decode_us += seconds * 1_000_000;
            shot.shown_us += seconds * 1_000_000;
        }
        shots
    }

    /// The pictures and the sound of a part of the film, in seconds.
    pub(crate) fn part(&self, seconds: std::ops::Range<f64>) -> Vec<Shot> {
        let us = (seconds.start * 1e6) as i64..(seconds.end * 1e6) as i64;
        let shots = self
            .shots
            .iter()
            .filter(|shot| us.contains(&shot.decode_us));
        shots.cloned().collect()
    }
}

/// Sends shots as a publisher does.
pub(crate) struct Projector {
    bus: Bus,
    camera: sightline_proto::CameraName,
    epoch: u64,
    times: Mutex<Times>,
    sequences: Mutex<[u64; 2]>,
}

/// By the wall clock.
#[derive(Clone, Copy)]
struct Times {
    /// When the film begins.
    start_us: i64,
    /// When the last shot was sent.
    last_us: i64,
}

impl Projector {
    /// The film began `ago`: what is sent of the time since is not late.
    pub(crate) fn new(bus: &Bus, camera: &Camera, ago: Duration) -> Self {
        let now_us = wall_us();
        let start_us = now_us - ago.as_micros() as i64;
        Self {
            bus: bus.clone(),
            camera: camera.name.clone(),
            epoch: start_us as u64,
            times: Mutex::new(Times {
                start_us,
                last_us: now_us,
            }),
            sequences: Mutex::default(),
        }
    }

    pub(crate) async fn show(&self, shots: &[Shot]) {
        for shot in shots {
            let sequence = {
                let mut sequences = self.sequences.lock().unwrap();
                let own = &mut sequences[usize::from(shot.stream == AUDIO)];
                *own += 1;
                *own
            };
            self.send(shot, sequence).await;
        }
    }

    /// Goes on after a pause: what comes next is no later than what came last.
    pub(crate) async fn go_on(&self, shots: &[Shot]) {
        {
            let mut times = self.times.lock().unwrap();
            times.start_us += wall_us() - times.last_us;
        }
        self.show(shots).await;
    }

    /// Loses shots: their numbers are taken, and they do not come.
    pub(crate) fn lose(&self, shots: &[Shot]) {
        let mut sequences = self.sequences.lock().unwrap();
        for shot in shots {
            sequences[usize::from(shot.stream == AUDIO)] += 1;
        }
    }

    async fn send(&self, shot: &Shot, sequence: u64) {
        let codec = if shot.stream == AUDIO {
            Codec::Aac
        } else {
            Codec::H264
        };
        let start_us = self.times.lock().unwrap().start_us;
        let frame = Frame {
            epoch: self.epoch,
            sequence,
            capture_time_us: start_us + shot.shown_us,
            decode_time_us: start_us + shot.decode_us,
            codec: codec.into(),
            key: shot.key,
            data: shot.data.clone(),
            ..Frame::default()
        };
        let stream = shot.stream.parse().unwrap();
        let subject = Topic::Frame(self.camera.clone(), stream).subject();
        for part in split(frame, self.bus.max_payload_bytes()).unwrap() {
            self.bus.publish(&subject, part).await.unwrap();
            // The relay's queues hold few messages.
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        self.times.lock().unwrap().last_us = wall_us();
    }
}

fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_micros() as i64
}

fn units(raw: &[u8]) -> Vec<AccessUnit> {
    let mut splitter = Splitter::default();
    let mut found: Vec<_> = splitter.push(raw, 0).into_iter().collect();
    found.extend(splitter.finish());
    found
        .into_iter()
        .map(|split| match split {
            Split::Unit(unit) => unit,
            Split::Dropped { reason, .. } => panic!("{reason:?}"),
        })
        .collect()
}

fn seen(units: Vec<AccessUnit>) -> Vec<Shot> {
    let mut reorder = Reorder::new(units[0].parameters.reordering.max_frames);
    let mut ordered = Vec::new();
    for unit in units {
        let order = unit.order;
        ordered.extend(reorder.push(unit, order));
    }
    ordered.extend(reorder.finish());
    let us = |index: u64| (index * 1_000_000 / u64::from(RATE)) as i64;
    ordered
        .into_iter()
        .map(|ordered| Shot {
            stream: H264,
            key: ordered.unit.key,
            decode_us: us(ordered.decode_index),
            shown_us: us(ordered.presentation_index),
            data: ordered.unit.data,
        })
        .collect()
}

fn heard(mut stream: &[u8]) -> (Bytes, Vec<Shot>) {
    let config = adts::frame(stream).unwrap().config;
    let mut shots = Vec::new();
    while !stream.is_empty() {
        let frame = adts::frame(stream).unwrap();
        let us = shots.len() as i64 * 1_024 * 1_000_000 / i64::from(config.sample_rate);
        shots.push(Shot {
            stream: AUDIO,
            key: true,
            decode_us: us,
            shown_us: us,
            data: Bytes::copy_from_slice(frame.data),
        });
        stream = frame.rest;
    }
    (config.bytes().clone(), shots)
}

/// What ffmpeg writes with these arguments, separated by spaces.
fn ffmpeg(args: &str) -> Vec<u8> {
    run(
        "ffmpeg",
        &[&["-v", "error", "-nostdin"], &*words(args)].concat(),
    )
}

fn words(args: &str) -> Vec<&str> {
    args.split_whitespace().collect()
}

fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{args:?}: {said}"
    );
    output.stdout
}

/// A packet as ffprobe tells of it, times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Packet {
    pub(crate) decoded: f64,
    pub(crate) shown: f64,
}

/// A file that ffmpeg judges.
pub(crate) struct Judged(tempfile::NamedTempFile);

impl Judged {
    pub(crate) fn new(bytes: &[u8], suffix: &str) -> Self {
        let file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Self(file)
    }

    fn path(&self) -> &str {
        let path: &Path = self.0.path();
        path.to_str().unwrap()
    }

    /// Fails if a strict reader has anything to say.
    pub(crate) fn assert_faultless(&self) {
        let args = format!(
            "-v warning -nostdin -xerror -i {} -fps_mode passthrough -enc_time_base -1 -f null -",
            self.path()
        );
        run("ffmpeg", &words(&args));
    }

    /// `v` or `a`.
    pub(crate) fn packets(&self, kind: &str) -> Vec<Packet> {
        let args = format!(
            "-v error -select_streams {kind} -show_entries packet=dts_time,pts_time -of csv=p=0 {}",
            self.path()
        );
        let told = String::from_utf8(run("ffprobe", &words(&args))).unwrap();
        told.lines()
            .map(|line| {
                let mut times = line.split(',').map(|time| time.parse().unwrap());
                // In the order of ffprobe, whatever was asked.
                let (shown, decoded) = (times.next().unwrap(), times.next().unwrap());
                Packet { decoded, shown }
            })
            .collect()
    }

    /// A hash of each decoded picture.
    pub(crate) fn pictures(&self) -> Vec<String> {
        let args = format!(
            "-v error -nostdin -i {} -an -fps_mode passthrough -f framemd5 -",
            self.path()
        );
        let told = String::from_utf8(run("ffmpeg", &words(&args))).unwrap();
        let lines = told.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
            .collect()
    }
}
