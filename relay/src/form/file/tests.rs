use proptest::prelude::*;
use sightline_media::fmp4::HEAD_BYTES;

use super::*;

/// A frame at 30 a second, and one of sound at 48 kHz.
const FRAME: u64 = 3_000;
const SOUND: u64 = 1_024;

fn tracks(with_sound: bool) -> Tracks {
    let sps = [
        0x67, 0x64, 0x00, 0x0A, 0xAC, 0xD9, 0x84, 0x7B, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
        0x00, 0x00, 0x03, 0x03, 0x20, 0xF1, 0x22, 0x59, 0xA0,
    ];
    let pps = [0x68, 0xE9, 0x78, 0x39, 0x2C, 0x8B];
    Tracks {
        video: h264::Parameters::new(&sps, [&pps[..]]).unwrap(),
        audio: with_sound.then(|| aac::Config::new(2, 48_000, 2).unwrap()),
    }
}

fn picture(decode_time: u64, key: bool, composition_offset: i32) -> Unit {
    Unit {
        epoch: 1,
        track: Track::Video,
        key,
        decode_time,
        duration: FRAME as u32,
        composition_offset,
        sample: Bytes::from_static(b"picture"),
    }
}

fn sound(decode_time: u64) -> Unit {
    Unit {
        epoch: 1,
        track: Track::Audio,
        key: true,
        decode_time,
        duration: SOUND as u32,
        composition_offset: 0,
        sample: Bytes::from_static(b"sound"),
    }
}

/// What stands in a head.
#[derive(Debug, PartialEq)]
struct Read {
    sequence: u32,
    track: Track,
    decode_time: u64,
    duration: u64,
    offset: i64,
    payload: Bytes,
}

fn read(fragment: &Fragment) -> Read {
    // Places in a head: media's tests prove them.
    let number = |at: usize, len: usize| {
        let bytes = &fragment.head[at..at + len];
        bytes
            .iter()
            .fold(0, |all, &byte| all << 8 | u64::from(byte))
    };
    assert_eq!(fragment.head.len(), HEAD_BYTES);
    let find = |name: &[u8]| fragment.head.windows(4).position(|w| w == name).unwrap() + 4;
    let (tfdt, trun) = (find(b"tfdt"), find(b"trun"));
    let tfdt_len = if number(tfdt, 1) == 1 { 8 } else { 4 };
    Read {
        sequence: number(find(b"mfhd") + 4, 4) as u32,
        track: if number(find(b"tfhd") + 4, 4) == 1 {
            Track::Video
        } else {
            Track::Audio
        },
        decode_time: number(tfdt + 4, tfdt_len),
        duration: number(trun + 16, 4),
        offset: i64::from(number(trun + 24, 4) as u32 as i32),
        payload: fragment.payload.clone(),
    }
}

fn write(writer: &mut FileWriter, units: impl IntoIterator<Item = Unit>) -> Vec<Read> {
    let mut out = Vec::new();
    for unit in units {
        writer.put(unit, &mut out).unwrap();
    }
    out.iter().map(read).collect()
}

fn times(read: &[Read], track: Track) -> Vec<u64> {
    read.iter()
        .filter(|read| read.track == track)
        .map(|read| read.decode_time)
        .collect()
}

#[test]
fn a_file_starts_at_its_first_key_frame_and_at_time_zero() {
    let mut writer = FileWriter::new(tracks(false));
    let start = 900_000;
    let written = write(
        &mut writer,
        [
            picture(start - FRAME, false, 0),
            picture(start, true, 0),
            picture(start + FRAME, false, 0),
        ],
    );
    assert_eq!(times(&written, Track::Video), [0, FRAME]);
    assert_eq!([written[0].sequence, written[1].sequence], [1, 2]);
    assert_eq!(writer.end_us(), 66_666);
    assert_eq!(writer.mime(), "video/mp4; codecs=\"avc1.64000A\"");
}

#[test]
fn a_payload_is_shared_and_not_copied() {
    let unit = picture(0, true, 0);
    let payload = unit.sample.clone();
    let mut out = Vec::new();
    FileWriter::new(tracks(false)).put(unit, &mut out).unwrap();
    assert_eq!(out[0].payload.as_ptr(), payload.as_ptr());
}

