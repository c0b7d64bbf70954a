//! MP4 files as ffmpeg writes them: every frame lies where ffprobe finds it, at the same times.

use sightline_media::{
    fmp4::Track,
    mp4::{BoxHead, Format, Movie, Place, Progress, Sample},
};

use crate::ffmpeg::File;

const PICTURE: &str = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2";
const SOUND: &str = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=2";
const B_FRAMES: &str = "-pix_fmt yuv420p -c:v libx264 -preset veryfast -bf 3 -g 12 -c:a aac";

/// The boxes of a file: kind, where it starts, its body.
fn boxes(file: &[u8]) -> Vec<([u8; 4], u64, &[u8])> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(head) = BoxHead::parse(&file[at..]) {
        let end = head.len_bytes.map_or(file.len(), |len| at + len as usize);
        found.push((
            head.kind,
            at as u64,
            &file[at + head.head_bytes as usize..end],
        ));
        at = end;
    }
    found
}

fn movie(file: &[u8]) -> Movie {
    let boxes = boxes(file);
    let (_, _, moov) = boxes.iter().find(|(kind, ..)| kind == b"moov").unwrap();
    Movie::parse(moov).unwrap()
}

fn samples(file: &[u8]) -> (Movie, Vec<Sample>) {
    let mut movie = movie(file);
    let mut samples = Vec::new();
    if movie.is_fragmented() {
        let mut progress = Progress::default();
        for (kind, at, body) in boxes(file) {
            if &kind == b"moof" {
                samples.extend(movie.fragment(body, at, &mut progress).unwrap());
            }
        }
    } else {
        let mut place = Place::default();
        while let Some(sample) = movie.next(&mut place, 0) {
            samples.push(sample);
        }
    }
    (movie, samples)
}

fn us(seconds: &str) -> i64 {
    (seconds.parse::<f64>().unwrap() * 1e6).round() as i64
}

/// Every packet that ffprobe shows is found, at its place, with its times.
fn assert_same(name: &str, file: &File) {
    let bytes = file.bytes();
    let (_, samples) = samples(&bytes);
    for (track, selector) in [(Track::Video, "v"), (Track::Audio, "a")] {
        let ours = samples.iter().filter(|sample| sample.track == track);
        let theirs = file.packet_entries(selector, "pts_time,dts_time,size,pos,flags");
        assert_eq!(ours.clone().count(), theirs.len(), "{name}: {track:?}");
        let times = ours.clone().map(|sample| sample.decode_us);
        assert!(times.is_sorted(), "{name}: {track:?}");
        let Some(first) = theirs.first() else {
            continue;
        };
        let ours_first = ours.clone().next().unwrap();
        // ffprobe moves presentation where offsets of fragments are negative; the standard does not.
        let shift = if name == "cmaf" && track == Track::Video {
            us(&first[0]) - ours_first.present_us
        } else {
            0
        };
        // Decode times may be moved as a whole: they only have to be before presentation.
        let lead = us(&first[1]) - shift - ours_first.decode_us;
        assert!((-1..=100_000).contains(&lead), "{name}: {lead}");
        for (ours, theirs) in ours.zip(theirs) {
            let [pts, dts, size, pos, flags, ..] = &theirs[..] else {
                panic!("{name}: {theirs:?}")
            };
            assert_eq!(ours.len_bytes.to_string(), *size, "{name}");
            assert_eq!(ours.offset.to_string(), *pos, "{name}");
            assert!(
                (ours.present_us + shift - us(pts)).abs() <= 1,
                "{name}: {ours:?} {theirs:?}"
            );
            assert!(
                (ours.decode_us + lead + shift - us(dts)).abs() <= 2,
                "{name}: {ours:?} {theirs:?}"
            );
            assert!(ours.decode_us <= ours.present_us, "{name}");
            assert_eq!(ours.sync, flags.contains('K'), "{name}");
        }
    }
}

#[test]
fn every_frame_is_where_ffprobe_finds_it() {
    for (name, options) in [
        ("plain", ""),
        ("moov in front", "-movflags +faststart"),
        (
            "offsets that may be negative",
            "-movflags +negative_cts_offsets",
        ),
        (
            "fragments",
            "-movflags +frag_keyframe+empty_moov+default_base_moof",
        ),
        (
            "fragments that say where they lie",
            "-movflags +frag_keyframe+empty_moov",
        ),
        (
            "fragments of one frame",
            "-movflags +frag_every_frame+empty_moov",
        ),
        ("cmaf", "-movflags +cmaf"),
        ("no edit list", "-use_editlist 0"),
        (
            "variable rate",
            "-vf select='not(eq(mod(n,5),3))' -fps_mode vfr",
        ),
    ] {
        let made = File::made(".mp4", &format!("{PICTURE} {SOUND} {B_FRAMES} {options}"));
        assert_same(name, &made);
    }
    let quicktime = File::made(".mov", &format!("{PICTURE} {SOUND} {B_FRAMES}"));
    assert_same("quicktime", &quicktime);
    let silent = File::made(".mp4", &format!("{PICTURE} {B_FRAMES}"));
    assert_same("no sound", &silent);
}

#[test]
fn sound_that_starts_later_stays_later() {
    let late = format!("{PICTURE} -itsoffset 0.5 {SOUND} {B_FRAMES}");
    let made = File::made(".mp4", &late);
    assert_same("late sound", &made);
    let (_, samples) = samples(&made.bytes());
    let first = samples
        .iter()
        .find(|sample| sample.track == Track::Audio)
        .unwrap();
    assert!((470_000..=500_000).contains(&first.present_us), "{first:?}");
}

#[test]
fn formats_are_read_and_those_that_are_not_understood_named() {
    let made = File::made(".mp4", &format!("{PICTURE} {SOUND} {B_FRAMES}"));
    let movie_made = movie(&made.bytes());
    let [Format::H264(video), Format::Aac(audio)] = &movie_made.formats[..] else {
        panic!("{:?}", movie_made.formats)
    };
    let parameters = video.parameters().unwrap().unwrap();
    assert_eq!((parameters.width, parameters.height), (160, 120));
    assert_eq!((audio.sample_rate, audio.channels), (44_100, 1));
    assert!(movie_made.left_out.is_empty());

    let opus = "-pix_fmt yuv420p -c:v libx264 -c:a libopus";
    let made = File::made(".mp4", &format!("{PICTURE} {SOUND} {opus}"));
    assert_eq!(movie(&made.bytes()).left_out, ["audio Opus"]);

    let hevc =
        "-pix_fmt yuv420p -c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1";
    let made = File::made(".mp4", &format!("{PICTURE} {hevc}"));
    assert_same("h265", &made);
    let Format::H265(video) = &movie(&made.bytes()).formats[0] else {
        panic!("not H.265")
    };
    assert_eq!(
        (video.width, video.height, video.length_bytes),
        (160, 120, 4)
    );
    assert!(
        video.codec_string.starts_with("hvc1.1.6.L"),
        "{}",
        video.codec_string
    );
    assert!(video.sets.starts_with(&[0, 0, 0, 1, 0x40, 1]));
}
