//! *Expansion* turns the words of a command into its arguments: parameters are replaced by their
//! values, and what they leave unquoted is split (POSIX.1-2017, Shell & Utilities 2.6).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::budget::WorkBudget;
use super::error::RunError;
use super::pattern::{ExpandedByte, ShellPattern};
use super::piece::{Piece, PieceKind};
use super::shell_variables::SHELL_VARIABLES;
use super::word::{
    ParameterAction, ParameterExpansion, Quoting, ShellWord, TrimExtent, TrimSide, UnsetCondition,
    WordPart,
};

/// Maximum size of a value, in bytes: Linux's limit for one argument (`MAX_ARG_STRLEN`).
const VALUE_MAX: usize = 128 * 1024;

/// The parameters of a shell.
#[derive(Debug, Clone)]
pub(super) struct ShellParameters<'a> {
    /// Environment that the shell is started with.
    given: &'a BTreeMap<String, String>,
    /// Values of this script; `None` for parameters that were unset.
    assigned: BTreeMap<String, Option<String>>,
    /// Whether a parameter was looked up that nothing has set.
    is_unset_used: Cell<bool>,
    budget: Rc<WorkBudget>,
}

/// What happens with a parameter that is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnsetPolicy {
    Empty,
    Error,
}

impl<'a> ShellParameters<'a> {
    pub(super) fn new(
        given: &'a BTreeMap<String, String>,
        directory: &str,
        budget: Rc<WorkBudget>,
    ) -> Self {
        let assigned = BTreeMap::from([("PWD".to_owned(), Some(directory.to_owned()))]);
        Self { given, assigned, is_unset_used: Cell::new(false), budget }
    }

    /// Returns the working directory as the shell names it.
    pub(super) fn directory(&self) -> &str {
        self.assigned.get("PWD").and_then(Option::as_deref).unwrap_or("/")
    }

    /// Returns whether a parameter was looked up that nothing has set.
    pub(super) fn is_unset_used(&self) -> bool {
        self.is_unset_used.get()
    }

    /// Counts work; fails if it exceeds the maximum.
    pub(super) fn spend(&self, bytes: usize, range: &Range<usize>) -> Result<(), RunError> {
        let spent = self.budget.spend(bytes);
        spent.map_err(|_| RunError::new("this expands to too much", range.clone()))
    }

    /// Returns the parameters from before a subshell.
    pub(super) fn restore(&self, before: Self) -> Self {
        before.is_unset_used.set(self.is_unset_used.get());
        before
    }

    /// Returns the length of all values of this script, in bytes.
    pub(super) fn assigned_len(&self) -> usize {
        self.assigned.values().flatten().map(String::len).sum()
    }

    /// Assigns a value to a parameter.
    pub(super) fn assign(
        &mut self,
        name: &str,
        value: String,
        range: Range<usize>,
    ) -> Result<(), RunError> {
        if SHELL_VARIABLES.contains(&name) {
            return Err(RunError::not_evaluated(&format!("a value for `{name}`"), range));
        }
        self.assigned.insert(name.to_owned(), Some(value));
        Ok(())
    }

    /// Removes a parameter.
    pub(super) fn unset(&mut self, name: &str) {
        self.assigned.insert(name.to_owned(), None);
    }

    /// Expands a word to fields, whose bytes may be a pattern.
    pub(super) fn expand_fields(
        &self,
        word: &ShellWord,
        unset: UnsetPolicy,
    ) -> Result<Vec<Vec<ExpandedByte>>, RunError> {
        let mut fields = Vec::new();
        let mut field: Option<Vec<ExpandedByte>> = None;
        for piece in self.expand_parts(&word.parts, PieceKind::Literal, unset)? {
            if piece.kind != PieceKind::Expanded {
                field.get_or_insert_default().extend(piece.bytes());
                continue;
            }
            for letter in piece.bytes() {
                match letter.byte() {
                    b' ' | b'\t' | b'\n' => fields.extend(field.take()),
                    _ => field.get_or_insert_default().push(letter),
                }
            }
        }
        fields.extend(field);
        Ok(fields)
    }

    /// Expands the parts of a word to a text, without splitting it.
    pub(super) fn expand_text(
        &self,
        parts: &[WordPart],
        unset: UnsetPolicy,
    ) -> Result<String, RunError> {
        let pieces = self.expand_parts(parts, PieceKind::Literal, unset)?;
        Ok(pieces.into_iter().map(|piece| piece.text).collect())
    }

    /// Expands the parts of a word; `unquoted` is the kind of unquoted text.
    fn expand_parts(
        &self,
        parts: &[WordPart],
        unquoted: PieceKind,
        unset: UnsetPolicy,
    ) -> Result<Vec<Piece>, RunError> {
        let mut pieces = Vec::new();
        for part in parts {
            match part {
                WordPart::Text(text, quoting) => {
                    let kind = match quoting {
                        Quoting::Quoted => PieceKind::Quoted,
                        Quoting::Unquoted => unquoted,
                    };
                    pieces.push(Piece { text: text.clone(), kind });
                }
                WordPart::Parameter(parameter) => {
                    pieces.extend(self.expand_parameter(parameter, unset)?);
                }
                WordPart::Output(text, quoting) => {
                    let kind = match quoting {
                        Quoting::Quoted => PieceKind::Quoted,
                        Quoting::Unquoted => PieceKind::Expanded,
                    };
                    pieces.push(Piece { text: text.clone(), kind });
                }
                WordPart::Command(substitution) => {
                    let range = substitution.range.clone();
                    return Err(RunError::not_evaluated("this command substitution", range));
                }
            }
        }
        Ok(pieces)
    }

