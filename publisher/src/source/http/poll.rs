//! Asks for single pictures at a rate.

use std::time::Duration;

use hyper::{Response, body::Incoming};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    client::{Client, Target},
    kind::Kind,
    stream::{Body, Broken},
};
use crate::{
    clock::now_us,
    packet::{self, ROOM_BYTES},
    pool::Pool,
    source::{DropReason, Error, Output, passthrough},
};

/// A camera of which so many pictures in a row are broken is silent, if its rate is slow.
const SILENT_POLLS: u32 = 3;

/// Hands on the picture in `first` and asks for the next one every `every`, never for two at once. A
/// picture that is broken is counted and the next one asked for. Never gives `Ok`.
pub(super) async fn pictures(
    target: &Target,
    client: &mut Client<'_>,
    first: Response<Incoming>,
    every: Duration,
    output: &Output,
) -> Result<(), Error> {
    // A slow rate is no silence.
    let limit = target.patience.picture.max(SILENT_POLLS * every);
    let mut watch = passthrough::Watch::new(limit);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut response = first;
    loop {
        let unsaid = match super::kind(&response) {
            Kind::Picture => false,
            Kind::Unsaid => true,
            Kind::Page => return Err(super::page(target, response).await),
            _ => return Err(target.failed("it gives something else than a picture now")),
        };
        match picture(target, response, output.pool()).await? {
            Ok((memory, _)) if unsaid && !memory[ROOM_BYTES..].starts_with(&[0xFF, 0xD8]) => {
                return Err(target.open("it does not say what it gives, and it is not a JPEG"));
            }
            Ok((memory, arrival_us)) => {
                if passthrough::put(output, memory, arrival_us) {
                    watch.picture_came();
                }
            }
            Err(reason) => output.count(reason),
        }
        if watch.left().is_zero() {
            return Err(target.silent(limit));
        }
        ticks.tick().await;
        response = client.get().await?;
    }
}

/// The bytes of one picture, behind room for the head of a message, and when the first of them came; or why it is
/// dropped.
async fn picture(
    target: &Target,
    response: Response<Incoming>,
    pool: &Pool,
) -> Result<Result<(Vec<u8>, i64), DropReason>, Error> {
    let mut body = Body::new(target, response.into_body());
    let mut picture = packet::room(pool);
    let mut arrival_us = None;
    loop {
        match body.next().await {
            Ok(Some(bytes)) => {
                arrival_us.get_or_insert_with(now_us);
                if picture.len() - ROOM_BYTES + bytes.len() > passthrough::MAX_BYTES {
                    // Dropping the body closes the connection.
                    return Ok(Err(DropReason::TooLarge));
                }
                picture.extend_from_slice(&bytes);
            }
            Ok(None) => {
                let arrival_us = arrival_us.unwrap_or_else(now_us);
                return Ok(Ok((picture, arrival_us)));
            }
            Err(Broken::Closed(_)) => return Ok(Err(DropReason::Truncated)),
            Err(Broken::Silent) => return Err(target.silent(target.patience.silence)),
        }
    }
}
