//! What was measured, in all and per second.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    Case, Player,
    browser::{Cpu, Memory},
};

#[derive(Serialize)]
pub(super) struct Report {
    title: String,
    rows: Vec<Row>,
}

/// One case.
#[derive(Serialize)]
pub(super) struct Row {
    case: Case,
    /// Tiles that can be seen.
    seen: usize,
    /// Streams that the relay sends.
    streams: u64,
    seconds: f64,
    main_thread_s: f64,
    script_s: f64,
    renderer_s: f64,
    graphics_s: f64,
    others_s: f64,
    route: String,
    frames: BTreeMap<String, Frames>,
    /// At the beginning, every minute, and at the end.
    pub(super) memory: Vec<Memory>,
}

/// Of a camera whose tile can be seen.
#[derive(Default, Serialize)]
struct Frames {
    received: u64,
    shown: u64,
    dropped: BTreeMap<String, u64>,
}

impl Frames {
    /// What the relay leaves out for a slow connection, it does not send, and says so.
    fn sent(&self) -> u64 {
        self.received + self.dropped.get("slow connection").unwrap_or(&0)
    }
}

impl Row {
    pub(super) fn new(case: Case, seen: usize, streams: u64) -> Self {
        Self {
            case,
            seen,
            streams,
            seconds: 0.0,
            main_thread_s: 0.0,
            script_s: 0.0,
            renderer_s: 0.0,
            graphics_s: 0.0,
            others_s: 0.0,
            route: String::new(),
            frames: BTreeMap::new(),
            memory: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, cpu: &Cpu, length: Duration) {
        self.seconds += length.as_secs_f64();
        self.main_thread_s += cpu.main_thread.as_secs_f64();
        self.script_s += cpu.script.as_secs_f64();
        self.renderer_s += cpu.renderer.as_secs_f64();
        self.graphics_s += cpu.graphics.as_secs_f64();
        self.others_s += cpu.others.as_secs_f64();
    }

    /// What came between two looks at the same page.
    pub(super) fn count(&mut self, before: &[Player], after: &[Player]) {
        for (before, after) in before.iter().zip(after) {
            if !after.seen {
                continue;
            }
            self.route.clone_from(&after.route);
            let frames = self.frames.entry(after.camera.clone()).or_default();
            frames.received += after.received - before.received;
            frames.shown += after.shown - before.shown;
            for (reason, count) in &after.dropped {
                let earlier = before.dropped.get(reason).copied().unwrap_or_default();
                *frames.dropped.entry(reason.clone()).or_default() += count - earlier;
            }
        }
    }

    fn print(&self) {
        let frames = || self.frames.values();
        let rates = frames().map(|it| it.shown as f64 / self.seconds);
        let fewest = rates.clone().reduce(f64::min);
        let fps = rates.sum::<f64>() / self.frames.len() as f64;
        let fps = fewest.map_or("-".into(), |fewest| format!("{fps:.1}, {fewest:.1}"));
        let sent: u64 = frames().map(Frames::sent).sum();
        let dropped: u64 = frames().flat_map(|it| it.dropped.values()).sum();
        println!(
            "| {} | {}, {} | {:.0} | {:.1} ({:.1}) | {:.1} | {:.1} | {:.1} | {fps} | {dropped} of {} |",
            format!("{:?}", self.case).to_lowercase(),
            self.seen,
            self.streams,
            self.seconds,
            self.per_second(self.main_thread_s),
            self.per_second(self.script_s),
            self.per_second(self.renderer_s),
            self.per_second(self.graphics_s),
            self.per_second(self.others_s),
            sent,
        );
    }

    /// Milliseconds.
    fn per_second(&self, seconds: f64) -> f64 {
        seconds / self.seconds * 1e3
    }

    fn print_memory(&self) {
        let [Some(first), Some(last)] = [self.memory.first(), self.memory.last()] else {
            return;
        };
        let most = self.memory.iter().map(|it| it.renderer_kib).max();
        let figures = [
            (first.heap_kib, last.heap_kib),
            (first.buffers_kib, last.buffers_kib),
            (first.renderer_kib, last.renderer_kib),
            (first.graphics_kib, last.graphics_kib),
            (first.others_kib, last.others_kib),
        ];
        let figures = figures.map(|(first, last)| {
            let (first, last) = (first as f64 / 1024.0, last as f64 / 1024.0);
            format!("{last:.1} ({:+.1})", last - first)
        });
        println!(
            "| {} | {} | {:.1} |",
            format!("{:?}", self.case).to_lowercase(),
            figures.join(" | "),
            most.unwrap_or_default() as f64 / 1024.0
        );
    }
}

impl Report {
    pub(super) fn new(title: String, rows: Vec<Row>) -> Self {
        Self { title, rows }
    }

    pub(super) fn print(&self) {
        let routes: std::collections::BTreeSet<_> =
            self.rows.iter().map(|row| &row.route).collect();
        let routes: Vec<_> = routes
            .into_iter()
            .filter(|it| !it.is_empty())
            .cloned()
            .collect();
        println!("{}; {}\n", self.title, routes.join(", "));
        println!("Milliseconds of CPU time in a second:\n");
        println!(
            "| case | tiles seen, streams | seconds | main thread (script) | renderer | graphics process | other processes | fps shown, fewest | dropped |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for row in &self.rows {
            row.print();
        }
        println!("\nMiB at the end (growth):\n");
        println!(
            "| case | heap of scripts | their buffers | renderer | graphics process | other processes | renderer, most |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        for row in &self.rows {
            row.print_memory();
        }
        println!();
    }
}
