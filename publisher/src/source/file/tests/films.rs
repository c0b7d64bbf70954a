//! Recordings with units: order, times, and rounds that follow each other.

use super::*;
use crate::source::{
    file::samples::{B_FRAMES, PICTURE, Recording, SOUND},
    output::Units,
    unit::{Format, Track, Unit},
};

const ROUND_US: i64 = 2_000_000;

/// The next units of a track and when they were handed on, in microseconds since `start`.
async fn next(units: &mut Units, count: usize, start: Instant) -> Vec<(Unit, i64)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let (unit, skipped) = units.next().await;
        assert_eq!(skipped, 0);
        taken.push((unit, start.elapsed().as_micros() as i64));
    }
    taken
}

/// So many units of both tracks of a file that is played.
async fn play(url: &str, video: usize, audio: usize) -> (Vec<(Unit, i64)>, Vec<(Unit, i64)>) {
    let source = source(url).unwrap();
    let output = Output::default();
    let stop = CancellationToken::new();
    let start = Instant::now();
    let mut units = [Track::Video, Track::Audio].map(|track| output.units(track));
    let [video_units, audio_units] = &mut units;
    let reading = async {
        let read = tokio::join!(
            next(video_units, video, start),
            next(audio_units, audio, start)
        );
        stop.cancel();
        read
    };
    let running = async {
        source.run(&output, stop.clone()).await.unwrap();
        // Only when it is stopped: else the test would wait for ever.
        assert!(stop.is_cancelled());
    };
    let ((), read) = tokio::join!(running, reading);
    assert_eq!(output.dropped().count(), 0);
    read
}

fn assert_decodable(units: &[(Unit, i64)]) {
    assert!(units[0].0.key);
    for (unit, _) in units {
        assert!(unit.decode_time_us <= unit.capture_time_us);
    }
    for pair in units.windows(2) {
        assert!(pair[0].0.decode_time_us < pair[1].0.decode_time_us);
    }
}

/// Presentation times in order, from the first one on.
fn presented(units: &[(Unit, i64)]) -> Vec<i64> {
    let mut times: Vec<_> = units.iter().map(|(unit, _)| unit.capture_time_us).collect();
    times.sort_unstable();
    let first = times[0];
    times.iter().map(|time| time - first).collect()
}

/// Two rounds of video as a file would have it if it were recorded twice.
fn twice(round: &[i64]) -> Vec<i64> {
    let again = round.iter().map(|time| time + ROUND_US);
    round.iter().copied().chain(again).collect()
}

fn assert_near(ours: &[i64], theirs: &[i64]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() <= 2, "{ours} is not {theirs}");
    }
}

/// The pictures that a decoder makes of units, by their hashes.
fn decoded(units: &[(Unit, i64)]) -> Vec<String> {
    let stream: Vec<u8> = units
        .iter()
        .flat_map(|(unit, _)| unit.data.to_vec())
        .collect();
    Recording::of("units.h264", &stream).pictures()
}

