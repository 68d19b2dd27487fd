//! The *date* of an image: what it says of itself, and what its tags say.
//!
//! Images that are made to be reproducible say 1970, or 1980, of themselves: that is no date
//! (<https://reproducible-builds.org/specs/source-date-epoch/>).

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

/// The first second that counts as a date, 2000-01-01: images with fixed times are older.
const FIRST: i64 = 946_684_800;

/// When an image was made, as far as that is known: the later one of what it says and of what its tags say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ImageDate(Option<i64>);

impl ImageDate {
    /// Returns the date of an image that says a time in RFC 3339 of itself, or nothing that counts.
    pub(super) fn of_created(text: Option<&str>) -> Self {
        let created = text.and_then(|text| text.parse::<Timestamp>().ok());
        Self(created.map(Timestamp::as_second).filter(|seconds| *seconds >= FIRST))
    }

    /// Returns the date that a tag ends with.
    pub(super) fn of_tag(tag: &str) -> Self {
        Self(date_of_tag(tag))
    }

    /// Returns the seconds since 1970; none if the image has no date.
    pub fn seconds(self) -> Option<i64> {
        self.0
    }

    /// Returns the date in RFC 3339, in UTC.
    pub fn to_text(self) -> Option<String> {
        Timestamp::from_second(self.0?).ok().map(|time| time.to_string())
    }
}

/// Returns the date that a tag ends with, in seconds since 1970: `YYYYMMDD`, `YYMMDDHHMM`, `YYYYMMDDHHMM` or
/// `YYYYMMDDHHMMSS` after its start or a character that is no digit; or `YYYY-MM-DD`.
fn date_of_tag(tag: &str) -> Option<i64> {
    let last = tag.rsplit(|char: char| !char.is_ascii_digit()).next()?;
    if let Some(date) = parse_digits(last) {
        return Some(date);
    }
    let day = tag.get(tag.len().checked_sub(10)?..)?;
    let before = tag[..tag.len() - 10].chars().next_back();
    let digits: Vec<&str> = day.split('-').collect();
    let is_day = matches!(digits[..], [year, month, day] if (year.len(), month.len(), day.len()) == (4, 2, 2));
    if is_day && before.is_none_or(|char| !char.is_ascii_digit()) {
        return parse_digits(&digits.concat());
    }
    None
}

fn parse_digits(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let full = match digits.len() {
        8 => format!("{digits}000000"),
        10 => format!("20{digits}00"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| full.get(from..to)?.parse::<i8>().ok();
    let year = full.get(..4)?.parse().ok()?;
    let (month, day) = (part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let date = civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let seconds = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    (seconds >= FIRST).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_end_with_a_date_or_have_none() {
        let check = |tag: &str, expected: Option<&str>| {
            let date = ImageDate::of_tag(tag);
            assert_eq!(date.to_text().as_deref(), expected, "{tag}");
        };
        check("9-2511301257", Some("2025-11-30T12:57:00Z"));
        check("9.8-20260501", Some("2026-05-01T00:00:00Z"));
        check("20260501", Some("2026-05-01T00:00:00Z"));
        check("v2026-05-01", Some("2026-05-01T00:00:00Z"));
        check("2026-05-01", Some("2026-05-01T00:00:00Z"));
        check("x-202605011257", Some("2026-05-01T12:57:00Z"));
        check("x_20260501125759", Some("2026-05-01T12:57:59Z"));
        // No month 13, no day 31 of April, no hour 25, nothing before 2000.
        for tag in
            ["20261301", "20260431", "9-2511302557", "19991231", "1", "latest", "", "42", "1.2.3"]
        {
            check(tag, None);
        }
        for tag in [
            "20260501-amd64",
            "120260501",
            "12026-05-01",
            "2026-5-1",
            "9-2511301257.1",
            "é026-05-01",
        ] {
            check(tag, None);
        }
    }

    #[test]
    fn fixed_times_are_no_dates() {
        let check = |text: Option<&str>, expected: Option<&str>| {
            assert_eq!(ImageDate::of_created(text).to_text().as_deref(), expected, "{text:?}");
        };
        check(Some("2026-05-01T10:00:00+02:00"), Some("2026-05-01T08:00:00Z"));
        for text in [
            "1970-01-01T00:00:00Z",
            "1980-01-01T00:00:01Z",
            "0001-01-01T00:00:00Z",
            "yesterday",
            "",
        ] {
            check(Some(text), None);
        }
        check(None, None);
    }
}
