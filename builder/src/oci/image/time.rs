//! The *time* of an image, which is that of everything in it. It comes from `SOURCE_DATE_EPOCH` or
//! is 1970, never the current time: a digest that changes makes clusters import the disk again.

use std::fmt;
use std::str::FromStr;

/// Seconds since 1970, from 0 to the largest number that a tar header can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timestamp(u64);

/// The text is not a valid time of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a number of seconds since 1970 between 0 and {}", Timestamp::MAX)]
pub struct TimestampError;

impl Timestamp {
    /// The largest number of eleven octal digits, in the year 2242.
    const MAX: u64 = 0o777_7777_7777;

    /// Returns the time of a number of seconds since 1970, if an image can have it.
    pub(crate) fn from_seconds(seconds: u64) -> Option<Self> {
        (seconds <= Self::MAX).then_some(Self(seconds))
    }

    /// Returns the seconds since 1970.
    pub(crate) fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Parses the value of `SOURCE_DATE_EPOCH`
    /// (<https://reproducible-builds.org/specs/source-date-epoch/>).
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let plain = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        let seconds = text.parse().ok().filter(|seconds| plain && *seconds <= Self::MAX);
        seconds.map(Self).ok_or(TimestampError)
    }
}

impl fmt::Display for Timestamp {
    /// Writes RFC 3339, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{}", jiff::Timestamp::from_second(seconds).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let check = |text: &str, expected: Option<&str>| {
            let found = text.parse::<Timestamp>().ok().map(|time| time.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("0", Some("1970-01-01T00:00:00Z"));
        check("1760000000", Some("2025-10-09T08:53:20Z"));
        check("8589934591", Some("2242-03-16T12:56:31Z"));
        check("8589934592", None);
        check("-1", None);
        check("+1", None);
        check("", None);
        check("now", None);
    }
}
