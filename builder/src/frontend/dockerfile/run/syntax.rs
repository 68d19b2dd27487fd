//! Reads *scripts*: lists of pipelines.

use super::error::RunError;
use super::reader::ShellReader;
use super::script::{CommandList, ListOperator, Pipeline, Script};
use super::word::{ParameterAction, ShellWord, WordPart};

/// What ends a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScriptEnd {
    Text,
    /// One of these reserved words, which is not read.
    Words(&'static [&'static str]),
    /// A closing parenthesis, which is not read.
    Parenthesis,
}

impl Script {
    pub(super) fn parse(text: &str) -> Result<Self, RunError> {
        let mut reader = ShellReader::new(text);
        let script = reader.read_script(ScriptEnd::Text)?;
        Ok(script)
    }
}

impl ShellReader<'_> {
    /// Reads a script up to its end.
    pub(super) fn read_script(&mut self, end: ScriptEnd) -> Result<Script, RunError> {
        let start = self.at;
        self.descend(start)?;
        let mut lists = Vec::new();
        loop {
            self.skip_lines();
            if self.is_at_end(end) {
                self.ascend();
                return Ok(Script(lists));
            }
            match self.peek() {
                None => return Err(unclosed_error(end, start)),
                Some(')') => return Err(self.not_evaluated("a parenthesis", 1)),
                Some(_) => lists.push(self.read_list()?),
            }
            if !self.rest().starts_with(";;") {
                let _ = self.skip(";");
            }
        }
    }

    fn is_at_end(&self, end: ScriptEnd) -> bool {
        match end {
            ScriptEnd::Text => self.peek().is_none(),
            ScriptEnd::Parenthesis => self.peek() == Some(')'),
            ScriptEnd::Words(words) => {
                words.contains(&self.peek_keyword())
                    || words.contains(&";;") && self.rest().starts_with(";;")
            }
        }
    }

    fn read_list(&mut self) -> Result<CommandList, RunError> {
        let mut pipelines = vec![(ListOperator::First, self.read_pipeline()?)];
        loop {
            let join = match self.peek() {
                None | Some('\n' | ';' | ')') => return Ok(CommandList(pipelines)),
                _ if self.skip("&&") => ListOperator::And,
                _ if self.skip("||") => ListOperator::Or,
                Some(_) => return Err(self.not_evaluated("a command in the background", 1)),
            };
            self.skip_lines();
            pipelines.push((join, self.read_pipeline()?));
        }
    }

    fn read_pipeline(&mut self) -> Result<Pipeline, RunError> {
        let is_negated = self.peek_keyword() == "!";
        if is_negated {
            self.at += 1;
            self.skip_blanks();
        }
        let mut commands = vec![self.read_command()?];
        while self.peek() == Some('|') && !self.rest().starts_with("||") {
            if self.rest().starts_with("|&") {
                return Err(self.not_evaluated("`|&`", 2));
            }
            self.at += 1;
            self.skip_lines();
            commands.push(self.read_command()?);
        }
        Ok(Pipeline { is_negated, commands })
    }

    /// Returns the next word if it is plain, so that it can be a reserved word.
    pub(super) fn peek_keyword(&self) -> &str {
        let rest = self.rest();
        let is_end = |c: char| " \t\n;&|<>()".contains(c);
        let word = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        if word.contains(['\'', '"', '$', '`', '\\']) { "" } else { word }
    }

    /// Checks the scripts of the command substitutions in a word.
    pub(super) fn check_substitutions(&self, parts: &[WordPart]) -> Result<(), RunError> {
        for part in parts {
            match part {
                WordPart::Command(substitution) => {
                    let at = substitution.range.start;
                    let script = self.nested(&substitution.script)?.read_script(ScriptEnd::Text);
                    script.map_err(|error| error.shifted(at))?;
                }
                WordPart::Parameter(parameter) => {
                    if let Some(word) = action_word(&parameter.action) {
                        self.check_substitutions(&word.parts)?;
                    }
                }
                WordPart::Text(..) | WordPart::Output(..) => {}
            }
        }
        Ok(())
    }

    /// Skips blanks, continued lines and a comment.
    pub(super) fn skip_blanks(&mut self) {
        while self.skip(" ") || self.skip("\t") || self.skip("\\\n") {}
        if let Some('#') = self.peek() {
            self.at += self.line_rest().len();
        }
    }

    /// Skips line ends and blanks before a command.
    pub(super) fn skip_lines(&mut self) {
        self.skip_blanks();
        while self.skip_line_end() {
            self.skip_blanks();
        }
    }
}

fn action_word(action: &ParameterAction) -> Option<&ShellWord> {
    match action {
        ParameterAction::Value => None,
        ParameterAction::Default(_, word)
        | ParameterAction::Alternative(_, word)
        | ParameterAction::Require(_, word)
        | ParameterAction::Trim(_, _, word) => Some(word),
    }
}

fn unclosed_error(end: ScriptEnd, start: usize) -> RunError {
    let missing = match end {
        ScriptEnd::Text => "the end",
        ScriptEnd::Parenthesis => ")",
        ScriptEnd::Words(words) => words.last().copied().unwrap_or_default(),
    };
    RunError::new(format!("`{missing}` is missing"), start.saturating_sub(1)..start)
}
