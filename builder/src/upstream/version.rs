//! *Versions* in the order of their releases: numbers are compared as numbers, so that 9.10 follows 9.8.

use std::cmp::Ordering;

/// A number or word of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VersionPart<'a> {
    /// Digits without leading zeros.
    Number(&'a str),
    Word(&'a str),
}

/// Words of versions that precede the release itself.
const PRERELEASES: [&str; 7] = ["dev", "alpha", "beta", "pre", "rc", "snapshot", "~"];

/// Compares two versions, part by part. If one is a prefix of the other, the longer one is the newer,
/// unless it continues with a prerelease (`44-beta`, `1.0-rc1`).
pub fn compare_versions(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (split_version(one), split_version(other));
    loop {
        let order = match (one.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (Some(part), None) => part.compare_with_end(),
            (None, Some(part)) => part.compare_with_end().reverse(),
            (Some(part), Some(with)) => part.compare(with),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn split_version(version: &str) -> impl Iterator<Item = VersionPart<'_>> {
    let mut rest = version;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '~');
        let first = rest.chars().next()?;
        let is_same = |c: char| match first {
            '~' => c == '~',
            first if first.is_ascii_digit() => c.is_ascii_digit(),
            _ => c.is_alphanumeric() && !c.is_ascii_digit(),
        };
        let end = rest.find(|c| !is_same(c)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(if first.is_ascii_digit() {
            VersionPart::Number(part.trim_start_matches('0'))
        } else {
            VersionPart::Word(part)
        })
    })
}

impl VersionPart<'_> {
    fn is_prerelease(self) -> bool {
        let is = |name: &str| matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(name));
        PRERELEASES.iter().any(|name| is(name))
    }

    fn compare_with_end(self) -> Ordering {
        if self.is_prerelease() { Ordering::Less } else { Ordering::Greater }
    }

    /// A number is newer than a word.
    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => {
                one.len().cmp(&other.len()).then_with(|| one.cmp(other))
            }
            (Self::Word(one), Self::Word(two)) => {
                other.is_prerelease().cmp(&self.is_prerelease()).then_with(|| one.cmp(two))
            }
            (Self::Number(_), Self::Word(_)) => Ordering::Greater,
            (Self::Word(_), Self::Number(_)) => Ordering::Less,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_in_which_they_came() {
        let check = |older: &str, newer: &str| {
            assert_eq!(compare_versions(older, newer), Ordering::Less, "{older} {newer}");
            assert_eq!(compare_versions(newer, older), Ordering::Greater, "{newer} {older}");
            assert_eq!(compare_versions(older, older), Ordering::Equal, "{older}");
        };
        check("9.8", "9.10");
        check("9.8-20260526", "9.10-20251101");
        check("20250210-2019", "20250210-2020");
        check("20250210.0", "20250210.10");
        check("44-beta", "44");
        check("44 Beta", "44-1.1");
        check("1.0-rc1", "1.0-rc2");
        check("1.0~1", "1.0");
        check("1.0", "1.0.1");
        check("1.0-alpha", "1.0-beta");
        check("1.0-beta", "1.0-x");
        check("2a", "2.1");
        check("", "0");
        check("1.9", "1.99999999999999999999999999999999");
    }

    #[test]
    fn punctuation_and_leading_zeros_make_no_difference() {
        let check = |one: &str, other: &str| {
            assert_eq!(compare_versions(one, other), Ordering::Equal, "{one} {other}");
        };
        check("1.02", "1-2");
        check("00", "0");
        check("a_b", "a.b.");
    }
}