    fn expand_parameter(
        &self,
        parameter: &ParameterExpansion,
        unset: UnsetPolicy,
    ) -> Result<Vec<Piece>, RunError> {
        let ParameterExpansion { name, quoting, action, range } = parameter;
        let kind = match quoting {
            Quoting::Quoted => PieceKind::Quoted,
            Quoting::Unquoted => PieceKind::Expanded,
        };
        let value = self.look_up(name, range)?;
        let is_set = |condition: &UnsetCondition| condition.is_set(value);
        let text = match action {
            ParameterAction::Default(missing, word) if !is_set(missing) => {
                return self.expand_parts(&word.parts, kind, unset);
            }
            ParameterAction::Alternative(missing, word) if is_set(missing) => {
                return self.expand_parts(&word.parts, kind, unset);
            }
            ParameterAction::Require(missing, word) if !is_set(missing) => {
                return Err(self.required_error(parameter, word, unset)?);
            }
            ParameterAction::Alternative(..) => "",
            _ if value.is_none()
                && unset == UnsetPolicy::Error
                && !matches!(action, ParameterAction::Default(..)) =>
            {
                let message = format!("{name}: parameter not set");
                return Err(RunError::new(message, range.clone()).help("`set -u` asks for it"));
            }
            ParameterAction::Trim(side, extent, pattern) => {
                let letters = self.expand_pattern(pattern, unset)?;
                self.trim_value(value.unwrap_or_default(), (*side, *extent), &letters, pattern)?
            }
            _ => value.unwrap_or_default(),
        };
        self.check_len(text, range)?;
        Ok(vec![Piece { text: text.to_owned(), kind }])
    }

    /// Returns the error of `${name?word}` for a parameter that is not set.
    fn required_error(
        &self,
        parameter: &ParameterExpansion,
        word: &ShellWord,
        unset: UnsetPolicy,
    ) -> Result<RunError, RunError> {
        let message = self.expand_text(&word.parts, unset)?;
        let message = if message.is_empty() { "parameter not set".into() } else { message };
        Ok(RunError::new(format!("{}: {message}", parameter.name), parameter.range.clone()))
    }

    /// Fails if a value is too long, or exceeds the budget.
    fn check_len(&self, value: &str, range: &Range<usize>) -> Result<(), RunError> {
        self.spend(value.len() + 1, range)?;
        if value.len() > VALUE_MAX {
            let message = "the value is longer than an argument can be";
            return Err(RunError::new(message, range.clone()));
        }
        Ok(())
    }

    pub(super) fn look_up(
        &self,
        name: &str,
        range: &Range<usize>,
    ) -> Result<Option<&str>, RunError> {
        let value = match self.assigned.get(name) {
            Some(assigned) => assigned.as_ref(),
            None => self.given.get(name),
        };
        self.is_unset_used.set(self.is_unset_used.get() || value.is_none());
        if SHELL_VARIABLES.contains(&name) && (value.is_none() || name == "IFS") {
            let problem = RunError::not_evaluated(&format!("`${name}`"), range.clone());
            return Err(problem.help("its value is known only where a shell runs; write it out"));
        }
        Ok(value.map(String::as_str))
    }

    /// Expands a word to the bytes of a pattern: what was not quoted is active, values too.
    pub(super) fn expand_pattern(
        &self,
        word: &ShellWord,
        unset: UnsetPolicy,
    ) -> Result<Vec<ExpandedByte>, RunError> {
        let pieces = self.expand_parts(&word.parts, PieceKind::Literal, unset)?;
        Ok(pieces.iter().flat_map(Piece::bytes).collect())
    }

    fn trim_value<'v>(
        &self,
        value: &'v str,
        (side, extent): (TrimSide, TrimExtent),
        letters: &[ExpandedByte],
        word: &ShellWord,
    ) -> Result<&'v str, RunError> {
        self.spend(value.len().saturating_mul(1 + letters.len() / 16), &word.range)?;
        let pattern = ShellPattern::new(letters)
            .map_err(|problem| RunError::not_evaluated(problem.0, word.range.clone()))?;
        let reversed: Vec<u8>;
        let (pattern, text) = match side {
            TrimSide::Front => (pattern, value.as_bytes()),
            TrimSide::Back => {
                reversed = value.bytes().rev().collect();
                (pattern.reversed(), reversed.as_slice())
            }
        };
        let mut lengths = pattern.prefixes(text);
        let len = match extent {
            TrimExtent::Shortest => lengths.next(),
            TrimExtent::Longest => lengths.last(),
        };
        let kept = match side {
            TrimSide::Front => value.get(len.unwrap_or(0)..),
            TrimSide::Back => value.get(..value.len() - len.unwrap_or(0)),
        };
        kept.ok_or_else(|| RunError::new("a character would be cut apart", word.range.clone()))
    }
}
