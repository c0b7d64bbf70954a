//! Pictures that can be told apart.

/// Bytes of the comment that carries the number: marker, length, text.
const COMMENT: usize = 4 + 10;

/// Where the comment goes: behind the start marker and the JFIF header, which must come first.
const PLACE: usize = 2 + 18;

/// A JPEG of some colours, at most 100 KB long at 640x480.
pub fn plain(width: u16, height: u16) -> Vec<u8> {
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| [x.to_le_bytes()[0], y.to_le_bytes()[0], 128])
        .collect();
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 75)
        .encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .expect("the buffer is as large as the picture");
    jpeg
}

/// `jpeg` with a number inside, in a comment that no viewer shows.
pub fn numbered(jpeg: &[u8], number: u32) -> Vec<u8> {
    let (head, tail) = jpeg.split_at(PLACE);
    let comment = format!("{number:010}");
    [head, &[0xFF, 0xFE, 0, 2 + 10], comment.as_bytes(), tail].concat()
}

/// The number in a picture of [`numbered`].
pub fn number(jpeg: &[u8]) -> Option<u32> {
    let text = jpeg.get(PLACE + 4..PLACE + COMMENT)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_back() {
        let jpeg = numbered(&plain(16, 16), 4_000_000_000);
        assert_eq!(number(&jpeg), Some(4_000_000_000));
        assert_eq!(number(&plain(16, 16)), None);
    }
}
