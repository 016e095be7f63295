//! `time.Time`, which marshals itself.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::opaque::{AsBytes, GOB_TOKEN, deserialize_payload};
use crate::ser::ZERO_TOKEN;
use crate::shape::{GobType, OpaqueKind, Shape, TypeBuilder};

/// Go's `time.Time`: a point in time with the offset of the zone it was written in.
///
/// The default is Go's zero time, the start of the year 1, which is not sent as a field. Converts from
/// and to `SystemTime`, and with the features `jiff` and `chrono` their types.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use serde_gob::Time;
///
/// let time = Time::from(UNIX_EPOCH + Duration::from_secs(1_000_000_000));
/// let back: Time = serde_gob::from_slice(&serde_gob::to_vec(&time)?)?;
/// assert_eq!(back.to_string(), "2001-09-09T01:46:40Z");
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Time {
    seconds: i64,
    nanoseconds: u32,
    offset: Option<i32>,
}

/// Seconds from the start of the year 1, where Go counts from, to that of 1970.
const UNIX_TO_GO: i64 = 62_135_596_800;
const NANOSECONDS: u32 = 1_000_000_000;
/// In place of an offset in minutes: UTC.
const UTC: i16 = -1;

impl Time {
    /// A point in time in UTC: seconds since the start of 1970 and nanoseconds after that.
    ///
    /// `None` if there are more nanoseconds than in a second.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Option<Self> {
        (nanoseconds < NANOSECONDS).then_some(Time { seconds, nanoseconds, offset: None })
    }

    /// The same point in time in a zone this many seconds east of Greenwich.
    ///
    /// `None` for an offset that Go cannot write: one minute west up to just below two, or more than
    /// 32,768 minutes.
    pub fn with_offset(self, seconds_east: i32) -> Option<Self> {
        let minutes = i16::try_from(seconds_east / 60).ok()?;
        (minutes != UTC).then_some(Time { offset: Some(seconds_east), ..self })
    }

    /// Whole seconds since the start of 1970, negative before.
    pub fn unix_seconds(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds after the whole second.
    pub fn nanoseconds(&self) -> u32 {
        self.nanoseconds
    }

    /// How many seconds east of Greenwich the zone is that it was written in. `None` for UTC itself.
    pub fn offset(&self) -> Option<i32> {
        self.offset
    }

    fn payload(&self) -> ([u8; 16], usize) {
        let (minutes, odd_seconds) = match self.offset {
            None => (UTC, 0),
            Some(offset) => ((offset / 60) as i16, (offset % 60) as i8),
        };
        let mut bytes = [0; 16];
        bytes[0] = if odd_seconds == 0 { 1 } else { 2 };
        bytes[1..9].copy_from_slice(&self.seconds.wrapping_add(UNIX_TO_GO).to_be_bytes());
        bytes[9..13].copy_from_slice(&self.nanoseconds.to_be_bytes());
        bytes[13..15].copy_from_slice(&minutes.to_be_bytes());
        bytes[15] = odd_seconds as u8;
        (bytes, if odd_seconds == 0 { 15 } else { 16 })
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, &'static str> {
        let (version, seconds, nanoseconds, minutes, odd_seconds) = match *bytes {
            [] => return Ok(Time::default()),
            [version, a, b, c, d, e, f, g, h, i, j, k, l, m, n, ref odd @ ..] => {
                let seconds = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
                let nanoseconds = u32::from_be_bytes([i, j, k, l]);
                (version, seconds, nanoseconds, i16::from_be_bytes([m, n]), odd)
            }
            [1 | 2, ..] => return Err("Time.UnmarshalBinary: invalid length"),
            _ => return Err("Time.UnmarshalBinary: unsupported version"),
        };
        let odd_seconds = match (version, odd_seconds) {
            (1, []) => 0,
            (2, [odd]) => *odd as i8,
            (1 | 2, _) => return Err("Time.UnmarshalBinary: invalid length"),
            _ => return Err("Time.UnmarshalBinary: unsupported version"),
        };
        if nanoseconds >= NANOSECONDS {
            return Err("Time.UnmarshalBinary: more nanoseconds than in a second");
        }
        let offset = (minutes != UTC).then(|| i32::from(minutes) * 60 + i32::from(odd_seconds));
        Ok(Time { seconds: seconds.wrapping_sub(UNIX_TO_GO), nanoseconds, offset })
    }
}

