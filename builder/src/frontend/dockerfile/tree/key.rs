//! A *key* is a path in an order in which every directory comes directly before everything below
//! it: paths compare by their parts, and not by their bytes, where `a-b` would come between `a` and
//! `a/b`.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// How many bytes are compared at once.
const CHUNK: usize = 8;

/// A stored path.
#[derive(Debug, Clone)]
pub(super) struct TreeKey(Box<str>);

impl TreeKey {
    pub(super) fn new(path: &str) -> Self {
        Self(path.into())
    }

    pub(super) fn path(&self) -> &str {
        &self.0
    }
}

impl PartialEq for TreeKey {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for TreeKey {}

impl PartialOrd for TreeKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TreeKey {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// A path that is looked up, which needs no allocation of its own. Maps of [`Key`] take it through
/// [`Borrow`].
pub(super) trait KeyPath {
    fn path(&self) -> &str;
}

impl KeyPath for TreeKey {
    fn path(&self) -> &str {
        &self.0
    }
}

impl KeyPath for &str {
    fn path(&self) -> &str {
        self
    }
}

impl<'p> Borrow<dyn KeyPath + 'p> for TreeKey {
    fn borrow(&self) -> &(dyn KeyPath + 'p) {
        self
    }
}

impl PartialEq for dyn KeyPath + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path()
    }
}

impl Eq for dyn KeyPath + '_ {}

impl PartialOrd for dyn KeyPath + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn KeyPath + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.path(), other.path())
    }
}

/// Compares paths, with a slash before every other byte.
fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    // Compared paths usually share a prefix, and chunks are compared faster than bytes.
    let chunks = left.chunks_exact(CHUNK).zip(right.chunks_exact(CHUNK));
    let common = chunks.take_while(|(left, right)| left == right).count() * CHUNK;
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { u16::from(*byte) + 1 };
    left[common..].iter().map(rank).cmp(right[common..].iter().map(rank))
}

/// Returns a text that is ordered after `path` and everything below it, and before the next path:
/// paths have no NUL.
pub(super) fn key_behind(path: &str) -> String {
    format!("{path}\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_right_before_what_is_below_it() {
        let long = "long/directory";
        let long = ["", "/a", "/a/b", "/a-b", "/b", "-", "0"].map(|end| format!("{long}{end}"));
        let sorted = ["", "a", "a/b", "a/b/c", "a/b-c", "a\u{1}", "a-b", "a.b", "ab", "b"];
        let sorted = sorted.map(str::to_owned).into_iter().chain(long).chain(["é".to_owned()]);
        let sorted: Vec<String> = sorted.collect();
        for (at, left) in sorted.iter().enumerate() {
            for (other, right) in sorted.iter().enumerate() {
                assert_eq!(TreeKey::new(left).cmp(&TreeKey::new(right)), at.cmp(&other));
            }
        }
        assert!(compare("a/z/z", &key_behind("a")).is_lt());
        assert!(compare(&key_behind("a"), "a\u{1}").is_lt());
    }
}
