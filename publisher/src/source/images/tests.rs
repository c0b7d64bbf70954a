use std::{collections::BTreeMap, fs, path::Path};

use super::*;
use crate::source::{DropReason, passthrough::samples};

fn source(url: &str) -> Result<Box<dyn Source>, InvalidSource> {
    parse(&SourceUrl::new(url, BTreeMap::new()).unwrap())
}

fn folder_source(folder: &Path, fps: u32) -> Box<dyn Source> {
    source(&format!("images://{}?fps={fps}", folder.display())).unwrap()
}

fn png(width: u32, height: u32, colour: png::ColorType, pixel: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut encoder = png::Encoder::new(&mut data, width, height);
    encoder.set_color(colour);
    let pixels = pixel.repeat((width * height) as usize);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&pixels)
        .unwrap();
    data
}

async fn next_width(output: &Output) -> u32 {
    let Image::Jpeg(jpeg) = output.take().await.image else {
        panic!("not a JPEG")
    };
    jpeg.look(jpeg::inspect).unwrap().width
}

#[test]
fn the_three_built_in_pictures_are_sound() {
    for picture in BUILT_IN {
        let picture = Bytes::from_static(picture);
        let (info, clean) = jpeg::prepare(picture.clone()).unwrap();
        assert_eq!(clean, picture);
        assert!(info.width >= 640 && !info.progressive, "{info:?}");
    }
    let hint = source("images://?fps=2").unwrap().hint();
    assert!(hint.width >= 640 && hint.fps == 2.0, "{hint:?}");
}

#[test]
fn the_url_is_checked() {
    for (url, wanted) in [
        ("images://folder/sub", "images:///path"),
        ("images:///folder?fps=-1", "fps=-1"),
        ("images:///folder?loop=1", "no parameter"),
    ] {
        let error = source(url).err().unwrap().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn files_come_in_the_order_of_their_names_and_may_be_added() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, data: &[u8]| fs::write(folder.path().join(name), data).unwrap();
    write("b.JPG", &samples::jpeg(32, 16));
    write("a.png", &png(24, 16, png::ColorType::Rgb, &[255, 0, 0]));
    write("ignored.txt", b"hello");
    write(".c.jpg", b"half-writ");
    let (source, output) = (folder_source(folder.path(), 4), Output::default());
    let stop = CancellationToken::new();
    let watching = async {
        let start = Instant::now();
        for wanted in [24, 32, 24, 32] {
            assert_eq!(next_width(&output).await, wanted);
        }
        let took = start.elapsed().as_millis();
        assert!((750..=760).contains(&took), "{took}");
        write("c.jpeg", &samples::jpeg(48, 16));
        // One round may have been read already.
        let next = [
            next_width(&output).await,
            next_width(&output).await,
            next_width(&output).await,
            next_width(&output).await,
            next_width(&output).await,
        ];
        assert!(next.windows(3).any(|w| w == [24, 32, 48]), "{next:?}");
        stop.cancel();
    };
    let (result, ()) = tokio::join!(source.run(&output, stop.clone()), watching);
    result.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bad_file_is_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, data: &[u8]| fs::write(folder.path().join(name), data).unwrap();
    let jpeg = samples::jpeg(32, 16);
    write("a.jpg", &jpeg[..jpeg.len() - 20]);
    write("b.jpg", &jpeg);
    write("c.png", b"not a png");
    fs::create_dir(folder.path().join("d.jpg")).unwrap();
    let (source, output) = (folder_source(folder.path(), 10), Output::default());
    let stop = CancellationToken::new();
    let watching = async {
        for _ in 0..3 {
            assert_eq!(next_width(&output).await, 32);
        }
        stop.cancel();
    };
    let (result, ()) = tokio::join!(source.run(&output, stop.clone()), watching);
    result.unwrap();
    let dropped: BTreeMap<_, _> = output.dropped().collect();
    assert!(dropped[&DropReason::Truncated] >= 2 && dropped[&DropReason::Corrupt] >= 4);
}

#[tokio::test]
async fn a_folder_that_cannot_be_shown_is_an_error_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let run = |path: &Path| {
        let source = folder_source(path, 1);
        async move {
            let error = source
                .run(&Output::default(), CancellationToken::new())
                .await;
            error.unwrap_err().to_string()
        }
    };
    let missing = run(&folder.path().join("missing")).await;
    assert!(
        missing.contains("missing") && missing.contains("No such file"),
        "{missing}"
    );
    let empty = run(folder.path()).await;
    assert!(empty.contains("no file .jpg"), "{empty}");
    fs::write(folder.path().join("broken.png"), b"x").unwrap();
    let broken = run(folder.path()).await;
    assert!(
        broken.contains("none of its files") && broken.contains("broken.png"),
        "{broken}"
    );
}

#[test]
fn every_kind_of_png_is_decoded() {
    use crate::picture::Layout;
    for (colour, pixel, layout, wanted) in [
        (png::ColorType::Grayscale, &[9][..], Layout::Grey, &[9][..]),
        (
            png::ColorType::GrayscaleAlpha,
            &[200, 128],
            Layout::Grey,
            &[100],
        ),
        (png::ColorType::Rgb, &[1, 2, 3], Layout::Rgb, &[1, 2, 3]),
        (
            png::ColorType::Rgba,
            &[200, 100, 0, 51],
            Layout::Rgb,
            &[40, 20, 0],
        ),
    ] {
        let raw = decode::decode(&png(5, 3, colour, pixel)).unwrap();
        assert_eq!((raw.width, raw.height, raw.layout), (5, 3, layout));
        assert_eq!(raw.data[..], wanted.repeat(15));
        assert_eq!(raw.stride_bytes, 5 * wanted.len());
    }
    let mut data = Vec::new();
    let mut encoder = png::Encoder::new(&mut data, 2, 1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(vec![1, 2, 3, 4, 5, 6]);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&[1, 0])
        .unwrap();
    let indexed = decode::decode(&data).unwrap();
    assert_eq!(indexed.data[..], [4, 5, 6, 1, 2, 3]);
}

#[test]
fn a_png_is_converted_once_until_it_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    fs::write(&path, png(8, 8, png::ColorType::Grayscale, &[7])).unwrap();
    let mut loader = Loader::default();
    let first = loader.load(&path).unwrap();
    assert_eq!(loader.load(&path).unwrap().as_ptr(), first.as_ptr());
    fs::write(&path, png(9, 8, png::ColorType::Rgb, &[7, 7, 7])).unwrap();
    assert_eq!(
        jpeg::inspect(&loader.load(&path).unwrap()).unwrap().width,
        9
    );
}
