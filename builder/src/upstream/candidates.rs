//! The *candidates* of a list, which are searched by the beginning of their names: a list that thousands of images share is
//! parsed once, and read through by none of them.

use regex_syntax::hir::literal::Extractor;

use super::candidate::Candidate;
use crate::recipe::ReadList;

/// The files of a list.
#[derive(Debug, Default)]
pub struct CandidateList {
    /// In the order of the list.
    files: Vec<Candidate>,
    /// Positions in `files` in the order of the names.
    by_name: Vec<usize>,
    /// The lists that were read for them.
    pub(super) lists: Vec<ReadList>,
}

impl CandidateList {
    pub(super) fn new(files: Vec<Candidate>, lists: Vec<ReadList>) -> Self {
        let mut by_name: Vec<usize> = (0..files.len()).collect();
        by_name.sort_by(|one, other| files[*one].name.cmp(&files[*other].name));
        Self { files, by_name, lists }
    }

    /// Returns the number of files.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Returns the names of all files, in the order of the list.
    pub(super) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Returns the files whose names begin as a pattern's matches do, in the order of the list; all of them
    /// without a pattern.
    pub(super) fn possible_matches(&self, pattern: Option<&str>) -> Vec<&Candidate> {
        let prefix = pattern.map(literal_prefix).unwrap_or_default();
        if prefix.is_empty() {
            return self.files.iter().collect();
        }
        let name = |at: &usize| self.files[*at].name.as_bytes();
        let first = self.by_name.partition_point(|at| name(at) < prefix.as_slice());
        let after = self.by_name.get(first..).unwrap_or_default();
        let count = after.partition_point(|at| name(at).starts_with(&prefix));
        let mut found: Vec<usize> = after.iter().take(count).copied().collect();
        found.sort_unstable();
        found.into_iter().map(|at| &self.files[at]).collect()
    }
}

/// Returns how all matches of a pattern begin; empty if that is not known.
fn literal_prefix(pattern: &str) -> Vec<u8> {
    let Ok(parsed) = regex_syntax::parse(pattern) else { return Vec::new() };
    let prefixes = Extractor::new().extract(&parsed);
    prefixes.longest_common_prefix().unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_begin_with_texts() {
        let check = |pattern: &str, expected: &str| {
            let prefix = literal_prefix(&format!("^(?:{pattern})$"));
            assert_eq!(String::from_utf8(prefix).unwrap(), expected, "{pattern}");
        };
        check(r"d12-\d+\.img", "d12-");
        check(r"Leap-16\.0-x\.qcow2", "Leap-16.0-x.qcow2");
        check("ab?c", "a");
        check("ab|ac", "a");
        check("a|b", "");
        check("(?i)abc", "");
        check("(a)bc", "abc");
        check("[xy]a", "");
        check("", "");
        check("a(", "");
    }

    #[test]
    fn matches_are_among_the_possible_ones() {
        let names = ["b-1", "a-1", "a-10", "a-2", "a", "ab", "A-1", ""];
        let file = |name: &&str| Candidate { name: (*name).to_owned(), ..Candidate::default() };
        let list = CandidateList::new(names.iter().map(file).collect(), Vec::new());
        let check = |pattern: Option<&str>, expected: &[&str]| {
            let found = list.possible_matches(pattern);
            let found: Vec<_> = found.iter().map(|file| file.name.as_str()).collect();
            assert_eq!(found, expected, "{pattern:?}");
        };
        check(None, &names);
        check(Some("^(?:a-1.*)$"), &["a-1", "a-10"]);
        check(Some("^(?:a-.)$"), &["a-1", "a-10", "a-2"]);
        check(Some("^(?:a|b.*)$"), &names);
        check(Some("^(?:zzz)$"), &[]);
    }
}
