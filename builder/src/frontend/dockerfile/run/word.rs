//! A *word* of a shell's language is text, part of it quoted, and parameters
//! (POSIX.1-2017, Shell & Utilities 2.2 and 2.6.2).

use std::ops::Range;

/// A word as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShellWord {
    pub(super) parts: Vec<WordPart>,
    pub(super) range: Range<usize>,
}

impl ShellWord {
    /// Returns the text of a word without anything to expand.
    pub(super) fn literal(&self) -> Option<String> {
        let mut literal = String::new();
        for part in &self.parts {
            let WordPart::Text(text, _) = part else { return None };
            literal.push_str(text);
        }
        Some(literal)
    }

    /// Returns the name and the value of a word like `name=value`.
    pub(super) fn assignment(&self) -> Option<(&str, ShellWord)> {
        let Some(WordPart::Text(first, Quoting::Unquoted)) = self.parts.first() else {
            return None;
        };
        let name = variable_name(first);
        let value = first[name.len()..].strip_prefix('=').filter(|_| !name.is_empty())?;
        let mut word = self.clone();
        word.parts[0] = WordPart::Text(value.to_owned(), Quoting::Unquoted);
        Some((name, word))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WordPart {
    Text(String, Quoting),
    Parameter(ParameterExpansion),
    Command(CommandSubstitution),
    /// The output of a command substitution that was run.
    Output(String, Quoting),
}

/// `$(…)`, whose script is read when it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandSubstitution {
    pub(super) script: String,
    pub(super) quoting: Quoting,
    /// Position of the script in the text.
    pub(super) range: Range<usize>,
}

/// Parts of a word, of which adjacent texts of the same quoting are merged.
#[derive(Default)]
pub(super) struct WordParts(pub(super) Vec<WordPart>);

impl WordParts {
    pub(super) fn push_text(&mut self, text: &str, quoting: Quoting) {
        match self.0.last_mut() {
            Some(WordPart::Text(last, kind)) if *kind == quoting => last.push_str(text),
            _ => self.0.push(WordPart::Text(text.to_owned(), quoting)),
        }
    }
}

/// Quoted text is not split, and matches nothing but itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    Quoted,
    Unquoted,
}

/// `$name` or `${name…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParameterExpansion {
    pub(super) name: String,
    pub(super) quoting: Quoting,
    pub(super) action: ParameterAction,
    pub(super) range: Range<usize>,
}

/// Operation on the value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParameterAction {
    Value,
    /// `-`: the word if it is not set.
    Default(UnsetCondition, ShellWord),
    /// `+`: the word if it is set.
    Alternative(UnsetCondition, ShellWord),
    /// `?`: an error if it is not set.
    Require(UnsetCondition, ShellWord),
    /// `#`, `##`, `%`, `%%`: without what matches the pattern.
    Trim(TrimSide, TrimExtent, ShellWord),
}

/// When a parameter counts as not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnsetCondition {
    Unset,
    /// With a colon.
    UnsetOrEmpty,
}

impl UnsetCondition {
    /// Returns whether a parameter with this value counts as set.
    pub(super) fn is_set(self, value: Option<&str>) -> bool {
        match self {
            Self::Unset => value.is_some(),
            Self::UnsetOrEmpty => value.is_some_and(|value| !value.is_empty()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrimSide {
    Front,
    Back,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrimExtent {
    Shortest,
    Longest,
}

/// Returns the variable's name that a text begins with; may be empty.
pub(super) fn variable_name(text: &str) -> &str {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let len = text.bytes().position(|byte| !is_part(byte)).unwrap_or(text.len());
    if text.starts_with(|first: char| first.is_ascii_digit()) { "" } else { &text[..len] }
}
