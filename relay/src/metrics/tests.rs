use std::collections::BTreeSet;

use super::*;

fn camera(name: &str) -> CameraName {
    name.parse().unwrap()
}

/// Every metric, with a series of each.
fn exercised() -> Metrics {
    let metrics = Metrics::new([]);
    let arrivals = metrics.arrivals(&camera("farm/gate"));
    arrivals.frames.inc();
    arrivals.dropped(Drop::Stale, 1);
    let deliveries = metrics.deliveries(&camera("farm/gate"), Route::Multipart);
    deliveries.sent(10);
    deliveries.age(20_000);
    metrics.refused(Refusal::Total).inc();
    metrics.control(Control::Done).inc();
    metrics.set_cameras(1, 0);
    metrics
}

#[test]
fn the_reference_lists_what_is_served_and_nothing_else() {
    let text = exercised().text().unwrap();
    let served: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            match kind {
                "counter" => format!("{name}_total"),
                "info" => format!("{name}_info"),
                _ => name.to_owned(),
            }
        })
        .collect();
    let reference = include_str!("../../../docs/ref/metrics.md");
    let listed: BTreeSet<_> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split(['`', '{']).next())
        .filter(|name| name.starts_with("sightline_relay_"))
        .map(str::to_owned)
        .collect();
    assert_eq!(served, listed);
}

#[test]
fn labels_are_words() {
    let text = exercised().text().unwrap();
    for line in [
        r#"sightline_relay_frames_received_total{camera="farm/gate"} 1"#,
        r#"sightline_relay_frames_dropped_total{camera="farm/gate",reason="stale"} 1"#,
        r#"sightline_relay_bytes_sent_total{camera="farm/gate",route="multipart"} 10"#,
        r#"sightline_relay_cameras{presence="online"} 1"#,
        r#"sightline_relay_frame_age_at_delivery_seconds_count{camera="farm/gate"} 1"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[test]
fn cameras_beyond_the_bound_share_one_label() {
    let metrics = Metrics::new([]);
    for n in 0..MAX_LABELLED_CAMERAS + 100 {
        metrics
            .arrivals(&camera(&format!("farm/c{n}")))
            .frames
            .inc();
    }
    let text = metrics.text().unwrap();
    let series = text
        .lines()
        .filter(|line| line.starts_with("sightline_relay_frames_received_total{"))
        .count();
    assert_eq!(series, MAX_LABELLED_CAMERAS + 1);
    assert!(text.contains(r#"sightline_relay_frames_received_total{camera="other"} 100"#));
    // One that has its own label keeps it.
    metrics.arrivals(&camera("farm/c0")).frames.inc();
    assert!(
        metrics
            .text()
            .unwrap()
            .contains(r#"frames_received_total{camera="farm/c0"} 2"#)
    );
}
