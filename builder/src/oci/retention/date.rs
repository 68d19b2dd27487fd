//! The *date* of an image: what it says of itself, and what its tags say.
//!
//! Images that are made to be reproducible say 1970, or 1980, of themselves: that is no date
//! (<https://reproducible-builds.org/specs/source-date-epoch/>). Digits that may be something else are no date, and neither is
//! a time that is yet to come: images without a date stay.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

/// The first second that counts as a date, 2000-01-01: images with fixed times are older.
const FIRST: i64 = 946_684_800;

/// Ten digits up to this, of 2040-01-01, are more likely seconds since 1970 than `YYMMDDHHMM`.
const LAST_EPOCH: u64 = 2_208_988_800;

/// How far clocks are off, in seconds: a day, since dates in tags can be of any time zone.
const SKEW: i64 = 86_400;

/// Who has made a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagMaker {
    /// A sync, which writes `YYMMDDHHMM` at the end of a tag.
    Sync,
    /// Anybody: ten digits can be the number of a build.
    Unknown,
}

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
    pub(super) fn of_tag(tag: &str, maker: TagMaker) -> Self {
        Self(date_of_tag(tag, maker))
    }

    /// Returns the date, unless it is in the future. `now` is in seconds since 1970.
    pub(super) fn up_to(self, now: i64) -> Self {
        Self(self.0.filter(|seconds| *seconds <= now.saturating_add(SKEW)))
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

/// Returns the date that a tag ends with, in seconds since 1970: `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS` after its
/// start or a character that is no digit; or `YYYY-MM-DD`; or `YYMMDDHHMM` that a sync has made.
fn date_of_tag(tag: &str, maker: TagMaker) -> Option<i64> {
    let last = tag.rsplit(|char: char| !char.is_ascii_digit()).next()?;
    let is_time = last.len() != 10
        || maker == TagMaker::Sync && last.parse().is_ok_and(|number: u64| number > LAST_EPOCH);
    if is_time
        && !ends_with_hash(tag)
        && let Some(date) = parse_digits(last)
    {
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

/// Returns whether the last word of a tag may be the beginning of a hash: hexadecimal digits, and not decimal ones only.
fn ends_with_hash(tag: &str) -> bool {
    let word = tag.rsplit(|char: char| !char.is_ascii_alphanumeric()).next().unwrap_or_default();
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex && !word.bytes().all(|byte| byte.is_ascii_digit())
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
            let date = ImageDate::of_tag(tag, TagMaker::Unknown);
            assert_eq!(date.to_text().as_deref(), expected, "{tag}");
        };
        check("build20260501", Some("2026-05-01T00:00:00Z"));
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
    fn digits_that_may_be_something_else_are_no_date() {
        let check = |tag: &str, maker: TagMaker, expected: Option<&str>| {
            let date = ImageDate::of_tag(tag, maker);
            assert_eq!(date.to_text().as_deref(), expected, "{tag} {maker:?}");
        };
        check("9-2511301257", TagMaker::Sync, Some("2025-11-30T12:57:00Z"));
        check("9-2511301257", TagMaker::Unknown, None);
        // Seconds since 1970, of 2024: 2017-09-25 11:59 and 2017-12-01 12:34 otherwise.
        for tag in ["build-1709251159", "build-1712011234", "2208110959"] {
            check(tag, TagMaker::Sync, None);
            check(tag, TagMaker::Unknown, None);
        }
        // Beginnings of hashes.
        for tag in ["git-a20240101", "1f0c202401011200", "9-E20240101"] {
            check(tag, TagMaker::Unknown, None);
        }
    }

    #[test]
    fn what_is_yet_to_come_is_no_date() {
        let check = |tag: &str, expected: bool| {
            let date = ImageDate::of_tag(tag, TagMaker::Unknown).up_to(1_780_272_000);
            assert_eq!(date.seconds().is_some(), expected, "{tag}");
        };
        check("b-20260601", true);
        check("b-20260602", true);
        check("b-20260603", false);
        check("b-20481231", false);
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
