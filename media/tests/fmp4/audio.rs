use sightline_media::{fmp4::Track, h264::Parameters};

use crate::{
    ffmpeg::{File, h264, make},
    mux::{audio, file, split, video},
};

fn tone(rate: u32, channels: u32, seconds: u32) -> Vec<u8> {
    make(&format!(
        "-f lavfi -i sine=frequency=440:sample_rate={rate}:duration={seconds} -ac {channels} -c:a aac -f adts"
    ))
}

#[test]
fn sound_alone_decodes_to_the_same_samples() {
    for (rate, channels) in [
        (48_000, 2),
        (44_100, 1),
        (16_000, 1),
        (8_000, 1),
        (96_000, 2),
    ] {
        let stream = tone(rate, channels, 3);
        let (config, frames) = audio(&stream);
        assert_eq!(
            (config.sample_rate, u32::from(config.channels)),
            (rate, channels)
        );
        let count = frames.len();
        let made = File::new(".mp4", &file(None, Some(&config), frames, 0));
        made.assert_faultless();
        assert_eq!(
            made.property("a", "codec_name,profile,sample_rate,channels"),
            format!("aac,LC,{rate},{channels}")
        );
        let packets = made.packets("a");
        assert_eq!(packets.len(), count);
        for (i, packet) in packets.iter().enumerate() {
            assert_eq!(*packet, (i as i64 * 1_024, i as i64 * 1_024, true));
        }
        assert!(
            made.sound() == File::new(".aac", &stream).sound(),
            "{rate} Hz"
        );
    }
}

#[test]
fn silence_decodes_to_samples_of_zero() {
    for channels in [1, 2] {
        let (config, mut frames) = audio(&tone(48_000, channels, 1));
        for frame in &mut frames {
            frame.data = config.silence().unwrap();
        }
        let count = frames.len();
        let made = File::new(".mp4", &file(None, Some(&config), frames, 0));
        made.assert_faultless();
        assert_eq!(made.packets("a").len(), count);
        let sound = made.sound();
        assert!(sound.len() > 1_024 * (count - 1) && sound.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn sound_and_picture_share_a_file() {
    let (config, sound) = audio(&tone(48_000, 2, 4));
    let stream = h264("320x240", 25, 100, "-bf 2 -g 25 -sc_threshold 0");
    let units = split(&stream);
    let parameters: Parameters = (*units[0].parameters).clone();
    let pictures = video(units, 25);
    let all = [&pictures[..], &sound[..]].concat();

    let made = File::new(
        ".mp4",
        &file(Some(&parameters), Some(&config), all.clone(), 0),
    );
    made.assert_faultless();
    assert_eq!(made.hashes("v"), File::new(".h264", &stream).hashes("v"));
    assert_eq!(made.packets("a").len(), sound.len());

    // A viewer who comes late: sound from before the first picture has no place.
    let start_us = pictures[50].decode_us;
    let late = all
        .into_iter()
        .filter(|frame| frame.track == Track::Audio || frame.decode_us >= start_us)
        .collect();
    let made = File::new(
        ".mp4",
        &file(Some(&parameters), Some(&config), late, start_us),
    );
    made.assert_faultless();
    assert_eq!(
        made.hashes("v"),
        File::new(".h264", &stream).hashes("v")[50..]
    );
    let (_, first_picture, _) = made.packets("v")[0];
    let (_, first_sound, _) = made.packets("a")[0];
    assert_eq!(first_picture, 0);
    assert!((0..1_024).contains(&first_sound), "{first_sound}");
}
