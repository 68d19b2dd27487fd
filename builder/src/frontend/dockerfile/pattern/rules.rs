//! *Rules* in the order of an ignore file, and a search for those that may match a path: thousands of
//! rules and thousands of files cost the sum of both, not the product.

use aho_corasick::AhoCorasick;

use super::rule::CompiledRule;

/// The rules of an ignore file.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleList {
    rules: Vec<CompiledRule>,
    /// Rules that have no literal text.
    without_literal: Vec<usize>,
    /// The literal texts of other rules, and the positions of the rules.
    literals: Option<AhoCorasick>,
    with_literal: Vec<usize>,
}

impl RuleList {
    pub(super) fn new(rules: Vec<CompiledRule>) -> Self {
        let (with_literal, without_literal): (Vec<usize>, Vec<usize>) =
            (0..rules.len()).partition(|position| !rules[*position].literal().is_empty());
        let literals = with_literal.iter().map(|position| rules[*position].literal());
        match AhoCorasick::new(literals) {
            Ok(literals) => Self { rules, without_literal, literals: Some(literals), with_literal },
            // Too many for its numbers: each is looked at.
            Err(_) => {
                Self { without_literal: (0..rules.len()).collect(), rules, ..Self::default() }
            }
        }
    }

    /// Returns all rules.
    pub(super) fn as_slice(&self) -> &[CompiledRule] {
        &self.rules
    }

    /// Returns the position of the last rule that matches a path, or a directory above it.
    pub(super) fn last_match(&self, path: &str) -> Option<usize> {
        let found = self.literals.iter().flat_map(|literals| literals.find_overlapping_iter(path));
        let found = found.map(|found| self.with_literal[found.pattern().as_usize()]);
        let mut candidates: Vec<usize> =
            found.chain(self.without_literal.iter().copied()).collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates.into_iter().rev().find(|position| self.rules[*position].matches(path))
    }
}

impl PartialEq for RuleList {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl Eq for RuleList {}
