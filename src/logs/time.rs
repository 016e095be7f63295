//! hclog's two time layouts.

use jiff::{Zoned, fmt::temporal::Pieces, tz::TimeZone};

/// Go's zero time in hclog's text layout: what its host logs for a line without a time.
pub(super) const ZERO: &str = "0001-01-01T00:00:00.000Z";

/// Now, in the layout of hclog's JSON: `2006-01-02T15:04:05.000000Z07:00`.
pub(super) fn now_micros() -> String {
    with_zone(&Zoned::now(), "%Y-%m-%dT%H:%M:%S%.6f", ":")
}

/// Now, in the layout of hclog's text: `2006-01-02T15:04:05.000Z0700`.
pub(super) fn now_millis() -> String {
    with_zone(&Zoned::now(), "%Y-%m-%dT%H:%M:%S%.3f", "")
}

/// Re-formats a time of hclog's JSON for its text. `None` if it is not in exactly the JSON layout.
pub(super) fn millis_of(json: &str) -> Option<String> {
    // The layout fixes every digit, which general parsers do not.
    const LAYOUT: &[u8] = b"0000-00-00T00:00:00.000000";
    let bytes = json.as_bytes();
    let fits = bytes.len() > LAYOUT.len()
        && LAYOUT.iter().zip(bytes).all(|(l, b)| if *l == b'0' { b.is_ascii_digit() } else { l == b });
    let zone = json.get(LAYOUT.len()..)?;
    let zone_fits =
        zone == "Z" || (zone.len() == 6 && zone.starts_with(['+', '-']) && zone.as_bytes()[3] == b':');
    if !fits || !zone_fits {
        return None;
    }
    let pieces = Pieces::parse(json).ok()?;
    let offset = pieces.to_numeric_offset()?;
    let time = pieces.date().to_datetime(pieces.time()?).to_zoned(TimeZone::fixed(offset)).ok()?;
    Some(with_zone(&time, "%Y-%m-%dT%H:%M:%S%.3f", ""))
}

fn with_zone(time: &Zoned, layout: &str, colon: &str) -> String {
    let minutes = time.offset().seconds() / 60;
    let mut text = time.strftime(layout).to_string();
    if minutes == 0 {
        text.push('Z');
    } else {
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.abs();
        text.push_str(&format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_json_layout_is_a_time() {
        for (json, millis) in [
            ("2024-03-05T06:07:08.123456Z", Some("2024-03-05T06:07:08.123Z")),
            ("2024-03-05T06:07:08.123999+02:00", Some("2024-03-05T06:07:08.123+0200")),
            ("2024-03-05T06:07:08.000000-03:30", Some("2024-03-05T06:07:08.000-0330")),
            ("2024-03-05T06:07:08.123456+00:00", Some("2024-03-05T06:07:08.123Z")),
            ("0001-01-01T00:00:00.000000Z", Some(ZERO)),
            ("2024-03-05T06:07:08.123Z", None),
            ("2024-03-05T06:07:08.1234567Z", None),
            ("2024-03-05T06:07:08.123456", None),
            ("2024-03-05T06:07:08.123456+0200", None),
            ("2024-13-05T06:07:08.123456Z", None),
            ("2024-03-05 06:07:08.123456Z", None),
            ("2024-03-05T06:07:08.123456Z[UTC]", None),
            ("now", None),
            ("", None),
            ("2024-03-05T06:07:08.123456+0é:0", None),
        ] {
            assert_eq!(millis_of(json).as_deref(), millis, "{json}");
        }
    }

    #[test]
    fn now_is_written_in_the_layout_that_hosts_parse() {
        assert!(millis_of(&now_micros()).is_some(), "{}", now_micros());
        assert!(now_millis().len() >= "2006-01-02T15:04:05.000Z".len());
    }
}
