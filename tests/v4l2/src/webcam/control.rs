//! Control transfers: describing itself, agreeing on a format, brightness.

use super::descriptors::{self, INTERVALS, MAX_FRAME, PROCESSING_UNIT, SIZES};

/// The device does not know this request.
pub(super) struct Stall;

/// Bytes of the structure that host and device agree on a format with, in version 1.0.
const PROBE_BYTES: usize = 26;
const STREAMING_INTERFACE: u16 = 1;

// Requests of the video class.
const SET_CURRENT: u8 = 0x01;
const GET_CURRENT: u8 = 0x81;
const GET_MINIMUM: u8 = 0x82;
const GET_MAXIMUM: u8 = 0x83;
const GET_STEP: u8 = 0x84;
const GET_LENGTH: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEFAULT: u8 = 0x87;
/// It can be read and set.
const READ_WRITE: u8 = 3;

/// What host and device agreed on, and the controls.
pub(super) struct State {
    probe: [u8; PROBE_BYTES],
    brightness: i16,
    /// From 0.
    pub(super) size_index: usize,
    /// 100 ns.
    pub(super) interval: u32,
}

impl State {
    pub(super) fn new() -> Self {
        let mut state = Self {
            probe: [0; PROBE_BYTES],
            brightness: 0,
            size_index: 0,
            interval: INTERVALS[0],
        };
        state.settle();
        state
    }

    /// Carries out a control transfer; returns what to send to the host.
    pub(super) fn request(&mut self, setup: [u8; 8], data: &[u8]) -> Result<Vec<u8>, Stall> {
        let [
            kind,
            request,
            value_low,
            value_high,
            index_low,
            index_high,
            len_low,
            len_high,
        ] = setup;
        let index = u16::from_le_bytes([index_low, index_high]);
        let brightness = index == u16::from(PROCESSING_UNIT) << 8 && value_high == 2;
        let mut answer = match (kind, request) {
            (0x80, 6) => match value_high {
                1 => descriptors::device(),
                2 => descriptors::configuration(),
                3 => descriptors::string(value_low),
                6 => descriptors::qualifier(),
                _ => return Err(Stall),
            },
            // Status; alternate setting; configuration, interface, feature.
            (0x80..=0x82, 0) => vec![0, 0],
            (0x81, 10) => vec![0],
            (0x00, 9) | (0x01, 11) | (0x02, 1) => Vec::new(),
            (0xA1, _) if index == STREAMING_INTERFACE => self.read_probe(request)?,
            (0x21, SET_CURRENT) if index == STREAMING_INTERFACE => {
                const COMMIT: u8 = 2;
                self.write_probe(data, value_high == COMMIT)
            }
            (0xA1, _) if brightness => self.read_brightness(request)?,
            (0x21, SET_CURRENT) if brightness => {
                let &[low, high] = data else {
                    return Err(Stall);
                };
                self.brightness = i16::from_le_bytes([low, high]);
                Vec::new()
            }
            _ => return Err(Stall),
        };
        answer.truncate(u16::from_le_bytes([len_low, len_high]).into());
        Ok(answer)
    }

    fn read_probe(&self, request: u8) -> Result<Vec<u8>, Stall> {
        match request {
            GET_CURRENT | GET_MINIMUM | GET_MAXIMUM | GET_DEFAULT => Ok(self.probe.to_vec()),
            GET_LENGTH => Ok(vec![26, 0]),
            GET_INFO => Ok(vec![READ_WRITE]),
            _ => Err(Stall),
        }
    }

    fn write_probe(&mut self, data: &[u8], commit: bool) -> Vec<u8> {
        let len = data.len().min(PROBE_BYTES);
        self.probe[..len].copy_from_slice(&data[..len]);
        self.settle();
        if commit {
            self.size_index = usize::from(self.probe[3]) - 1;
            self.interval = self.asked_interval();
        }
        Vec::new()
    }

    fn read_brightness(&self, request: u8) -> Result<Vec<u8>, Stall> {
        let value: i16 = match request {
            GET_CURRENT => self.brightness,
            GET_MINIMUM => -64,
            GET_MAXIMUM => 64,
            GET_STEP => 1,
            GET_DEFAULT => 0,
            GET_INFO => return Ok(vec![READ_WRITE]),
            GET_LENGTH => 2,
            _ => return Err(Stall),
        };
        Ok(value.to_le_bytes().to_vec())
    }

    fn asked_interval(&self) -> u32 {
        u32::from_le_bytes([self.probe[4], self.probe[5], self.probe[6], self.probe[7]])
    }

    /// Makes what the host asked for something that this device can do.
    fn settle(&mut self) {
        let sizes = u8::try_from(SIZES.len()).unwrap_or(u8::MAX);
        let asked = self.asked_interval();
        let nearest = INTERVALS
            .iter()
            .min_by_key(|interval| interval.abs_diff(asked));
        let interval = nearest.filter(|_| asked > 0).unwrap_or(&INTERVALS[0]);
        self.probe[2] = 1;
        self.probe[3] = self.probe[3].clamp(1, sizes);
        self.probe[4..8].copy_from_slice(&interval.to_le_bytes());
        self.probe[18..22].copy_from_slice(&MAX_FRAME.to_le_bytes());
        self.probe[22..26].copy_from_slice(&(MAX_FRAME + 2).to_le_bytes());
    }
}
