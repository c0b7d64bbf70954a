//! Messages of a subject as anybody on the bus may send them: each is preceded by its length in two bytes.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sightline_proto::{
    Frame, MAX_FRAME_BYTES, Message as _,
    accept::{Acceptance, FrameTime},
    assemble::{Assembler, Progress},
};

fuzz_target!(|data: &[u8]| {
    let mut assembler = Assembler::default();
    let mut acceptance = Acceptance::default();
    let mut now = Duration::ZERO;
    let mut rest = data;
    while let Some((length, behind)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes(*length)).min(behind.len());
        let (message, behind) = behind.split_at(len);
        rest = behind;
        now += Duration::from_millis(100);
        let Ok(part) = Frame::decode(message) else {
            continue;
        };
        let (progress, _) = assembler.push(part);
        if let Progress::Complete(frame) = progress {
            assert_eq!(frame.data.len(), frame.total_len_bytes as usize);
            assert!(!frame.data.is_empty() && frame.data.len() <= MAX_FRAME_BYTES);
            let time = FrameTime {
                epoch: frame.epoch,
                sequence: frame.sequence,
                capture_us: frame.capture_time_us,
            };
            acceptance.judge(time, now);
        }
    }
});
