//! A *schedule* says when a `DataImportCron` checks for a new image: five fields as in cron, a word
//! such as `@daily`, or `@every` and a duration. CDI reads it with `ParseStandard` of
//! github.com/robfig/cron, version 3.

use thiserror::Error;

const SCHEDULE_WORDS: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// Start of a schedule that gives the time from one check to the next.
const EVERY: &str = "@every ";

/// Units of a duration, and their lengths in nanoseconds (`ParseDuration`, Go's `time/format.go`).
const DURATION_UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1000),
    ("\u{b5}s", 1000),
    ("\u{3bc}s", 1000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The smallest and largest number of each field, and names for the numbers, from the smallest on.
const FIELDS: [(u32, u32, &[&str]); 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// It does not have five fields.
    #[error(
        "it has five fields, minute, hour, day of the month, month and day of the week, or is a word like `@daily`"
    )]
    Fields,
    /// What follows `@every` is not a duration.
    #[error("`{0}` is not a duration; it looks like `1h`, `90m` or `1h30m`")]
    Duration(String),
    /// A field has an invalid value.
    #[error("`{0}` cannot stand there; fields look like `*`, `*/6`, `30` or `1-5`")]
    Field(String),
}

/// Checks a schedule.
pub fn parse_schedule(text: &str) -> Result<String, ScheduleError> {
    if SCHEDULE_WORDS.contains(&text) {
        return Ok(text.into());
    }
    if let Some(duration) = text.strip_prefix(EVERY) {
        return if is_duration(duration) {
            Ok(text.into())
        } else {
            Err(ScheduleError::Duration(duration.into()))
        };
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(ScheduleError::Fields);
    }
    let mut fields = fields.into_iter().zip(FIELDS);
    match fields.find(|(field, rule)| !field.split(',').all(|item| is_item(item, *rule))) {
        Some((field, _)) => Err(ScheduleError::Field(field.into())),
        None => Ok(text.into()),
    }
}

/// Returns whether a text is a duration of Go, more than nothing and at most 2⁶³ nanoseconds.
fn is_duration(text: &str) -> bool {
    let mut total = 0_u64;
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let Some((number, behind)) = number_len.and_then(|len| rest.split_at_checked(len)) else {
            return false;
        };
        let unit_len = behind.find(|c: char| c.is_ascii_digit() || c == '.');
        let (name, next) = behind.split_at(unit_len.unwrap_or(behind.len()));
        let unit = DURATION_UNITS.iter().find(|(known, _)| *known == name);
        let Some(part) = unit.and_then(|(_, unit)| scale_number(number, *unit)) else {
            return false;
        };
        let Some(sum) = total.checked_add(part) else { return false };
        total = sum;
        rest = next;
    }
    (1..=i64::MAX.unsigned_abs()).contains(&total)
}

/// Returns a decimal number, with digits before the point or behind it, times a unit.
fn scale_number(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let mut part = 0;
    let mut digit_unit = unit;
    for digit in fraction.bytes() {
        digit_unit /= 10;
        part += u64::from(digit - b'0') * digit_unit;
    }
    whole.checked_mul(unit)?.checked_add(part)
}

/// Returns whether an item is `RANGE` or `RANGE/STEP`, where a range is `*`, `?`, a number, or two
/// numbers with `-` between them.
fn is_item(item: &str, rule: (u32, u32, &[&str])) -> bool {
    let (range, step) =
        item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
    let good_step = step.is_none_or(|step| parse_number(step).is_some_and(|step| step > 0));
    let good_range = match range.split_once('-') {
        _ if matches!(range, "*" | "?") => true,
        Some((from, to)) => match (parse_value(from, rule), parse_value(to, rule)) {
            (Some(from), Some(to)) => from <= to,
            _ => false,
        },
        None => parse_value(range, rule).is_some(),
    };
    good_step && good_range
}

fn parse_value(text: &str, (least, greatest, names): (u32, u32, &[&str])) -> Option<u32> {
    let known = names.iter().zip(least..).find(|(name, _)| text.eq_ignore_ascii_case(name));
    let value = known.map(|(_, value)| value).or_else(|| parse_number(text));
    value.filter(|value| (least..=greatest).contains(value))
}

fn parse_number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_those_of_cron() {
        let check = |text: &str, expected: Result<(), &str>| {
            let found = parse_schedule(text).map(drop).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        };
        let fields = Err(
            "it has five fields, minute, hour, day of the month, month and day of the week, or is a \
             word like `@daily`",
        );
        check("0 3 * * *", Ok(()));
        check("@daily", Ok(()));
        check("*/5 0-6,12 1 JAN-mar ?", Ok(()));
        check("30 1 * * 1/2", Ok(()));
        check("", fields);
        check("* * * *", fields);
        check("0 0 3 * * *", fields);
        check("@reboot", fields);
        check("@every", fields);
        for text in
            ["1h", "90m", "1h30m", "0.5h", ".5h", "1.h", "+24h", "300ms", "1\u{b5}s", "2562047h"]
        {
            check(&format!("@every {text}"), Ok(()));
        }
        for text in [
            "", "1", "0s", "-1h", "1d", " 1h", "1h ", "1.2.3h", ".h", "h", "1H", "2562048h",
            "1h+1m",
        ] {
            let message =
                format!("`{text}` is not a duration; it looks like `1h`, `90m` or `1h30m`");
            check(&format!("@every {text}"), Err(&message));
        }
        for (text, wrong) in [
            ("60 * * * *", "60"),
            ("* 24 * * *", "24"),
            ("* * 0 * *", "0"),
            ("* * * 13 *", "13"),
            ("* * * * 7", "7"),
            ("5-1 * * * *", "5-1"),
            ("*/0 * * * *", "*/0"),
            ("+1 * * * *", "+1"),
            (", * * * *", ","),
            ("* * * * monday", "monday"),
        ] {
            let message =
                format!("`{wrong}` cannot stand there; fields look like `*`, `*/6`, `30` or `1-5`");
            check(text, Err(&message));
        }
    }
}