#[test]
fn after_frames_were_left_out_the_next_key_frame_follows_the_last_frame() {
    let mut writer = FileWriter::new(tracks(true));
    let written = write(
        &mut writer,
        [
            picture(0, true, 0),
            sound(0),
            picture(FRAME, false, 0),
            // Sound from the hole, and a frame of sound at the place where it ends.
            sound(SOUND),
            sound(48_000),
            sound(96_000),
            picture(180_000, true, 0),
        ],
    );
    assert_eq!(times(&written, Track::Video), [0, FRAME, 2 * FRAME]);
    // 96 000 is at the time of the key frame, 6 000 ticks or 3 200 samples in the file. Sound ended at 2 048: silence
    // fills a frame, and the rest is less than half of one.
    assert_eq!(
        times(&written, Track::Audio),
        [0, SOUND, 2 * SOUND, 3 * SOUND]
    );
    let sequences: Vec<_> = written.iter().map(|read| read.sequence).collect();
    assert_eq!(sequences, (1..=written.len() as u32).collect::<Vec<_>>());
}

#[test]
fn sound_waits_for_its_pictures() {
    let mut writer = FileWriter::new(tracks(true));
    let before = write(&mut writer, [sound(0), sound(SOUND), sound(2 * SOUND)]);
    assert!(before.is_empty());
    let first = write(&mut writer, [picture(0, true, 0)]);
    assert_eq!(times(&first, Track::Audio), [0, SOUND]);
    let second = write(&mut writer, [picture(FRAME, false, 0)]);
    assert_eq!(times(&second, Track::Audio), [2 * SOUND]);
}

#[test]
fn sound_from_before_the_first_picture_is_left_out() {
    let mut writer = FileWriter::new(tracks(true));
    let start = 90_000;
    let written = write(
        &mut writer,
        [
            sound(48_000 - SOUND),
            sound(48_000),
            picture(start, true, 0),
        ],
    );
    assert_eq!(times(&written, Track::Audio), [0]);
}

#[test]
fn frames_that_are_shown_before_the_first_key_frame_are_left_out() {
    let mut writer = FileWriter::new(tracks(false));
    let written = write(
        &mut writer,
        [
            picture(0, true, 3 * FRAME as i32),
            // Shown before it.
            picture(FRAME, false, 0),
            picture(2 * FRAME, false, 0),
            picture(3 * FRAME, false, FRAME as i32),
            picture(4 * FRAME, false, FRAME as i32),
        ],
    );
    assert_eq!(times(&written, Track::Video), [0, FRAME, 4 * FRAME]);
    // Decoded early, shown when it should, and lasting until the next one.
    assert_eq!(
        written[1].decode_time as i64 + written[1].offset,
        4 * FRAME as i64
    );
    assert_eq!(written[1].duration, 3 * FRAME);
    assert_eq!(
        (written[2].duration, written[2].offset),
        (FRAME, FRAME as i64)
    );
}

#[test]
fn another_run_of_the_publisher_goes_on_where_the_last_one_ended() {
    let mut writer = FileWriter::new(tracks(true));
    let of = |epoch, unit| Unit { epoch, ..unit };
    let written = write(
        &mut writer,
        [
            of(7, picture(500_000, true, 0)),
            of(9, sound(2_000)),
            of(9, picture(6_000, false, 0)),
            of(9, picture(9_000, true, 0)),
            of(9, sound(4_800)),
        ],
    );
    assert_eq!(times(&written, Track::Video), [0, FRAME]);
    // Silence, and the sound that belongs there, half a frame late at most.
    assert_eq!(times(&written, Track::Audio), [0, SOUND, 2 * SOUND]);
    assert_eq!(written.last().unwrap().payload, "sound");
}

#[test]
fn a_hole_in_the_sound_is_filled_with_silence() {
    let mut writer = FileWriter::new(tracks(true));
    let mut units = vec![picture(0, true, 0), sound(0)];
    units.extend((1..20).map(|n| picture(n * FRAME, false, 0)));
    units.push(sound(10 * SOUND));
    let written = write(&mut writer, units);
    assert_eq!(
        times(&written, Track::Audio),
        (0..=10).map(|n| n * SOUND).collect::<Vec<_>>()
    );
    let silence = aac::Config::new(2, 48_000, 2).unwrap().silence().unwrap();
    let silent = written
        .iter()
        .filter(|read| read.payload == silence)
        .count();
    assert_eq!(silent, 9);
}

