//! What the pictures that a viewer was shown say about a fault.

use std::time::{Duration, Instant};

use crate::viewer::{LIVE, Seen};

/// Pictures that were older than a second and passed for live. Clocks that were set by whole hours are no age.
pub(crate) fn stale_shown(seen: &[Seen]) -> u64 {
    count(seen, |seen| !seen.stale && age(seen) > LIVE)
}

/// Live pictures that are older than one that was shown before: of an earlier publisher, or of the same one. A picture
/// that a publisher sent once more, for a relay that joined, is no older; see [`repeats`].
pub(crate) fn backwards(seen: &[Seen]) -> u64 {
    let live: Vec<_> = seen.iter().filter(|seen| !seen.stale).collect();
    let pairs = live.windows(2);
    let back = pairs.filter(|pair| {
        let numbers = pair[0].number.zip(pair[1].number);
        let same = pair[0].epoch == pair[1].epoch;
        let number_back = same && numbers.is_some_and(|(before, after)| after < before);
        (pair[1].epoch, pair[1].sequence) <= (pair[0].epoch, pair[0].sequence) || number_back
    });
    back.count() as u64
}

/// Live pictures with the same number as the one before.
pub(crate) fn repeats(seen: &[Seen]) -> u64 {
    let live: Vec<_> = seen.iter().filter(|seen| !seen.stale).collect();
    let pairs = live.windows(2);
    let again = pairs.filter(|pair| {
        let same = pair[0].epoch == pair[1].epoch;
        same && pair[0].number.is_some() && pair[0].number == pair[1].number
    });
    again.count() as u64
}

/// Of the pictures that a camera with so many a second took between the first and the last that are given, those that
/// were not shown live.
pub(crate) fn lost(seen: &[Seen], fps: f64) -> u64 {
    let live: Vec<_> = seen.iter().filter(|seen| !seen.stale).collect();
    let (Some(first), Some(last)) = (live.first(), live.last()) else {
        return 0;
    };
    let taken = ((last.at - first.at).as_secs_f64() * fps).round() as u64;
    taken.saturating_sub(live.len() as u64 - 1)
}

/// Of the pictures of one publisher that were sent, those that a viewer lacks between its first and its last.
pub(crate) fn missing(seen: &[Seen]) -> u64 {
    let pairs = seen.windows(2);
    let same = pairs.filter(|pair| pair[0].epoch == pair[1].epoch);
    same.map(|pair| pair[1].sequence.saturating_sub(pair[0].sequence + 1))
        .sum()
}

/// The longest time without a new live picture from `from` on, which counts up to the last one.
pub(crate) fn gap(seen: &[Seen], from: Instant) -> Duration {
    let live: Vec<_> = seen.iter().filter(|seen| !seen.stale).collect();
    let pairs = live.windows(2).filter(|pair| pair[1].at >= from);
    pairs
        .map(|pair| pair[1].at - pair[0].at)
        .max()
        .unwrap_or_default()
}

/// Those that came in this time.
pub(crate) fn between(seen: &[Seen], from: Instant, to: Instant) -> Vec<Seen> {
    let within = |seen: &&Seen| seen.at >= from && seen.at <= to;
    seen.iter().filter(within).copied().collect()
}

/// The age of live pictures, of which this part is younger, in ms.
pub(crate) fn age_ms(seen: &[Seen], part: f64) -> f64 {
    let live = seen.iter().filter(|seen| !seen.stale);
    quantile(
        live.map(|seen| age(seen).as_secs_f64() * 1e3).collect(),
        part,
    )
}

/// The value that this part of `values` does not exceed; 0 of none.
pub(crate) fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (part * values.len() as f64).ceil() as usize;
    values
        .get(at.saturating_sub(1).min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// Less whole hours, by which clocks are set here.
fn age(seen: &Seen) -> Duration {
    const HOUR_US: i64 = 3_600_000_000;
    let rest = (seen.age_us + HOUR_US / 2).rem_euclid(HOUR_US) - HOUR_US / 2;
    Duration::from_micros(rest.max(0).unsigned_abs())
}

fn count(seen: &[Seen], fits: impl Fn(&Seen) -> bool) -> u64 {
    seen.iter().filter(|seen| fits(seen)).count() as u64
}
