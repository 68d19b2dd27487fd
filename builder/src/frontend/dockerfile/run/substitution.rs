//! *Command substitutions*: `$(…)`, and the same between backquotes
//! (POSIX.1-2017, Shell & Utilities 2.6.3).

use super::error::RunError;
use super::reader::ShellReader;
use super::word::{CommandSubstitution, Quoting, WordPart, WordParts};

impl ShellReader<'_> {
    /// Reads `$(…)`; only where it ends is looked for.
    pub(super) fn read_substitution(
        &mut self,
        quoting: Quoting,
        parts: &mut WordParts,
    ) -> Result<(), RunError> {
        let start = self.at;
        self.at += 2;
        self.skip_script(start)?;
        self.push_substitution(start + 2, self.at - 1, quoting, parts);
        Ok(())
    }

    /// Skips a script and the parenthesis that ends it; `start` is where the substitution starts.
    fn skip_script(&mut self, start: usize) -> Result<(), RunError> {
        self.descend(start)?;
        let mut open = 1;
        while open > 0 {
            match self.next() {
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some('\\') => drop(self.next()),
                Some('\'') => self.skip_to_quote('\'')?,
                Some('"') => self.skip_to_quote('"')?,
                Some(_) => {}
                None => return Err(RunError::new("`$(` is not closed by `)`", start..start + 2)),
            }
        }
        self.ascend();
        Ok(())
    }

    /// Skips a text in quotes, whose first one was read.
    fn skip_to_quote(&mut self, quote: char) -> Result<(), RunError> {
        let start = self.at - 1;
        loop {
            match self.next() {
                Some('\\') if quote == '"' => drop(self.next()),
                Some('$') if quote == '"' && self.skip("(") => self.skip_script(self.at - 2)?,
                Some(next) if next == quote => return Ok(()),
                Some(_) => {}
                None => return Err(RunError::new("a quote is not closed", start..start + 1)),
            }
        }
    }

    /// Reads a substitution between backquotes.
    pub(super) fn read_backquoted(
        &mut self,
        quoting: Quoting,
        parts: &mut WordParts,
    ) -> Result<(), RunError> {
        let start = self.at;
        let Some(len) = self.rest()[1..].find('`') else {
            return Err(RunError::new("a backquote is not closed", start..start + 1));
        };
        if self.rest()[1..=len].contains('\\') {
            let problem = self.not_evaluated("a backslash between backquotes", len + 2);
            return Err(problem.help("write `$(…)`"));
        }
        self.at += len + 2;
        self.push_substitution(start + 1, self.at - 1, quoting, parts);
        Ok(())
    }

    fn push_substitution(&self, start: usize, end: usize, quoting: Quoting, parts: &mut WordParts) {
        let script = self.text_at(start..end).to_owned();
        let range = start..end;
        parts.0.push(WordPart::Command(CommandSubstitution { script, quoting, range }));
    }
}
