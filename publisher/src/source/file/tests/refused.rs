//! Files that are damaged, cut short, or not what they seem.

use super::*;
use crate::source::{
    file::samples::{B_FRAMES, PICTURE, Recording, SOUND},
    unit::Track,
};

async fn refused(file: &Recording) -> String {
    let error = run_to_end(&file.url(), &Output::default()).await;
    assert!(
        error.to_string().contains(file.path.to_str().unwrap()),
        "{error}"
    );
    error.to_string()
}

/// Replaces the first four bytes behind `at` bytes after the name of a box.
fn patch(bytes: &mut [u8], kind: &[u8; 4], at: usize, value: u32) {
    let start = bytes.windows(4).position(|window| window == kind).unwrap();
    bytes[start + 4 + at..][..4].copy_from_slice(&value.to_be_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_what_its_name_says_is_told_apart() {
    for (name, content, wanted) in [
        (
            "x.mp4",
            &b"just text"[..],
            "its name says an MP4 file, but it seems to be something else",
        ),
        (
            "x.mov",
            b"just text",
            "its name says a QuickTime file, but it seems",
        ),
        (
            "x.h264",
            b"just text",
            "its name says a bare H.264 stream, but it seems",
        ),
        (
            "x.mp4",
            b"",
            "its name says an MP4 file, but it seems to be empty",
        ),
        (
            "x.mkv",
            b"\x1A\x45\xDF\xA3",
            "a Matroska or WebM file; supported are MP4",
        ),
        (
            "x.mkv",
            b"\x1A\x45\xDF\xA3",
            "`ffmpeg -i <file> -c copy <file>.mp4`",
        ),
        (
            "x.h265",
            b"\0\0\0\x01\x40\x01\x0C",
            "it seems to be a bare H.265 stream; supported",
        ),
        ("x.h265", b"\0\0\0\x01\x40\x01\x0C", "-c copy -tag:v hvc1"),
        (
            "x.h264",
            b"\0\0\0\x01\x67\x64\0\x0A",
            "no frame in it can be shown (dropped: 1 damaged)",
        ),
        ("x.mp4", b"\0\0\0\x10ftypisom\0\0\0\0", "it has no box moov"),
        (
            "x.mp4",
            b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x09\x01\x02\x03\x04",
            "at byte 16 there is no box of MP4",
        ),
        (
            "x.mp4",
            b"\0\0\0\x08ftyp\0\0\0\x08moov",
            "it has no H.264 or H.265 video",
        ),
        (
            "x.mp4",
            b"\0\0\0\x08ftyp\x7F\0\0\0moov",
            "its box moov goes on beyond its end",
        ),
        (
            "x.mp4",
            b"\0\0\0\x08ftyp\0\0\0\x01mdat\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            "it has no box moov",
        ),
    ] {
        let file = Recording::of(name, content);
        let error = refused(&file).await;
        assert!(error.contains(wanted), "{name}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_mp4_file_of_something_else_names_what_it_has() {
    for (options, wanted) in [
        (
            "-c:v mpeg4",
            "it has no H.264 or H.265 video, only video mp4v",
        ),
        ("-vn -c:a aac", "it has no H.264 or H.265 video, only sound"),
    ] {
        let film = Recording::new("x.mp4", &format!("{PICTURE} {SOUND} {options} -t 0.2"));
        let error = refused(&film).await;
        assert!(error.contains(wanted), "{error}");
    }
    let film = Recording::new("x.mp4", &format!("{PICTURE} {B_FRAMES}"));
    let error = run_to_end(&format!("{}?fps=5", film.url()), &Output::default()).await;
    assert!(
        error
            .to_string()
            .contains("fps= is for files without times"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_cut_short_or_lies_is_refused_before_it_is_played() {
    let whole = Recording::new(
        "x.mp4",
        &format!("{PICTURE} {SOUND} {B_FRAMES} -movflags +faststart"),
    );
    let bytes = whole.bytes();
    let cut = Recording::of("x.mp4", &bytes[..bytes.len() - 100]);
    let error = refused(&cut).await;
    assert!(
        error.contains("of its 138 frames are said to be beyond its end"),
        "{error}"
    );
    let cut = Recording::of("x.mp4", &bytes[..1_000]);
    assert!(
        refused(&cut)
            .await
            .contains("its box moov goes on beyond its end")
    );

    for (kind, at, value, wanted) in [
        (b"stsz", 8, u32::MAX, "its box stsz cannot be read"),
        (b"stsz", 12, 0x7FFF_FFFF, "are said to be beyond its end"),
        (b"stco", 8, u32::MAX, "are said to be beyond its end"),
        (b"stco", 4, u32::MAX, "its box stco cannot be read"),
        (b"stsc", 12, 0, "is in no chunk"),
        (b"stts", 8, 1, "has no time"),
        (b"mdhd", 12, 0, "a second has no ticks"),
    ] {
        let mut bytes = bytes.clone();
        patch(&mut bytes, kind, at, value);
        let error = refused(&Recording::of("x.mp4", &bytes)).await;
        assert!(error.contains(wanted), "{kind:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fragmented_file_that_is_cut_short_ends_with_its_last_whole_fragment() {
    let whole = Recording::new(
        "x.mp4",
        &format!("{PICTURE} {B_FRAMES} -movflags +frag_keyframe+empty_moov+default_base_moof"),
    );
    let bytes = whole.bytes();
    for cut in [100, bytes.len() / 8, bytes.len() / 3] {
        let cut = Recording::of("x.mp4", &bytes[..bytes.len() - cut]);
        let output = Output::default();
        let mut video = output.units(Track::Video);
        let count = async {
            let mut count = 0;
            while timeout(Duration::from_secs(1), video.next()).await.is_ok() {
                count += 1;
            }
            count
        };
        let url = format!("{}?loop=false", cut.url());
        let (error, count) = tokio::join!(run_to_end(&url, &output), count);
        assert!(matches!(error, Error::Ended { .. }), "{error}");
        assert!([12, 24, 36, 48, 50].contains(&count), "{count}");
    }
}

#[tokio::test(start_paused = true)]
async fn damaged_frames_are_counted_and_nothing_is_smeared() {
    let whole = Recording::new("x.mp4", &format!("{PICTURE} {B_FRAMES}"));
    let mut bytes = whole.bytes();
    // The length in front of the first NAL unit of the second group.
    let mdat = bytes
        .windows(4)
        .position(|window| window == b"mdat")
        .unwrap()
        + 4;
    let idr = bytes[mdat + 100..]
        .windows(5)
        .position(|window| window[4] == 0x65 && window[0] == 0);
    let at = mdat + 100 + idr.unwrap();
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
    let damaged = Recording::of("x.mp4", &bytes);
    let output = Output::default();
    let mut video = output.units(Track::Video);
    let mut shown = Vec::new();
    let reading = async {
        while let Ok((unit, skipped)) = timeout(Duration::from_secs(3), video.next()).await {
            assert!(skipped == 0 || unit.key);
            shown.push(unit);
        }
    };
    let url = format!("{}?loop=false", damaged.url());
    let (error, ()) = tokio::join!(run_to_end(&url, &output), reading);
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    // One group of 12 is gone: its key frame cannot be read, and the others need it.
    assert_eq!(shown.len(), 38);
    assert!(shown[12].key);
    let dropped: Vec<_> = output.dropped().collect();
    assert_eq!(
        dropped,
        [(DropReason::Damaged, 1), (DropReason::WaitingForKey, 11)]
    );
}