async fn plays_two_rounds_of(name: &str, options: &str) {
    let film = Recording::new(name, &format!("{PICTURE} {SOUND} {B_FRAMES} {options}"));
    let (video, audio) = play(&film.url(), 100, 170).await;
    assert_decodable(&video);
    assert!(video[50].0.key, "a round starts with a key frame");
    assert!(matches!(video[0].0.format, Format::H264(_)));

    let pts = film.presented_us("v");
    let from_first: Vec<_> = pts.iter().map(|time| time - pts[0]).collect();
    assert_near(&presented(&video), &twice(&from_first));
    for (at, (unit, handed_on_us)) in video.iter().enumerate() {
        // Timers have a resolution of 1 ms.
        let due = at as i64 * 40_000;
        assert!(
            (0..=1_000).contains(&(handed_on_us - due)),
            "{at}: {handed_on_us}"
        );
        assert_eq!(unit.decode_time_us - video[0].0.decode_time_us, due);
    }

    assert_decodable(&audio);
    let sound = film.presented_us("a");
    let first_shown = video
        .iter()
        .map(|(unit, _)| unit.capture_time_us)
        .min()
        .unwrap();
    // What is heard before the first picture is shown is left out.
    let first_heard = sound.iter().find(|&&time| time >= pts[0]).unwrap();
    let apart = audio[0].0.capture_time_us - first_shown;
    assert!((apart - (first_heard - pts[0])).abs() <= 2, "{apart}");
    // Between two rounds there is a hole or an overlap of less than half a frame.
    for pair in audio.windows(2) {
        let apart = pair[1].0.capture_time_us - pair[0].0.capture_time_us;
        assert!((11_609..=34_831).contains(&apart), "{apart}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_mp4_file_is_looped_without_a_seam() {
    plays_two_rounds_of("x.mp4", "").await;
}

#[tokio::test(start_paused = true)]
async fn a_quicktime_file_is_looped_without_a_seam() {
    plays_two_rounds_of("x.mov", "").await;
}

#[tokio::test(start_paused = true)]
async fn a_fragmented_file_is_looped_without_a_seam() {
    plays_two_rounds_of(
        "x.mp4",
        "-movflags +frag_keyframe+empty_moov+default_base_moof",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn offsets_that_may_be_negative_change_nothing() {
    plays_two_rounds_of("x.mp4", "-movflags +negative_cts_offsets").await;
}

#[tokio::test(start_paused = true)]
async fn units_decode_to_the_pictures_of_the_file() {
    let film = Recording::new("x.mp4", &format!("{PICTURE} {B_FRAMES}"));
    let (video, _) = play(&film.url(), 100, 0).await;
    let pictures = film.pictures();
    assert_eq!(pictures.len(), 50);
    assert_eq!(decoded(&video[..50]), pictures);
    assert_eq!(decoded(&video), [&pictures[..], &pictures].concat());
}

#[tokio::test(start_paused = true)]
async fn bare_h264_is_played_at_the_rate_that_it_states_or_is_given() {
    let film = Recording::new("x.h264", &format!("{PICTURE} {B_FRAMES} -f h264"));
    for (parameters, interval_us) in [("", 40_000), ("#fps=50", 20_000)] {
        let (video, _) = play(&format!("{}{parameters}", film.url()), 100, 0).await;
        assert_decodable(&video);
        assert!(video[50].0.key);
        for (at, (_, handed_on_us)) in video.iter().enumerate() {
            let late = handed_on_us - at as i64 * interval_us;
            assert!((0..=1_000).contains(&late), "{at}: {handed_on_us}");
        }
        let times: Vec<_> = (0..100).map(|at| at * interval_us).collect();
        assert_eq!(presented(&video), times);
        assert_eq!(decoded(&video[..50]), film.pictures());
    }
}

#[tokio::test(start_paused = true)]
async fn h265_in_mp4_is_carried_with_its_parameter_sets() {
    let options = "-pix_fmt yuv420p -c:v libx265 -preset ultrafast \
                   -x265-params log-level=none:keyint=12:aud=1 -tag:v hvc1";
    let film = Recording::new("x.mp4", &format!("{PICTURE} {options}"));
    let (video, _) = play(&film.url(), 50, 0).await;
    assert_decodable(&video);
    let Format::H265(format) = &video[0].0.format else {
        panic!("not H.265")
    };
    assert_eq!((format.width, format.height), (160, 120));
    for (unit, _) in &video {
        assert_eq!(unit.data.starts_with(&[0, 0, 0, 1, 0x40]), unit.key);
    }
    let stream: Vec<u8> = video
        .iter()
        .flat_map(|(unit, _)| unit.data.to_vec())
        .collect();
    assert_eq!(Recording::of("x.h265", &stream).pictures(), film.pictures());
}

#[tokio::test(start_paused = true)]
async fn an_open_group_that_a_file_starts_with_shows_no_picture_that_needs_more() {
    let options = "-pix_fmt yuv420p -c:v libx264 -bf 3 -g 12 -x264-params open-gop=1:b-adapt=0";
    let film = Recording::new("x.h264", &format!("{PICTURE} {options} -f h264"));
    let bytes = film.bytes();
    let mut splitter = sightline_media::h264::Splitter::default();
    let mut units: Vec<_> = splitter.push(&bytes, 0);
    units.extend(splitter.finish());
    let units: Vec<_> = units
        .into_iter()
        .map(|split| match split {
            sightline_media::h264::Split::Unit(unit) => unit,
            dropped @ sightline_media::h264::Split::Dropped { .. } => panic!("{dropped:?}"),
        })
        .collect();
    let second_key = (1..units.len()).find(|&at| units[at].key).unwrap();
    let cut: Vec<u8> = units[second_key..]
        .iter()
        .flat_map(|unit| unit.data.to_vec())
        .collect();
    let cut = Recording::of("cut.h264", &cut);
    let output = Output::default();
    let mut video = output.units(Track::Video);
    let mut shown = Vec::new();
    let reading = async {
        while let Ok((unit, _)) = timeout(Duration::from_secs(1), video.next()).await {
            shown.push(unit);
        }
    };
    let url = format!("{}?loop=false", cut.url());
    let (error, ()) = tokio::join!(run_to_end(&url, &output), reading);
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    let first = shown[0].capture_time_us;
    assert!(shown[1..].iter().all(|unit| unit.capture_time_us > first));
    let dropped: Vec<_> = output.dropped().collect();
    assert_eq!(dropped, [(DropReason::WaitingForKey, 3)]);
    assert_eq!(shown.len() + 3, units.len() - second_key);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_goes_on_from_now() {
    let film = Recording::new("x.h264", &format!("{PICTURE} {B_FRAMES} -f h264"));
    let source = source(&film.url()).unwrap();
    let output = Output::default();
    let stop = CancellationToken::new();
    let mut video = output.units(Track::Video);
    let (result, ()) = tokio::join!(source.run(&output, stop.clone()), async {
        let start = Instant::now();
        let before = next(&mut video, 10, start).await;
        tokio::time::advance(Duration::from_secs(60)).await;
        let after = next(&mut video, 10, start).await;
        let gap = after[0].0.decode_time_us - before[9].0.decode_time_us;
        assert!((59_900_000..=60_100_000).contains(&gap), "{gap}");
        let (last, first) = (after[9].1, after[0].1);
        assert!(
            (355_000..=365_000).contains(&(last - first)),
            "not in a burst"
        );
        stop.cancel();
    });
    result.unwrap();
}
