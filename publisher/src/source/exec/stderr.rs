//! What a command says on its standard error, in our log.

use std::time::Instant;

use tokio::{io::AsyncReadExt as _, net::unix::pipe};

/// What is kept of a line; the rest of it is left out.
const LINE_BYTES: usize = 512;

/// Lines that may come at once at level info, and one more each second. What comes beyond is left out, and
/// how much is said with the next line.
const BURST_LINES: f64 = 20.0;

/// Writes lines to the log and remembers the last one.
#[derive(Default)]
pub(super) struct Log {
    lines: Lines,
    budget: Budget,
    last: Option<String>,
}

impl Log {
    /// Logs what comes until there is no more. Cancel safe.
    pub(super) async fn read(&mut self, stderr: &mut pipe::Receiver) {
        let mut buffer = [0; 1024];
        while let Ok(read) = stderr.read(&mut buffer).await {
            if read == 0 {
                break;
            }
            for line in self.lines.push(&buffer[..read]) {
                self.write(line);
            }
        }
        if let Some(line) = self.lines.finish() {
            self.write(line);
        }
    }

    /// The last line with anything in it.
    pub(super) fn last_line(&self) -> Option<&str> {
        self.last.as_deref()
    }

    fn write(&mut self, line: Line) {
        if line.progress {
            tracing::trace!(stderr = line.text);
            return;
        }
        match self.budget.spend(Instant::now()) {
            Some(0) => tracing::info!(stderr = line.text),
            Some(left_out) => tracing::info!(stderr = line.text, lines_left_out_before = left_out),
            None => {}
        }
        self.last = Some(line.text);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    text: String,
    /// It ended with a carriage return: the next one was meant to be written over it.
    progress: bool,
}

/// Cuts bytes into lines that are safe to show.
#[derive(Default)]
struct Lines {
    kept: Vec<u8>,
    /// The last byte was a carriage return.
    returned: bool,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        for &byte in bytes {
            if std::mem::take(&mut self.returned) && byte != b'\n' {
                lines.extend(self.end(true));
            }
            match byte {
                b'\r' => self.returned = true,
                b'\n' => lines.extend(self.end(false)),
                _ if self.kept.len() < LINE_BYTES => self.kept.push(byte),
                _ => {}
            }
        }
        lines
    }

    fn finish(&mut self) -> Option<Line> {
        self.end(false)
    }

    fn end(&mut self, progress: bool) -> Option<Line> {
        let bytes = std::mem::take(&mut self.kept);
        let text: String = String::from_utf8_lossy(&bytes)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let text = without_credentials(text.trim());
        (!text.is_empty()).then_some(Line { text, progress })
    }
}

/// `line` with user, password and query taken out of every URL in it.
fn without_credentials(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '<' | '>'))
            .unwrap_or(after.len());
        let (url, tail) = after.split_at(end);
        let (url, query) = url
            .split_once('?')
            .map_or((url, ""), |(url, _)| (url, "?..."));
        // A password may hold a slash, although it should not: the last @ ends it.
        match url.rsplit_once('@') {
            Some((_, host)) => {
                out.push_str("...@");
                out.push_str(host);
            }
            None => out.push_str(url),
        }
        out.push_str(query);
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// How many lines may be logged.
struct Budget {
    lines: f64,
    since: Option<Instant>,
    left_out: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            lines: BURST_LINES,
            since: None,
            left_out: 0,
        }
    }
}

impl Budget {
    /// How many lines were left out since the last one that was not, or `None` to leave this one out, too.
    fn spend(&mut self, now: Instant) -> Option<u64> {
        let passed = self
            .since
            .map_or(0.0, |since| now.duration_since(since).as_secs_f64());
        self.since = Some(now);
        self.lines = (self.lines + passed).min(BURST_LINES);
        if self.lines < 1.0 {
            self.left_out += 1;
            return None;
        }
        self.lines -= 1.0;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_are_cut_shortened_and_made_printable() {
        let mut lines = Lines::default();
        let long = "x".repeat(LINE_BYTES + 100);
        let mut got = lines.push(b"one\r\n\n  two\x1b[0");
        got.extend(lines.push(format!("m\nframe=1\rframe=2\r{long}").as_bytes()));
        got.extend(lines.finish());
        let expected = [
            ("one", false),
            ("two [0m", false),
            ("frame=1", true),
            ("frame=2", true),
            (&long[..LINE_BYTES], false),
        ];
        let got: Vec<_> = got
            .iter()
            .map(|line| (line.text.as_str(), line.progress))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn credentials_in_urls_are_not_shown() {
        for (line, shown) in [
            (
                "rtsp://me:secret@cam/1: refused",
                "rtsp://...@cam/1: refused",
            ),
            (
                "a 'http://x/?pwd=secret' b rtsp://u:se/cret@c",
                "a 'http://x/?...' b rtsp://...@c",
            ),
            ("no URL, mail me@host", "no URL, mail me@host"),
            ("http://plain/path", "http://plain/path"),
        ] {
            assert_eq!(without_credentials(line), shown);
        }
    }

    #[test]
    fn a_chatty_command_is_cut_short_and_heard_again_later() {
        let mut budget = Budget::default();
        let start = Instant::now();
        let heard = (0..100).filter(|_| budget.spend(start).is_some()).count();
        assert_eq!(heard, 20);
        assert_eq!(budget.spend(start + Duration::from_millis(2500)), Some(80));
        assert_eq!(budget.spend(start + Duration::from_millis(2500)), Some(0));
        assert_eq!(budget.spend(start + Duration::from_millis(2500)), None);
    }
}