#[test]
fn pictures_do_not_wait_for_sound_that_does_not_come() {
    let mut writer = FileWriter::new(tracks(true));
    let written = write(&mut writer, (0..60).map(|n| picture(n * FRAME, n == 0, 0)));
    let sound = times(&written, Track::Audio);
    // Up to the newest picture, 59 000 ticks of 90 kHz further.
    let last = sound.last().unwrap() + SOUND;
    let newest = 59 * FRAME * 48_000 / 90_000;
    assert!(last.abs_diff(newest) <= SOUND, "{last} and {newest}");
}

#[test]
fn sound_that_waits_is_bounded() {
    let mut writer = FileWriter::new(tracks(true));
    let written = write(&mut writer, (0..2_000).map(|n| sound(n * SOUND)));
    assert!(written.is_empty());
    let written = write(&mut writer, [picture(0, true, 0)]);
    assert_eq!(times(&written, Track::Audio), [0; 0]);
}

#[test]
fn other_parameters_begin_with_a_key_frame_and_time_goes_on() {
    let mut writer = FileWriter::new(tracks(true));
    let before = write(&mut writer, [picture(0, true, 0), sound(0), sound(SOUND)]);
    writer.change(tracks(true));
    let after = write(
        &mut writer,
        [
            picture(FRAME, false, 0),
            sound(2 * SOUND),
            picture(2 * FRAME, true, 0),
            sound(3 * SOUND),
            sound(4 * SOUND),
        ],
    );
    assert_eq!(times(&after, Track::Video), [FRAME]);
    let sound = [times(&before, Track::Audio), times(&after, Track::Audio)].concat();
    assert!(
        sound.windows(2).all(|pair| pair[1] >= pair[0] + SOUND),
        "{sound:?}"
    );
}

proptest! {
    /// Whatever is left out: pictures follow each other without a hole, sound goes forward, and a picture and
    /// the sound of its moment stay together.
    #[test]
    fn files_have_no_holes_and_keep_sound_and_picture_together(
        steps in prop::collection::vec((0u8..12, 0u64..40, 1u64..4), 1..150),
    ) {
        let mut writer = FileWriter::new(tracks(true));
        let (mut time, mut heard, mut epoch) = (1_000_000, 0u64, 1);
        let (mut video_end, mut audio_end, mut sequence) = (0, 0, 0);
        for (kind, skipped, sounds) in steps {
            let key = match kind {
                // Skipped to a key frame.
                0 => { time += skipped * FRAME; true }
                1 => { epoch += 1; time = skipped * FRAME; heard = 0; true }
                2 => true,
                _ => false,
            };
            let mut out = Vec::new();
            let unit = Unit { epoch, ..picture(time, key, i32::from(kind) * 1_000) };
            writer.put(unit, &mut out).unwrap();
            time += FRAME;
            heard = heard.max((time * 48_000 / 90_000).saturating_sub(3 * SOUND) / SOUND);
            for _ in 0..sounds {
                let payload = Bytes::copy_from_slice(&(heard * SOUND).to_be_bytes());
                let unit = Unit { epoch, sample: payload, ..sound(heard * SOUND) };
                writer.put(unit, &mut out).unwrap();
                heard += 1;
            }
            for read in out.iter().map(read) {
                sequence += 1;
                prop_assert_eq!(read.sequence, sequence);
                match read.track {
                    Track::Video => {
                        prop_assert_eq!(read.decode_time, video_end);
                        video_end += read.duration;
                    }
                    Track::Audio => {
                        prop_assert!(read.decode_time >= audio_end);
                        audio_end = read.decode_time + read.duration;
                        let Some(place) = &writer.place else { panic!("no picture yet") };
                        if let Ok(camera_time) = <[u8; 8]>::try_from(&read.payload[..]) {
                            let shown = place.in_file(u64::from_be_bytes(camera_time) * 90_000 / 48_000);
                            let apart = (shown * 48_000 / 90_000).abs_diff(read.decode_time);
                            prop_assert!(apart <= SOUND / 2 + 2, "{} samples apart", apart);
                        }
                        prop_assert!(read.decode_time <= video_end * 48_000 / 90_000 + SOUND);
                    }
                }
            }
        }
    }
}
