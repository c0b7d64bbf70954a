//! Real nats-servers, old and current.

use std::{fmt::Write as _, io::Read as _, net::TcpStream, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    eventually, port,
    process::{Launch, Process, root},
};

/// Which nats-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Debian's package: 2.9 in Debian 12, the oldest that must work.
    Debian,
    /// A current one, from PyPI.
    Current,
}

impl Version {
    /// Where it is: see `scripts/install`.
    fn program(self) -> PathBuf {
        let known = match self {
            Self::Debian => ["/usr/sbin/nats-server", "/usr/bin/nats-server"].map(PathBuf::from),
            Self::Current => {
                ["target/tools/nats-server/bin/nats-server"; 2].map(|p| root().join(p))
            }
        };
        let found = known.iter().find(|path| path.exists());
        found
            .unwrap_or_else(|| panic!("{self:?} nats-server is not at {known:?}: make install"))
            .clone()
    }

    /// Its settings for video that the project ships, without the port.
    pub fn shipped(self) -> String {
        let path = self.shipped_config();
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        text.replace("port: 4222", "")
    }

    /// The configuration file for servers of this version that the project ships.
    pub fn shipped_config(self) -> PathBuf {
        root().join(match self {
            Self::Debian => "deploy/nats/nats-2.9.conf",
            Self::Current => "deploy/nats/nats.conf",
        })
    }
}

/// A running server with a folder of its own.
#[derive(Debug)]
pub struct Server {
    version: Version,
    host: String,
    port: u16,
    launch: Launch,
    name: String,
    folder: TempDir,
    process: Process,
}

impl Server {
    /// Starts a server with the settings in `config` (its own configuration language) beside name and
    /// address, and waits until it answers.
    pub async fn start(version: Version, config: &str) -> Self {
        Self::start_at(version, "127.0.0.1", config, Launch::default()).await
    }

    /// The same at an address of this machine, or of the namespace that `launch` starts it in.
    pub async fn start_at(version: Version, host: &str, config: &str, launch: Launch) -> Self {
        let (port, folder) = (port::free(), TempDir::new().expect("a temporary folder"));
        let name = format!("sightline-test-{port}-{}", std::process::id());
        let mut text = format!("server_name: \"{name}\"\nlisten: \"{host}:{port}\"\n");
        writeln!(text, "{config}").expect("a string takes it");
        let path = folder.path().join("nats.conf");
        std::fs::write(path, text).expect("the folder can be written to");
        let process = spawn(version, &folder, &launch);
        let server = Self {
            version,
            host: host.to_owned(),
            port,
            launch,
            name,
            folder,
            process,
        };
        server.until_ready().await;
        server
    }

    /// Whether the configuration at `path` is one that this version takes; else why not.
    pub async fn check_config(version: Version, path: &std::path::Path) -> Result<()> {
        let path = path.to_str().context("not a name")?;
        let arguments = ["-t", "-c", path];
        let (code, text) =
            crate::process::run(&version.program(), &arguments, Duration::from_secs(10)).await;
        ensure!(code == 0, "{version:?} refuses {path}: {text}");
        Ok(())
    }

    /// `nats://host:port`
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// `host:port`
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The running program.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again at the same address after [`Server::kill`].
    pub async fn restart(&mut self) {
        self.process = spawn(self.version, &self.folder, &self.launch);
        self.until_ready().await;
    }

    /// Stops it where it stands: connections stay open, and nothing answers.
    pub fn freeze(&self) {
        self.process.signal(Signal::STOP).expect("it runs");
    }

    /// The opposite of [`Server::freeze`].
    pub fn thaw(&self) {
        self.process.signal(Signal::CONT).expect("it runs");
    }

    /// Waits until the server at our port says that it is ours: the first thing that it sends is its name.
    async fn until_ready(&self) {
        let own = format!("\"server_name\":\"{}\"", self.name);
        eventually("nats-server answers", Duration::from_secs(10), async || {
            let mut stream = TcpStream::connect(self.address())?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            let mut start = [0; 2048];
            let len = stream.read(&mut start)?;
            let info = String::from_utf8_lossy(&start[..len]);
            ensure!(info.contains(&own), "another server has our port: {info}");
            anyhow::Ok(())
        })
        .await;
    }
}

fn spawn(version: Version, folder: &TempDir, launch: &Launch) -> Process {
    let path = folder.path().join("nats.conf");
    let arguments = ["-c".to_owned(), path.display().to_string()];
    Process::launch("nats-server", &version.program(), &arguments, launch)
        .expect("nats-server starts")
}