impl Default for Time {
    fn default() -> Self {
        Time { seconds: -UNIX_TO_GO, nanoseconds: 0, offset: None }
    }
}

/// RFC 3339, with the zone's offset.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = i128::from(self.seconds) + i128::from(self.offset.unwrap_or(0));
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        // Days since the first of March of the year 0, in eras of 400 years; a year ends with February.
        let days = days + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i128::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanoseconds > 0 {
            let digits = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        match self.offset {
            None => f.write_str("Z"),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.unsigned_abs() / 60;
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

impl GobType for Time {
    type Key = Time;
    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::opaque(OpaqueKind::Gob, "Time")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (bytes, len) = self.payload();
        let token = if *self == Time::default() { ZERO_TOKEN } else { GOB_TOKEN };
        serializer.serialize_newtype_struct(token, &AsBytes(&bytes[..len]))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Time::from_payload(&deserialize_payload(deserializer, GOB_TOKEN)?).map_err(de::Error::custom)
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let (seconds, nanoseconds) = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
            Err(error) => {
                let before = error.duration();
                let seconds = i64::try_from(before.as_secs()).map_or(i64::MIN, |seconds| -seconds);
                match before.subsec_nanos() {
                    0 => (seconds, 0),
                    nanoseconds => (seconds.saturating_sub(1), NANOSECONDS - nanoseconds),
                }
            }
        };
        Time { seconds, nanoseconds, offset: None }
    }
}

/// A point in time that the other type cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("gob: time out of the range of the type it is converted to")]
pub struct TimeOutOfRange;

impl TryFrom<Time> for SystemTime {
    type Error = TimeOutOfRange;

    fn try_from(time: Time) -> Result<Self, TimeOutOfRange> {
        let seconds = Duration::from_secs(time.seconds.unsigned_abs());
        let whole =
            if time.seconds < 0 { UNIX_EPOCH.checked_sub(seconds) } else { UNIX_EPOCH.checked_add(seconds) };
        let nanoseconds = Duration::from_nanos(time.nanoseconds.into());
        whole.and_then(|whole| whole.checked_add(nanoseconds)).ok_or(TimeOutOfRange)
    }
}

#[cfg(feature = "jiff")]
mod with_jiff {
    use super::{Time, TimeOutOfRange};

    impl From<jiff::Timestamp> for Time {
        fn from(timestamp: jiff::Timestamp) -> Self {
            // Both parts have the same sign.
            let nanoseconds = timestamp.as_nanosecond();
            let second = i128::from(super::NANOSECONDS);
            Time {
                seconds: nanoseconds.div_euclid(second) as i64,
                nanoseconds: nanoseconds.rem_euclid(second) as u32,
                offset: None,
            }
        }
    }

    impl TryFrom<Time> for jiff::Timestamp {
        type Error = TimeOutOfRange;

        fn try_from(time: Time) -> Result<Self, TimeOutOfRange> {
            let nanoseconds = i32::try_from(time.nanoseconds).map_err(|_| TimeOutOfRange)?;
            jiff::Timestamp::new(time.seconds, nanoseconds).map_err(|_| TimeOutOfRange)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn timestamps_on_both_sides_of_1970_survive() {
            for nanoseconds in [0, 1, -1, 1_500_000_000, -1_500_000_000] {
                let timestamp = jiff::Timestamp::from_nanosecond(nanoseconds).unwrap();
                assert_eq!(jiff::Timestamp::try_from(Time::from(timestamp)), Ok(timestamp));
            }
            let before = jiff::Timestamp::from_nanosecond(-1_500_000_000).unwrap();
            assert_eq!(Time::from(before), Time::from_unix(-2, 500_000_000).unwrap());
            let far = Time::from_unix(i64::MAX, 0).unwrap();
            assert_eq!(jiff::Timestamp::try_from(far), Err(TimeOutOfRange));
        }
    }
}

#[cfg(feature = "chrono")]
mod with_chrono {
    use chrono::{DateTime, FixedOffset, Offset, TimeZone, Utc};

