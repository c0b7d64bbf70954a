//! Bodies of `moov` and `moof`. The first two bytes say where the one ends and the other starts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_media::mp4::{Movie, Place, Progress};

fuzz_target!(|data: &[u8]| {
    let Some((&cut, boxes)) = data.split_first_chunk::<2>() else {
        return;
    };
    let cut = usize::from(u16::from_be_bytes(cut)).min(boxes.len());
    let (moov, moof) = boxes.split_at(cut);
    let Ok(mut movie) = Movie::parse(moov) else {
        return;
    };
    let mut place = Place::default();
    let mut last = [i64::MIN; 2];
    while let Some(sample) = movie.next(&mut place, 0) {
        let last = &mut last[sample.track.id() as usize - 1];
        assert!(sample.decode_us >= *last && sample.decode_us <= sample.present_us);
        assert!(sample.format < movie.formats.len());
        *last = sample.decode_us;
    }
    let (beyond, all) = movie.beyond(10_000);
    assert!(beyond <= all);
    let mut progress = Progress::default();
    for _ in 0..2 {
        let Ok(samples) = movie.fragment(moof, 1_000, &mut progress) else {
            return;
        };
        assert!(samples.is_sorted_by_key(|sample| sample.decode_us));
        assert!(
            samples
                .iter()
                .all(|sample| sample.decode_us <= sample.present_us)
        );
    }
});
