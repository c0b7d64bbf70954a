use std::{collections::BTreeMap, path::Path};

use tokio::time::Instant;

use super::*;
use crate::{
    picture::Image,
    source::{
        DropReason,
        passthrough::samples,
        unit::{Format, Track},
    },
};

fn exec(command: &str) -> Exec {
    with_silence(command, Duration::from_secs(20)).unwrap()
}

fn with_silence(command: &str, silence: Duration) -> Result<Exec, InvalidSource> {
    Exec::new(
        &SourceUrl::new(&format!("exec:{command}"), BTreeMap::new())?,
        silence,
    )
}

async fn run(exec: &Exec, output: &Output) -> Error {
    exec.run(output, &CancellationToken::new())
        .await
        .unwrap_err()
}

/// Waits until `condition` holds, for ten seconds at most.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "not within ten seconds: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process has neither ended nor been left unreaped by whoever adopted it.
fn is_alive(pid: &str) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    !status
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .trim_start()
        .starts_with('Z')
}

fn read_word(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.ends_with('\n').then(|| text.trim().to_owned())
}

#[test]
fn a_line_that_names_no_command_is_refused() {
    for (command, wanted) in [
        ("", "names no command"),
        ("   ", "names no command"),
        ("ffmpeg 'x", "left open"),
    ] {
        let error = with_silence(command, SILENCE).err().unwrap().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    let exec = exec(r#"ffmpeg -i "a b" 'c#d?e' f\ g"#);
    assert_eq!(exec.arguments, ["-i", "a b", "c#d?e", "f g"]);
}

#[tokio::test]
async fn pictures_of_a_command_are_handed_on() {
    let exec =
        exec("ffmpeg -loglevel error -re -f lavfi -i testsrc=size=320x180:rate=30 -f mjpeg -");
    let output = Output::default();
    let stop = CancellationToken::new();
    let (result, ()) = tokio::join!(exec.run(&output, &stop), async {
        for _ in 0..5 {
            let Image::Jpeg(jpeg) = output.take().await.image else {
                panic!("not a JPEG")
            };
            let info = sightline_media::jpeg::inspect(&jpeg.data()).unwrap();
            assert_eq!((info.width, info.height), (320, 180));
        }
        stop.cancel();
    });
    result.unwrap();
}

#[tokio::test]
async fn h264_of_a_command_is_handed_on_as_units() {
    const COMMAND: &str = "ffmpeg -loglevel error -re -f lavfi -i testsrc=size=320x180:rate=30 \
                           -pix_fmt yuv420p -c:v libx264 -tune zerolatency -g 15 -f h264 -";
    for options in ["", " #format=h264&fps=30"] {
        let exec = exec(&format!("{COMMAND}{options}"));
        let output = Output::default();
        let stop = CancellationToken::new();
        let mut units = output.units(Track::Video);
        let (result, ()) = tokio::join!(exec.run(&output, &stop), async {
            let (first, _) = units.next().await;
            assert!(first.key);
            let Format::H264(parameters) = &first.format else {
                panic!("not H.264")
            };
            assert_eq!((parameters.width, parameters.height), (320, 180));
            let mut last = first.decode_time_us;
            for _ in 0..30 {
                let (unit, skipped) = units.next().await;
                assert!(unit.decode_time_us > last || skipped > 0);
                last = unit.decode_time_us;
            }
            stop.cancel();
        });
        result.unwrap();
    }
}

#[tokio::test]
async fn what_a_command_gives_instead_is_named() {
    let exec = exec("printf 'RIFF0000AVI LIST'");
    let error = run(&exec, &Output::default()).await.to_string();
    assert!(
        error.contains("it gives an AVI file; supported are Motion JPEG and bare H.264"),
        "{error}"
    );
    let error = with_silence("cat #format=avi", SILENCE).err().unwrap();
    assert!(error.to_string().contains("use h264 or mjpeg"), "{error}");
}

#[tokio::test]
async fn the_end_of_a_command_says_its_status_and_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.mjpeg");
    let jpeg = samples::jpeg(32, 32);
    std::fs::write(&path, [&jpeg[..], &jpeg[..jpeg.len() - 5]].concat()).unwrap();
    let command = format!(
        "sh -c 'cat {}; echo first >&2; echo device is busy >&2; exit 3'",
        path.display()
    );
    let output = Output::default();
    let error = run(&exec(&command), &output).await;
    assert!(matches!(error, Error::Failed { .. }));
    assert_eq!(
        error.to_string(),
        "exec:sh ... failed: the command ended with status 3: device is busy"
    );
    assert!(matches!(output.take().await.image, Image::Jpeg(got) if got.data() == jpeg));
    assert_eq!(
        output.dropped().collect::<Vec<_>>(),
        [(DropReason::Truncated, 1)]
    );
    let error = run(&exec("true"), &output).await.to_string();
    assert!(
        error.ends_with("the command ended before its first picture"),
        "{error}"
    );
    let error = run(&exec("sh -c 'kill -9 $$'"), &output).await.to_string();
    assert!(error.contains("ended by signal 9"), "{error}");
}

#[tokio::test]
async fn a_command_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    let missing = run(&exec("no-such-command-here -x"), &Output::default()).await;
    assert!(matches!(missing, Error::Open { .. }));
    assert!(
        missing
            .to_string()
            .ends_with("command not found: no-such-command-here"),
        "{missing}"
    );
    let refused = run(&exec(&plain.display().to_string()), &Output::default())
        .await
        .to_string();
    assert!(refused.ends_with("is not an executable file"), "{refused}");
}

