//! A *reader* goes through a shell's text, and finds the words in it.

use super::error::RunError;
use super::word::{Action, Extent, Missing, Parameter, Part, Quoting, Side, Word, name_of};

/// How deep `${a:-${b:-…}}` may go.
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
pub(super) struct Reader<'t> {
    text: &'t str,
    pub(super) at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Goes past a text, if it is next.
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

    /// Reads a word of a command, which must begin here.
    pub(super) fn word(&mut self) -> Result<Word, RunError> {
        self.word_within(Within::Command)
    }

    fn word_within(&mut self, within: Within) -> Result<Word, RunError> {
        let start = self.at;
        let mut parts = Parts(Vec::new());
        if within == Within::Braces && self.peek() == Some('~') {
            return Err(self.refused("`~`", 1));
        }
        while let Some(next) = self.peek() {
            let at = self.at;
            match (next, within) {
                (' ' | '\t' | '\n' | ';' | '&' | '|', Within::Command)
                | ('}', Within::Braces | Within::QuotedBraces) => break,
                ('<' | '>', Within::Command) => return Err(self.refused("a redirection", 1)),
                ('(' | ')', Within::Command) => return Err(self.refused("a parenthesis", 1)),
                ('`', _) => return Err(self.refused("a command substitution", 1)),
                ('$', Within::QuotedBraces) => self.dollar(Quoting::Quoted, &mut parts)?,
                ('$', _) => self.dollar(Quoting::Unquoted, &mut parts)?,
                ('"', Within::QuotedBraces) => {
                    // Here dash and bash do not agree.
                    return Err(self.refused("a quote inside of a quoted `${…}`", 1));
                }
                ('"', _) => self.double_quoted(&mut parts)?,
                ('\'', Within::Command | Within::Braces) => self.single_quoted(&mut parts)?,
                ('\\', Within::QuotedBraces) => self.escape("$`\"\\}", &mut parts),
                ('\\', _) => self.escape_any(&mut parts),
                _ => {
                    self.next();
                    let quoting = match within {
                        Within::QuotedBraces => Quoting::Quoted,
                        _ => Quoting::Unquoted,
                    };
                    parts.text(&self.text[at..self.at], quoting);
                }
            }
        }
        Ok(Word { parts: parts.0, range: start..self.at })
    }

    fn single_quoted(&mut self, parts: &mut Parts) -> Result<(), RunError> {
        let Some(len) = self.rest()[1..].find('\'') else {
            return Err(RunError::new("a quote is not closed", self.at..self.at + 1));
        };
        parts.text(&self.rest()[1..=len], Quoting::Quoted);
        self.at += len + 2;
        Ok(())
    }

    fn double_quoted(&mut self, parts: &mut Parts) -> Result<(), RunError> {
        let start = self.at;
        self.next();
        // Quotes make a word even if there is nothing in them.
        parts.text("", Quoting::Quoted);
        loop {
            let at = self.at;
            match self.peek() {
                None => return Err(RunError::new("a quote is not closed", start..start + 1)),
                Some('`') => return Err(self.refused("a command substitution", 1)),
                Some('$') => self.dollar(Quoting::Quoted, parts)?,
                Some('\\') => self.escape("$`\"\\", parts),
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some(_) => {
                    self.next();
                    parts.text(&self.text[at..self.at], Quoting::Quoted);
                }
            }
        }
    }

    /// Reads a backslash outside of quotes: it takes the meaning from what follows.
    fn escape_any(&mut self, parts: &mut Parts) {
        self.next();
        let at = self.at;
        match self.next() {
            Some('\n') => {}
            Some(_) => parts.text(&self.text[at..self.at], Quoting::Quoted),
            None => parts.text("\\", Quoting::Quoted),
        }
    }

    /// Reads a backslash inside of quotes, where it stands for itself before most characters.
    fn escape(&mut self, special: &str, parts: &mut Parts) {
        self.next();
        match self.peek() {
            Some('\n') => self.at += 1,
            Some(next) if special.contains(next) => {
                self.next();
                parts.text(next.encode_utf8(&mut [0; 4]), Quoting::Quoted);
            }
            _ => parts.text("\\", Quoting::Quoted),
        }
    }

    fn dollar(&mut self, quoting: Quoting, parts: &mut Parts) -> Result<(), RunError> {
        let start = self.at;
        let after = &self.rest()[1..];
        let name = name_of(after);
        match after.chars().next() {
            _ if !name.is_empty() => {
                self.at += 1 + name.len();
                let (name, range) = (name.to_owned(), start..self.at);
                let action = Action::Value;
                parts.0.push(Part::Parameter(Parameter { name, quoting, action, range }));
                Ok(())
            }
            Some('{') => self.braces(quoting, parts),
            Some('(') => Err(self.refused("a command substitution", 2)),
            Some(special) if special.is_ascii_digit() || "@*#?-$!".contains(special) => {
                Err(self.refused(&format!("the parameter `${special}`"), 2))
            }
            Some(quote @ ('"' | '\'')) if quoting == Quoting::Unquoted => {
                // A quote of another kind to bash, a dollar and a quote to dash.
                Err(self.refused(&format!("`${quote}`"), 2))
            }
            _ => {
                self.at += 1;
                parts.text("$", quoting);
                Ok(())
            }
        }
    }

    fn braces(&mut self, quoting: Quoting, parts: &mut Parts) -> Result<(), RunError> {
        let start = self.at;
        self.at += 2;
        let name = name_of(self.rest());
        self.at += name.len();
        if name.is_empty() {
            return Err(self.refused("this substitution", 0).from(start));
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(RunError::new("substitutions are nested too deeply", start..self.at));
        }
        let action = self.action(quoting).map_err(|error| match error {
            Some(error) => error,
            None => self.refused("this substitution", 1).from(start),
        })?;
        self.depth -= 1;
        if !self.skip("}") {
            return Err(RunError::new("`${` is not closed by `}`", start..start + 2));
        }
        let (name, range) = (name.to_owned(), start..self.at);
        parts.0.push(Part::Parameter(Parameter { name, quoting, action, range }));
        Ok(())
    }

    /// Reads what stands between the name and the brace; the error is nothing if it is not known.
    fn action(&mut self, quoting: Quoting) -> Result<Action, Option<RunError>> {
        let within = match quoting {
            Quoting::Quoted => Within::QuotedBraces,
            Quoting::Unquoted => Within::Braces,
        };
        if matches!(self.peek(), None | Some('}')) {
            return Ok(Action::Value);
        }
        // Longer ones first.
        for (sign, side, extent) in [
            ("##", Side::Front, Extent::Longest),
            ("#", Side::Front, Extent::Shortest),
            ("%%", Side::Back, Extent::Longest),
            ("%", Side::Back, Extent::Shortest),
        ] {
            if self.skip(sign) {
                // Quotes are quotes in a pattern, wherever it stands.
                return Ok(Action::Trim(side, extent, self.word_within(Within::Braces)?));
            }
        }
        let missing = if self.skip(":") { Missing::UnsetOrEmpty } else { Missing::Unset };
        let make = match self.peek() {
            Some('-') => Action::Default,
            Some('+') => Action::Alternative,
            Some('?') => Action::Require,
            _ => return Err(None),
        };
        self.at += 1;
        Ok(make(missing, self.word_within(within)?))
    }

    /// Returns the error for what is next, `len` bytes of it.
    pub(super) fn refused(&self, what: &str, len: usize) -> RunError {
        let end = (self.at + len).min(self.text.len());
        RunError::not_evaluated(what, self.at..end)
    }
}

impl RunError {
    /// Returns the error with a range that begins earlier.
    fn from(mut self, start: usize) -> Self {
        self.range.start = start;
        self
    }
}

/// Parts of which neighbours that are alike become one.
struct Parts(Vec<Part>);

impl Parts {
    fn text(&mut self, text: &str, quoting: Quoting) {
        match self.0.last_mut() {
            Some(Part::Text(last, kind)) if *kind == quoting => last.push_str(text),
            _ => self.0.push(Part::Text(text.to_owned(), quoting)),
        }
    }
}
