//! The *rules* by which images are kept.

use std::num::NonZeroUsize;
use std::time::Duration;

use regex::Regex;
use thiserror::Error;

/// Which images are kept. An image that one rule keeps stays; one without a date stays always.
#[derive(Debug, Clone, Default)]
pub struct RetentionRules {
    /// How many of the newest images are kept.
    pub newest: Option<NonZeroUsize>,
    /// Age up to which images are kept.
    pub within: Option<Duration>,
    /// Tags that are kept: a pattern matches anywhere in a tag.
    pub keep_tags: Vec<Regex>,
    /// Tags that may be deleted, if not all: patterns made by [`whole_tag`].
    pub only_tags: Option<Vec<Regex>>,
    /// Annotation that an image must have, in its index or an entry of it, to be deleted.
    pub annotation: Option<String>,
}

/// A rule is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RetentionError {
    /// A text is not an age.
    #[error("`{}` is not an age: write it like 30d, 12h or 8w", .0.escape_debug())]
    Age(String),
}

/// Parses an age: a number with `h`, `d` or `w`, for hours, days and weeks.
pub fn parse_age(text: &str) -> Result<Duration, RetentionError> {
    let parse = || {
        let (unit_at, unit) = text.char_indices().next_back()?;
        let hours: u64 = match unit {
            'h' => 1,
            'd' => 24,
            'w' => 24 * 7,
            _ => return None,
        };
        let number = &text[..unit_at];
        let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = number.parse::<u64>().ok().filter(|_| is_plain)?.checked_mul(hours * 3600)?;
        // An age that is longer than any image is old.
        (seconds <= 1 << 36).then(|| Duration::from_secs(seconds))
    };
    parse().ok_or_else(|| RetentionError::Age(text.into()))
}

/// Compiles a pattern that matches a whole tag.
pub fn whole_tag(pattern: &str) -> Result<Regex, regex::Error> {
    // The pattern alone first: it could close the group.
    Regex::new(pattern)?;
    Regex::new(&format!("^(?:{pattern})$"))
}

impl RetentionRules {
    /// Returns whether a tag is kept by its name.
    pub(crate) fn keeps_tag(&self, tag: &str) -> bool {
        self.keep_tags.iter().any(|pattern| pattern.is_match(tag))
    }

    /// Returns whether a tag may be deleted.
    pub(crate) fn may_delete(&self, tag: &str) -> bool {
        self.only_tags.as_ref().is_none_or(|all| all.iter().any(|pattern| pattern.is_match(tag)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_numbers_with_a_unit() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse_age(text).ok().map(|age| age.as_secs()), expected, "{text}");
        };
        check("30d", Some(30 * 86_400));
        check("12h", Some(12 * 3600));
        check("2w", Some(14 * 86_400));
        check("0d", Some(0));
        for text in [
            "",
            "d",
            "30",
            "+3d",
            "-3d",
            "3 d",
            "1.5d",
            "3m",
            "3µ",
            "99999999999999999999d",
            "9999999999999w",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn what_may_be_deleted_matches_as_a_whole() {
        let pattern = |text: &str| vec![Regex::new(text).unwrap()];
        let rules = RetentionRules {
            keep_tags: pattern("^v|la"),
            only_tags: Some(vec![whole_tag(r"9|9-\d+").unwrap()]),
            ..RetentionRules::default()
        };
        let check = |tag: &str, kept: bool, deletable: bool| {
            assert_eq!((rules.keeps_tag(tag), rules.may_delete(tag)), (kept, deletable), "{tag}");
        };
        check("latest", true, false);
        check("v1", true, false);
        check("9", false, true);
        check("19", false, false);
        check("9-2501", false, true);
        check("9-2501x", false, false);
        check("x9-2501", false, false);
        assert!(whole_tag("a)|(b").is_err());
    }
}
