//! The command line.

use std::{
    net::{IpAddr, SocketAddr},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use sightline_cli::{Exit, Flags, Reload};
use sightline_proto::Token;
use tokio::net::TcpListener;

use crate::{config::Config, run};

/// Live cameras in a browser, from one process and without a broker.
///
/// Without a camera it shows a test pattern, three pictures, and the first camera of this machine.
#[derive(Debug, Parser)]
#[command(name = "sightline", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve cameras until told to stop; this is what happens without a command
    Run,
    /// Look whether the settings are good, say what would run, and exit
    Check,
    /// Ask the program that runs with these settings whether it is ready; exits with 3 if it is not
    Healthcheck,
}

#[derive(Debug, Args)]
struct Settings {
    /// Address and port to serve viewers at [default: 127.0.0.1:8080]
    #[arg(global = true, long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// A camera: a name and where its pictures come from; may be given many times
    #[arg(global = true, long = "camera", value_name = "NAME=SOURCE", value_parser = sightline_publisher::named_source)]
    cameras: Vec<(Token, String)>,
    /// The site that the cameras are at [default: local]
    #[arg(global = true, long, value_name = "NAME")]
    site: Option<String>,
    #[command(flatten)]
    common: Flags,
}

const EXAMPLES: &str = "\
Examples:
  sightline                                             the demo, on http://127.0.0.1:8080
  sightline --camera desk=v4l2:///dev/video0            a camera of this machine
  sightline --camera door=http://user:secret@192.0.2.10/video.mjpg --camera test=test://
  sightline --listen 0.0.0.0:8080                       serve the network; there is no authentication

To have cameras in one place and viewers in another, use sightline-publisher and sightline-relay.

Settings come from the file, then the environment (SIGHTLINE_HTTP__MAX_CONNECTIONS is http.max_connections),
then flags. Exit codes: 0 stopped when told to, 1 failed, 2 wrong command line, 3 not ready, 78 wrong settings.";

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    sightline_cli::run(async {
        match cli.command {
            None | Some(Command::Run) => serve(&cli.settings).await,
            Some(Command::Check) => check(&cli.settings),
            Some(Command::Healthcheck) => healthcheck(&cli.settings).await,
        }
    })
}

fn load(settings: &Settings) -> anyhow::Result<Config> {
    let config: Config = settings.common.load(|layers| {
        layers.set("listen", settings.listen.map(|address| address.to_string()));
        layers.set("site", settings.site.as_deref());
        for (name, source) in &settings.cameras {
            layers.set(format!("cameras.{name}.source"), Some(source.as_str()));
        }
    })?;
    let config = config.or_demo(sightline_publisher::first_capture_device().as_deref());
    config
        .publisher()
        .validate()
        .map_err(|error| Exit::Settings.because(error))?;
    config
        .relay()
        .check()
        .map_err(|error| Exit::Settings.because(error))?;
    Ok(config)
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let reload = Reload::new(settings.common.file()).context("cannot listen to signals")?;
    let config = load(settings)?;
    config.log.start()?;
    let shutdown = sightline_cli::shutdown_on_signals().context("cannot listen to signals")?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen: cannot bind to {}", config.listen))?;
    welcome(listener.local_addr()?, &config);
    let (changed, changes) = tokio::sync::mpsc::channel(1);
    let serve = run::run(&config, changes, listener, shutdown);
    let read_again = reload.run(
        || load(settings),
        async |new| {
            if new.relay() != config.relay() {
                tracing::warn!(
                    "settings other than cameras changed: that holds from the next start on"
                );
            }
            drop(changed.send(new.publisher()).await);
        },
    );
    tokio::select! {
        result = serve => result,
        never = read_again => match never {},
    }
}

/// What somebody who just started the program wants to know, apart from the log.
fn welcome(mut address: SocketAddr, config: &Config) {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    println!("\n  Sightline is at http://{address}\n");
    for name in config.cameras.keys() {
        println!("  {}/{name}", config.site);
    }
    println!("\n  Ctrl-C stops it.\n");
}

fn check(settings: &Settings) -> anyhow::Result<()> {
    let config = load(settings)?;
    println!("the settings are good: {} cameras", config.cameras.len());
    Ok(())
}

async fn healthcheck(settings: &Settings) -> anyhow::Result<()> {
    let config = load(settings)?;
    sightline_relay::ask_ready(config.listen).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn cameras_are_settings() {
        let cli = Cli::parse_from([
            "sightline",
            "--site",
            "farm",
            "--camera",
            "gate=test://?fps=5",
        ]);
        let config = load(&cli.settings).unwrap();
        assert_eq!(config.site, "farm");
        assert_eq!(config.cameras["gate"].source, "test://?fps=5");
    }

    #[test]
    fn a_wrong_source_is_a_wrong_setting() {
        let cli = Cli::parse_from(["sightline", "--camera", "gate=gopher://x"]);
        let error = load(&cli.settings).unwrap_err().to_string();
        assert!(
            error.contains("gate") && error.contains("gopher"),
            "{error}"
        );
    }
}
