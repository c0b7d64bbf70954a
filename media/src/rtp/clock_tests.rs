use proptest::prelude::*;

use super::*;

/// An instant of 2026, in microseconds.
const NOW: i64 = 1_780_000_000_000_000;

const MS: i64 = 1_000;
const SECOND: i64 = 1_000 * MS;

const VIDEO: usize = 0;
const AUDIO: usize = 1;

/// `us` after a start that is near the wrap of 32 bits.
fn video(us: i64) -> Ticks {
    Ticks {
        value: (1 << 32) - 70_000 + us * 9 / 100,
        rate: NonZeroU32::new(90_000).unwrap(),
    }
}

fn audio(us: i64) -> Ticks {
    Ticks {
        value: 12_345 + us * 48 / 1_000,
        rate: NonZeroU32::new(48_000).unwrap(),
    }
}

fn ntp(us: i64) -> u64 {
    let seconds = (us / SECOND + NTP_TO_UNIX_S) as u64;
    let fraction = ((us % SECOND) as u64) * (1 << 32) / 1_000_000;
    seconds << 32 | fraction
}

fn near(a: i64, b: i64) -> bool {
    (a - b).abs() <= 2
}

/// The capture time of the video frame that was taken at `us`, and came `way` later.
fn stamp(clock: &mut Clock, us: i64, way: i64) -> i64 {
    let stamp = clock.stamp(VIDEO, video(us), NOW + us + way);
    assert!(!stamp.restarted);
    stamp.capture_time_us - NOW
}

#[test]
fn without_reports_the_shortest_way_is_the_measure() {
    let mut clock = Clock::new(1);
    assert!(near(stamp(&mut clock, 0, 5 * MS), 5 * MS));
    for frame in 1..100 {
        let us = frame * 40 * MS;
        let jitter = frame * 7_919 % 50 * MS;
        assert!(near(stamp(&mut clock, us, 5 * MS + jitter), us + 5 * MS));
    }
}

#[test]
fn a_clock_that_is_right_is_believed() {
    let mut clock = Clock::new(1);
    clock.report(VIDEO, video(0), ntp(NOW), NOW + 3 * MS);
    for frame in 0..100 {
        let us = frame * 40 * MS;
        assert!(near(stamp(&mut clock, us, 120 * MS), us));
    }
}

#[test]
fn a_clock_that_is_wrong_still_brings_the_tracks_together() {
    for wrong in [
        -56 * 365 * 86_400 * SECOND,
        -SECOND * 3,
        SECOND / 2,
        3_600 * SECOND,
    ] {
        let mut clock = Clock::new(2);
        clock.report(VIDEO, video(0), ntp(NOW + wrong), NOW);
        clock.report(AUDIO, audio(0), ntp(NOW + wrong), NOW);
        for i in 0..100 {
            let us = i * 40 * MS;
            // Sound comes later than the picture that belongs to it.
            let picture = clock.stamp(VIDEO, video(us), NOW + us + 10 * MS);
            let sound = clock.stamp(AUDIO, audio(us), NOW + us + 300 * MS);
            assert!(near(picture.capture_time_us, NOW + us + 10 * MS), "{i}");
            assert!(near(sound.capture_time_us, picture.capture_time_us), "{i}");
        }
    }
}

#[test]
fn a_report_that_comes_late_moves_time_slowly() {
    let mut clock = Clock::new(1);
    let mut last = stamp(&mut clock, 0, 400 * MS);
    for frame in 1..500 {
        let us = frame * 40 * MS;
        if frame == 5 {
            clock.report(VIDEO, video(us), ntp(NOW + us), NOW + us + MS);
        }
        let next = stamp(&mut clock, us, 400 * MS);
        assert!(
            (38 * MS - 2..=42 * MS + 2).contains(&(next - last)),
            "{}",
            next - last
        );
        last = next;
    }
    assert!(near(last, 499 * 40 * MS));
}

#[test]
fn reports_that_speak_of_another_tick_are_left_aside() {
    for wrong in [-3_600 * SECOND, 20 * SECOND] {
        let mut clock = Clock::new(1);
        clock.report(VIDEO, video(wrong), ntp(NOW), NOW);
        assert!(near(stamp(&mut clock, 0, 5 * MS), 5 * MS), "{wrong}");
    }
}

#[test]
fn ticks_that_start_anew_are_followed_at_once() {
    for jump in [-90 * SECOND, -5 * SECOND, 5 * SECOND, 9_000 * SECOND] {
        let mut clock = Clock::new(1);
        clock.report(VIDEO, video(0), ntp(NOW), NOW);
        let mut last = i64::MIN;
        for frame in 0..100 {
            let us = frame * 40 * MS;
            let ticks = video(if frame < 50 { us } else { us + jump });
            let stamp = clock.stamp(VIDEO, ticks, NOW + us + 5 * MS);
            assert!(stamp.capture_time_us > last, "{jump} {frame}");
            assert!(
                (stamp.capture_time_us - NOW - us).abs() <= 50 * MS,
                "{jump} {frame}"
            );
            last = stamp.capture_time_us;
        }
    }
}

