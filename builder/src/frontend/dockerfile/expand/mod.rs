//! *Expansion* replaces the variables in a text by their values and removes its quotes, with the
//! rules of BuildKit (`moby/buildkit frontend/dockerfile/shell/lex.go`), which are not quite a
//! shell's: patterns have only `*` and `?`, an escape is removed before any character, and a value
//! is not expanded again.

mod cursor;
mod error;
mod expanded;
mod lexer;
mod pattern;

#[cfg(test)]
mod tests;

pub(crate) use error::ExpandError;
use std::cell::RefCell;
use std::collections::BTreeSet;

use lexer::{Lexer, QuoteHandling};

/// Expands texts with the variables that an instruction sees: those set before it.
pub(crate) struct Expander<'a> {
    escape: char,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    /// Names that were not set where only their value counts, unlike in `${name:-default}`.
    unset: RefCell<BTreeSet<String>>,
}

/// Expands `text` both as one word and as words, for the fuzz target.
#[doc(hidden)]
pub fn expand_text(
    escape: char,
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Vec<String>), ExpandError> {
    let expander = Expander::new(escape, lookup);
    Ok((expander.expand_word(text)?, expander.expand_words(text)?))
}

/// Expands the body of a heredoc, for the fuzz target.
#[doc(hidden)]
pub fn expand_body(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    Expander::new('\\', lookup).expand_body(text)
}

impl<'a> Expander<'a> {
    /// Returns an expander for the file's escape character (`\`, or a backtick) and a lookup of
    /// variables.
    pub(crate) fn new(escape: char, lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { escape, lookup, unset: RefCell::default() }
    }

    /// Returns the variables that were replaced by nothing because they are not set.
    pub(crate) fn unset_names(self) -> BTreeSet<String> {
        self.unset.into_inner()
    }

    /// Expands `text` as one word, whatever spaces it contains.
    pub(crate) fn expand_word(&self, text: &str) -> Result<String, ExpandError> {
        Ok(Lexer::new(self, self.escape, QuoteHandling::Removed, text).expand_all()?.into_text())
    }

    /// Expands `text` into words, which end at spaces that are neither quoted nor escaped,
    /// including those in values. Empty words are dropped.
    pub(crate) fn expand_words(&self, text: &str) -> Result<Vec<String>, ExpandError> {
        Ok(Lexer::new(self, self.escape, QuoteHandling::Removed, text).expand_all()?.words())
    }

    /// Expands the body of a heredoc: quotes stay, and `\` is the escape character whatever the
    /// file declares.
    pub(crate) fn expand_body(&self, text: &str) -> Result<String, ExpandError> {
        Ok(Lexer::new(self, '\\', QuoteHandling::Kept, text).expand_all()?.into_text())
    }
}
