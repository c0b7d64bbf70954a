//! A JPEG of any size, and the two forms in which viewers get it.

use clap::ValueEnum;

/// How viewers are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Route {
    /// Multipart JPEG over HTTP.
    Multipart,
    /// JPEG in binary WebSocket messages.
    Websocket,
}

/// The camera that the benchmark watches.
pub(crate) const CAMERA: &str = "bench/camera";

/// 16x16 pixels of grey.
const PICTURE: &[u8] = include_bytes!("picture.jpg");

/// A valid JPEG of `len_bytes`: a small picture, filled up by comment segments. Not less than 1 KB.
pub(crate) fn jpeg(len_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let mut picture = PICTURE.to_vec();
    let mut missing = len_bytes
        .checked_sub(picture.len())
        .filter(|missing| *missing >= 4)
        .ok_or_else(|| anyhow::anyhow!("a frame of {len_bytes} bytes is too small"))?;
    let rest = picture.split_off(2);
    while missing > 0 {
        // Marker and length take four bytes; what is left over must fit another segment or be none.
        let mut segment = missing.min(60_000);
        if (1..4).contains(&(missing - segment)) {
            segment -= 4;
        }
        picture.extend([0xFF, 0xFE]);
        picture.extend(((segment - 2) as u16).to_be_bytes());
        picture.extend(std::iter::repeat_n(b'.', segment - 4));
        missing -= segment;
    }
    picture.extend(rest);
    Ok(picture)
}

/// What one viewer is sent for one frame.
pub(crate) fn on_the_wire(route: Route, jpeg: &[u8]) -> Vec<u8> {
    match route {
        Route::Multipart => [
            format!(
                "Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: 1700000000.000000\r\n\r\n",
                jpeg.len()
            )
            .as_bytes(),
            jpeg,
            b"\r\n--boundarydonotcross\r\n",
        ]
        .concat(),
        // A binary message with a 64-bit length.
        Route::Websocket => [&[0x82, 127][..], &(jpeg.len() as u64).to_be_bytes(), jpeg].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jpeg_has_the_size_that_was_asked_for() {
        for len in [1_000, 60_001, 60_700, 100_000, 1_000_000] {
            let jpeg = jpeg(len).unwrap();
            assert_eq!(jpeg.len(), len);
            assert_eq!(jpeg[..2], [0xFF, 0xD8]);
            assert_eq!(jpeg[len - 2..], [0xFF, 0xD9]);
        }
        assert!(jpeg(10).is_err());
    }
}
