use std::sync::Arc;

use sightline_media::h264::Parameters;

use crate::{
    ffmpeg::{File, h264},
    mux::{Frame, file, split, video},
};

struct Source {
    hashes: Vec<String>,
    parameters: Arc<Parameters>,
    frames: Vec<Frame>,
}

impl Source {
    fn new(stream: &[u8], rate: u32) -> Self {
        let units = split(stream);
        Self {
            hashes: File::new(".h264", stream).hashes("v"),
            parameters: units[0].parameters.clone(),
            frames: video(units, rate),
        }
    }

    fn file(&self, frames: &[Frame], origin_us: i64) -> File {
        File::new(
            ".mp4",
            &file(Some(&self.parameters), None, frames.to_vec(), origin_us),
        )
    }

    /// Where the frames are that decoding may start with.
    fn keys(&self) -> Vec<usize> {
        (0..self.frames.len())
            .filter(|&at| self.frames[at].key)
            .collect()
    }
}

/// Decode times grow, presentation times are distinct and never before decoding, and the first packet is a key.
fn assert_monotonic(file: &File) {
    let packets = file.packets("v");
    assert!(packets[0].2, "starts with a key frame");
    for pair in packets.windows(2) {
        assert!(pair[0].1 < pair[1].1, "{pair:?}");
    }
    assert!(packets.iter().all(|&(pts, dts, _)| pts >= dts));
    let mut shown: Vec<_> = packets.iter().map(|packet| packet.0).collect();
    shown.sort_unstable();
    assert!(shown.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn every_way_to_encode_decodes_to_the_same_pictures() {
    let ways = [
        ("plain", "320x240", "-profile:v baseline -g 10"),
        ("no reordering", "320x240", "-bf 0 -g 10"),
        ("b-frames", "320x240", "-bf 2 -g 12"),
        (
            "pyramid",
            "320x240",
            "-bf 7 -g 24 -x264-params b-pyramid=normal:b-adapt=0",
        ),
        ("cropped", "318x178", "-bf 2 -g 10"),
        (
            "slices",
            "320x240",
            "-bf 2 -g 10 -x264-params slices=5:aud=1",
        ),
        (
            "variable length codes",
            "320x240",
            "-g 10 -x264-params cabac=0:weightp=2:ref=5",
        ),
        (
            "interlaced",
            "320x240",
            "-g 12 -bf 2 -flags +ilme+ildct -x264-params tff=1",
        ),
        (
            "high",
            "320x240",
            "-profile:v high -g 250 -x264-params 8x8dct=1:cqm=jvt",
        ),
        (
            "several parameter sets, filler",
            "320x240",
            "-g 10 -b:v 2M -x264-params nal-hrd=cbr:vbv-maxrate=2000:vbv-bufsize=500",
        ),
        ("numbers that overflow", "64x64", "-g 600 -bf 3"),
    ];
    for (name, size, options) in ways {
        eprintln!("{name}");
        let frames = if size == "64x64" { 600 } else { 50 };
        let source = Source::new(&h264(size, 25, frames, options), 25);
        assert_eq!(source.hashes.len(), frames as usize, "{name}");
        let made = source.file(&source.frames, 0);
        made.assert_faultless();
        assert_monotonic(&made);
        assert_eq!(made.hashes("v"), source.hashes, "{name}");
        let (width, height) = size.split_once('x').unwrap();
        assert_eq!(
            made.property("v", "width,height"),
            format!("{width},{height}"),
            "{name}"
        );
    }
}

#[test]
fn times_are_those_of_the_source() {
    let source = Source::new(&h264("160x120", 30, 60, "-bf 2 -g 15"), 30);
    let made = source.file(&source.frames, 0);
    let mut shown: Vec<_> = made.packets("v").iter().map(|packet| packet.0).collect();
    shown.sort_unstable();
    for (i, pts) in shown.iter().enumerate() {
        let exact = shown[0] + i as i64 * 3_000;
        assert!((pts - exact).abs() <= 2, "{i}: {pts}");
    }
}

#[test]
fn a_late_viewer_starts_with_any_key_frame() {
    let source = Source::new(&h264("320x240", 25, 60, "-bf 2 -g 12 -sc_threshold 0"), 25);
    let keys = source.keys();
    assert_eq!(keys, [0, 12, 24, 36, 48]);
    for key in keys {
        let frames = &source.frames[key..];
        // At the time of the stream, hours after its start, and on a timeline of the viewer's own.
        for origin_us in [
            0,
            frames[0].decode_us,
            frames[0].decode_us - 100_000_000_000,
        ] {
            let made = source.file(frames, origin_us);
            made.assert_faultless();
            assert_monotonic(&made);
            assert_eq!(made.hashes("v"), source.hashes[key..], "from {key}");
            let (_, dts, _) = made.packets("v")[0];
            assert_eq!(dts, (frames[0].decode_us - origin_us) * 9 / 100);
        }
    }
}

#[test]
fn a_stream_without_idr_frames_can_be_entered_at_its_recovery_points() {
    let options = "-bf 3 -g 12 -sc_threshold 0 -x264-params open-gop=1:b-adapt=0";
    let source = Source::new(&h264("320x240", 25, 48, options), 25);
    let keys = source.keys();
    assert!(keys.len() >= 3, "{keys:?}");
    let key = keys[1];
    // What comes after the key frame in the stream and before it on the screen needs what came before.
    let shown_from = source.frames[key].present_us;
    let frames: Vec<_> = source.frames[key..]
        .iter()
        .filter(|frame| frame.present_us >= shown_from)
        .cloned()
        .collect();
    assert!(
        frames.len() < source.frames.len() - key,
        "the group is open"
    );
    let made = source.file(&frames, 0);
    made.assert_faultless();
    let hashes = made.hashes("v");
    assert_eq!(hashes, source.hashes[source.hashes.len() - hashes.len()..]);
}

#[test]
fn a_stream_that_refreshes_its_picture_bit_by_bit_is_entered_anywhere() {
    let source = Source::new(
        &h264(
            "320x240",
            25,
            60,
            "-bf 0 -g 10 -x264-params intra-refresh=1",
        ),
        25,
    );
    let keys = source.keys();
    assert!(keys.len() >= 4, "{keys:?}");
    let made = source.file(&source.frames[keys[2]..], 0);
    let hashes = made.hashes("v");
    // The picture is whole after at most two rounds, and stays so.
    assert_eq!(
        hashes[hashes.len() - 10..],
        source.hashes[source.hashes.len() - 10..]
    );
}

#[test]
fn a_missing_group_leaves_a_hole_and_no_fault() {
    let source = Source::new(&h264("320x240", 10, 60, "-bf 2 -g 20 -sc_threshold 0"), 10);
    let frames = [&source.frames[..20], &source.frames[40..]].concat();
    let made = source.file(&frames, 0);
    made.assert_faultless();
    assert_monotonic(&made);
    let expected = [&source.hashes[..20], &source.hashes[40..]].concat();
    assert_eq!(made.hashes("v"), expected);
    let packets = made.packets("v");
    let hole = packets[20].1 - packets[19].1;
    assert!(
        (hole - 21 * 9_000).abs() < 10,
        "two seconds are missing: {hole}"
    );
}

#[test]
fn frames_that_come_irregularly_stay_in_order() {
    let source = Source::new(&h264("160x120", 25, 100, "-bf 0 -g 25"), 25);
    let mut frames = source.frames.clone();
    for (i, frame) in frames.iter_mut().enumerate() {
        // Up to 150 ms late, once 700 ms, and from the middle on at a third of the rate.
        let late = (i as i64 * 7_919 % 150) * 1_000 + if i == 40 { 700_000 } else { 0 };
        let slow = (i as i64 - 50).max(0) * 80_000;
        frame.decode_us += late + slow;
        frame.present_us = frame.decode_us;
    }
    for i in 1..frames.len() {
        let earliest = frames[i - 1].decode_us + 1_000;
        frames[i].decode_us = frames[i].decode_us.max(earliest);
        frames[i].present_us = frames[i].decode_us;
    }
    let made = source.file(&frames, 0);
    made.assert_faultless();
    assert_monotonic(&made);
    assert_eq!(made.hashes("v"), source.hashes);
    // The end of the file is the end of the stream.
    let (_, dts, _) = *made.packets("v").last().unwrap();
    let last_us = frames.last().unwrap().decode_us;
    assert!((dts - last_us * 9 / 100).abs() < 90_000 / 4, "{dts}");
}

#[test]
fn a_change_of_size_is_a_new_file() {
    let streams = [
        h264("320x240", 25, 20, "-bf 2 -g 10"),
        h264("640x360", 25, 20, "-bf 0 -g 10"),
        h264("320x240", 25, 20, "-bf 2 -g 10"),
    ];
    let units = split(&streams.concat());
    let parts: Vec<_> = units
        .chunk_by(|a, b| a.parameters == b.parameters)
        .map(<[_]>::to_vec)
        .collect();
    assert_eq!(parts.len(), 3);
    for (part, stream) in parts.into_iter().zip(&streams) {
        assert!(part[0].key);
        let parameters = part[0].parameters.clone();
        let made = File::new(".mp4", &file(Some(&parameters), None, video(part, 25), 0));
        made.assert_faultless();
        assert_eq!(made.hashes("v"), File::new(".h264", stream).hashes("v"));
    }
}
