//! *Versions* in the order in which they came: numbers count as numbers, so that 9.10 follows 9.8.

use std::cmp::Ordering;

/// One part of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    /// Leading zeros are left off.
    Number(&'a str),
    Word(&'a str),
}

/// What comes before the version itself.
const EARLIER: [&str; 7] = ["dev", "alpha", "beta", "pre", "rc", "snapshot", "~"];

/// Compares two versions, part by part. Where one ends, the longer one is the newer, unless it goes on
/// with what comes before a release (`44-beta`, `1.0-rc1`).
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (parts(one), parts(other));
    loop {
        let order = match (one.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (Some(part), None) => part.beyond_end(),
            (None, Some(part)) => part.beyond_end().reverse(),
            (Some(part), Some(with)) => part.compare(with),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn parts(version: &str) -> impl Iterator<Item = Part<'_>> {
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
            Part::Number(part.trim_start_matches('0'))
        } else {
            Part::Word(part)
        })
    })
}

impl Part<'_> {
    fn is_earlier(self) -> bool {
        let is = |name: &str| matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(name));
        EARLIER.iter().any(|name| is(name))
    }

    fn beyond_end(self) -> Ordering {
        if self.is_earlier() { Ordering::Less } else { Ordering::Greater }
    }

    /// A number is newer than a word.
    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => {
                one.len().cmp(&other.len()).then_with(|| one.cmp(other))
            }
            (Self::Word(one), Self::Word(two)) => {
                other.is_earlier().cmp(&self.is_earlier()).then_with(|| one.cmp(two))
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
            assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{newer} {older}");
            assert_eq!(compare(older, older), Ordering::Equal, "{older}");
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
            assert_eq!(compare(one, other), Ordering::Equal, "{one} {other}");
        };
        check("1.02", "1-2");
        check("00", "0");
        check("a_b", "a.b.");
    }
}
