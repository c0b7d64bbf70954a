//! Chromium without a screen and without a graphics processor, and what the kernel says of it.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chromiumoxide::{
    Browser, BrowserConfig, Page,
    cdp::{
        browser_protocol::{
            emulation::SetDeviceMetricsOverrideParams,
            performance::{DisableParams, EnableParams, EnableTimeDomain, GetMetricsParams},
            system_info::GetProcessInfoParams,
        },
        js_protocol::{
            heap_profiler::CollectGarbageParams,
            runtime::{EvaluateParams, GetHeapUsageParams},
        },
    },
};
use futures_util::StreamExt as _;
use nix::unistd::Pid;
use serde::{Serialize, de::DeserializeOwned};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::process::{cpu_of, rss_kib_of};

/// As the browser's tests start it. The library adds those for its own port and profile.
const FLAGS: [&str; 7] = [
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
];

/// A browser with a profile of its own.
pub(super) struct Chromium {
    browser: Browser,
    events: JoinHandle<()>,
    _profile: TempDir,
}

/// CPU time so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cpu {
    pub(super) main_thread: Duration,
    pub(super) script: Duration,
    pub(super) renderer: Duration,
    pub(super) graphics: Duration,
    pub(super) others: Duration,
}

/// After a collection of garbage.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Memory {
    pub(super) heap_kib: u64,
    /// Bytes that scripts hold outside of their heap: messages, pictures.
    pub(super) buffers_kib: u64,
    pub(super) renderer_kib: u64,
    pub(super) graphics_kib: u64,
    pub(super) others_kib: u64,
}

impl Cpu {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            main_thread: self.main_thread - before.main_thread,
            script: self.script - before.script,
            renderer: self.renderer - before.renderer,
            graphics: self.graphics - before.graphics,
            others: self.others - before.others,
        }
    }
}

impl Chromium {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let profile = TempDir::with_prefix("sightline-bench-")?;
        let config = BrowserConfig::builder()
            .new_headless_mode()
            .no_sandbox()
            .viewport(None)
            .user_data_dir(profile.path())
            .launch_timeout(Duration::from_secs(60))
            .disable_default_args()
            .args(FLAGS)
            .build()
            .map_err(|error| anyhow!(error))?;
        let launched = Browser::launch(config).await;
        let (browser, mut handler) = launched.context("cannot start chromium")?;
        let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
        Ok(Self {
            browser,
            events,
            _profile: profile,
        })
    }

    /// A tab in front of the others, with a window of this size inside.
    pub(super) async fn open(&self, url: &str, (width, height): (u32, u32)) -> anyhow::Result<Tab> {
        let page = self.browser.new_page("about:blank").await?;
        let size = SetDeviceMetricsOverrideParams::new(width, height, 1.0, false);
        page.execute(size).await?;
        // The library has enabled it with the clock on the wall.
        page.execute(DisableParams::default()).await?;
        let clock = EnableParams::builder().time_domain(EnableTimeDomain::ThreadTicks);
        page.execute(clock.build()).await?;
        page.goto(url).await?;
        Ok(Tab(page))
    }

    /// What it has used until now, with `tab` as the page.
    pub(super) async fn cpu(&self, tab: &Tab) -> anyhow::Result<Cpu> {
        let mut cpu = Cpu {
            script: tab.script().await?,
            ..Cpu::default()
        };
        for (part, process) in self.processes().await? {
            let used = cpu_of(process)?;
            match part {
                Part::Page => {
                    cpu.renderer = used;
                    cpu.main_thread = first_thread(process)?;
                }
                Part::Graphics => cpu.graphics += used,
                Part::Other => cpu.others += used,
            }
        }
        Ok(cpu)
    }

    pub(super) async fn memory(&self, tab: &Tab) -> anyhow::Result<Memory> {
        tab.0.execute(CollectGarbageParams::default()).await?;
        let heap = tab.0.execute(GetHeapUsageParams::default()).await?.result;
        let mut memory = Memory {
            heap_kib: heap.used_size as u64 / 1024,
            buffers_kib: heap.backing_storage_size as u64 / 1024,
            renderer_kib: 0,
            graphics_kib: 0,
            others_kib: 0,
        };
        for (part, process) in self.processes().await? {
            let kib = match part {
                Part::Page => &mut memory.renderer_kib,
                Part::Graphics => &mut memory.graphics_kib,
                Part::Other => &mut memory.others_kib,
            };
            *kib += rss_kib_of(process)?;
        }
        Ok(memory)
    }

    pub(super) async fn close(mut self) -> anyhow::Result<()> {
        self.browser.close().await?;
        self.browser.wait().await?;
        self.events.abort();
        Ok(())
    }

    async fn processes(&self) -> anyhow::Result<Vec<(Part, Pid)>> {
        let told = self
            .browser
            .execute(GetProcessInfoParams::default())
            .await?;
        let processes = told.result.process_info;
        // There are more renderers, for the window itself and in reserve. The page has worked the most.
        let page = processes
            .iter()
            .filter(|process| process.r#type == "renderer")
            .max_by(|a, b| a.cpu_time.total_cmp(&b.cpu_time))
            .map(|process| process.id);
        processes
            .iter()
            .map(|process| {
                let part = match &*process.r#type {
                    _ if Some(process.id) == page => Part::Page,
                    "GPU" => Part::Graphics,
                    _ => Part::Other,
                };
                Ok((part, Pid::from_raw(process.id.try_into()?)))
            })
            .collect()
    }
}

/// What a process is for.
enum Part {
    Page,
    Graphics,
    Other,
}

/// Of a renderer it is the one that runs the page: proc(5), `schedstat`, nanoseconds.
fn first_thread(process: Pid) -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/task/{process}/schedstat"))?;
    let used = text.split(' ').next().context("an empty schedstat")?;
    Ok(Duration::from_nanos(used.parse()?))
}

pub(super) struct Tab(Page);

impl Tab {
    /// The value of an expression in the page.
    pub(super) async fn eval<T: DeserializeOwned>(&self, expression: &str) -> anyhow::Result<T> {
        let parameters = EvaluateParams::builder()
            .expression(expression)
            .return_by_value(true)
            .await_promise(true)
            .build()
            .map_err(|error| anyhow!(error))?;
        let answer = self.0.execute(parameters).await?.result;
        if let Some(details) = answer.exception_details {
            anyhow::bail!("{}: {:?}", details.text, details.exception);
        }
        Ok(serde_json::from_value(
            answer.result.value.unwrap_or_default(),
        )?)
    }

    async fn script(&self) -> anyhow::Result<Duration> {
        let metrics = self
            .0
            .execute(GetMetricsParams::default())
            .await?
            .result
            .metrics;
        let script = metrics
            .iter()
            .find(|metric| metric.name == "ScriptDuration");
        Ok(Duration::from_secs_f64(
            script.context("no ScriptDuration")?.value,
        ))
    }
}
