//! The fleet as text. Pure.

use std::fmt::Write as _;

use serde_json::Value;

/// Names are cut here, in characters.
const WIDEST: usize = 40;

/// Reasons are the last column.
const LONGEST_REASON: usize = 120;

/// `status` is what `/api/status` answers; no more than `max_lines` are used.
pub(super) fn render(status: &Value, max_lines: usize) -> String {
    let empty = Vec::new();
    let list = |key: &str| status[key].as_array().unwrap_or(&empty);
    let (relays, mut cameras) = (list("relays"), list("cameras").iter().collect::<Vec<_>>());
    cameras.sort_by_key(|camera| (rank(camera), text(&camera["name"])));
    let viewers: u64 = relays.iter().map(|relay| number(&relay["viewers"])).sum();
    let bad = cameras.iter().filter(|camera| rank(camera) < 3).count();
    let mut out = format!(
        "{} cameras, {bad} need attention, {viewers} viewers on {} relays\n\n",
        cameras.len(),
        relays.len()
    );
    let relay_rows = relays.iter().map(relay_row).collect();
    let head = [
        "RELAY",
        "STATE",
        "VIEWERS",
        "CONNS",
        "STREAMS",
        "NOT SHOWN",
        "VERSION",
    ];
    table(&mut out, &head, relay_rows);
    out.push('\n');
    let camera_rows: Vec<_> = cameras.into_iter().map(camera_row).collect();
    let head = [
        "CAMERA", "STATE", "FPS", "KBIT/S", "AGE MS", "VIEWERS", "LOST", "VERSION", "WHY",
    ];
    table(&mut out, &head, camera_rows);
    let lines = out.lines().count();
    if lines < max_lines {
        return out;
    }
    let kept = max_lines.saturating_sub(2);
    let mut cut: String = out
        .lines()
        .take(kept)
        .flat_map(|line| [line, "\n"])
        .collect();
    let _ = writeln!(cut, "... {} more lines", lines - kept);
    cut
}

fn relay_row(relay: &Value) -> Vec<String> {
    vec![
        text(&relay["name"]),
        if relay["draining"] == true {
            "leaving"
        } else {
            "live"
        }
        .to_owned(),
        number(&relay["viewers"]).to_string(),
        number(&relay["connections"]).to_string(),
        number(&relay["streams"]).to_string(),
        sum(&relay["dropped"]).to_string(),
        text(&relay["version"]),
    ]
}

fn camera_row(camera: &Value) -> Vec<String> {
    let streams = camera["streams"].as_array();
    let sent = || {
        let streams = streams.into_iter().flatten();
        streams.filter(|stream| number(&stream["bits_per_second"]) > 0)
    };
    let fps = sent()
        .filter_map(|stream| stream["fps"].as_f64())
        .fold(0.0, f64::max);
    let bits: u64 = sent()
        .map(|stream| number(&stream["bits_per_second"]))
        .sum();
    let lost = sum(&camera["dropped"]) + number(&camera["dropped_here"]);
    vec![
        text(&camera["name"]),
        state(camera).to_owned(),
        if fps > 0.0 {
            format!("{fps:.1}")
        } else {
            "-".to_owned()
        },
        if bits > 0 {
            (bits / 1_000).to_string()
        } else {
            "-".to_owned()
        },
        camera["age_ms"]
            .as_u64()
            .map_or_else(|| "-".to_owned(), |age| age.to_string()),
        number(&camera["viewers_of_all"]).to_string(),
        lost.to_string(),
        text(&camera["publisher"]["version"]),
        reason(&camera["reason"]),
    ]
}

fn state(camera: &Value) -> &str {
    if camera["online"] == true {
        camera["state"].as_str().unwrap_or("unknown")
    } else {
        "offline"
    }
}

/// Those that need somebody first.
fn rank(camera: &Value) -> usize {
    let order = ["failed", "offline", "stalled", "connecting", "live", "idle"];
    let state = state(camera);
    order
        .iter()
        .position(|known| *known == state)
        .unwrap_or(order.len())
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn sum(counts: &Value) -> u64 {
    let counts = counts.as_object();
    counts
        .into_iter()
        .flatten()
        .map(|(_, count)| number(count))
        .sum()
}

/// Without control characters: it may come from a stranger, and goes to a terminal.
fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default().chars();
    text.filter(|c| !c.is_control()).take(WIDEST).collect()
}

fn reason(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default().chars();
    text.filter(|c| !c.is_control())
        .take(LONGEST_REASON)
        .collect()
}

/// Figures stand at the right of their columns, words at the left.
fn table(out: &mut String, head: &[&str], rows: Vec<Vec<String>>) {
    let mut widths: Vec<_> = head.iter().map(|cell| cell.chars().count()).collect();
    let mut right = vec![!rows.is_empty(); head.len()];
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            widths[column] = widths[column].max(cell.chars().count());
            right[column] &= cell == "-" || cell.parse::<f64>().is_ok();
        }
    }
    let head = head.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(head).chain(rows) {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = if right[column] {
                write!(line, "{cell:>width$}  ")
            } else {
                write!(line, "{cell:<width$}  ")
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fleet() -> Value {
        let camera = |name: &str, online: bool, state: &str| {
            json!({
                "name": name, "online": online, "state": state, "reason": "no route\u{1b}[2J",
                "streams": [{"fps": 25.0, "bits_per_second": 4_000_000}, {"fps": 5.0, "bits_per_second": 0}],
                "age_ms": 41, "viewers_of_all": 3, "dropped": {"rate_limit": 2}, "dropped_here": 1,
                "publisher": {"version": "0.1.0"}
            })
        };
        json!({
            "relays": [{"name": "a", "draining": true, "viewers": 3, "connections": 4, "streams": 1,
                        "dropped": {"stale": 7}, "version": "0.1.0"}],
            "cameras": [camera("farm/a", true, "live"), camera("farm/b", false, "live"), camera("farm/c", true, "failed")]
        })
    }

    #[test]
    fn the_fleet_fits_into_columns_and_those_that_need_somebody_stand_first() {
        let text = render(&fleet(), 100);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "3 cameras, 2 need attention, 3 viewers on 1 relays"
        );
        assert_eq!(
            lines[3],
            "a      leaving        3      4        1          7  0.1.0"
        );
        assert!(
            lines[6].starts_with("farm/c  failed   25.0    4000      41        3     3  0.1.0"),
            "{text}"
        );
        assert!(lines[7].starts_with("farm/b  offline"), "{text}");
        assert!(lines[8].starts_with("farm/a  live"), "{text}");
    }

    #[test]
    fn nothing_that_a_stranger_says_reaches_the_terminal_as_a_command() {
        let text = render(&fleet(), 100);
        assert!(
            !text.contains('\u{1b}') && text.contains("no route"),
            "{text}"
        );
    }

    #[test]
    fn a_small_terminal_shows_what_fits() {
        let text = render(&fleet(), 8);
        assert_eq!(text.lines().count(), 7);
        assert!(text.ends_with("... 3 more lines\n"), "{text}");
        assert!(render(&json!({}), 100).starts_with("0 cameras"));
    }
}
