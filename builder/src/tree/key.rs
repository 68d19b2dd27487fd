//! A *key* is a path in an order in which every directory stands right before all that is below
//! it: paths compare by their parts, and not by their bytes, where `a-b` would come between `a`
//! and `a/b`.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// A path that is stored.
#[derive(Debug, Clone)]
pub(super) struct Key(Box<str>);

impl Key {
    pub(super) fn new(path: &str) -> Self {
        Self(path.into())
    }

    pub(super) fn path(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// A path that is looked for, which needs no allocation of its own. Maps of [`Key`] take it
/// through [`Borrow`].
pub(super) trait Path {
    fn path(&self) -> &str;
}

impl Path for Key {
    fn path(&self) -> &str {
        &self.0
    }
}

impl Path for &str {
    fn path(&self) -> &str {
        self
    }
}

impl<'p> Borrow<dyn Path + 'p> for Key {
    fn borrow(&self) -> &(dyn Path + 'p) {
        self
    }
}

impl PartialEq for dyn Path + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path()
    }
}

impl Eq for dyn Path + '_ {}

impl PartialOrd for dyn Path + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Path + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.path(), other.path())
    }
}

/// A slash comes before every other byte.
fn compare(left: &str, right: &str) -> Ordering {
    let rank = |byte| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    left.bytes().map(rank).cmp(right.bytes().map(rank))
}

/// Returns a text that is ordered behind `path` and all that is below it, and before what comes
/// then: paths hold no NUL.
pub(super) fn behind(path: &str) -> String {
    format!("{path}\0")
}

/// Returns whether `path` is below the directory `dir`.
pub(super) fn is_below(path: &str, dir: &str) -> bool {
    if dir.is_empty() {
        return !path.is_empty();
    }
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

/// Returns the directory a path is in, and its name there.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_right_before_what_is_below_it() {
        let sorted = ["", "a", "a/b", "a/b/c", "a/b-c", "a\u{1}", "a-b", "a.b", "ab", "b", "é"];
        for (at, left) in sorted.iter().enumerate() {
            for (other, right) in sorted.iter().enumerate() {
                assert_eq!(Key::new(left).cmp(&Key::new(right)), at.cmp(&other));
            }
        }
        assert!(compare("a/z/z", &behind("a")).is_lt());
        assert!(compare(&behind("a"), "a\u{1}").is_lt());
    }

    #[test]
    fn below_is_decided_by_parts() {
        let check = |path, dir, expected| assert_eq!(is_below(path, dir), expected, "{path} {dir}");
        check("a/b", "a", true);
        check("a-b", "a", false);
        check("a", "a", false);
        check("a", "", true);
        check("", "", false);
    }
}
