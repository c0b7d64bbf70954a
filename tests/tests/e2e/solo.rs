//! Both parts in one process, without a broker.

use std::time::Duration;

use anyhow::ensure;
use rustix::process::Signal;
use sightline_tests::{
    eventually,
    fleet::SOON,
    http,
    mjpeg::Stream,
    port,
    process::{Process, binary},
};

use crate::quiet::light;

async fn start(cameras: &[&str]) -> (Process, String) {
    let address = format!("127.0.0.1:{}", port::free());
    let mut arguments = vec!["--listen".to_owned(), address.clone()];
    for camera in cameras {
        arguments.extend(["--camera".to_owned(), (*camera).to_owned()]);
    }
    let process = Process::start("sightline", &binary("sightline"), &arguments).unwrap();
    process.until_logged(&address).await;
    (process, address)
}

async fn until_moving(address: &str, camera: &str) {
    eventually("the picture moves", SOON, async || {
        let mut viewer = Stream::open(address, camera).await?;
        let first = viewer.next_fresh().await?;
        for _ in 0..100 {
            if viewer.next_fresh().await?.jpeg != first.jpeg {
                return Ok(());
            }
        }
        anyhow::bail!("it does not")
    })
    .await;
}

#[tokio::test]
async fn without_arguments_there_are_two_moving_cameras() {
    let _machine = light().await;
    let (mut process, address) = start(&[]).await;
    until_moving(&address, "local/testcard").await;
    until_moving(&address, "local/slides").await;
    let page = http::get(&address, "/").await.unwrap();
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'self'")
    );
    process.signal(Signal::TERM).unwrap();
    assert_eq!(process.until_ended(SOON).await.code(), Some(0));
}

#[tokio::test]
async fn a_camera_of_ones_own_is_shown_instead() {
    let _machine = light().await;
    let (_process, address) = start(&["gate=test://?size=640x360&fps=10"]).await;
    until_moving(&address, "local/gate").await;
    let cameras = http::get(&address, "/api/cameras")
        .await
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(cameras["cameras"].as_array().unwrap().len(), 1, "{cameras}");
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_start_with_a_reason() {
    let _machine = light().await;
    let (_process, address) = start(&["gate=test://"]).await;
    let arguments = ["--listen", &address];
    let (code, text) =
        sightline_tests::process::run(&binary("sightline"), &arguments, Duration::from_secs(10))
            .await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&address) && text.contains("in use"), "{text}");
    let answer = http::get(&address, "/healthz").await.unwrap();
    ensure_ok(answer.status.as_u16()).unwrap();
}

fn ensure_ok(status: u16) -> anyhow::Result<()> {
    ensure!(status == 200, "the first one suffers: {status}");
    Ok(())
}
