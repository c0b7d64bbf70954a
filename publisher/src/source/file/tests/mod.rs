mod films;
mod refused;

use std::{collections::BTreeMap, io::Write as _, time::Duration};

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::*;
use crate::{
    picture::Image,
    source::{DropReason, passthrough::samples, unit::Track},
};

fn source(text: &str) -> Result<Box<dyn Source>, InvalidSource> {
    parse(&SourceUrl::new(text, BTreeMap::new())?)
}

/// A file of `content`, and the folder that goes with it.
fn file(content: &[u8]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mjpeg");
    std::fs::write(&path, content).unwrap();
    (folder, format!("file://{}", path.display()))
}

async fn take(output: &Output) -> Bytes {
    let picture = timeout(Duration::from_secs(10), output.take())
        .await
        .unwrap();
    match picture.image {
        Image::Jpeg(jpeg) => jpeg.data(),
        Image::Raw(_) => panic!("not a JPEG"),
    }
}

async fn run_to_end(url: &str, output: &Output) -> Error {
    let source = source(url).unwrap();
    let run = source.run(output, CancellationToken::new());
    timeout(Duration::from_secs(60), run)
        .await
        .unwrap()
        .unwrap_err()
}

#[test]
fn parameters_stand_behind_either_mark() {
    for url in ["file:///x?fps=5&loop=false", "file:///x#fps=5&loop=false"] {
        assert_eq!(source(url).unwrap().hint().fps, 5.0);
    }
    assert_eq!(source("file:///x").unwrap().hint().fps, 25.0);
    assert_eq!(source("-").unwrap().hint(), Hint::default());
    for url in ["-#fps=0.5", "file:///dev/stdin#fps=0.5&format=h264"] {
        assert_eq!(source(url).unwrap().hint().fps, 0.5);
    }
    for (url, wanted) in [
        ("file:///x?fps=5#loop=false", "not both"),
        ("file:///x?loop=maybe", "loop=maybe is not true or false"),
        ("file:///x?rate=5", "known are fps, loop"),
        (
            "-#format=avi",
            "format=avi is not a format: use h264 or mjpeg",
        ),
        ("-?loop=true", "known are format, fps"),
        ("file://x.mjpeg", "needs three slashes"),
    ] {
        let error = source(url).err().unwrap().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_file_is_looped_at_its_rate() {
    let [one, two] = [samples::jpeg(16, 16), samples::jpeg(24, 24)];
    let (_folder, url) = file(&[&one[..], b"\r\n--frame\r\n", &two].concat());
    let source = source(&format!("{url}?fps=50")).unwrap();
    let output = Output::default();
    let stop = CancellationToken::new();
    let (result, ()) = tokio::join!(source.run(&output, stop.clone()), async {
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(take(&output).await, one);
            assert_eq!(take(&output).await, two);
        }
        assert!(
            start.elapsed() >= Duration::from_millis(5 * 20),
            "{:?}",
            start.elapsed()
        );
        stop.cancel();
    });
    result.unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_looped_ends() {
    let jpeg = samples::jpeg(16, 16);
    let (_folder, url) = file(&[&jpeg[..], &jpeg[..jpeg.len() - 4]].concat());
    let output = Output::default();
    let error = run_to_end(&format!("{url}?loop=false"), &output).await;
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert_eq!(take(&output).await, jpeg);
    assert_eq!(
        output.dropped().collect::<Vec<_>>(),
        [(DropReason::Truncated, 1)]
    );
}

#[tokio::test]
async fn what_cannot_be_shown_is_named() {
    for (content, wanted) in [
        (&b""[..], "it seems to be empty"),
        (b"just text", "it seems to be something else"),
    ] {
        let (_folder, url) = file(content);
        let error = run_to_end(&url, &Output::default()).await;
        assert!(matches!(error, Error::Open { .. }));
        assert!(error.to_string().contains(wanted), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let error = run_to_end(&url, &Output::default()).await.to_string();
    assert!(error.contains("use images:///"), "{error}");
    let error = run_to_end(&format!("{url}/none"), &Output::default())
        .await
        .to_string();
    assert!(error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn pictures_on_a_pipe_come_as_they_are_written() {
    let jpeg = samples::jpeg(64, 48);
    let (input, mut writer) = std::io::pipe().unwrap();
    let output = Output::default();
    let reading = stdin::read(
        input.into(),
        live::Options::default(),
        &output,
        stdin::SILENCE,
    );
    let (error, ()) = tokio::join!(reading, async {
        for _ in 0..3 {
            writer.write_all(&jpeg).unwrap();
            assert_eq!(take(&output).await, jpeg);
        }
        drop(writer);
    });
    assert!(matches!(error, Err(Error::Ended { .. })));
}

#[tokio::test]
async fn h264_on_a_pipe_comes_as_it_is_written() {
    let stream = super::samples::units_of_h264("-bf 0");
    let (input, mut writer) = std::io::pipe().unwrap();
    let output = Output::default();
    let mut units = output.units(Track::Video);
    let options = live::Options::default();
    let reading = stdin::read(input.into(), options, &output, stdin::SILENCE);
    let (error, ()) = tokio::join!(reading, async {
        for frame in &stream[..5] {
            writer.write_all(frame).unwrap();
            // It does not wait for the next one.
            let (unit, _) = timeout(Duration::from_secs(10), units.next())
                .await
                .unwrap();
            assert_eq!(&unit.data, frame);
        }
        drop(writer);
    });
    assert!(matches!(error, Err(Error::Ended { .. })));
}

#[tokio::test]
async fn a_pipe_without_pictures_is_silent() {
    let (input, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"no picture").unwrap();
    let error = stdin::read(
        input.into(),
        live::Options::default(),
        &Output::default(),
        Duration::from_millis(50),
    )
    .await;
    assert!(matches!(error, Err(Error::Silent { .. })));
}

#[tokio::test]
async fn a_file_as_standard_input_is_played_once() {
    let jpeg = samples::jpeg(16, 16);
    let (folder, _) = file(&jpeg);
    let input = std::fs::File::open(folder.path().join("x.mjpeg")).unwrap();
    let output = Output::default();
    let error = stdin::read(
        input.into(),
        live::Options::default(),
        &output,
        stdin::SILENCE,
    )
    .await;
    assert!(matches!(error, Err(Error::Ended { .. })));
    assert_eq!(take(&output).await, jpeg);
    let null = std::fs::File::open("/dev/null").unwrap();
    let error = stdin::read(
        null.into(),
        live::Options::default(),
        &output,
        stdin::SILENCE,
    )
    .await
    .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it is neither a pipe nor a file"),
        "{error}"
    );
}