#[test]
fn a_camera_that_sets_its_clock_is_followed() {
    let mut clock = Clock::new(2);
    for frame in 0..200 {
        let us = frame * 40 * MS;
        let wrong = if frame < 100 { -3_600 * SECOND } else { 0 };
        if frame % 20 == 0 {
            clock.report(VIDEO, video(us), ntp(NOW + us + wrong), NOW + us);
        }
        if frame % 20 == 10 {
            clock.report(AUDIO, audio(us), ntp(NOW + us + wrong), NOW + us);
        }
        let picture = clock
            .stamp(VIDEO, video(us), NOW + us + 5 * MS)
            .capture_time_us;
        let sound = clock
            .stamp(AUDIO, audio(us), NOW + us + 5 * MS)
            .capture_time_us;
        assert!((picture - NOW - us).abs() < 100 * MS, "{frame}");
        assert!((sound - NOW - us).abs() < 100 * MS, "{frame}");
    }
}

#[test]
fn a_burst_after_a_stall_keeps_its_distances() {
    let mut clock = Clock::new(1);
    for frame in 0..50 {
        stamp(&mut clock, frame * 40 * MS, 5 * MS);
    }
    // Three seconds of frames come in one instant.
    for frame in 50..125 {
        let us = frame * 40 * MS;
        let way = 125 * 40 * MS - us + 5 * MS;
        assert!(near(stamp(&mut clock, us, way), us + 5 * MS), "{frame}");
    }
}

#[test]
fn b_frames_keep_their_order_on_the_screen() {
    let mut clock = Clock::new(1);
    clock.report(VIDEO, video(0), ntp(NOW), NOW);
    for (i, shown) in [0, 4, 2, 1, 3, 8, 6, 5, 7].into_iter().enumerate() {
        let us = shown * 40 * MS;
        let arrival_us = NOW + i as i64 * 40 * MS + 200 * MS;
        let taken = clock.stamp(VIDEO, video(us), arrival_us).capture_time_us - NOW;
        assert!(near(taken, us), "{taken} {us}");
    }
}

#[test]
fn when_our_own_clock_is_set_time_follows_and_says_so() {
    let mut clock = Clock::new(1);
    stamp(&mut clock, 0, 0);
    let stamp = clock.stamp(VIDEO, video(40 * MS), NOW - 3_600 * SECOND);
    assert!(stamp.restarted);
    assert!(near(stamp.capture_time_us, NOW - 3_600 * SECOND));
    let stamp = clock.stamp(VIDEO, video(80 * MS), NOW + 3_600 * SECOND);
    assert!(!stamp.restarted);
    assert!(near(stamp.capture_time_us, NOW + 3_600 * SECOND));
}

#[test]
fn a_clock_that_drifts_is_followed_for_hours() {
    let mut clock = Clock::new(1);
    let mut last = i64::MIN;
    for frame in 0..3 * 3_600 * 2 {
        let us = frame * 500 * MS;
        // 100 millionths too fast.
        let stamp = clock.stamp(VIDEO, video(us + us / 10_000), NOW + us + 5 * MS);
        assert!(stamp.capture_time_us > last);
        assert!((stamp.capture_time_us - NOW - us).abs() < 15 * MS);
        last = stamp.capture_time_us;
    }
}

#[test]
fn times_of_ntp_are_read_in_both_of_its_eras() {
    assert_eq!(unix_us(ntp(NOW)), NOW);
    // 2036-02-07 06:28:16 UTC is second 0 of the next era.
    assert_eq!(unix_us(0), 2_085_978_496 * SECOND);
    assert_eq!(unix_us(1 << 31), 2_085_978_496 * SECOND + SECOND / 2);
}

proptest! {
    #[test]
    fn whatever_a_camera_says_times_stay_near_and_grow(
        frames in prop::collection::vec(
            (0usize..3, prop_oneof![0i64..100 * MS, -SECOND * 20..SECOND * 20, -(1i64 << 31)..1 << 31], any::<u64>(), 0i64..2 * SECOND),
            0..100,
        ),
    ) {
        let mut clock = Clock::new(2);
        let mut arrival_us = NOW;
        let (mut ticks, mut last) = ([0i64; 3], [i64::MIN; 3]);
        for (track, advance, ntp, wait) in frames {
            ticks[track] += advance;
            arrival_us += wait;
            let media = Ticks { value: ticks[track], rate: NonZeroU32::new(90_000).unwrap() };
            clock.report(track, media, ntp, arrival_us);
            let stamp = clock.stamp(track, media, arrival_us);
            prop_assert!(!stamp.restarted);
            if track < 2 && advance > 0 {
                prop_assert!(last[track] < stamp.capture_time_us);
            }
            last[track] = stamp.capture_time_us;
            prop_assert!((stamp.capture_time_us - arrival_us).abs() < 60 * SECOND);
        }
    }
}
