//! Which format and size to ask a camera for.

use v4l::{
    FourCC,
    framesize::{FrameSizeEnum, Stepwise},
};

use super::pixel::{self, Pixel};

/// Taken when no size is asked for: what a browser shows well and any network carries. A camera that
/// lacks it is used at its largest size below, else at its smallest.
pub(super) const USUAL_SIZE: (u32, u32) = (1280, 720);

/// A format that the camera has.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) fourcc: FourCC,
    /// Empty where the driver does not list them: it then takes the nearest it can.
    pub(super) sizes: Vec<FrameSizeEnum>,
}

impl Offer {
    fn has(&self, (width, height): (u32, u32)) -> bool {
        self.sizes.iter().any(|size| match size {
            FrameSizeEnum::Discrete(one) => (one.width, one.height) == (width, height),
            FrameSizeEnum::Stepwise(range) => {
                on_step(width, range.min_width, range.max_width, range.step_width)
                    && on_step(
                        height,
                        range.min_height,
                        range.max_height,
                        range.step_height,
                    )
            }
        })
    }

    /// The size to ask for when any will do.
    fn usual(&self) -> (u32, u32) {
        if self.sizes.is_empty() || self.has(USUAL_SIZE) {
            return USUAL_SIZE;
        }
        let nearest = self.sizes.iter().map(|size| match size {
            FrameSizeEnum::Discrete(one) => (one.width, one.height),
            FrameSizeEnum::Stepwise(range) => nearest_in(range),
        });
        let fits = |size: &(u32, u32)| size.0 <= USUAL_SIZE.0 && size.1 <= USUAL_SIZE.1;
        let (below, above): (Vec<_>, Vec<_>) = nearest.partition(fits);
        let largest = below.into_iter().max_by_key(|&size| area(size));
        largest
            .or_else(|| above.into_iter().min_by_key(|&size| area(size)))
            .unwrap_or(USUAL_SIZE)
    }
}

/// What to ask the driver for. It may still give another size: the nearest it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) fourcc: FourCC,
    pub(super) pixel: Pixel,
    /// Pixels: width, height.
    pub(super) size: (u32, u32),
}

/// Chooses among what a camera offers: the best format that has the asked size, else the best one at all.
/// The error says what the camera has instead.
pub(super) fn choose(
    offers: &[Offer],
    pixel: Option<Pixel>,
    size: Option<(u32, u32)>,
) -> Result<Choice, String> {
    let mut known: Vec<(usize, Pixel, &Offer)> = offers
        .iter()
        .filter_map(|offer| {
            let offered = Pixel::from_fourcc(offer.fourcc)?;
            let rank = Pixel::ALL.iter().position(|&pixel| pixel == offered)?;
            Some((rank, offered, offer))
        })
        .filter(|&(_, offered, _)| pixel.is_none_or(|pixel| pixel == offered))
        .collect();
    known.sort_by_key(|&(rank, _, offer)| (size.is_some_and(|size| !offer.has(size)), rank));
    let Some(&(_, pixel, offer)) = known.first() else {
        return Err(no_such_format(offers, pixel));
    };
    Ok(Choice {
        fourcc: offer.fourcc,
        pixel,
        size: size.unwrap_or_else(|| offer.usual()),
    })
}

fn no_such_format(offers: &[Offer], wanted: Option<Pixel>) -> String {
    let wanted = wanted.map_or("format that can be used", Pixel::word);
    if offers.is_empty() {
        return format!("it has no {wanted}: the driver lists no formats at all");
    }
    let has: Vec<String> = offers
        .iter()
        .map(|offer| match Pixel::from_fourcc(offer.fourcc) {
            Some(pixel) => pixel.word().to_owned(),
            None => pixel::code(offer.fourcc),
        })
        .collect();
    format!("it has no {wanted}, only {}", has.join(", "))
}

/// The size in a range that is nearest to the usual one from below.
fn nearest_in(range: &Stepwise) -> (u32, u32) {
    (
        floor_to_step(
            USUAL_SIZE.0,
            range.min_width,
            range.max_width,
            range.step_width,
        ),
        floor_to_step(
            USUAL_SIZE.1,
            range.min_height,
            range.max_height,
            range.step_height,
        ),
    )
}

fn on_step(value: u32, min: u32, max: u32, step: u32) -> bool {
    (min..=max).contains(&value) && (value - min).is_multiple_of(step.max(1))
}

