//! Reads *compound commands*: groups, `if`, `for`, `while`, `until` and `case`
//! (POSIX.1-2017, Shell & Utilities 2.9.4).

use super::error::RunError;
use super::reader::ShellReader;
use super::script::{
    CaseCommand, CommandKind, ForLoop, IfCommand, OutputStream, Script, ShellCommand, WhileLoop,
};
use super::syntax::ScriptEnd;
use super::word::{ShellWord, variable_name};

/// Reserved words whose commands are not evaluated.
const REFUSED: [&str; 6] = ["function", "select", "time", "coproc", "[[", "declare"];

/// Reserved words that only stand inside of a command.
const MISPLACED: [&str; 9] = ["then", "elif", "else", "fi", "do", "done", "esac", "}", "in"];

impl ShellReader<'_> {
    /// Reads a command of any kind.
    pub(super) fn read_command(&mut self) -> Result<ShellCommand, RunError> {
        self.skip_blanks();
        let start = self.at;
        let keyword = self.peek_keyword().to_owned();
        if REFUSED.contains(&keyword.as_str()) {
            return Err(self.not_evaluated(&format!("`{keyword}`"), keyword.len()));
        }
        if MISPLACED.contains(&keyword.as_str()) {
            let range = start..start + keyword.len();
            return Err(RunError::new(format!("`{keyword}` does not belong here"), range));
        }
        let kind = match keyword.as_str() {
            "{" => CommandKind::Group(self.read_enclosed("{", ScriptEnd::Words(&["}"]), "}")?),
            "if" => CommandKind::If(self.read_if()?),
            "for" => CommandKind::For(self.read_for()?),
            "while" | "until" => CommandKind::While(self.read_while(&keyword)?),
            "case" => CommandKind::Case(self.read_case()?),
            _ if self.peek() == Some('(') => {
                if self.rest().starts_with("((") {
                    return Err(self.not_evaluated("arithmetic", 2));
                }
                CommandKind::Subshell(self.read_enclosed("(", ScriptEnd::Parenthesis, ")")?)
            }
            _ => return self.read_simple(),
        };
        let range = start..self.at;
        let mut redirections = Vec::new();
        loop {
            self.skip_blanks();
            let stream = self.stream_number();
            if stream.is_some() {
                self.at += 1;
            } else if !matches!(self.peek(), Some('<' | '>')) {
                return Ok(ShellCommand { kind, redirections, range });
            }
            redirections.push(self.read_redirection(stream.unwrap_or(OutputStream::Output))?);
        }
    }

    fn read_enclosed(
        &mut self,
        open: &str,
        end: ScriptEnd,
        close: &str,
    ) -> Result<Script, RunError> {
        let start = self.at;
        self.at += open.len();
        let script = self.read_script(end)?;
        self.at += close.len();
        self.check_not_empty(&script, start)?;
        Ok(script)
    }

    fn check_not_empty(&self, script: &Script, start: usize) -> Result<(), RunError> {
        if script.0.is_empty() {
            return Err(RunError::new("a command is missing", start..self.at));
        }
        Ok(())
    }

    /// Reads a script that has at least one command, and the reserved word behind it.
    fn read_until(
        &mut self,
        words: &'static [&'static str],
    ) -> Result<(Script, &'static str), RunError> {
        let start = self.at;
        let script = self.read_script(ScriptEnd::Words(words))?;
        self.check_not_empty(&script, start)?;
        let found = words.iter().find(|word| **word == self.peek_keyword());
        let found = found.copied().unwrap_or_default();
        self.at += found.len();
        Ok((script, found))
    }

    fn read_if(&mut self) -> Result<IfCommand, RunError> {
        self.at += "if".len();
        let mut branches = Vec::new();
        loop {
            let (condition, _) = self.read_until(&["then"])?;
            let (body, next) = self.read_until(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            match next {
                "elif" => {}
                "else" => {
                    let (otherwise, _) = self.read_until(&["fi"])?;
                    return Ok(IfCommand { branches, otherwise });
                }
                _ => return Ok(IfCommand { branches, otherwise: Script::default() }),
            }
        }
    }

    fn read_for(&mut self) -> Result<ForLoop, RunError> {
        let start = self.at;
        self.at += "for".len();
        self.skip_blanks();
        let variable = variable_name(self.rest()).to_owned();
        self.at += variable.len();
        self.skip_lines();
        if variable.is_empty() || self.peek_keyword() != "in" {
            let what = "`for` without a variable and `in`";
            return Err(self.not_evaluated(what, 0).starting_at(start));
        }
        self.at += "in".len();
        let words = self.read_words()?;
        let _ = self.skip(";");
        self.skip_lines();
        if self.peek_keyword() != "do" {
            return Err(RunError::new("`do` is missing", start..start + "for".len()));
        }
        self.at += "do".len();
        let (body, _) = self.read_until(&["done"])?;
        Ok(ForLoop { variable, words, body })
    }

    fn read_while(&mut self, keyword: &str) -> Result<WhileLoop, RunError> {
        self.at += keyword.len();
        let (condition, _) = self.read_until(&["do"])?;
        let (body, _) = self.read_until(&["done"])?;
        Ok(WhileLoop { is_until: keyword == "until", condition, body })
    }

    /// Reads the words of a line.
    fn read_words(&mut self) -> Result<Vec<ShellWord>, RunError> {
        let mut words = Vec::new();
        loop {
            self.skip_blanks();
            if matches!(self.peek(), None | Some('\n' | ';' | '&' | '|' | '<' | '>' | ')')) {
                return Ok(words);
            }
            let word = self.read_word()?;
            self.check_word(&word)?;
            words.push(word);
        }
    }

    fn read_case(&mut self) -> Result<CaseCommand, RunError> {
        let start = self.at;
        self.at += "case".len();
        self.skip_blanks();
        let subject = self.read_word()?;
        self.check_word(&subject)?;
        self.skip_lines();
        if self.peek_keyword() != "in" {
            return Err(RunError::new("`in` is missing", start..start + "case".len()));
        }
        self.at += "in".len();
        let mut arms = Vec::new();
        loop {
            self.skip_lines();
            if self.peek_keyword() == "esac" {
                self.at += "esac".len();
                return Ok(CaseCommand { subject, arms });
            }
            arms.push(self.read_arm(start)?);
        }
    }

    fn read_arm(&mut self, start: usize) -> Result<(Vec<ShellWord>, Script), RunError> {
        let _ = self.skip("(");
        let mut patterns = Vec::new();
        loop {
            self.skip_blanks();
            let pattern = self.read_word()?;
            self.check_word(&pattern)?;
            if pattern.parts.is_empty() {
                return Err(RunError::new("`esac` is missing", start..start + "case".len()));
            }
            patterns.push(pattern);
            self.skip_blanks();
            if self.skip(")") {
                break;
            }
            if !self.skip("|") {
                return Err(RunError::new("`)` is missing behind a pattern", start..self.at));
            }
        }
        let body = self.read_script(ScriptEnd::Words(&[";;", "esac"]))?;
        let _ = self.skip(";;");
        Ok((patterns, body))
    }
}
