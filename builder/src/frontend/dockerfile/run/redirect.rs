//! Reads *redirections* (POSIX.1-2017, Shell & Utilities 2.7).

use super::error::RunError;
use super::reader::ShellReader;
use super::script::{OutputStream, Redirection, RedirectionTarget};
use super::word::{Quoting, ShellWord, WordPart};

impl ShellReader<'_> {
    /// Reads a redirection, which starts at a `<` or `>`; `from` is the stream that is redirected.
    pub(super) fn read_redirection(&mut self, from: OutputStream) -> Result<Redirection, RunError> {
        let start = self.at;
        if self.skip(">&") {
            for (number, stream) in [("1", OutputStream::Output), ("2", OutputStream::Error)] {
                if self.skip(number) {
                    return Ok(Redirection::Output(from, RedirectionTarget::Stream(stream)));
                }
            }
            return Err(self.not_evaluated("this redirection", 1).starting_at(start));
        }
        if ["<&", "<>", "<<<", "<("].iter().any(|sign| self.rest().starts_with(sign)) {
            return Err(self.not_evaluated("this redirection", 2));
        }
        if self.skip("<<") {
            return self.read_heredoc(start);
        }
        if self.skip("<") {
            return Ok(Redirection::Input(self.read_target(start)?));
        }
        let is_added = self.skip(">>");
        let _ = is_added || self.skip(">|") || self.skip(">");
        let word = self.read_target(start)?;
        let make = if is_added { RedirectionTarget::FileEnd } else { RedirectionTarget::File };
        Ok(Redirection::Output(from, make(word)))
    }

    fn read_target(&mut self, start: usize) -> Result<ShellWord, RunError> {
        while self.skip(" ") || self.skip("\t") || self.skip("\\\n") {}
        let word = self.read_word()?;
        if word.parts.is_empty() {
            return Err(RunError::new("the file of a redirection is missing", start..self.at));
        }
        self.check_word(&word)?;
        Ok(word)
    }

    /// Reads the word that ends a here-document, and its text from the lines behind this one.
    fn read_heredoc(&mut self, start: usize) -> Result<Redirection, RunError> {
        let cuts_tabs = self.skip("-");
        let word = self.read_target(start)?;
        let range = start..self.at;
        let is_plain = |part: &WordPart| matches!(part, WordPart::Text(_, Quoting::Unquoted));
        let is_expanded = word.parts.iter().all(is_plain);
        let Some(end) = word.literal() else {
            return Err(RunError::not_evaluated("this end of a here-document", range));
        };
        if self.line_rest().matches(['\'', '"', '`']).count() % 2 == 1 {
            let what = "a quote that goes on behind a here-document";
            return Err(RunError::not_evaluated(what, range));
        }
        let mut text = String::new();
        loop {
            let Some(line) = self.read_document_line() else {
                return Err(RunError::new(format!("the line `{end}` is missing"), range));
            };
            let line = if cuts_tabs { line.trim_start_matches('\t') } else { line };
            if line.strip_suffix('\n').unwrap_or(line) == end {
                break;
            }
            text.push_str(line);
        }
        let parts = if is_expanded {
            self.nested(&text)?.read_document()
        } else {
            Ok(vec![WordPart::Text(text, Quoting::Quoted)])
        };
        // The text is not where the document is.
        let parts = parts.map_err(|error| RunError { range: range.clone(), ..error })?;
        self.check_substitutions(&parts)
            .map_err(|error| RunError { range: range.clone(), ..error })?;
        Ok(Redirection::Document(parts, range))
    }
}
