//! *Expansion* replaces the variables in a text by their values and removes its quotes, with the
//! rules of BuildKit (`moby/buildkit frontend/dockerfile/shell/lex.go`), which are not quite a
//! shell's: patterns know `*` and `?` alone, an escape is removed in front of any character, and a
//! value is not expanded again.

mod cursor;
mod error;
mod expanded;
mod lexer;
mod pattern;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashSet;

pub(crate) use error::ExpandError;
use lexer::{Lexer, Quotes};

/// Expands texts with the variables of one moment: an instruction sees those from before it.
pub(crate) struct Expander<'a> {
    escape: char,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    unset: RefCell<Vec<String>>,
}

/// Expands `text` both as one word and as words, for the fuzz target.
#[doc(hidden)]
pub fn expand(
    escape: char,
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Vec<String>), ExpandError> {
    let expander = Expander::new(escape, lookup);
    Ok((expander.word(text)?, expander.words(text)?))
}

/// Expands the body of a heredoc, for the fuzz target.
#[doc(hidden)]
pub fn expand_body(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    Expander::new('\\', lookup).body(text)
}

impl<'a> Expander<'a> {
    /// Takes the file's escape character (`\`, or a backtick) and what a variable's value is.
    pub(crate) fn new(escape: char, lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { escape, lookup, unset: RefCell::default() }
    }

    /// Returns `text` as one word, whatever spaces are in it.
    pub(crate) fn word(&self, text: &str) -> Result<String, ExpandError> {
        Ok(Lexer::new(self, self.escape, Quotes::Removed, text).all()?.into_text())
    }

    /// Returns the words of `text`: they end at spaces that are neither quoted nor escaped, those
    /// in values included. There are no empty words.
    pub(crate) fn words(&self, text: &str) -> Result<Vec<String>, ExpandError> {
        Ok(Lexer::new(self, self.escape, Quotes::Removed, text).all()?.words())
    }

    /// Returns the body of a heredoc: quotes stay, and `\` escapes whatever the file says.
    pub(crate) fn body(&self, text: &str) -> Result<String, ExpandError> {
        Ok(Lexer::new(self, '\\', Quotes::Kept, text).all()?.into_text())
    }

    /// Returns the names that were asked for so far and not set, each once, in order. Those with a
    /// default (`${name:-default}`) are among them.
    pub(crate) fn unset(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.unset.borrow().iter().filter(|name| seen.insert(*name)).cloned().collect()
    }

    fn value(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name);
        if value.is_none() {
            self.unset.borrow_mut().push(name.into());
        }
        value
    }
}
