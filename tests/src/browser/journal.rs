//! What a tab complained about, and what it asked the network for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use chromiumoxide::{
    Page,
    cdp::{
        IntoEventKind,
        browser_protocol::{
            audits::{self, EventIssueAdded, InspectorIssueCode},
            log::{EventEntryAdded, LogEntryLevel},
            network::{EventRequestWillBeSent, EventWebSocketCreated},
        },
        js_protocol::runtime::{ConsoleApiCalledType, EventConsoleApiCalled, EventExceptionThrown},
    },
};
use futures_util::StreamExt as _;

/// More than any test has; what comes after is left out, and the first ones tell.
const MAX_ENTRIES: usize = 10_000;

/// A growing record of one tab.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    complaints: Vec<String>,
    requests: Vec<String>,
    sockets: Vec<String>,
}

impl Journal {
    /// Begins the record of a tab that has not loaded anything yet.
    pub async fn follow(page: &Page) -> Result<Self> {
        let journal = Self::default();
        page.execute(audits::EnableParams::default()).await?;
        journal.on(page, console).await?;
        journal.on(page, exception).await?;
        journal.on(page, entry).await?;
        journal.on(page, issue).await?;
        journal.on(page, request).await?;
        journal.on(page, socket).await?;
        Ok(journal)
    }

    async fn on<T: IntoEventKind + Unpin + Send + Sync + 'static>(
        &self,
        page: &Page,
        note: impl Fn(&T, &mut Entries) + Send + 'static,
    ) -> Result<()> {
        let mut events = page.event_listener::<T>().await?;
        let journal = self.clone();
        // Ends with the tab's connection.
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                note(&event, &mut journal.entries());
            }
        });
        Ok(())
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Errors and warnings of scripts, of the network and of policies, but those that contain one of `expected`.
    pub fn complaints(&self, expected: &[&str]) -> Vec<String> {
        let entries = self.entries();
        let unexpected = |text: &&String| !expected.iter().any(|one| text.contains(one));
        entries
            .complaints
            .iter()
            .filter(unexpected)
            .cloned()
            .collect()
    }

    /// Every address that was asked for, of WebSockets too.
    pub fn requests(&self) -> Vec<String> {
        let entries = self.entries();
        [&entries.requests[..], &entries.sockets[..]].concat()
    }

    /// The address of every WebSocket that was opened.
    pub fn sockets(&self) -> Vec<String> {
        self.entries().sockets.clone()
    }
}

fn add(to: &mut Vec<String>, text: String) {
    if to.len() < MAX_ENTRIES {
        to.push(text);
    }
}

fn console(event: &EventConsoleApiCalled, entries: &mut Entries) {
    use ConsoleApiCalledType::{Assert, Error, Warning};
    if matches!(event.r#type, Error | Warning | Assert) {
        let words = event.args.iter().map(|arg| {
            let value = arg.value.as_ref().map(ToString::to_string);
            value
                .or_else(|| arg.description.clone())
                .unwrap_or_default()
        });
        let words = words.collect::<Vec<_>>().join(" ");
        add(&mut entries.complaints, format!("console: {words}"));
    }
}

fn exception(event: &EventExceptionThrown, entries: &mut Entries) {
    let details = &event.exception_details;
    let thrown = details.exception.as_ref();
    let what = thrown.and_then(|object| object.description.clone());
    let text = format!("exception: {} {}", details.text, what.unwrap_or_default());
    add(&mut entries.complaints, text);
}

fn entry(event: &EventEntryAdded, entries: &mut Entries) {
    let entry = &event.entry;
    if matches!(entry.level, LogEntryLevel::Error | LogEntryLevel::Warning) {
        let url = entry.url.as_deref().unwrap_or_default();
        let text = format!("{}: {} {url}", entry.source.as_ref(), entry.text);
        add(&mut entries.complaints, text);
    }
}

fn issue(event: &EventIssueAdded, entries: &mut Entries) {
    let issue = &event.issue;
    if issue.code == InspectorIssueCode::ContentSecurityPolicyIssue {
        let details = issue.details.content_security_policy_issue_details.as_ref();
        let what = details.map(|it| (&it.violated_directive, &it.blocked_url));
        add(&mut entries.complaints, format!("policy: {what:?}"));
    }
}

fn request(event: &EventRequestWillBeSent, entries: &mut Entries) {
    add(&mut entries.requests, event.request.url.clone());
}

fn socket(event: &EventWebSocketCreated, entries: &mut Entries) {
    add(&mut entries.sockets, event.url.clone());
}