fn floor_to_step(value: u32, min: u32, max: u32, step: u32) -> u32 {
    let within = value.min(max).max(min);
    within - (within - min) % step.max(1)
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

#[cfg(test)]
mod tests {
    use v4l::framesize::Discrete;

    use super::*;
    use crate::picture::Layout;

    fn offer(fourcc: &[u8; 4], sizes: &[(u32, u32)]) -> Offer {
        Offer {
            fourcc: FourCC::new(fourcc),
            sizes: sizes
                .iter()
                .map(|&(width, height)| FrameSizeEnum::Discrete(Discrete { width, height }))
                .collect(),
        }
    }

    fn range(fourcc: &[u8; 4], min: (u32, u32), max: (u32, u32), step: (u32, u32)) -> Offer {
        Offer {
            fourcc: FourCC::new(fourcc),
            sizes: vec![FrameSizeEnum::Stepwise(Stepwise {
                min_width: min.0,
                max_width: max.0,
                step_width: step.0,
                min_height: min.1,
                max_height: max.1,
                step_height: step.1,
            })],
        }
    }

    fn chosen(offers: &[Offer], size: Option<(u32, u32)>) -> (Pixel, (u32, u32)) {
        let choice = choose(offers, None, size).unwrap();
        (choice.pixel, choice.size)
    }

    #[test]
    fn motion_jpeg_is_taken_where_it_has_the_size() {
        let webcam = [
            offer(b"YUYV", &[(640, 480), (320, 240)]),
            offer(b"MJPG", &[(1280, 720), (640, 480)]),
        ];
        let asked = Some((640, 480));
        assert_eq!(chosen(&webcam, asked), (Pixel::Mjpeg, (640, 480)));
        let asked = Some((320, 240));
        assert_eq!(
            chosen(&webcam, asked),
            (Pixel::Raw(Layout::Yuyv), (320, 240))
        );
    }

    #[test]
    fn h264_is_taken_where_there_is_no_motion_jpeg_or_it_is_asked_for() {
        let all = [
            offer(b"YUYV", &[(640, 480)]),
            offer(b"H264", &[(1280, 720), (640, 480)]),
            offer(b"MJPG", &[(640, 480)]),
        ];
        assert_eq!(chosen(&all, None), (Pixel::Mjpeg, (640, 480)));
        assert_eq!(chosen(&all[..2], None), (Pixel::H264, (1280, 720)));
        assert_eq!(chosen(&all, Some((1280, 720))).0, Pixel::H264);
        let asked = choose(&all, Some(Pixel::H264), None).unwrap();
        assert_eq!(asked.fourcc, FourCC::new(b"H264"));
    }

    #[test]
    fn of_raw_formats_the_cheapest_to_encode_is_taken() {
        let all = [
            offer(b"GREY", &[(640, 480)]),
            offer(b"RGB3", &[(640, 480)]),
            offer(b"YUYV", &[(640, 480)]),
            offer(b"NV12", &[(640, 480)]),
        ];
        let asked = Some((640, 480));
        assert_eq!(chosen(&all, asked).0, Pixel::Raw(Layout::Nv12));
        assert_eq!(chosen(&all[..3], asked).0, Pixel::Raw(Layout::Yuyv));
        assert_eq!(chosen(&all[..1], asked).0, Pixel::Raw(Layout::Grey));
    }

    #[test]
    fn a_size_that_no_format_has_is_left_to_the_driver() {
        let webcam = [offer(b"YUYV", &[(640, 480)]), offer(b"MJPG", &[(640, 480)])];
        let asked = Some((1920, 1080));
        assert_eq!(chosen(&webcam, asked), (Pixel::Mjpeg, (1920, 1080)));
    }

    #[test]
    fn without_a_size_the_usual_one_or_the_nearest_is_taken() {
        let sizes = [(1920, 1080), (1280, 720), (640, 480)];
        assert_eq!(chosen(&[offer(b"MJPG", &sizes)], None).1, (1280, 720));
        let small = [(160, 120), (640, 480), (352, 288)];
        assert_eq!(chosen(&[offer(b"MJPG", &small)], None).1, (640, 480));
        let large = [(3840, 2160), (1920, 1080)];
        assert_eq!(chosen(&[offer(b"MJPG", &large)], None).1, (1920, 1080));
        assert_eq!(chosen(&[offer(b"MJPG", &[])], None).1, (1280, 720));
    }

    #[test]
    fn a_range_of_sizes_counts_as_all_of_them() {
        let sensor = [range(b"NV12", (32, 32), (1920, 1080), (16, 2))];
        assert_eq!(chosen(&sensor, None).1, (1280, 720));
        assert!(sensor[0].has((48, 34)));
        assert!(!sensor[0].has((47, 34)));
        let small = [range(b"NV12", (32, 32), (1000, 600), (16, 4))];
        assert_eq!(chosen(&small, None).1, (992, 600));
        let strange = [range(b"NV12", (0, 0), (1000, 600), (0, 0))];
        assert_eq!(chosen(&strange, None).1, (1000, 600));
    }

    #[test]
    fn an_asked_format_that_is_missing_is_an_error_that_says_what_there_is() {
        let offers = [offer(b"MJPG", &[]), offer(b"AVC1", &[])];
        assert_eq!(
            choose(&offers, Some(Pixel::Raw(Layout::Yuyv)), None).unwrap_err(),
            "it has no yuyv, only mjpeg, AVC1"
        );
        assert_eq!(
            choose(&offers[1..], None, None).unwrap_err(),
            "it has no format that can be used, only AVC1"
        );
        assert!(choose(&[], None, None).unwrap_err().contains("no formats"));
    }
}
