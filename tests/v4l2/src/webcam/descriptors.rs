//! What the webcam says of itself: a USB video device with one Motion JPEG format and one control.
//!
//! Sources: USB 2.0, chapter 9; USB Device Class Definition for Video Devices 1.0, chapter 3, and its
//! Motion JPEG payload.

/// Sizes in pixels, by frame index from 1.
pub const SIZES: [(u16, u16); 2] = [(640, 480), (320, 180)];

/// Time between frames in 100 ns: 30, 15 and 10 frames a second.
pub const INTERVALS: [u32; 3] = [333_333, 666_666, 1_000_000];

/// The largest frame, bytes.
pub const MAX_FRAME: u32 = 256 << 10;

/// The unit that has the brightness control.
pub(super) const PROCESSING_UNIT: u8 = 2;

const CLASS_VIDEO: u8 = 14;
const CLASS_INTERFACE: u8 = 0x24;

pub(super) fn device() -> Vec<u8> {
    // USB 2.0, composite with interface associations; any vendor will do; one configuration.
    vec![
        18, 1, 0, 2, 0xEF, 2, 1, 64, 0x6B, 0x1D, 2, 1, 0, 1, 1, 2, 3, 1,
    ]
}

pub(super) fn qualifier() -> Vec<u8> {
    vec![10, 6, 0, 2, 0xEF, 2, 1, 64, 1, 0]
}

pub(super) fn string(index: u8) -> Vec<u8> {
    const ENGLISH: [u8; 2] = [9, 4];
    let text: Vec<u8> = match index {
        0 => ENGLISH.to_vec(),
        1 => utf16("Sightline"),
        2 => utf16("Test Webcam"),
        _ => utf16("0001"),
    };
    prefixed(&[3], &text)
}

pub(super) fn configuration() -> Vec<u8> {
    let units = [
        // A camera as input, a processing unit with brightness behind it, USB as output.
        prefixed(
            &[CLASS_INTERFACE, 2, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0],
            &[0],
        ),
        prefixed(
            &[CLASS_INTERFACE, 5, PROCESSING_UNIT, 1, 0, 0, 2, 1, 0],
            &[0],
        ),
        prefixed(&[CLASS_INTERFACE, 3, 3, 1, 1, 0, PROCESSING_UNIT], &[0]),
    ]
    .concat();
    let formats = formats();
    let body = [
        // The two interfaces belong together.
        vec![8, 11, 0, 2, CLASS_VIDEO, 3, 0, 0],
        vec![9, 4, 0, 0, 0, CLASS_VIDEO, 1, 0, 0],
        control_header(13 + length(&units)),
        units,
        // Streaming, with a bulk endpoint of 512 bytes.
        vec![9, 4, 1, 0, 1, CLASS_VIDEO, 2, 0, 0],
        streaming_header(14 + length(&formats)),
        formats,
        vec![7, 5, 0x81, 2, 0, 2, 0],
    ]
    .concat();
    let total = (9 + length(&body)).to_le_bytes();
    [&[9, 2, total[0], total[1], 2, 1, 0, 0x80, 250][..], &body].concat()
}

fn control_header(total: u16) -> Vec<u8> {
    let [low, high] = total.to_le_bytes();
    // Version 1.0, a clock of 6 MHz, one streaming interface.
    vec![
        13,
        CLASS_INTERFACE,
        1,
        0,
        1,
        low,
        high,
        0x80,
        0x8D,
        0x5B,
        0,
        1,
        1,
    ]
}

fn streaming_header(total: u16) -> Vec<u8> {
    let [low, high] = total.to_le_bytes();
    vec![
        14,
        CLASS_INTERFACE,
        1,
        1,
        low,
        high,
        0x81,
        0,
        3,
        0,
        0,
        0,
        1,
        0,
    ]
}

fn formats() -> Vec<u8> {
    let sizes = u8::try_from(SIZES.len()).unwrap_or(u8::MAX);
    let mut formats = vec![11, CLASS_INTERFACE, 6, 1, sizes, 1, 1, 0, 0, 0, 0];
    for (index, (width, height)) in (1..).zip(SIZES) {
        let intervals = u8::try_from(INTERVALS.len()).unwrap_or(u8::MAX);
        let mut frame = vec![CLASS_INTERFACE, 7, index, 0];
        frame.extend([width, height].iter().flat_map(|side| side.to_le_bytes()));
        // Bit rates at least and at most, the largest frame, the usual interval.
        let numbers = [1_000_000, 100_000_000, MAX_FRAME, INTERVALS[0]];
        frame.extend(numbers.iter().flat_map(|number: &u32| number.to_le_bytes()));
        frame.push(intervals);
        frame.extend(INTERVALS.iter().flat_map(|interval| interval.to_le_bytes()));
        formats.extend(prefixed(&frame, &[]));
    }
    formats
}

/// Both parts behind their length, which counts itself.
fn prefixed(head: &[u8], tail: &[u8]) -> Vec<u8> {
    let len = u8::try_from(1 + head.len() + tail.len()).unwrap_or(u8::MAX);
    [&[len], head, tail].concat()
}

fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
