//! Time: microseconds since 1970 UTC, the clock behind a trait, and the texts that times become.
//!
//! The one module that reads the machine's clocks. Everything that judges is handed its `now`.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z. In entries the number, outside RFC 3339.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

/// A UTC day: whole days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    /// The day that `at` lies in.
    pub fn of(at: Timestamp) -> Day {
        let days = at.0 / (24 * 60 * 60 * 1_000_000);
        Day(u32::try_from(days).expect("the year 9998 is 3 million days away"))
    }
}

/// `YYYY-MM-DD`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Timestamp(u64::from(self.0) * 24 * 60 * 60 * 1_000_000);
        write!(f, "{}", at.civil(UtcOffset::UTC).date())
    }
}

/// A span of microseconds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(u64);

/// A text is no time, span or offset; the text says what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeError(&'static str);

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for TimeError {}

impl Timestamp {
    /// 1970.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// The last that is accepted, the end of the year 9998: what RFC 3339 can still say in any offset.
    pub const MAX: Timestamp = Timestamp(253_370_764_799_999_999);

    /// So many microseconds after 1970, at most [`Timestamp::MAX`].
    pub fn from_micros(micros: u64) -> Timestamp {
        Timestamp(micros).min(Timestamp::MAX)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// `span` later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0)).min(Timestamp::MAX)
    }

    fn civil(self, offset: UtcOffset) -> civil::DateTime {
        let micros = i64::try_from(self.0).expect("the year 9998 fits i64");
        let instant = jiff::Timestamp::from_microsecond(micros).expect("the year 9998 is in range");
        offset.0.to_datetime(instant)
    }

    /// `DD-MM-YYYY HH:MM:SS`, as the Wallet API writes times (wallet-api.md, Answers).
    pub fn wallet_text(self, offset: UtcOffset) -> [u8; 19] {
        let at = self.civil(offset);
        let mut text = *b"00-00-0000 00:00:00";
        let mut put = |place: usize, value: i64| {
            text[place] += u8::try_from(value / 10 % 10).expect("a digit");
            text[place + 1] += u8::try_from(value % 10).expect("a digit");
        };
        put(0, at.day().into());
        put(3, at.month().into());
        put(6, (at.year() / 100).into());
        put(8, (at.year() % 100).into());
        put(11, at.hour().into());
        put(14, at.minute().into());
        put(17, at.second().into());
        text
    }

    /// `YYYY-MM-DD HH:MM:SS`, as the gateway writes times (paykassma-api.md, Postbacks).
    pub fn gateway_text(self, offset: UtcOffset) -> String {
        let at = self.civil(offset);
        let (date, time) = (at.date(), at.time());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        format!("{date} {hour:02}:{minute:02}:{second:02}")
    }
}

/// `YYYY-MM-DD HH:MM:SS` at some offset, as the Payment Gateway writes times (partner-api.md).
#[derive(Clone, Copy, Debug)]
pub struct GatewayText(pub Timestamp, pub UtcOffset);

impl fmt::Display for GatewayText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.civil(self.1);
        let (date, time) = (at.date(), at.time());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        write!(f, "{date} {hour:02}:{minute:02}:{second:02}")
    }
}

/// RFC 3339 in UTC with microseconds: `2026-11-21T03:23:23.000000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.civil(UtcOffset::UTC);
        let (date, time) = (at.date(), at.time());
        let micros = at.subsec_nanosecond() / 1000;
        write!(
            f,
            "{date}T{:02}:{:02}:{:02}.{micros:06}Z",
            time.hour(),
            time.minute(),
            time.second()
        )
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Timestamp, TimeError> {
        let wrong = TimeError("must be an RFC 3339 time such as 2026-11-21T03:23:23Z");
        let instant: jiff::Timestamp = text.parse().map_err(|_| wrong)?;
        let micros = u64::try_from(instant.as_microsecond()).map_err(|_| wrong)?;
        if micros <= Timestamp::MAX.0 {
            Ok(Timestamp(micros))
        } else {
            Err(wrong)
        }
    }
}

impl Span {
    /// The shortest time that stamps tell apart.
    pub const MICROSECOND: Span = Span(1);

    /// So many seconds.
    pub const fn from_seconds(seconds: u32) -> Span {
        Span(seconds as u64 * 1_000_000)
    }

    /// So many microseconds.
    pub const fn from_micros(micros: u64) -> Span {
        Span(micros)
    }

    /// Reads a span of at least a second, for what must come to an end but not at once.
    ///
    /// # Errors
    /// No duration, or none at all.
    pub fn positive(text: &str) -> Result<Span, TimeError> {
        match text.parse()? {
            Span(0) => Err(TimeError("must be at least 1s")),
            span => Ok(span),
        }
    }

