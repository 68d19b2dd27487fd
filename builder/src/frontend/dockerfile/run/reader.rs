//! A *reader* reads a shell's text, and finds the words in it.

use std::ops::Range;

use super::error::RunError;
use super::word::{
    ParameterAction, ParameterExpansion, Quoting, ShellWord, WordPart, WordParts, variable_name,
};

/// Maximum nesting of `${a:-${b:-…}}`, of `$(…)` and of compound commands.
const DEPTH_MAX: usize = 20;

/// Where a word ends, and what is special in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Command,
    Braces,
    /// Braces inside double quotes.
    QuotedBraces,
}

/// A shell's text, read from front to back.
#[derive(Debug)]
pub(super) struct ShellReader<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    depth: usize,
    /// The end of the line that is read, and the end of the here-documents behind it.
    pub(super) documents: Option<Range<usize>>,
}

impl<'t> ShellReader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0, documents: None }
    }

    /// Returns a reader of a text inside of what this one reads.
    pub(super) fn nested<'n>(&self, text: &'n str) -> Result<ShellReader<'n>, RunError> {
        let mut reader = ShellReader { depth: self.depth, ..ShellReader::new(text) };
        reader.descend(0)?;
        Ok(reader)
    }

    /// Begins something that can contain itself; `start` is its position.
    pub(super) fn descend(&mut self, start: usize) -> Result<(), RunError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(RunError::new("substitutions are nested too deeply", start..self.at));
        }
        Ok(())
    }

    /// Ends it.
    pub(super) fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Returns the rest of the line that is read.
    pub(super) fn line_rest(&self) -> &'t str {
        self.rest().split('\n').next().unwrap_or_default()
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn text_at(&self, range: Range<usize>) -> &'t str {
        &self.text[range]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Skips a text if it is next; returns whether it was.
    pub(super) fn skip(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Reads a word of a command, which must start here.
    pub(super) fn read_word(&mut self) -> Result<ShellWord, RunError> {
        self.read_word_within(Within::Command)
    }

    pub(super) fn read_word_within(&mut self, within: Within) -> Result<ShellWord, RunError> {
        let start = self.at;
        let mut parts = WordParts::default();
        if within == Within::Braces && self.peek() == Some('~') {
            return Err(self.not_evaluated("`~`", 1));
        }
        while let Some(next) = self.peek() {
            let at = self.at;
            match (next, within) {
                (' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | ')', Within::Command)
                | ('}', Within::Braces | Within::QuotedBraces) => break,
                ('(', Within::Command) => return Err(self.not_evaluated("a parenthesis", 1)),
                ('`', Within::QuotedBraces) => self.read_backquoted(Quoting::Quoted, &mut parts)?,
                ('`', _) => self.read_backquoted(Quoting::Unquoted, &mut parts)?,
                ('$', Within::QuotedBraces) => self.read_dollar(Quoting::Quoted, &mut parts)?,
                ('$', _) => self.read_dollar(Quoting::Unquoted, &mut parts)?,
                ('"', Within::QuotedBraces) => {
                    // Here dash and bash do not agree.
                    return Err(self.not_evaluated("a quote inside of a quoted `${…}`", 1));
                }
                ('"', _) => self.read_double_quoted(&mut parts)?,
                ('\'', Within::Command | Within::Braces) => self.read_single_quoted(&mut parts)?,
                ('\\', Within::QuotedBraces) => self.read_quoted_escape("$`\"\\}", &mut parts),
                ('\\', _) => self.read_escape(&mut parts),
                _ => {
                    self.next();
                    let quoting = match within {
                        Within::QuotedBraces => Quoting::Quoted,
                        _ => Quoting::Unquoted,
                    };
                    parts.push_text(&self.text[at..self.at], quoting);
                }
            }
        }
        Ok(ShellWord { parts: parts.0, range: start..self.at })
    }

    fn read_single_quoted(&mut self, parts: &mut WordParts) -> Result<(), RunError> {
        let Some(len) = self.rest()[1..].find('\'') else {
            return Err(RunError::new("a quote is not closed", self.at..self.at + 1));
        };
        parts.push_text(&self.rest()[1..=len], Quoting::Quoted);
        self.at += len + 2;
        Ok(())
    }

    fn read_double_quoted(&mut self, parts: &mut WordParts) -> Result<(), RunError> {
        let start = self.at;
        self.next();
        // Quotes make a word even if there is nothing in them.
        parts.push_text("", Quoting::Quoted);
        loop {
            let at = self.at;
            match self.peek() {
                None => return Err(RunError::new("a quote is not closed", start..start + 1)),
                Some('`') => self.read_backquoted(Quoting::Quoted, parts)?,
                Some('$') => self.read_dollar(Quoting::Quoted, parts)?,
                Some('\\') => self.read_quoted_escape("$`\"\\", parts),
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some(_) => {
                    self.next();
                    parts.push_text(&self.text[at..self.at], Quoting::Quoted);
                }
            }
        }
    }

    /// Reads a backslash outside of quotes, which quotes the next character.
    fn read_escape(&mut self, parts: &mut WordParts) {
        self.next();
        let at = self.at;
        match self.next() {
            Some('\n') => {}
            Some(_) => parts.push_text(&self.text[at..self.at], Quoting::Quoted),
            None => parts.push_text("\\", Quoting::Quoted),
        }
    }

    /// Reads a backslash inside of quotes, which is literal before most characters.
    pub(super) fn read_quoted_escape(&mut self, special: &str, parts: &mut WordParts) {
        self.next();
        match self.peek() {
            Some('\n') => self.at += 1,
            Some(next) if special.contains(next) => {
                self.next();
                parts.push_text(next.encode_utf8(&mut [0; 4]), Quoting::Quoted);
            }
            _ => parts.push_text("\\", Quoting::Quoted),
        }
    }

    pub(super) fn read_dollar(
        &mut self,
        quoting: Quoting,
        parts: &mut WordParts,
    ) -> Result<(), RunError> {
        let start = self.at;
        let after = &self.rest()[1..];
        let name = variable_name(after);
        match after.chars().next() {
            _ if !name.is_empty() => {
                self.at += 1 + name.len();
                let (name, range) = (name.to_owned(), start..self.at);
                let action = ParameterAction::Value;
                parts.0.push(WordPart::Parameter(ParameterExpansion {
                    name,
                    quoting,
                    action,
                    range,
                }));
                Ok(())
            }
            Some('{') => self.read_braces(quoting, parts),
            Some('(') if after.starts_with("((") => Err(self.not_evaluated("arithmetic", 3)),
            Some('(') => self.read_substitution(quoting, parts),
            Some(special) if special.is_ascii_digit() || "@*#?-$!".contains(special) => {
                Err(self.not_evaluated(&format!("the parameter `${special}`"), 2))
            }
            Some(quote @ ('"' | '\'')) if quoting == Quoting::Unquoted => {
                // A quote of another kind to bash, a dollar and a quote to dash.
                Err(self.not_evaluated(&format!("`${quote}`"), 2))
            }
            _ => {
                self.at += 1;
                parts.push_text("$", quoting);
                Ok(())
            }
        }
    }

    /// Returns the error for the next `len` bytes.
    pub(super) fn not_evaluated(&self, what: &str, len: usize) -> RunError {
        // A whole character, if it is one of several bytes.
        let ends = self.at + len..self.text.len();
        let end = ends.into_iter().find(|end| self.text.is_char_boundary(*end));
        let end = end.unwrap_or(self.text.len());
        RunError::not_evaluated(what, self.at..end)
    }
}
