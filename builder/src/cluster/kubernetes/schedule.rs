//! A *schedule* says when a `DataImportCron` checks for a new image: five fields as in cron, or a
//! word such as `@daily`. CDI reads it with `ParseStandard` of github.com/robfig/cron, version 3.

use thiserror::Error;

const SCHEDULE_WORDS: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

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
    /// A field has an invalid value.
    #[error("`{0}` cannot stand there; fields look like `*`, `*/6`, `30` or `1-5`")]
    Field(String),
}

/// Checks a schedule.
pub fn parse_schedule(text: &str) -> Result<String, ScheduleError> {
    if SCHEDULE_WORDS.contains(&text) {
        return Ok(text.into());
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
