//! The *rules* by which images are kept.

use std::collections::BTreeSet;
use std::time::Duration;

use regex::Regex;
use thiserror::Error;

use crate::oci::image::digest::Digest;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::tag::Tag;

/// Which images are kept. An image that one rule keeps stays; one without a date stays always, and so does the newest one,
/// unless the rules say that none is kept. Images of different repositories in a layout are not compared.
#[derive(Debug, Clone, Default)]
pub struct RetentionRules {
    /// How many of the newest images are kept; one if nothing is said, none for 0.
    pub newest: Option<usize>,
    /// Age up to which images are kept.
    pub within: Option<Duration>,
    /// Tags that are kept: a pattern matches anywhere in a tag.
    pub keep_tags: Vec<Regex>,
    /// Tags that may be deleted, if not all: patterns made by [`whole_tag`].
    pub only_tags: Option<Vec<Regex>>,
    /// Annotation that an image must have, in its index or an entry of it, to be deleted.
    pub annotation: Option<String>,
    /// Tags that end with a time that a sync has made, `YYMMDDHHMM`: patterns made by [`whole_tag`].
    pub timestamp_tags: Vec<Regex>,
    /// Images that are in use: all their tags stay.
    pub current: BTreeSet<Digest>,
    /// Tags that name images in use.
    pub current_tags: BTreeSet<Tag>,
}

/// A rule is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RetentionError {
    /// A text is not an age.
    #[error("`{}` is not an age: write it like 30d, 12h, 8w or 90min", .0.escape_debug())]
    Age(String),
}

/// Parses an age: a number with `min`, `h`, `d` or `w`, for minutes, hours, days and weeks.
pub fn parse_age(text: &str) -> Result<Duration, RetentionError> {
    let parse = || {
        let unit_at = text.find(|char: char| !char.is_ascii_digit())?;
        let (number, unit) = text.split_at(unit_at);
        let unit: u64 = match unit {
            "min" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            "w" => 7 * 24 * 3600,
            _ => return None,
        };
        let seconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
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
    /// Returns how many of the newest images are kept.
    pub(crate) fn newest_count(&self) -> usize {
        self.newest.unwrap_or(1)
    }

    /// Returns whether an image with these names is in use.
    pub(crate) fn is_current(&self, image: Digest, names: &[RefName]) -> bool {
        let is_named = |tag: Option<Tag>| tag.is_some_and(|tag| self.current_tags.contains(&tag));
        self.current.contains(&image) || names.iter().any(|name| is_named(name.tag()))
    }

    /// Returns whether a tag is kept by its name.
    pub(crate) fn keeps_tag(&self, tag: &str) -> bool {
        self.keep_tags.iter().any(|pattern| pattern.is_match(tag))
    }

    /// Returns whether a tag ends with a time that a sync has made.
    pub(crate) fn has_timestamp(&self, tag: &str) -> bool {
        self.timestamp_tags.iter().any(|pattern| pattern.is_match(tag))
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
        check("90min", Some(90 * 60));
        for text in [
            "",
            "d",
            "30",
            "+3d",
            "-3d",
            "3 d",
            "1.5d",
            "3m",
            "3mins",
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
