//! What comes out of RTP, up to units with their times: a list of operations, each of a byte that says what, two of
//! time, one of length, and so many bytes.
#![no_main]

use std::num::NonZeroU32;

use libfuzzer_sys::fuzz_target;
use sightline_media::{
    h264::Parameters,
    rtp::{Clock, Given, Ticks, Video},
};

const START_US: i64 = 1_780_000_000_000_000;

fuzz_target!(|data: &[u8]| {
    let mut clock = Clock::new(2);
    let mut video = Video::default();
    let (mut arrival_us, mut ticks) = (START_US, 0i64);
    let mut decoded_us = i64::MIN;
    let mut rest = data;
    while let Some((&[kind, time, way, len], behind)) = rest.split_first_chunk() {
        let (bytes, behind) = behind.split_at(behind.len().min(usize::from(len) * 4));
        rest = behind;
        arrival_us += i64::from(way) << (kind >> 6 << 3);
        ticks += i64::from(time as i8) << (kind >> 4 & 3).saturating_mul(8);
        let media = Ticks {
            value: ticks,
            rate: NonZeroU32::new(90_000).unwrap_or(NonZeroU32::MIN),
        };
        let track = usize::from(kind >> 3 & 1);
        let given = match kind & 7 {
            0 => {
                let mut ntp = [0; 8];
                ntp[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
                clock.report(track, media, u64::from_be_bytes(ntp), arrival_us);
                continue;
            }
            1 => {
                video.lose();
                continue;
            }
            2 => {
                video.restart();
                decoded_us = i64::MIN;
                continue;
            }
            3 => {
                let (sps, pps) = bytes.split_at(bytes.len() / 2);
                let stamp = clock.stamp(track, media, arrival_us);
                video.push(Some([sps, pps]), &[], stamp.capture_time_us)
            }
            _ => {
                let stamp = clock.stamp(track, media, arrival_us);
                assert!(!stamp.restarted);
                video.push(None, bytes, stamp.capture_time_us)
            }
        };
        for given in given {
            let Given::Frame(frame) = given else { continue };
            assert!(frame.decode_time_us > decoded_us);
            assert!(frame.decode_time_us <= frame.capture_time_us);
            decoded_us = frame.decode_time_us;
            if frame.key {
                assert_eq!(
                    Parameters::from_access_unit(&frame.data),
                    Ok(Some((*frame.parameters).clone()))
                );
            }
        }
    }
});
