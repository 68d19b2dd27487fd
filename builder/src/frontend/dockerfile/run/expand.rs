//! *Expansion* turns the words of a command into its arguments: parameters are replaced by their
//! values, and what they leave unquoted is split (POSIX.1-2017, Shell & Utilities 2.6).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::error::RunError;
use super::pattern::{Letter, Pattern};
use super::word::{Action, Extent, Missing, Parameter, Part, Quoting, Side, Word};

/// The longest value, in bytes: what Linux takes for one argument (`MAX_ARG_STRLEN`).
const VALUE_MAX: usize = 128 * 1024;

/// How much work one RUN line may make, in bytes that are looked at.
const BUDGET: usize = 32 << 20;

/// Names that shells, or those who start them, give values of their own.
const FOREIGN: [&str; 23] = [
    "BASHPID",
    "BASH_VERSION",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "GROUPS",
    "HOME",
    "HOSTNAME",
    "HOSTTYPE",
    "IFS",
    "LINENO",
    "MACHTYPE",
    "OPTIND",
    "OSTYPE",
    "PPID",
    "PS1",
    "PS2",
    "PS4",
    "RANDOM",
    "SECONDS",
    "SHELL",
    "SHLVL",
    "UID",
];

/// The parameters of a shell.
#[derive(Debug)]
pub(super) struct Parameters<'a> {
    /// What the shell is started with.
    given: &'a BTreeMap<String, String>,
    assigned: BTreeMap<String, String>,
    budget: Cell<usize>,
}

/// What is done with a parameter that is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unset {
    Empty,
    Error,
}

/// A part of an expanded word.
struct Piece {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quoted,
    Literal,
    /// It is split at blanks.
    Expanded,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(given: &'a BTreeMap<String, String>, directory: &str) -> Self {
        let assigned = BTreeMap::from([("PWD".to_owned(), directory.to_owned())]);
        Self { given, assigned, budget: Cell::new(BUDGET) }
    }

    /// Counts work; an error if there was too much of it.
    pub(super) fn spend(&self, bytes: usize, range: &Range<usize>) -> Result<(), RunError> {
        let Some(left) = self.budget.get().checked_sub(bytes) else {
            return Err(RunError::new("this expands to too much", range.clone()));
        };
        self.budget.set(left);
        Ok(())
    }

    /// Gives a parameter a value.
    pub(super) fn assign(
        &mut self,
        name: &str,
        value: String,
        range: Range<usize>,
    ) -> Result<(), RunError> {
        if FOREIGN.contains(&name) {
            return Err(RunError::not_evaluated(&format!("a value for `{name}`"), range));
        }
        self.assigned.insert(name.to_owned(), value);
        Ok(())
    }

    /// Returns the fields that a word becomes, as letters that may be a pattern.
    pub(super) fn fields(&self, word: &Word, unset: Unset) -> Result<Vec<Vec<Letter>>, RunError> {
        let mut fields = Vec::new();
        let mut field: Option<Vec<Letter>> = None;
        for piece in self.pieces(&word.parts, Kind::Literal, unset)? {
            if piece.kind != Kind::Expanded {
                field.get_or_insert_default().extend(piece.letters());
                continue;
            }
            for letter in piece.letters() {
                match letter.byte() {
                    b' ' | b'\t' | b'\n' => fields.extend(field.take()),
                    _ => field.get_or_insert_default().push(letter),
                }
            }
        }
        fields.extend(field);
        Ok(fields)
    }

    /// Returns the text that the parts of a word become where nothing is split.
    pub(super) fn text(&self, parts: &[Part], unset: Unset) -> Result<String, RunError> {
        let pieces = self.pieces(parts, Kind::Literal, unset)?;
        Ok(pieces.into_iter().map(|piece| piece.text).collect())
    }

    /// `unquoted` is what text without quotes is taken as.
    fn pieces(&self, parts: &[Part], unquoted: Kind, unset: Unset) -> Result<Vec<Piece>, RunError> {
        let mut pieces = Vec::new();
        for part in parts {
            match part {
                Part::Text(text, quoting) => {
                    let kind = match quoting {
                        Quoting::Quoted => Kind::Quoted,
                        Quoting::Unquoted => unquoted,
                    };
                    pieces.push(Piece { text: text.clone(), kind });
                }
                Part::Parameter(parameter) => pieces.extend(self.expand(parameter, unset)?),
            }
        }
        Ok(pieces)
    }

