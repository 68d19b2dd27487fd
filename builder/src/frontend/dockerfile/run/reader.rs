//! A *reader* reads a shell's text, and finds the words in it.

use super::error::RunError;
use super::word::{
    ParameterAction, ParameterExpansion, Quoting, ShellWord, TrimExtent, TrimSide, UnsetCondition,
    WordPart, WordParts, variable_name,
};

/// Maximum nesting of `${a:-${b:-…}}`.
const DEPTH_MAX: usize = 20;

/// Where a word ends, and what is special in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Command,
    Braces,
    /// Braces inside double quotes.
    QuotedBraces,
}

/// A shell's text, read from front to back.
#[derive(Debug)]
pub(super) struct ShellReader<'t> {
    text: &'t str,
    pub(super) at: usize,
    depth: usize,
}

impl<'t> ShellReader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
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

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Reads a word of a command, which must start here.
    pub(super) fn read_word(&mut self) -> Result<ShellWord, RunError> {
        self.read_word_within(Within::Command)
    }

    fn read_word_within(&mut self, within: Within) -> Result<ShellWord, RunError> {
        let start = self.at;
        let mut parts = WordParts::default();
        if within == Within::Braces && self.peek() == Some('~') {
            return Err(self.not_evaluated("`~`", 1));
        }
        while let Some(next) = self.peek() {
            let at = self.at;
            match (next, within) {
                (' ' | '\t' | '\n' | ';' | '&' | '|', Within::Command)
                | ('}', Within::Braces | Within::QuotedBraces) => break,
                ('<' | '>', Within::Command) => return Err(self.not_evaluated("a redirection", 1)),
                ('(' | ')', Within::Command) => return Err(self.not_evaluated("a parenthesis", 1)),
                ('`', _) => return Err(self.not_evaluated("a command substitution", 1)),
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
                Some('`') => return Err(self.not_evaluated("a command substitution", 1)),
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
    fn read_quoted_escape(&mut self, special: &str, parts: &mut WordParts) {
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

    fn read_dollar(&mut self, quoting: Quoting, parts: &mut WordParts) -> Result<(), RunError> {
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
            Some('(') => Err(self.not_evaluated("a command substitution", 2)),
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

    fn read_braces(&mut self, quoting: Quoting, parts: &mut WordParts) -> Result<(), RunError> {
        let start = self.at;
        self.at += 2;
        let name = variable_name(self.rest());
        self.at += name.len();
        if name.is_empty() {
            return Err(self.not_evaluated("this substitution", 0).starting_at(start));
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(RunError::new("substitutions are nested too deeply", start..self.at));
        }
        let action = self.read_action(quoting).map_err(|error| match error {
            Some(error) => error,
            None => self.not_evaluated("this substitution", 1).starting_at(start),
        })?;
        self.depth -= 1;
        if !self.skip("}") {
            return Err(RunError::new("`${` is not closed by `}`", start..start + 2));
        }
        let (name, range) = (name.to_owned(), start..self.at);
        parts.0.push(WordPart::Parameter(ParameterExpansion { name, quoting, action, range }));
        Ok(())
    }

    /// Reads what is between the name and the brace; the error is `None` for an unknown operator.
    fn read_action(&mut self, quoting: Quoting) -> Result<ParameterAction, Option<RunError>> {
        let within = match quoting {
            Quoting::Quoted => Within::QuotedBraces,
            Quoting::Unquoted => Within::Braces,
        };
        if matches!(self.peek(), None | Some('}')) {
            return Ok(ParameterAction::Value);
        }
        // Longer ones first.
        for (sign, side, extent) in [
            ("##", TrimSide::Front, TrimExtent::Longest),
            ("#", TrimSide::Front, TrimExtent::Shortest),
            ("%%", TrimSide::Back, TrimExtent::Longest),
            ("%", TrimSide::Back, TrimExtent::Shortest),
        ] {
            if self.skip(sign) {
                // Quotes are quotes in a pattern, also inside of double quotes.
                return Ok(ParameterAction::Trim(
                    side,
                    extent,
                    self.read_word_within(Within::Braces)?,
                ));
            }
        }
        let missing =
            if self.skip(":") { UnsetCondition::UnsetOrEmpty } else { UnsetCondition::Unset };
        let make = match self.peek() {
            Some('-') => ParameterAction::Default,
            Some('+') => ParameterAction::Alternative,
            Some('?') => ParameterAction::Require,
            _ => return Err(None),
        };
        self.at += 1;
        Ok(make(missing, self.read_word_within(within)?))
    }

    /// Returns the error for the next `len` bytes.
    pub(super) fn not_evaluated(&self, what: &str, len: usize) -> RunError {
        let end = (self.at + len).min(self.text.len());
        RunError::not_evaluated(what, self.at..end)
    }
}
