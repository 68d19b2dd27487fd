//! *Regular expressions* as far as `sed` is evaluated: characters, `.`, `[…]`, groups, anchors, and
//! repetitions of one character (POSIX.1-2017, Base Definitions 9). The leftmost match is found, and
//! of those the longest. It takes time in proportion to the expression and the text.

use super::super::super::budget::{Exhausted, WorkBudget};

/// The syntax of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RegexSyntax {
    Basic,
    Extended,
}

/// An expression, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Regex {
    pub(super) items: Vec<RegexItem>,
    /// `^` in front.
    pub(super) is_at_start: bool,
    /// `$` at the end.
    pub(super) is_at_end: bool,
    pub(super) groups: usize,
    /// Whether it matters if a character is one byte.
    pub(super) depends_on_locale: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RegexItem {
    One(ByteSet),
    Maybe(ByteSet),
    Any(ByteSet),
    Open(usize),
    Close(usize),
}

/// A set of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) fn of(byte: u8) -> Self {
        let mut set = Self::default();
        set.add(byte);
        set
    }

    pub(super) fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(super) fn inverted(self) -> Self {
        Self(self.0.map(|bits| !bits))
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }
}

/// A match: the range of the whole, then those of the groups.
pub(super) type RegexMatch = Vec<(usize, usize)>;

impl Regex {
    /// Finds the first match that starts at `from` or behind it.
    pub(super) fn find(
        &self,
        text: &[u8],
        from: usize,
        budget: &WorkBudget,
    ) -> Result<Option<RegexMatch>, Exhausted> {
        let starts = if self.is_at_start { from..1.max(from) } else { from..text.len() + 1 };
        for start in starts {
            if let Some(end) = self.longest_end(text, start, budget)? {
                return self.groups_within(text, (start, end), budget).map(Some);
            }
        }
        Ok(None)
    }

    /// Returns where the longest match that starts at a position ends.
    fn longest_end(
        &self,
        text: &[u8],
        start: usize,
        budget: &WorkBudget,
    ) -> Result<Option<usize>, Exhausted> {
        let len = self.items.len();
        // The n-th state says that the first n items match what was read so far.
        let mut states = vec![false; len + 1];
        states[0] = true;
        let mut end = None;
        for at in start..=text.len() {
            budget.spend(len + 1)?;
            for (number, item) in self.items.iter().enumerate() {
                if states[number] && !matches!(item, RegexItem::One(_)) {
                    states[number + 1] = true;
                }
            }
            if states[len] && (!self.is_at_end || at == text.len()) {
                end = Some(at);
            }
            let Some(byte) = text.get(at) else { break };
            let mut next = vec![false; len + 1];
            for (number, item) in self.items.iter().enumerate().filter(|(n, _)| states[*n]) {
                match item {
                    RegexItem::One(set) | RegexItem::Maybe(set) => {
                        next[number + 1] |= set.has(*byte);
                    }
                    RegexItem::Any(set) => next[number] |= set.has(*byte),
                    RegexItem::Open(_) | RegexItem::Close(_) => {}
                }
            }
            if !next.contains(&true) {
                break;
            }
            states = next;
        }
        Ok(end)
    }

    /// Returns the ranges of the groups of a match: each item takes as much as it can.
    fn groups_within(
        &self,
        text: &[u8],
        (start, end): (usize, usize),
        budget: &WorkBudget,
    ) -> Result<RegexMatch, Exhausted> {
        let mut ranges = vec![(start, end); self.groups + 1];
        if self.groups == 0 {
            return Ok(ranges);
        }
        let text = &text[..end];
        let rests = self.matching_rests(text, start, budget)?;
        let mut at = start;
        for (number, item) in self.items.iter().enumerate() {
            match item {
                RegexItem::Open(group) => ranges[*group].0 = at,
                RegexItem::Close(group) => ranges[*group].1 = at,
                RegexItem::One(_) => at += 1,
                RegexItem::Maybe(set) | RegexItem::Any(set) => {
                    let most = if matches!(item, RegexItem::Any(_)) { text.len() } else { at + 1 };
                    let run = text[at..].iter().take_while(|byte| set.has(**byte)).count();
                    let last = most.min(at + run);
                    at = (at..=last).rev().find(|to| rests[number + 1][to - start]).unwrap_or(at);
                }
            }
        }
        Ok(ranges)
    }

    /// Returns, for each number of items in front, the positions from which the other items match up
    /// to the end of the text.
    fn matching_rests(
        &self,
        text: &[u8],
        start: usize,
        budget: &WorkBudget,
    ) -> Result<Vec<Vec<bool>>, Exhausted> {
        let len = text.len() - start;
        budget.spend((len + 1) * (self.items.len() + 1))?;
        let mut rests = vec![vec![false; len + 1]; self.items.len() + 1];
        rests[self.items.len()][len] = true;
        for (number, item) in self.items.iter().enumerate().rev() {
            for at in (0..=len).rev() {
                let byte = text.get(start + at);
                let is_skipped = rests[number + 1][at];
                let after = |row: usize| at < len && rests[row][at + 1];
                rests[number][at] = match item {
                    RegexItem::Open(_) | RegexItem::Close(_) => is_skipped,
                    RegexItem::One(set) => byte.is_some_and(|b| set.has(*b)) && after(number + 1),
                    RegexItem::Maybe(set) => {
                        is_skipped || byte.is_some_and(|b| set.has(*b)) && after(number + 1)
                    }
                    RegexItem::Any(set) => {
                        is_skipped || byte.is_some_and(|b| set.has(*b)) && after(number)
                    }
                };
            }
        }
        Ok(rests)
    }
}
