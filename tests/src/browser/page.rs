//! One tab, as people see and use it.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, Result, anyhow, ensure};
use chromiumoxide::cdp::{
    browser_protocol::page::{AddScriptToEvaluateOnNewDocumentParams, NavigateParams},
    js_protocol::runtime::EvaluateParams,
};
use serde::{Deserialize, de::DeserializeOwned};
use sightline_media::testcard;

use super::journal::Journal;
use crate::eventually;

/// How long anything in a healthy page may take.
pub const SOON: Duration = Duration::from_secs(10);

/// A picture that is so many frames on does move.
const FRAMES: u32 = 3;

const CELLS: u32 = 48;
/// The least height of a picture with a strip: that is one row then.
const ROWS: u32 = 15;

/// A tab.
pub struct Page {
    tab: chromiumoxide::Page,
    journal: Journal,
}

/// A player, as it looks now.
#[derive(Clone, Debug, Deserialize)]
pub struct Player {
    /// `site/camera`
    pub camera: String,
    /// What it says of itself.
    pub kind: String,
    /// What can be read over the picture.
    pub words: String,
    /// Of the picture, pixels.
    pub width: u32,
    /// Of the picture, pixels.
    pub height: u32,
    /// Whether the picture is shown as it is, neither darkened nor without colour.
    pub plain: bool,
    cells: Option<Vec<u8>>,
}

impl Player {
    /// The frame number on the picture that is on the screen.
    pub fn number(&self) -> Option<u32> {
        let cells = self.cells.as_ref()?;
        let rows = cells.repeat(ROWS as usize);
        testcard::read_number(&rows, CELLS, ROWS, CELLS as usize)
    }

    /// The same, where there must be one.
    pub fn picture(&self) -> Result<u32> {
        self.number()
            .with_context(|| format!("{}: no picture: {} {}", self.camera, self.kind, self.words))
    }

    /// Fails unless it is live and looks so.
    pub fn ensure_live(&self) -> Result<u32> {
        let number = self.picture()?;
        let marked = !self.words.is_empty() || !self.plain;
        ensure!(self.kind == "live" && !marked, "{self:?}");
        Ok(number)
    }
}

/// What one player showed while the tab recorded.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its states, in order.
    pub kinds: Vec<String>,
    /// Looks that found no picture.
    pub blanks: u32,
    /// Looks in all.
    pub looks: u32,
    /// Looks that found an earlier picture than the look before.
    pub backwards: u32,
    /// Pictures between one look and the next that were not seen.
    pub lost: u64,
    /// For how long, at most, there was no other picture.
    pub longest_ms: f64,
    /// The same of one that looked live.
    pub frozen_live_ms: f64,
    /// How old, at most, a picture was that was said to be live.
    pub live_latency_ms: f64,
}

impl Page {
    /// Takes a tab that has not loaded anything yet.
    pub async fn new(tab: chromiumoxide::Page) -> Result<Self> {
        let journal = Journal::follow(&tab).await?;
        let script = include_str!("page.js");
        tab.execute(AddScriptToEvaluateOnNewDocumentParams::new(script))
            .await?;
        Ok(Self { tab, journal })
    }

    /// Goes to an address.
    pub async fn go(&self, url: &str) {
        let went = self.tab.execute(NavigateParams::new(url)).await;
        let answer = went.expect("the browser obeys").result;
        assert_eq!(answer.error_text, None, "{url}");
    }

    /// The tab, for what only one test does.
    pub fn tab(&self) -> &chromiumoxide::Page {
        &self.tab
    }