#[tokio::test]
async fn a_command_without_pictures_is_ended() {
    for (command, silent) in [("sleep 60", true), ("yes", true), ("sleep 60 >&-", false)] {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let line = format!("sh -c 'echo $$ > {}; exec {command}'", pid.display());
        let exec = with_silence(&line, Duration::from_millis(300)).unwrap();
        let error = run(&exec, &Output::default()).await;
        assert_eq!(
            matches!(error, Error::Silent { .. }),
            silent,
            "{command}: {error}"
        );
        assert!(!is_alive(&read_word(&pid).unwrap()), "{command} still runs");
    }
}

#[tokio::test]
async fn stopping_ends_the_whole_group_within_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let (parent, child) = (folder.path().join("parent"), folder.path().join("child"));
    // Neither of the two listens to SIGTERM.
    let command = format!(
        "sh -c 'trap \"\" TERM; sh -c \"trap : TERM; echo \\$\\$ > {}; while :; do sleep 60; done\" & \
         echo $$ > {}; while :; do sleep 60; done'",
        child.display(),
        parent.display()
    );
    let exec = exec(&command);
    let output = Output::default();
    let stop = CancellationToken::new();
    let (result, took) = tokio::join!(exec.run(&output, &stop), async {
        eventually("both run", || {
            read_word(&parent).is_some() && read_word(&child).is_some()
        })
        .await;
        stop.cancel();
        Instant::now()
    });
    result.unwrap();
    assert!(
        took.elapsed() < Duration::from_millis(500),
        "{:?}",
        took.elapsed()
    );
    assert!(!is_alive(&read_word(&parent).unwrap()));
    let child = read_word(&child).unwrap();
    eventually("the grandchild is gone", || !is_alive(&child)).await;
}

#[tokio::test]
async fn dropping_a_run_kills_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let exec = exec(&format!(
        "sh -c 'trap \"\" TERM; echo $$ > {}; while :; do sleep 60; done'",
        pid.display()
    ));
    let output = Output::default();
    let stop = CancellationToken::new();
    tokio::select! {
        _ = exec.run(&output, &stop) => panic!("it ended"),
        () = eventually("it runs", || read_word(&pid).is_some()) => {}
    }
    let pid = read_word(&pid).unwrap();
    eventually("it is gone", || !is_alive(&pid)).await;
}

#[tokio::test]
async fn a_grandchild_that_left_the_group_does_not_hold_the_end_back() {
    let exec = exec("sh -c 'setsid sleep 5 & exit 0'");
    let start = Instant::now();
    let error = run(&exec, &Output::default()).await;
    assert!(matches!(error, Error::Failed { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_command_does_not_outlive_a_publisher_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    // This test binary once more, running only the helper below.
    let mut publisher = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "source::exec::tests::runs_a_command_until_killed",
            "--ignored",
        ])
        .env("EXEC_TEST_PID_FILE", &pid_file)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(eventually("the command runs", || {
        read_word(&pid_file).is_some()
    }));
    let pid = read_word(&pid_file).unwrap();
    assert!(is_alive(&pid));
    publisher.kill().unwrap();
    publisher.wait().unwrap();
    runtime.block_on(eventually("the command is gone", || !is_alive(&pid)));
}

#[tokio::test]
#[ignore = "not a test of its own: the one above starts it and kills it"]
async fn runs_a_command_until_killed() {
    let Some(pid_file) = std::env::var_os("EXEC_TEST_PID_FILE") else {
        return;
    };
    let exec = exec(&format!(
        "sh -c 'echo $$ > {}; exec sleep 60'",
        Path::new(&pid_file).display()
    ));
    let _ = exec
        .run(&Output::default(), &CancellationToken::new())
        .await;
}