    fn expand(&self, parameter: &Parameter, unset: Unset) -> Result<Vec<Piece>, RunError> {
        let Parameter { name, quoting, action, range } = parameter;
        let kind = match quoting {
            Quoting::Quoted => Kind::Quoted,
            Quoting::Unquoted => Kind::Expanded,
        };
        let value = self.value(name, range)?;
        let is_set = |missing: &Missing| match missing {
            Missing::Unset => value.is_some(),
            Missing::UnsetOrEmpty => value.is_some_and(|value| !value.is_empty()),
        };
        let text = match action {
            Action::Default(missing, word) if !is_set(missing) => {
                return self.pieces(&word.parts, kind, unset);
            }
            Action::Alternative(missing, word) if is_set(missing) => {
                return self.pieces(&word.parts, kind, unset);
            }
            Action::Require(missing, word) if !is_set(missing) => {
                let said = self.text(&word.parts, unset)?;
                let said = if said.is_empty() { "parameter not set".into() } else { said };
                return Err(RunError::new(format!("{name}: {said}"), range.clone()));
            }
            Action::Alternative(..) => "",
            _ if value.is_none()
                && unset == Unset::Error
                && !matches!(action, Action::Default(..)) =>
            {
                let message = format!("{name}: parameter not set");
                return Err(RunError::new(message, range.clone()).help("`set -u` asks for it"));
            }
            Action::Trim(side, extent, pattern) => {
                let letters = self.pattern(pattern, unset)?;
                self.trim(value.unwrap_or_default(), (*side, *extent), &letters, pattern)?
            }
            _ => value.unwrap_or_default(),
        };
        self.spend(text.len() + 1, range)?;
        if text.len() > VALUE_MAX {
            return Err(RunError::new(
                "the value is longer than an argument can be",
                range.clone(),
            ));
        }
        Ok(vec![Piece { text: text.to_owned(), kind }])
    }

    fn value(&self, name: &str, range: &Range<usize>) -> Result<Option<&str>, RunError> {
        let value = self.assigned.get(name).or_else(|| self.given.get(name));
        if FOREIGN.contains(&name) && (value.is_none() || name == "IFS") {
            let problem = RunError::not_evaluated(&format!("`${name}`"), range.clone());
            return Err(problem.help("its value is known only where a shell runs; write it out"));
        }
        Ok(value.map(String::as_str))
    }

    /// Returns a pattern's letters: what was not quoted can match, values too.
    fn pattern(&self, word: &Word, unset: Unset) -> Result<Vec<Letter>, RunError> {
        let pieces = self.pieces(&word.parts, Kind::Literal, unset)?;
        Ok(pieces.iter().flat_map(Piece::letters).collect())
    }

    fn trim<'v>(
        &self,
        value: &'v str,
        (side, extent): (Side, Extent),
        letters: &[Letter],
        word: &Word,
    ) -> Result<&'v str, RunError> {
        self.spend(value.len().saturating_mul(1 + letters.len() / 16), &word.range)?;
        let pattern = Pattern::new(letters)
            .map_err(|problem| RunError::not_evaluated(problem.0, word.range.clone()))?;
        let reversed: Vec<u8>;
        let (pattern, text) = match side {
            Side::Front => (pattern, value.as_bytes()),
            Side::Back => {
                reversed = value.bytes().rev().collect();
                (pattern.reversed(), reversed.as_slice())
            }
        };
        let mut lengths = pattern.prefixes(text);
        let len = match extent {
            Extent::Shortest => lengths.next(),
            Extent::Longest => lengths.last(),
        };
        let kept = match side {
            Side::Front => value.get(len.unwrap_or(0)..),
            Side::Back => value.get(..value.len() - len.unwrap_or(0)),
        };
        kept.ok_or_else(|| RunError::new("a character would be cut apart", word.range.clone()))
    }
}

impl Piece {
    fn letters(&self) -> impl Iterator<Item = Letter> {
        let make = match self.kind {
            Kind::Quoted => Letter::Plain,
            Kind::Literal | Kind::Expanded => Letter::Active,
        };
        self.text.bytes().map(make)
    }
}