    /// Microseconds.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// The same span for timers.
    pub const fn duration(self) -> std::time::Duration {
        std::time::Duration::from_micros(self.0)
    }
}

/// A whole number and a unit: `30s`, `5m`, `24h`, `3d` (operations.md, Configuration).
impl FromStr for Span {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Span, TimeError> {
        let wrong = TimeError("must be a duration such as 30s, 5m, 24h or 3d");
        let seconds = match text.as_bytes().last() {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3600,
            Some(b'd') => 86_400,
            _ => return Err(wrong),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong);
        }
        // 2^32 seconds and no more: 136 years.
        let count: Option<u32> = digits.parse().ok();
        count
            .and_then(|count| count.checked_mul(seconds))
            .map(Span::from_seconds)
            .ok_or(TimeError("must be a duration of at most 49710d"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0 / 1_000_000)
    }
}

/// Hours and minutes from UTC, such as `+05:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcOffset(Offset);

impl UtcOffset {
    /// `+00:00`.
    pub const UTC: UtcOffset = UtcOffset(Offset::UTC);
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Serialize for UtcOffset {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for UtcOffset {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<UtcOffset, TimeError> {
        let wrong = TimeError("must be an offset from UTC such as +00:00 or +05:30");
        let bytes = text.as_bytes();
        let shape = bytes.len() == 6 && matches!(bytes[0], b'+' | b'-') && bytes[3] == b':';
        if !shape
            || ![1, 2, 4, 5]
                .iter()
                .all(|&place| bytes[place].is_ascii_digit())
        {
            return Err(wrong);
        }
        let number =
            |place: usize| i32::from(bytes[place] - b'0') * 10 + i32::from(bytes[place + 1] - b'0');
        let (hours, minutes) = (number(1), number(4));
        if hours > 14 || minutes > 59 {
            return Err(wrong);
        }
        let seconds = (hours * 60 + minutes) * if bytes[0] == b'-' { -60 } else { 60 };
        Offset::from_seconds(seconds)
            .map(UtcOffset)
            .map_err(|_| wrong)
    }
}

impl<'de> Deserialize<'de> for UtcOffset {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<UtcOffset, D::Error> {
        crate::id::parse_from(deserializer)
    }
}

/// Where `now` comes from: the machine, or a simulation.
pub trait Clock: Send + Sync {
    /// The present. May step back; who needs order stamps with max(previous, now).
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip_in_rfc_3339() {
        for text in [
            "1970-01-01T00:00:00.000000Z",
            "2023-09-21T03:23:23.000001Z",
            "9998-12-31T23:59:59.999999Z",
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        assert_eq!(Timestamp::MAX.to_string(), "9998-12-31T23:59:59.999999Z");
        assert_eq!(
            "2023-09-21T05:23:23+02:00"
                .parse::<Timestamp>()
                .unwrap()
                .to_string(),
            "2023-09-21T03:23:23.000000Z"
        );
        for text in [
            "",
            "yesterday",
            "1969-12-31T23:59:59Z",
            "2023-09-21 03:23:23",
            "9999-12-31T23:59:59Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_wallets_text_follows_the_offset() {
        let at: Timestamp = "2023-09-21T20:23:23Z".parse().unwrap();
        assert_eq!(&at.wallet_text(UtcOffset::UTC), b"21-09-2023 20:23:23");
        assert_eq!(
            &at.wallet_text("+05:30".parse().unwrap()),
            b"22-09-2023 01:53:23"
        );
        assert_eq!(
            &at.wallet_text("-12:00".parse().unwrap()),
            b"21-09-2023 08:23:23"
        );
        let gateway = at.gateway_text("+05:30".parse().unwrap());
        assert_eq!(gateway, "2023-09-22 01:53:23");
    }

    #[test]
    fn spans_are_a_number_and_a_unit() {
        for (text, micros) in [
            ("30s", 30_000_000),
            ("5m", 300_000_000),
            ("24h", 86_400_000_000),
            ("3d", 259_200_000_000),
        ] {
            assert_eq!(text.parse::<Span>().unwrap().micros(), micros);
            assert_eq!(Span::positive(text).unwrap().micros(), micros);
        }
        assert!(Span::positive("0h").is_err());
        for text in [
            "",
            "s",
            "30",
            "-1s",
            "+1s",
            "1.5h",
            "1w",
            "1 h",
            "99999999999s",
            "9999999d",
            "1\u{e9}",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn offsets_are_signed_hours_and_minutes() {
        for text in ["+05:30", "-03:00", "+14:00"] {
            assert!(text.parse::<UtcOffset>().is_ok(), "{text:?}");
        }
        for text in ["", "05:30", "+5:30", "+15:00", "+05:60", "+0530", "UTC"] {
            assert!(text.parse::<UtcOffset>().is_err(), "{text:?}");
        }
    }
}
