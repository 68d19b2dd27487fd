//! Reads *simple commands*: assignments, words and redirections.

use super::error::RunError;
use super::reader::ShellReader;
use super::script::{CommandKind, OutputStream, ShellCommand, SimpleCommand};
use super::word::{Quoting, ShellWord, WordPart};

impl ShellReader<'_> {
    pub(super) fn read_simple(&mut self) -> Result<ShellCommand, RunError> {
        let start = self.at;
        let mut command = SimpleCommand::default();
        let mut redirections = Vec::new();
        let mut end = start;
        loop {
            self.skip_blanks();
            match self.peek() {
                Some('<' | '>') => {
                    redirections.push(self.read_redirection(OutputStream::Output)?);
                }
                None | Some('\n' | ';' | '&' | '|' | ')') => break,
                Some(_) if self.stream_number().is_some() => {
                    let stream = self.stream_number().unwrap_or(OutputStream::Output);
                    self.at += 1;
                    redirections.push(self.read_redirection(stream)?);
                }
                Some(_) => {
                    let word = self.read_word()?;
                    self.check_word(&word)?;
                    end = self.at;
                    match word.assignment() {
                        Some((name, value)) if command.words.is_empty() => {
                            command.assignments.push((name.to_owned(), value));
                        }
                        _ => command.words.push(word),
                    }
                }
            }
        }
        if end == start && redirections.is_empty() {
            let end = self.at + self.peek().map_or(0, char::len_utf8);
            return Err(RunError::new("a command is missing", start.min(self.at)..end));
        }
        let range = start..end.max(if end == start { self.at } else { end });
        Ok(ShellCommand { kind: CommandKind::Simple(command), redirections, range })
    }

    /// Returns the stream whose number stands in front of a `>`.
    pub(super) fn stream_number(&self) -> Option<OutputStream> {
        let rest = self.rest();
        match rest.as_bytes() {
            [b'1', b'>', ..] => Some(OutputStream::Output),
            [b'2', b'>', ..] => Some(OutputStream::Error),
            _ => None,
        }
    }

    /// Refuses words whose expansion depends on the shell, or on the homes of users.
    pub(super) fn check_word(&self, word: &ShellWord) -> Result<(), RunError> {
        let unquoted = |part: &WordPart| match part {
            WordPart::Text(text, Quoting::Unquoted) => Some(text.clone()),
            _ => None,
        };
        let first = word.parts.first().and_then(unquoted).unwrap_or_default();
        if first.starts_with('~') || first.contains("=~") || first.contains(":~") {
            let problem = RunError::not_evaluated("`~`", word.range.clone());
            return Err(problem.help("write the directory's path, or quote the tilde"));
        }
        let text: String = word.parts.iter().filter_map(unquoted).collect();
        let inside = text.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}'));
        if inside.is_some_and(|(list, _)| list.contains(',') || list.contains("..")) {
            // bash, which is the `sh` of some images.
            let problem = RunError::not_evaluated("a list in braces", word.range.clone());
            return Err(problem.help("it means several words to some shells and one to others"));
        }
        self.check_substitutions(&word.parts)
    }
}
