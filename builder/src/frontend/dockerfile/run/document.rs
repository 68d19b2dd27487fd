//! Reads *here-documents*, which stand behind the line that names them.

use super::error::RunError;
use super::reader::ShellReader;
use super::word::{Quoting, WordPart, WordParts};

impl<'t> ShellReader<'t> {
    /// Skips the end of a line, and the here-documents behind it; returns whether it was there.
    pub(super) fn skip_line_end(&mut self) -> bool {
        let at = self.at;
        if !self.skip("\n") {
            return false;
        }
        if let Some(documents) = self.documents.take_if(|documents| documents.start == at) {
            self.at = documents.end;
        }
        true
    }

    /// Skips a line in front of the next one; the text is that of the here-documents.
    pub(super) fn read_document_line(&mut self) -> Option<&'t str> {
        let documents = self.documents.get_or_insert_with(|| {
            let len = self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at);
            let end = self.at + len;
            end..(end + 1).min(self.text.len())
        });
        let rest = &self.text[documents.end..];
        let line = rest.split_inclusive('\n').next()?;
        documents.end += line.len();
        Some(line)
    }

    /// Reads the text of a here-document, in which only `$`, backquotes and backslashes are special.
    pub(super) fn read_document(mut self) -> Result<Vec<WordPart>, RunError> {
        let mut parts = WordParts::default();
        while let Some(next) = self.peek() {
            match next {
                '`' => self.read_backquoted(Quoting::Quoted, &mut parts)?,
                '$' => self.read_dollar(Quoting::Quoted, &mut parts)?,
                '\\' => self.read_quoted_escape("$`\\", &mut parts),
                _ => {
                    let len = self.rest().find(['`', '$', '\\']).unwrap_or(self.rest().len());
                    parts.push_text(&self.rest()[..len], Quoting::Quoted);
                    self.at += len;
                }
            }
        }
        Ok(parts.0)
    }
}