    use super::{Time, TimeOutOfRange};

    impl From<DateTime<Utc>> for Time {
        fn from(time: DateTime<Utc>) -> Self {
            // A leap second is the nanoseconds beyond a second; Go has none.
            let nanoseconds = time.timestamp_subsec_nanos().min(super::NANOSECONDS - 1);
            Time { seconds: time.timestamp(), nanoseconds, offset: None }
        }
    }

    impl From<DateTime<FixedOffset>> for Time {
        /// An offset that Go cannot write (see [`Time::with_offset`]) is dropped for UTC.
        fn from(time: DateTime<FixedOffset>) -> Self {
            let utc = Time::from(time.to_utc());
            utc.with_offset(time.offset().fix().local_minus_utc()).unwrap_or(utc)
        }
    }

    impl TryFrom<Time> for DateTime<Utc> {
        type Error = TimeOutOfRange;

        fn try_from(time: Time) -> Result<Self, TimeOutOfRange> {
            DateTime::from_timestamp(time.seconds, time.nanoseconds).ok_or(TimeOutOfRange)
        }
    }

    impl TryFrom<Time> for DateTime<FixedOffset> {
        type Error = TimeOutOfRange;

        fn try_from(time: Time) -> Result<Self, TimeOutOfRange> {
            let offset = FixedOffset::east_opt(time.offset.unwrap_or(0)).ok_or(TimeOutOfRange)?;
            let utc = DateTime::<Utc>::try_from(time)?;
            Ok(offset.from_utc_datetime(&utc.naive_utc()))
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn date_times_keep_their_offset() {
            for text in ["2024-02-29T12:30:00.5+02:00", "1969-12-31T23:59:59-08:00"] {
                let time = DateTime::parse_from_rfc3339(text).unwrap();
                let back = DateTime::<FixedOffset>::try_from(Time::from(time)).unwrap();
                assert_eq!(back, time);
                assert_eq!(back.offset(), time.offset());
            }
            let far = Time::from_unix(i64::MAX, 0).unwrap();
            assert_eq!(DateTime::<Utc>::try_from(far), Err(TimeOutOfRange));
            assert_eq!(DateTime::<FixedOffset>::try_from(far), Err(TimeOutOfRange));
        }

        #[test]
        fn leap_seconds_and_offsets_that_go_cannot_write_come_as_near_as_they_can() {
            let leap = DateTime::<Utc>::from_timestamp(59, 1_500_000_000).unwrap();
            assert_eq!(Time::from(leap), Time::from_unix(59, 999_999_999).unwrap());
            let west = FixedOffset::west_opt(90).unwrap().timestamp_opt(7, 0).unwrap();
            assert_eq!(Time::from(west), Time::from_unix(7, 0).unwrap());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(time: Time) -> String {
        let (bytes, len) = time.payload();
        bytes[..len].iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn times_have_gos_payload() {
        let table = [
            (Time::default(), "010000000000000000000000 00ffff"),
            (Time::from_unix(0, 0).unwrap(), "010000000e7791f700 00000000 ffff"),
            (Time::from_unix(0, 5).unwrap().with_offset(7200).unwrap(), "010000000e7791f700 00000005 0078"),
            (
                Time::from_unix(0, 0).unwrap().with_offset(-3601).unwrap(),
                "020000000e7791f700 00000000 ffc4 ff",
            ),
        ];
        for (time, expected) in table {
            assert_eq!(hex(time), expected.replace(' ', ""), "{time}");
            let (bytes, len) = time.payload();
            assert_eq!(Time::from_payload(&bytes[..len]), Ok(time));
        }
    }

    #[test]
    fn times_are_shown_as_rfc_3339() {
        let in_zone = |seconds, offset| Time::from_unix(seconds, 0).unwrap().with_offset(offset).unwrap();
        let table = [
            (Time::default(), "0001-01-01T00:00:00Z"),
            (Time::from_unix(951_782_400, 120_000_000).unwrap(), "2000-02-29T00:00:00.12Z"),
            (Time::from_unix(1_700_000_000, 1).unwrap(), "2023-11-14T22:13:20.000000001Z"),
            (Time::from_unix(-1, 0).unwrap(), "1969-12-31T23:59:59Z"),
            (in_zone(0, -5400), "1969-12-31T22:30:00-01:30"),
            (in_zone(1_700_000_000, 20_700), "2023-11-15T03:58:20+05:45"),
            (in_zone(0, 0), "1970-01-01T00:00:00+00:00"),
        ];
        for (time, expected) in table {
            assert_eq!(time.to_string(), expected);
        }
        // The ends of what an i64 of seconds can say.
        for seconds in [i64::MIN, i64::MAX] {
            Time::from_unix(seconds, 0).unwrap().to_string();
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before_it() {
        let is_leap = |year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut day) = (1850, 1, 1);
        for days in -43_829..-43_829 + 146_097 {
            let noon = Time::from_unix(days * 86_400 + 43_200, 0).unwrap();
            assert_eq!(noon.to_string(), format!("{year:04}-{month:02}-{day:02}T12:00:00Z"));
            let days_of_month =
                [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            day += 1;
            if day > days_of_month[month - 1] {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (2250, 1, 1));
    }

    #[test]
    fn a_time_is_within_its_second_and_its_zone_one_that_go_can_write() {
        let at = |nanoseconds| Time::from_unix(-7, nanoseconds);
        let last = at(999_999_999).unwrap();
        assert_eq!((last.unix_seconds(), last.nanoseconds(), last.offset()), (-7, 999_999_999, None));
        assert_eq!(at(1_000_000_000), None);
        for (offset, possible) in [
            (0, true),
            (-59, true),
            (-60, false),
            (-119, false),
            (-120, true),
            (32_767 * 60 + 59, true),
            (32_768 * 60, false),
            (-32_768 * 60 - 59, true),
            (-32_769 * 60, false),
        ] {
            let time = last.with_offset(offset);
            assert_eq!(time.map(|time| time.offset()), possible.then_some(Some(offset)));
            if let Some(time) = time {
                let (bytes, len) = time.payload();
                assert_eq!(Time::from_payload(&bytes[..len]), Ok(time), "{offset}");
            }
        }
    }

    #[test]
    fn a_payload_with_more_nanoseconds_than_in_a_second_is_refused() {
        let with = |nanoseconds: u32| {
            let mut payload = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
            payload[9..13].copy_from_slice(&nanoseconds.to_be_bytes());
            Time::from_payload(&payload).map(|time| time.nanoseconds())
        };
        assert_eq!(with(999_999_999), Ok(999_999_999));
        assert_eq!(with(1_000_000_000), Err("Time.UnmarshalBinary: more nanoseconds than in a second"));
        assert_eq!(Time::from_payload(&[]), Ok(Time::default()));
    }

    #[test]
    fn payloads_of_other_lengths_and_versions_are_refused() {
        for (bytes, what) in [
            (&[1][..], "invalid length"),
            (&[2; 14], "invalid length"),
            (&[3; 14], "unsupported version"),
            (&[1; 16], "invalid length"),
            (&[2; 15], "invalid length"),
            (&[2; 17], "invalid length"),
            (&[3; 15], "unsupported version"),
            (&[0xff; 40], "unsupported version"),
        ] {
            let error = format!("Time.UnmarshalBinary: {what}");
            assert_eq!(Time::from_payload(bytes).unwrap_err(), error, "{bytes:02x?}");
        }
    }

    #[test]
    fn system_times_on_both_sides_of_1970_survive() {
        for time in [
            UNIX_EPOCH,
            UNIX_EPOCH + Duration::new(5, 7),
            UNIX_EPOCH - Duration::new(5, 7),
            UNIX_EPOCH - Duration::from_secs(1),
        ] {
            assert_eq!(SystemTime::try_from(Time::from(time)), Ok(time));
        }
        let before = Time::from(UNIX_EPOCH - Duration::new(5, 7));
        assert_eq!(before, Time::from_unix(-6, 999_999_993).unwrap());
    }
}