    /// The value of an expression in the page.
    pub async fn eval<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        let parameters = EvaluateParams::builder()
            .expression(expression)
            .return_by_value(true)
            .await_promise(true)
            .build()
            .map_err(|error| anyhow!(error))?;
        let answer = self.tab.execute(parameters).await?.result;
        if let Some(details) = answer.exception_details {
            let thrown = details.exception.and_then(|thrown| thrown.description);
            return Err(anyhow!("{}: {}", details.text, thrown.unwrap_or_default()));
        }
        let value = answer.result.value.unwrap_or_default();
        serde_json::from_value(value.clone()).with_context(|| format!("{expression}: {value}"))
    }

    /// Does something in the page.
    pub async fn run(&self, statement: &str) {
        let done = self.eval::<()>(&format!("void ({statement})")).await;
        done.expect("the page does it");
    }

    /// Marks the page, so that [`Page::assert_kept`] can tell whether it is still the same.
    pub async fn mark(&self) {
        self.run("window.marker = 7").await;
    }

    /// Fails if the page was loaded again since it was marked.
    pub async fn assert_kept(&self) {
        let marker: Result<Option<u32>> = self.eval("window.marker").await;
        let marker = marker.expect("the page answers");
        assert_eq!(marker, Some(7), "the page was loaded again");
    }

    /// All players, in the order of the page.
    pub async fn players(&self) -> Result<Vec<Player>> {
        self.eval("sightlineTest.players()").await
    }

    /// The player of one camera.
    pub async fn player(&self, camera: &str) -> Result<Player> {
        let players = self.players().await?;
        let cameras: Vec<_> = players.iter().map(|player| player.camera.clone()).collect();
        let player = players.into_iter().find(|player| player.camera == camera);
        player.with_context(|| format!("{camera} is not among {cameras:?}"))
    }

    /// Waits until exactly these cameras are shown live, with pictures that move.
    pub async fn until_moving(&self, cameras: &[&str], deadline: Duration) {
        let mut first: HashMap<String, u32> = HashMap::new();
        let what = format!("{cameras:?} move");
        eventually(&what, deadline, async || {
            let players = self.players().await?;
            let shown: Vec<_> = players.iter().map(|player| &*player.camera).collect();
            ensure!(shown == cameras, "shown are {shown:?}");
            for player in &players {
                let number = player.ensure_live()?;
                let before = *first.entry(player.camera.clone()).or_insert(number);
                ensure!(
                    number >= before + FRAMES,
                    "{} stands at {number}",
                    player.camera
                );
            }
            Ok(())
        })
        .await;
    }

    /// Waits until a player fits.
    pub async fn until(
        &self,
        camera: &str,
        what: &str,
        deadline: Duration,
        fits: impl Fn(&Player) -> bool,
    ) -> Player {
        eventually(&format!("{camera} {what}"), deadline, async || {
            let player = self.player(camera).await?;
            ensure!(fits(&player), "{player:?}");
            Ok(player)
        })
        .await
    }

    /// Waits until an expression is true.
    pub async fn until_true(&self, what: &str, expression: &str) {
        eventually(what, SOON, async || {
            let value: serde_json::Value = self.eval(expression).await?;
            ensure!(value == true, "{expression} is {value}");
            Ok(())
        })
        .await;
    }

    /// Waits until a text that is on the screen, within what `selector` finds, contains `text`.
    pub async fn until_reads(&self, selector: &str, text: &str) -> String {
        eventually(&format!("{selector} reads {text:?}"), SOON, async || {
            let found = self.text(selector).await?;
            ensure!(found.contains(text), "it reads {found:?}");
            Ok(found)
        })
        .await
    }

    /// What is on the screen within what `selector` finds first.
    pub async fn text(&self, selector: &str) -> Result<String> {
        let expression = format!(
            "(() => {{ const found = document.querySelector({selector:?}); \
             return found && found.checkVisibility() ? found.innerText : null; }})()"
        );
        let text: Option<String> = self.eval(&expression).await?;
        text.with_context(|| format!("{selector} is not there"))
    }

    /// Clicks with the mouse on what `selector` finds, once it is there.
    pub async fn click(&self, selector: &str) {
        eventually(&format!("{selector} is there"), SOON, async || {
            self.tab.find_element(selector).await?.click().await?;
            anyhow::Ok(())
        })
        .await;
    }

    /// Presses a key.
    pub async fn press(&self, key: &str) {
        let key = chromiumoxide::keys::get_key_definition(key).expect("a key");
        key_event(self, key).await.expect("the browser obeys");
    }

    /// Begins to look at all players, 20 times a second.
    pub async fn record(&self) {
        self.record_every(Duration::from_millis(50)).await;
    }

    /// The same, so often.
    pub async fn record_every(&self, pause: Duration) {
        let call = format!("sightlineTest.record({})", pause.as_millis());
        self.run(&call).await;
    }

    /// What was seen since, by camera.
    pub async fn recorded(&self) -> HashMap<String, Record> {
        let recorded = self.eval("sightlineTest.recorded()").await;
        recorded.expect("the page recorded")
    }

    /// What the tab complained about and asked for.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Fails if anything was complained about but what contains one of `expected`, or if any other host
    /// than those at `addresses` (`host:port`) was asked for anything.
    pub fn assert_clean(&self, addresses: &[&str], expected: &[&str]) {
        let complaints = self.journal.complaints(expected);
        assert!(complaints.is_empty(), "{complaints:#?}");
        let requests = self.journal.requests();
        assert!(!requests.is_empty(), "no request was seen");
        for url in requests {
            let (scheme, rest) = url.split_once(':').expect("a scheme");
            let host = rest.trim_start_matches('/').split('/').next();
            let is_ours = host.is_some_and(|host| addresses.contains(&host));
            assert!(
                is_ours || ["blob", "data", "about"].contains(&scheme),
                "{url}"
            );
        }
    }
}

async fn key_event(page: &Page, key: &chromiumoxide::keys::KeyDefinition) -> Result<()> {
    use chromiumoxide::cdp::browser_protocol::input::{
        DispatchKeyEventParams, DispatchKeyEventType,
    };
    let event = |kind| {
        let event = DispatchKeyEventParams::builder()
            .r#type(kind)
            .key(key.key)
            .code(key.code)
            .windows_virtual_key_code(key.key_code);
        let event = match key.text.or((key.key.len() == 1).then_some(key.key)) {
            Some(text) => event.text(text),
            None => event,
        };
        event.build().map_err(|error| anyhow!(error))
    };
    let tab = page.tab();
    tab.execute(event(DispatchKeyEventType::KeyDown)?).await?;
    tab.execute(event(DispatchKeyEventType::KeyUp)?).await?;
    Ok(())
}
