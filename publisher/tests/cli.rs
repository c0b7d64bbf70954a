//! The program as people start it: what it says, and with which exit code.

use std::{
    io::Write as _,
    process::{Command, Output},
};

fn publisher(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sightline-publisher"))
        .args(arguments)
        .env_clear()
        .output()
        .expect("the program was built")
}

fn settings(toml: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(toml.as_bytes())
        .expect("room for a few bytes");
    file
}

#[test]
fn check_says_what_would_run() {
    let file = settings(
        "site = 'farm'
        [cameras.gate]
        source = 'http://me:secret@10.0.0.9/video?channel=2&pwd=secret'
        max_fps = 5
        [cameras.desk]
        source = 'v4l2:///dev/video7?size=640x480'
        controls = { brightness = 128 }",
    );
    let output = publisher(&["check", "--config", file.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.contains("farm/gate  http://10.0.0.9/video?channel=...&pwd=..."),
        "{text}"
    );
    assert!(text.contains("farm/desk  v4l2:///dev/video7"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn wrong_settings_are_named_and_exit_with_78() {
    for (toml, wanted) in [
        (
            "[cameras.a]\nsource = 'gopher://me:secret@x'",
            "cameras.a.source: gopher://x",
        ),
        (
            "[cameras.a]\nsource = 'test://?fsp=3'",
            "no parameter \"fsp\"; known are size, fps",
        ),
        (
            "[cameras.a]\nsource = 'test://'\nqualty = 3",
            "did you mean \"quality\"?",
        ),
        ("[cameras.a]\nsource = 'test://'\nquality = 300", "quality"),
        (
            "[cameras.a]\nsource = 'test://'\n[nats]\nurl = ''",
            "nats.url",
        ),
        ("site = 'farm'", "cameras: none is configured"),
    ] {
        let file = settings(toml);
        let path = file.path().to_str().unwrap();
        for command in ["check", "run", "healthcheck"] {
            let output = publisher(&[command, "--config", path]);
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(78), "{command}: {text}");
            assert!(text.contains(wanted), "{command}: {text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for arguments in [&["--camera", "test://"][..], &["--log", "xml"], &["stop"]] {
        assert_eq!(publisher(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_publisher_that_is_not_there_is_unhealthy() {
    // Nothing listens on the discard port of this host.
    let output = publisher(&[
        "healthcheck",
        "--nats",
        "nats://127.0.0.1:9",
        "--camera",
        "gate=test://",
    ]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("127.0.0.1:9"), "{text}");
}
