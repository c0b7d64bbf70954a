//! `rtsp://`: a network camera that gives H.264 or H.265, with AAC if it has a microphone, or Motion JPEG.
//!
//! What stands behind `?` belongs to the camera; our own parameter stands behind `#`, as in
//! `rtsp://user:password@cam/stream?channel=1#transport=udp`:
//!
//! - `transport`: `tcp`, which passes every firewall and loses nothing, or `udp`; `tcp` if not given.
//!
//! Units are carried as they are. Of several tracks the first video and the first sound that can be carried are
//! taken, and the others left out.
//!
//! Each session has a thread with a runtime of its own: what its library spawns for saying goodbye to the camera
//! ends with it.

mod media;
mod modest;
mod session;
mod tracks;
mod words;

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use percent_encoding::percent_decode_str;
use retina::client::SessionGroup;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Error, Hint, InvalidSource, Output, Source, SourceUrl};

/// How long a camera may take for each answer, and from one frame to the next.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(350);

/// How long a session may take to end, goodbye included.
const LONGEST_STOP: Duration = Duration::from_millis(450);

/// The source that `url` names. Opens nothing.
pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    Ok(Box::new(Rtsp {
        target: Arc::new(Target::new(url, PATIENCE)?),
    }))
}

/// The refusal of `rtsps://`, in words that help.
pub(crate) fn refuse_encrypted(url: &SourceUrl) -> InvalidSource {
    url.invalid(
        "encrypted RTSP is not supported: write rtsp:// if the camera has that too, or \
         exec:ffmpeg -i rtsps://... -an -c:v copy -f h264 -",
    )
}

/// What is opened.
struct Target {
    /// Without user, password and fragment.
    url: Url,
    /// User and password.
    login: Option<(String, String)>,
    transport: Transport,
    /// For people, without anything secret.
    what: String,
    patience: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
}

impl Target {
    fn new(url: &SourceUrl, patience: Duration) -> Result<Self, InvalidSource> {
        let mut parameters = url.fragment_parameters()?;
        let transport = parameters.take("transport", "tcp or udp")?;
        parameters.finish()?;
        let mut plain = url.url()?;
        if plain.host_str().is_none_or(str::is_empty) {
            return Err(url.invalid("names no camera: write rtsp://host/path"));
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = (!plain.username().is_empty() || plain.password().is_some()).then(|| {
            (
                decoded(plain.username()),
                decoded(plain.password().unwrap_or_default()),
            )
        });
        // Both fail for URLs without a host only.
        let _ = plain.set_username("");
        let _ = plain.set_password(None);
        plain.set_fragment(None);
        Ok(Self {
            url: plain,
            login,
            transport: transport.unwrap_or(Transport::Tcp),
            what: url.to_string(),
            patience,
        })
    }

    /// The error that it cannot be opened.
    fn open(&self, reason: impl std::fmt::Display) -> Error {
        Error::Open {
            what: self.what.clone(),
            reason: reason.to_string(),
        }
    }

    /// The error that it broke.
    fn failed(&self, reason: impl std::fmt::Display) -> Error {
        Error::Failed {
            what: self.what.clone(),
            reason: reason.to_string(),
        }
    }
}

impl std::str::FromStr for Transport {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            _ => Err(()),
        }
    }
}

struct Rtsp {
    target: Arc<Target>,
}

impl Source for Rtsp {
    /// A camera says what it gives when it is opened.
    fn hint(&self) -> Hint {
        Hint::default()
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        on_a_thread(self.target.clone(), output.clone(), stop).boxed()
    }
}

async fn on_a_thread(
    target: Arc<Target>,
    output: Output,
    stop: CancellationToken,
) -> Result<(), Error> {
    // Ends the thread too when this future is dropped instead of stopped.
    let thread_stop = stop.child_token();
    let _ends = thread_stop.clone().drop_guard();
    let (done, result) = oneshot::channel();
    let (alive, ended) = oneshot::channel::<()>();
    let span = tracing::Span::current();
    let theirs = target.clone();
    std::thread::Builder::new()
        .name("rtsp".into())
        .spawn(move || {
            let (_entered, _alive) = (span.entered(), alive);
            if let Err(error) = run(&theirs, &output, &thread_stop, done) {
                tracing::warn!(%error, "no runtime for a camera");
            }
        })
        .map_err(|error| target.open(format_args!("cannot start a thread: {error}")))?;
    let result = tokio::select! {
        result = result => result.unwrap_or_else(|_| Err(target.failed("its thread ended early"))),
        () = stop.cancelled() => Ok(()),
    };
    // The thread ends by then, unless the camera sends so much that it has no time to look at the clock.
    let _ = timeout(LONGEST_STOP, ended).await;
    result
}

/// Runs one session, tells `done` what became of it, and says goodbye to the camera.
fn run(
    target: &Target,
    output: &Output,
    stop: &CancellationToken,
    done: oneshot::Sender<Result<(), Error>>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let group = Arc::new(SessionGroup::default());
    runtime.block_on(async {
        // Only if nobody waits any more it is not received.
        let _ = done.send(session::run(target, output, stop, &group).await);
        let _ = timeout(GOODBYE, group.await_teardown()).await;
    });
    // Not even a name server that does not answer is waited for.
    runtime.shutdown_background();
    Ok(())
}

#[cfg(test)]
#[path = "lies/mod.rs"]
mod lies;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn target(text: &str) -> Result<Target, InvalidSource> {
        Target::new(&SourceUrl::new(text, BTreeMap::new()).unwrap(), PATIENCE)
    }

    #[test]
    fn the_query_is_the_cameras_and_the_fragment_ours() {
        let target = target("rtsp://me:p%40ss@cam:8554/live?channel=1&transport=x#transport=udp");
        let target = target.unwrap();
        assert_eq!(
            target.url.as_str(),
            "rtsp://cam:8554/live?channel=1&transport=x"
        );
        assert_eq!(target.login, Some(("me".into(), "p@ss".into())));
        assert_eq!(target.transport, Transport::Udp);
        assert_eq!(
            target.what,
            "rtsp://cam:8554/live?channel=...&transport=..."
        );
    }

    #[test]
    fn without_parameters_packets_come_over_the_connection() {
        let target = target("rtsp://[::1]/").unwrap();
        assert_eq!((target.transport, target.login), (Transport::Tcp, None));
    }

    #[test]
    fn a_wrong_url_says_what_would_be_right() {
        for (text, wanted) in [
            (
                "rtsp://cam/1#transport=quic",
                "transport=quic is not tcp or udp",
            ),
            ("rtsp://cam/1#proto=udp", "known are transport"),
            ("rtsp:///1", "rtsp://host/path"),
            ("rtsp://cam:99999/1", "port"),
        ] {
            let error = target(text).err().unwrap().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
