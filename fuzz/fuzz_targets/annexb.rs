//! NAL units between start codes, and the way to lengths and back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_media::h264::{Parameters, annexb, avc};

fuzz_target!(|data: &[u8]| {
    let mut written = Vec::new();
    for nal in annexb::nals(data) {
        assert!(!nal.is_empty() && nal.last() != Some(&0));
        annexb::write(nal, &mut written);
    }
    assert!(annexb::nals(&written).eq(annexb::nals(data)));

    let sample = avc::from_annex_b(data, false);
    let back = avc::to_annex_b(&sample, 4).expect("its lengths are right");
    assert_eq!(avc::from_annex_b(&back, false), sample);

    if let Ok(Some(parameters)) = Parameters::from_access_unit(data) {
        assert!(parameters.width > 0 && parameters.height > 0);
        let again = Parameters::from_access_unit(&parameters.annex_b());
        assert_eq!(again, Ok(Some(parameters)));
    }
});
