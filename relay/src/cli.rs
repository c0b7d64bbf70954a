//! The command line.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use sightline_bus::Bus;
use sightline_cli::{Exit, Flags};
use tokio::net::TcpListener;

use crate::{Config, frames::FrameThread, serve::serve_on};

mod client;
mod files;
mod health;
mod top;

/// Serves cameras to browsers and other viewers.
///
/// Cameras come from publishers over NATS; any number of relays can serve them side by side.
#[derive(Debug, Parser)]
#[command(name = "sightline-relay", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve viewers until told to stop; this is what happens without a command
    Run,
    /// Look whether the settings are good, and exit
    Check,
    /// Ask the relay that runs with these settings whether it is ready; exits with 3 if it is not
    Healthcheck,
    /// Show relays and cameras, as the relay that runs with these settings knows them, until told to stop
    Top {
        /// Print one table, and exit; with 3 if the relay does not answer
        #[arg(long)]
        once: bool,
    },
}

#[derive(Debug, Args)]
struct Settings {
    /// Where NATS is; several servers of a cluster with commas between [default: nats://127.0.0.1:4222]
    #[arg(global = true, long, value_name = "URL")]
    nats: Option<String>,
    /// Address and port to serve viewers at [default: 127.0.0.1:8080]
    #[arg(global = true, long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    common: Flags,
}

const EXAMPLES: &str = "\
Examples:
  sightline-relay                                        NATS and viewers on this host
  sightline-relay --nats nats://10.0.0.5:4222 --listen 0.0.0.0:8080
                                                         serve the network; there is no authentication
  sightline-relay --config relay.toml                    all settings from a file
  sightline-relay check --config relay.toml              is the file good?
  sightline-relay top --listen 10.0.0.7:8080             all relays and cameras, in the terminal
  SIGHTLINE_NATS__TOKEN=... sightline-relay              any setting from the environment

Then open http://127.0.0.1:8080/ in a browser, or
  ffplay http://127.0.0.1:8080/api/cameras/SITE/CAMERA/stream.mjpeg

Settings come from the file, then the environment (SIGHTLINE_HTTP__MAX_CONNECTIONS is http.max_connections),
then flags. Exit codes: 0 stopped when told to, 1 failed, 2 wrong command line, 3 not ready, 78 wrong settings.";

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    sightline_cli::run(async {
        match cli.command {
            None | Some(Command::Run) => run(&cli.settings).await,
            Some(Command::Check) => check(&cli.settings).await,
            Some(Command::Healthcheck) => healthcheck(&cli.settings).await,
            Some(Command::Top { once }) => top::run(load(&cli.settings)?.listen, once).await,
        }
    })
}

fn load(settings: &Settings) -> anyhow::Result<Config> {
    let config: Config = settings.common.load(|layers| {
        layers.set("nats.url", settings.nats.as_deref());
        layers.set("listen", settings.listen.map(|address| address.to_string()));
    })?;
    config
        .check()
        .map_err(|error| Exit::Settings.because(error))?;
    Ok(config)
}

async fn run(settings: &Settings) -> anyhow::Result<()> {
    let config = load(settings)?;
    config.log.start()?;
    files::allow(config.http.max_connections);
    let shutdown = sightline_cli::shutdown_on_signals().context("cannot listen to signals")?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen: cannot bind to {}", config.listen))?;
    let frames = FrameThread::start().context("cannot start a thread")?;
    let bus = frames
        .run({
            let config = config.clone();
            async move { connect(&config).await }
        })
        .await
        .context("cannot connect")??;
    serve_on(&frames, config, bus, listener, shutdown).await?;
    Ok(())
}

async fn check(settings: &Settings) -> anyhow::Result<()> {
    let config = load(settings)?;
    connect(&config).await?;
    println!("the settings are good");
    Ok(())
}

async fn connect(config: &Config) -> anyhow::Result<Bus> {
    Bus::connect(&config.nats)
        .await
        .map_err(|error| Exit::Settings.because(error))
}

async fn healthcheck(settings: &Settings) -> anyhow::Result<()> {
    let config = load(settings)?;
    ask_ready(config.listen).await
}

/// Asks the relay that listens at `listen` whether it is ready. If not, the error says why, and makes the
/// program exit with 3.
pub async fn ask_ready(listen: SocketAddr) -> anyhow::Result<()> {
    health::ask(listen, PATIENCE)
        .await
        .map_err(|reason| Exit::Unhealthy.because(reason))
}

/// A relay that has not said within this time that it is ready is not.
const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_may_stand_on_either_side_of_a_command() {
        for line in [
            ["sightline-relay", "--listen", "127.0.0.1:9", "check"],
            ["sightline-relay", "check", "--listen", "127.0.0.1:9"],
        ] {
            let cli = Cli::parse_from(line);
            assert!(matches!(cli.command, Some(Command::Check)));
            assert_eq!(load(&cli.settings).unwrap().listen.port(), 9);
        }
    }

    #[test]
    fn flags_are_settings() {
        let cli = Cli::parse_from([
            "sightline-relay",
            "--nats",
            "nats://broker:4222",
            "--listen",
            "127.0.0.1:9",
            "--log",
            "json",
        ]);
        let config = load(&cli.settings).unwrap();
        assert_eq!(config.nats.url, "nats://broker:4222");
        assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 9)));
    }
}
