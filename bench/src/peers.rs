//! Other servers of Motion JPEG, as far as they are installed and run without a camera.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::{
    content,
    process::{Process, free_address, this_program, wait_for},
    shape::{Route, Shape},
};

/// A program that serves pictures to many viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// mjpg-streamer with the plugins `input_file` and `output_http`: sends a file 30 times a second.
    MjpgStreamer,
    /// motion: decodes what a camera sends, looks for motion, and encodes for its viewers.
    Motion,
    /// nginx: a file, which each viewer asks for as often as it wants a frame. It does not stream.
    Nginx,
}

/// How long a peer may take to have pictures.
const START: Duration = Duration::from_secs(20);

/// A peer that serves.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// What viewers ask for, and how.
    pub(crate) path: &'static str,
    pub(crate) route: Route,
    /// A server that plays its camera.
    _camera: Option<Process>,
    _folder: TempDir,
}

impl Peer {
    /// Those that are installed.
    pub(crate) fn installed() -> Vec<Self> {
        [Self::MjpgStreamer, Self::Motion, Self::Nginx]
            .into_iter()
            .filter(|peer| peer.program().is_some())
            .collect()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MjpgStreamer => "mjpg-streamer",
            Self::Motion => "motion",
            Self::Nginx => "nginx, a request a frame",
        }
    }

    fn program(self) -> Option<PathBuf> {
        let name = match self {
            Self::MjpgStreamer => "mjpg_streamer",
            Self::Motion => "motion",
            Self::Nginx => "nginx",
        };
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .chain(["/usr/sbin".into()])
            .map(|folder| folder.join(name))
            .find(|path| path.exists())
    }

    pub(crate) fn start(self, shape: &Shape) -> anyhow::Result<Running> {
        let program = self
            .program()
            .with_context(|| format!("{} is not installed", self.name()))?;
        let folder = tempfile::tempdir()?;
        let pictures = folder.path().join("pictures");
        std::fs::create_dir(&pictures)?;
        std::fs::write(
            pictures.join("picture.jpg"),
            content::jpeg(shape.frame_bytes)?,
        )?;
        let address = free_address()?;
        let port = address.port();
        let mut command = Command::new(program);
        let mut camera = None;
        let (path, route) = match self {
            Self::MjpgStreamer => {
                let delay = 1.0 / shape.fps.max(0.001);
                command.args([
                    "-i",
                    &format!("input_file.so -e -f {} -d {delay}", pictures.display()),
                    "-o",
                    &format!("output_http.so -p {port} -l 127.0.0.1"),
                ]);
                ("/?action=stream", Route::Multipart)
            }
            Self::Motion => {
                let server = Shape {
                    route: Route::Multipart,
                    ..shape.clone()
                };
                let mut source = Process::start(this_program("floor")?.args(server.flags()))?;
                let from: u16 = source.line()?.parse().context("the camera's port")?;
                camera = Some(source);
                let file = folder.path().join("motion.conf");
                std::fs::write(&file, motion(shape, folder.path(), from, port))?;
                command.arg("-n").arg("-c").arg(file);
                ("/", Route::Multipart)
            }
            Self::Nginx => {
                let file = folder.path().join("nginx.conf");
                std::fs::write(&file, nginx(folder.path(), &pictures, port))?;
                command.arg("-p").arg(folder.path()).arg("-c").arg(file);
                ("/picture.jpg", Route::Poll)
            }
        };
        let process = Process::start_measured(&mut command)?;
        wait_for(address)
            .and_then(|()| wait_for_pictures(address, path, shape.frame_bytes))
            .with_context(|| format!("{} does not start", self.name()))?;
        Ok(Running {
            process,
            address,
            path,
            route,
            _camera: camera,
            _folder: folder,
        })
    }
}

/// Waits until a viewer gets half a frame: some listen before they have a camera.
fn wait_for_pictures(address: SocketAddr, path: &str, frame_bytes: usize) -> anyhow::Result<()> {
    let deadline = Instant::now() + START;
    loop {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(socket, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
        let mut picture = vec![0; frame_bytes / 2];
        if socket.read_exact(&mut picture).is_ok() {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "no picture within {START:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn motion(shape: &Shape, folder: &Path, from: u16, port: u16) -> String {
    let (width, height) = content::CARD_SIZE;
    let (folder, fps) = (folder.display(), shape.fps);
    format!(
        "daemon off\nsetup_mode off\nlog_level 4\ntarget_dir {folder}\npid_file {folder}/pid\n\
         netcam_url http://127.0.0.1:{from}/\nwidth {width}\nheight {height}\nframerate {fps}\n\
         picture_output off\nmovie_output off\nthreshold 1000000\n\
         stream_port {port}\nstream_localhost on\nstream_maxrate {fps}\nstream_quality 80\nwebcontrol_port 0\n"
    )
}

/// One process, which sends files without a copy, and looks for them once.
fn nginx(folder: &Path, pictures: &Path, port: u16) -> String {
    let (folder, pictures) = (folder.display(), pictures.display());
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/errors;\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000000;\n\
           open_file_cache max=10 inactive=1h;\n  open_file_cache_valid 1h;\n\
           client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n\
           fastcgi_temp_path {folder}/fastcgi;\n  uwsgi_temp_path {folder}/uwsgi;\n  scgi_temp_path {folder}/scgi;\n\
           server {{ listen 127.0.0.1:{port}; root {pictures}; types {{ image/jpeg jpg; }} }}\n}}\n"
    )
}
