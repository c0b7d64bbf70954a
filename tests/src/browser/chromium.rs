//! A browser for one test.

use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use chromiumoxide::{
    Browser,
    cdp::browser_protocol::browser::{SetDownloadBehaviorBehavior, SetDownloadBehaviorParams},
    handler::HandlerConfig,
};
use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::page::Page;
use crate::eventually;

/// A name for this machine that does not make a page secure, as `localhost` and `127.0.0.1` do.
pub const INSECURE_HOST: &str = "relay.test";

const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--window-size=1280,800",
    "--host-resolver-rules=MAP relay.test 127.0.0.1",
    "about:blank",
];

/// How long a busy machine may take to start it.
const START: Duration = Duration::from_secs(30);

/// A running browser with a profile of its own. Dropped, it is gone with all its processes and files.
pub struct Chromium {
    browser: Browser,
    events: JoinHandle<()>,
    // Before the profile: its processes must not write into a folder that is being removed.
    _processes: Processes,
    profile: TempDir,
}

impl Chromium {
    /// # Panics
    /// If there is no Chromium, or it does not start.
    pub async fn start() -> Self {
        let profile = TempDir::with_prefix("sightline-browser-").expect("a temporary folder");
        let mut processes = Processes::start(&profile).expect("setpriv is there");
        let url = eventually("chromium answers", START, async || processes.url(&profile)).await;
        let config = HandlerConfig {
            viewport: None,
            ..HandlerConfig::default()
        };
        let (browser, mut handler) = Browser::connect_with_config(url, config)
            .await
            .expect("it takes a debugger");
        let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
        Self {
            browser,
            events,
            _processes: processes,
            profile,
        }
    }

    /// Opens a new tab in front of the others, and shows what is at `url` there.
    pub async fn open(&self, url: &str) -> Page {
        let page = self.browser.new_page("about:blank").await.expect("a tab");
        let page = Page::new(page).await.expect("a tab that can be watched");
        page.go(url).await;
        page
    }

    /// Lets pages save files; gives where to.
    pub async fn downloads(&self) -> std::path::PathBuf {
        let folder = self.profile.path().join("saved");
        let behavior = SetDownloadBehaviorParams::builder()
            .behavior(SetDownloadBehaviorBehavior::Allow)
            .download_path(folder.display().to_string())
            .build()
            .expect("all that it needs");
        self.browser.execute(behavior).await.expect("it obeys");
        folder
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.events.abort();
    }
}

/// How long a killed process may take to go.
const END: Duration = Duration::from_secs(5);

/// The browser's process and all that it started, in a process group of their own.
struct Processes {
    first: Child,
    profile: String,
}

impl Processes {
    fn start(profile: &TempDir) -> Result<Self> {
        let output = File::create(profile.path().join("output"))?;
        // setpriv becomes the browser, and has the kernel kill it should the test be killed.
        let first = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "chromium"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(FLAGS)
            // Where it would keep reports of crashes.
            .env("HOME", profile.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()?;
        Ok(Self {
            first,
            profile: profile.path().display().to_string(),
        })
    }

    /// Where the browser waits for us, once it does.
    fn url(&mut self, profile: &TempDir) -> Result<String> {
        let output = || std::fs::read_to_string(profile.path().join("output")).unwrap_or_default();
        if let Some(status) = self.first.try_wait()? {
            panic!("chromium ended with {status}: make install\n{}", output());
        }
        let path = profile.path().join("DevToolsActivePort");
        let file = std::fs::read_to_string(path).with_context(output)?;
        let (port, path) = file.split_once('\n').context("half a file")?;
        ensure!(path.starts_with('/'), "half a file");
        Ok(format!("ws://127.0.0.1:{port}{}", path.trim_end()))
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // Only until the first one is waited for does the number mean this group.
        let _ = kill_process_group(Pid::from_child(&self.first), Signal::KILL);
        let _ = self.first.wait();
        // The others are not ours to wait for; while they end, they may still write into the profile.
        let start = Instant::now();
        while !users_of(&self.profile).is_empty() && start.elapsed() < END {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Processes that name the folder in their command line.
fn users_of(folder: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("a Linux");
    processes
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("cmdline")).ok())
        .filter(|command| command.contains(folder))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_browser_leaves_no_process_and_no_file_behind() {
        let chromium = Chromium::start().await;
        let page = chromium.open("about:blank").await;
        let folder = chromium.profile.path().to_owned();
        let name = folder.to_str().expect("a name").to_owned();
        assert!(users_of(&name).len() > 1, "a browser has many processes");
        drop((page, chromium));
        assert_eq!(users_of(&name), [""; 0]);
        assert!(!folder.exists());
    }
}
