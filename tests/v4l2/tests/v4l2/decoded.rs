//! What viewers see of a frame.

use sightline_proto::{Codec, Frame};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

pub(crate) struct Decoded {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Decoded {
    /// Checks that the frame is a whole JPEG of the size that it says.
    pub(crate) fn new(frame: &Frame) -> Self {
        assert_eq!(frame.codec(), Codec::Jpeg);
        assert!(frame.key);
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&frame.data[..]), options);
        let rgb = decoder.decode().unwrap();
        let (width, height) = decoder.dimensions().unwrap();
        assert_eq!(
            (frame.width as usize, frame.height as usize),
            (width, height)
        );
        Self { width, height, rgb }
    }

    /// Red, green, blue of the picture's point at these parts of its width and height.
    pub(crate) fn colour(&self, across: f32, down: f32) -> [i32; 3] {
        let place = |part: f32, len: usize| (part * len as f32) as usize;
        let pixel = place(down, self.height) * self.width + place(across, self.width);
        [0, 1, 2].map(|channel| self.rgb[pixel * 3 + channel].into())
    }

    /// From 0 to 255.
    pub(crate) fn mean_brightness(&self) -> f64 {
        let sum: u64 = self.rgb.iter().copied().map(u64::from).sum();
        sum as f64 / self.rgb.len() as f64
    }
}
