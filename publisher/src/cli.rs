//! The command line.

mod health;

use std::{io::Write as _, net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use sightline_bus::Bus;
use sightline_cli::{Exit, Flags, Reload};
use sightline_proto::Token;
use tokio::net::TcpListener;

use crate::{Config, Extras};

/// Publishes cameras to relays, from which browsers and other viewers get them.
///
/// It only dials out: to NATS and to its cameras. A camera that nobody watches is closed and costs nothing.
#[derive(Debug, Parser)]
#[command(name = "sightline-publisher", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Publish until told to stop; this is what happens without a command
    Run,
    /// Look whether the settings are good, print what would run, and exit
    Check,
    /// List the cameras of this machine with their formats, sizes, rates and controls
    Devices {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Ask whether the publisher that runs with these settings announces all its cameras; exits with 3 if not
    Healthcheck,
}

#[derive(Debug, Args)]
struct Settings {
    /// Where NATS is; several servers of a cluster with commas between [default: nats://127.0.0.1:4222]
    #[arg(global = true, long, value_name = "URL")]
    nats: Option<String>,
    /// The site of the cameras: 1 to 64 of a-z 0-9 - _ [default: local]
    #[arg(global = true, long, value_name = "SITE")]
    site: Option<String>,
    /// A camera and where its pictures come from; give it once for each camera
    #[arg(global = true, long, value_name = "NAME=SOURCE", value_parser = named_source)]
    camera: Vec<(Token, String)>,
    #[command(flatten)]
    common: Flags,
}

const EXAMPLES: &str = "\
Sources:
  test://?size=1280x720&fps=30             a moving test card
  images:///folder?fps=1                   the JPEG and PNG files of a folder in turn; images:// shows three built in
  v4l2:///dev/video0?size=&fps=&format=    a camera of this machine
  http://user:password@camera/video        multipart JPEG, or a JPEG that is polled; https:// too
  'exec:ffmpeg -i ... -f mjpeg -'          a command that writes JPEGs to its standard output
  file:///recording.mjpeg, or -            a file of JPEGs, or standard input

Examples:
  sightline-publisher --camera card=test://
                                           try it; NATS is on this host
  sightline-publisher --nats nats://10.0.0.5:4222 --site farm --camera gate=v4l2:///dev/video0 \\
      --camera door=http://10.0.0.9/video
  sightline-publisher --config publisher.toml
                                           all settings from a file
  sightline-publisher check --config publisher.toml
                                           is the file good?
  SIGHTLINE_CAMERAS__DOOR__SOURCE=http://user:password@10.0.0.9/video sightline-publisher
                                           any setting from the environment, where passwords belong

SIGHUP, or a change of the file, has cameras added, removed and changed while the others go on.
Exit codes: 0 told to stop, 1 failed, 2 wrong command line, 3 healthcheck: not healthy, 78 wrong settings";

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    sightline_cli::run(async {
        match cli.command {
            None | Some(Command::Run) => run(&cli.settings).await,
            Some(Command::Check) => check(&cli.settings).await,
            Some(Command::Devices { json }) => devices(json),
            Some(Command::Healthcheck) => {
                let config = cli.settings.load()?;
                health::check(&config, connect(&config).await?).await
            }
        }
    })
}

async fn run(settings: &Settings) -> anyhow::Result<()> {
    let reload = Reload::new(settings.common.file()).context("cannot handle signals")?;
    let config = settings.load()?;
    config.log.start()?;
    let shutdown = sightline_cli::shutdown_on_signals().context("cannot handle signals")?;
    let bus = connect(&config).await?;
    let metrics = match config.metrics.address() {
        Ok(Some(address)) => Some(serve_metrics(address).await?),
        Ok(None) => None,
        Err(error) => return Err(Exit::Settings.because(format!("metrics.listen: {error}"))),
    };
    let (changed, changes) = tokio::sync::mpsc::channel(1);
    let extras = Extras { changes, metrics };
    let publish = crate::run_with(config, extras, bus, shutdown);
    let read_again = reload.run(
        || settings.load(),
        async |config| drop(changed.send(config).await),
    );
    tokio::select! {
        result = publish => result.context("cannot publish"),
        never = read_again => match never {},
    }
}

async fn serve_metrics(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("metrics.listen: cannot bind to {address}"))?;
    tracing::info!("metrics are at http://{}/metrics", listener.local_addr()?);
    Ok(listener)
}

async fn check(settings: &Settings) -> anyhow::Result<()> {
    let config = settings.load()?;
    // Reads the files that the options name; the connection is given up before it is made.
    connect(&config).await?;
    let cameras = config
        .cameras()
        .map_err(|error| Exit::Settings.because(error))?;
    let width = cameras
        .iter()
        .map(|camera| camera.name.to_string().len())
        .max()
        .unwrap_or_default();
    for camera in &cameras {
        println!("{:width$}  {}", camera.name.to_string(), camera.from.shown);
    }
    println!("the settings are good");
    Ok(())
}

fn devices(json: bool) -> anyhow::Result<()> {
    let devices = crate::devices::list();
    let text = if json {
        serde_json::to_string_pretty(&devices)? + "\n"
    } else {
        devices.to_string()
    };
    // A reader that has seen enough is no failure.
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

async fn connect(config: &Config) -> anyhow::Result<Bus> {
    Bus::connect(&config.nats)
        .await
        .map_err(|error| Exit::Settings.because(error))
}

impl Settings {
    /// All layers in one, checked.
    fn load(&self) -> anyhow::Result<Config> {
        let config: Config = self.common.load(|layers| {
            layers.set("nats.url", self.nats.as_deref());
            layers.set("site", self.site.as_deref());
            for (name, source) in &self.camera {
                layers.set(format!("cameras.{name}.source"), Some(source.as_str()));
            }
        })?;
        config
            .validate()
            .map_err(|error| Exit::Settings.because(error))?;
        Ok(config)
    }
}

/// `NAME=SOURCE` of a command line, taken apart. Whether the source can be used is not looked at.
pub fn named_source(text: &str) -> Result<(Token, String), String> {
    let (name, source) = text
        .split_once('=')
        .ok_or("write NAME=SOURCE, for example gate=v4l2:///dev/video0")?;
    let name = name.parse::<Token>().map_err(|error| error.to_string())?;
    Ok((name, source.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn cameras_are_named_on_the_command_line() {
        let cli = Cli::try_parse_from([
            "sightline-publisher",
            "--site",
            "farm",
            "--camera",
            "gate=test://?size=640x360&fps=5",
            "--camera",
            "door=exec:cat a=b",
        ])
        .unwrap();
        let config = cli.settings.load().unwrap();
        let cameras = config.cameras().unwrap();
        let names: Vec<_> = cameras
            .iter()
            .map(|camera| camera.name.to_string())
            .collect();
        assert_eq!(names, ["farm/door", "farm/gate"]);
        assert_eq!(config.cameras["gate"].source, "test://?size=640x360&fps=5");
        assert_eq!(config.cameras["door"].source, "exec:cat a=b");
    }

    #[test]
    fn a_camera_without_a_name_or_source_is_refused() {
        for wrong in ["test://", "Gate=test://", "a.b=test://"] {
            assert!(
                Cli::try_parse_from(["sightline-publisher", "--camera", wrong]).is_err(),
                "{wrong}"
            );
        }
        let cli =
            Cli::try_parse_from(["sightline-publisher", "--camera", "gate=webcam://"]).unwrap();
        let error = cli.settings.load().unwrap_err().to_string();
        assert!(
            error.contains("cameras.gate.source") && error.contains("v4l2://"),
            "{error}"
        );
    }
}
