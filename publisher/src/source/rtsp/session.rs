//! One session: what the camera offers, which of it is taken, and its frames until it ends.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt as _, StreamExt as _};
use retina::{
    client::{
        Credentials, Demuxed, Described, InitialSequenceNumberPolicy, InitialTimestampPolicy,
        PlayOptions, Session, SessionGroup, SessionIdPolicy, SessionOptions, SetupOptions,
        TcpTransportOptions, UdpTransportOptions,
    },
    codec::{FrameFormat, ParameterSetInsertion, ParametersRef, h26x::Framing},
};
use sightline_media::aac;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    Target, Transport,
    media::{Media, Taken},
    modest::modest,
    tracks::{self, Choice, Kind, Offer},
    words,
};
use crate::{
    clock::now_us,
    source::{Error, Output},
};

/// Runs one session until it fails or `stop`. Then `group` is saying goodbye to the camera.
pub(super) async fn run(
    target: &Target,
    output: &Output,
    stop: &CancellationToken,
    group: &Arc<SessionGroup>,
) -> Result<(), Error> {
    let session = AssertUnwindSafe(session(target, output, group)).catch_unwind();
    match stop.run_until_cancelled(session).await {
        None => Ok(()),
        Some(Ok(result)) => result,
        // The library is not proof against everything that a camera may send.
        Some(Err(_)) => Err(target.failed("it sent what its reader cannot cope with, see the log")),
    }
}

/// Never gives `Ok`.
async fn session(target: &Target, output: &Output, group: &Arc<SessionGroup>) -> Result<(), Error> {
    let describe = Session::describe(target.url.clone(), options(target, group));
    let mut session = answer(target, "what it offers", describe).await?;
    let (choice, config) = choose(target, &session)?;
    let taken = choice.audio.into_iter().chain([choice.video.0]);
    for i in taken {
        let setup = session.setup(i, setup(target, i, choice));
        answer(target, "for a track", setup).await?;
    }
    let options = PlayOptions::default()
        // What cameras say here is often wrong, and not needed.
        .initial_timestamp(InitialTimestampPolicy::Ignore)
        .initial_seq(InitialSequenceNumberPolicy::Ignore);
    let playing = answer(target, "to play", session.play(options)).await?;
    let demuxed = playing
        .demuxed()
        .map_err(|error| words::in_words(target, &error, false))?;
    tracing::info!(
        video = ?choice.video.1,
        sound = choice.audio.is_some(),
        transport = target.transport.word(),
        "the camera plays"
    );
    let media = Media::new(
        Taken {
            video: choice.video,
            audio: choice.audio.zip(config),
        },
        output,
    );
    frames(target, demuxed, media).await
}

fn options(target: &Target, group: &Arc<SessionGroup>) -> SessionOptions {
    SessionOptions::default()
        .creds(target.login.clone().map(|(username, password)| Credentials { username, password }))
        .user_agent(concat!("sightline-publisher/", env!("CARGO_PKG_VERSION")).to_owned())
        .session_group(group.clone())
        // Some cameras change their mind with every track.
        .session_id(SessionIdPolicy::UseFirst)
}

fn setup(target: &Target, track: usize, choice: Choice) -> SetupOptions {
    let format = match choice.video {
        (i, Kind::H265) if i == track => FrameFormat {
            h26x_framing: Framing::AnnexB,
            parameter_set_insertion: ParameterSetInsertion::EachKeyFrame,
            ..FrameFormat::MP4
        },
        _ => FrameFormat::MP4,
    };
    SetupOptions::default()
        .frame_format(format)
        .transport(match target.transport {
            Transport::Tcp => retina::client::Transport::Tcp(TcpTransportOptions::default()),
            Transport::Udp => retina::client::Transport::Udp(UdpTransportOptions::default()),
        })
}

/// Waits for the camera's answer to what we ask (`what it offers`, `to play`).
async fn answer<T>(
    target: &Target,
    what: &str,
    answer: impl Future<Output = Result<T, retina::Error>>,
) -> Result<T, Error> {
    match timeout(target.patience, modest(answer)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(words::in_words(target, &error, false)),
        Err(_) => Err(target.open(format_args!(
            "no answer within {:?} when asked {what}",
            target.patience
        ))),
    }
}

/// What is taken, and the configuration of its sound.
fn choose(
    target: &Target,
    session: &Session<Described>,
) -> Result<(Choice, Option<Arc<aac::Config>>), Error> {
    let configs: Vec<_> = session
        .streams()
        .iter()
        .map(|stream| match stream.parameters() {
            Some(ParametersRef::Audio(audio)) => aac::Config::parse(audio.extra_data()).ok(),
            _ => None,
        })
        .collect();
    let offers: Vec<_> = session
        .streams()
        .iter()
        .zip(&configs)
        .map(|(stream, config)| Offer {
            media: stream.media(),
            encoding: stream.encoding_name(),
            // Video may bring its description with its frames.
            readable: stream.media() != "audio" || config.is_some(),
        })
        .collect();
    let choice = tracks::choose(&offers).map_err(|reason| target.open(reason))?;
    if let Some(tracks) = tracks::left_out(&offers, choice) {
        tracing::info!(
            tracks,
            "some tracks of the camera cannot be carried, and are left out"
        );
    }
    let config = choice
        .audio
        .and_then(|i| configs.into_iter().nth(i).flatten());
    Ok((choice, config.map(Arc::new)))
}

/// Hands on frames until the session ends. Never gives `Ok`.
async fn frames(target: &Target, mut session: Demuxed, mut media: Media<'_>) -> Result<(), Error> {
    let mut last_picture = Instant::now();
    loop {
        let next = timeout_at(last_picture + target.patience, modest(session.next())).await;
        let item = match next {
            Err(_) => return Err(silent(target, media.has_pictures())),
            Ok(None) => {
                return Err(Error::Ended {
                    what: target.what.clone(),
                });
            }
            Ok(Some(Err(error))) => return Err(words::in_words(target, &error, true)),
            Ok(Some(Ok(item))) => item,
        };
        if media.take(item, &session, now_us()) {
            last_picture = Instant::now();
        }
    }
}

fn silent(target: &Target, had_pictures: bool) -> Error {
    if !had_pictures && target.transport == Transport::Udp {
        return target.open(format_args!(
            "no picture came by UDP within {:?}: a firewall may be in the way, try #transport=tcp",
            target.patience
        ));
    }
    Error::Silent {
        what: target.what.clone(),
        silence: target.patience,
    }
}
