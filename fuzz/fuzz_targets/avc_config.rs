//! Configuration records of video and audio, samples behind lengths, and ADTS.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_media::{
    aac::{self, adts},
    h264::avc,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(config) = avc::Config::parse(data)
        && let Ok(Some(parameters)) = config.parameters()
    {
        let record = parameters
            .config_record()
            .expect("what was read can be written");
        let again = avc::Config::parse(&record).expect("what was written can be read");
        assert_eq!(again.parameters(), Ok(Some(parameters)));
    }
    for length_bytes in 1..=4 {
        let _ = avc::to_annex_b(data, length_bytes);
    }
    if let Ok(config) = aac::Config::parse(data) {
        assert_eq!(aac::Config::parse(config.bytes()), Ok(config));
    }
    let mut rest = data;
    while let Ok(frame) = adts::frame(rest) {
        assert!(frame.rest.len() < rest.len());
        rest = frame.rest;
    }
});
