//! *Builtins* change the shell itself (POSIX.1-2017, Shell & Utilities 2.14).

use std::ops::Range;

use super::content::Content;
use super::error::RunError;
use super::fault::ProcessFault;
use super::shell::{Flow, Shell};
use super::word::variable_name;
use crate::frontend::dockerfile::pattern::clean_path;
use crate::frontend::dockerfile::tree::{ModeChange, ModeSubject};

/// Names of the builtins.
pub(super) const BUILTINS: [&str; 10] =
    ["set", "cd", "export", "unset", "umask", "exit", "pwd", "read", "break", "continue"];

/// Returns whether a command changes the shell itself.
pub(super) fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name)
}

impl Shell<'_> {
    /// Runs a builtin; `separators` is the `IFS` in front of it.
    pub(super) fn run_builtin(
        &mut self,
        words: &[String],
        separators: Option<&str>,
        range: Range<usize>,
    ) -> Result<Flow, RunError> {
        let arguments = words.get(1..).unwrap_or_default();
        self.failure = None;
        match words.first().map_or("", String::as_str) {
            "set" => self.settings.apply(arguments).map_err(|unknown| {
                RunError::not_evaluated(&format!("`set {}`", unknown.0), range)
            })?,
            "cd" => self.change_directory(arguments, range)?,
            "export" => self.export(arguments, range)?,
            "unset" => self.unset(arguments, range)?,
            "umask" => self.set_umask(arguments, range)?,
            "exit" => return self.exit(arguments, range),
            "read" => self.read_line(arguments, separators, range)?,
            "break" => return self.leave_loops(arguments, range, Flow::Break),
            "continue" => return self.leave_loops(arguments, range, Flow::NextRound),
            "pwd" if arguments.is_empty() => {
                let line = format!("{}\n", self.parameters.directory());
                let printed = self.process.print(Content::Text(line.into_bytes()));
                printed.map_err(|refusal| RunError::new(refusal.message, range))?;
            }
            name => return Err(RunError::not_evaluated(&format!("`{name}`"), range)),
        }
        Ok(Flow::Continue)
    }

    /// Changes the working directory, as a shell does: `..` removes the last part of the path.
    fn change_directory(&mut self, words: &[String], range: Range<usize>) -> Result<(), RunError> {
        let [path] = words else {
            return Err(RunError::not_evaluated("`cd` without a directory", range));
        };
        if path.starts_with('-') || path.is_empty() {
            return Err(RunError::not_evaluated(&format!("`cd {path}`"), range));
        }
        if self.process.is_directory_assumed && !path.starts_with('/') {
            self.process.tree.use_base();
        }
        let before = self.parameters.directory();
        let logical = clean_path(&if path.starts_with('/') {
            path.clone()
        } else {
            format!("{before}/{path}")
        });
        match self.process.enter(&logical) {
            Ok(()) => self.parameters.assign("PWD", logical, range)?,
            Err(ProcessFault::Errno(errno)) => {
                let message = format!("`cd` fails: {}: {errno}", path.escape_debug());
                self.failure = Some(RunError::new(message, range));
            }
            Err(ProcessFault::Refused(message)) => return Err(RunError::new(message, range)),
        }
        Ok(())
    }

    /// Assigns values. That they are in the environment of commands makes no difference here.
    fn export(&mut self, words: &[String], range: Range<usize>) -> Result<(), RunError> {
        for word in words {
            let name = variable_name(word);
            match word[name.len()..].strip_prefix('=') {
                Some(value) if !name.is_empty() => {
                    self.parameters.assign(name, value.to_owned(), range.clone())?;
                }
                None if name == word => {}
                _ => return Err(RunError::not_evaluated(&format!("`export {word}`"), range)),
            }
        }
        Ok(())
    }

    fn unset(&mut self, words: &[String], range: Range<usize>) -> Result<(), RunError> {
        for word in words {
            if word.is_empty() || variable_name(word) != word {
                return Err(RunError::not_evaluated(&format!("`unset {word}`"), range));
            }
            self.parameters.unset(word);
        }
        Ok(())
    }

    fn set_umask(&mut self, words: &[String], range: Range<usize>) -> Result<(), RunError> {
        let [mode] = words else {
            return Err(RunError::not_evaluated("`umask` without a mask", range));
        };
        let is_octal = mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let mask = if is_octal {
            u32::from_str_radix(mode, 8).ok()
        } else {
            // A symbolic mask says what is allowed.
            let change = ModeChange::parse(mode).ok();
            let allowed = !self.process.umask & 0o777;
            change.map(|change| !change.apply(allowed, ModeSubject::Directory, 0) & 0o777)
        };
        match mask.filter(|mask| *mask <= 0o777) {
            Some(mask) => self.process.umask = mask,
            None => return Err(RunError::not_evaluated(&format!("`umask {mode}`"), range)),
        }
        Ok(())
    }

    fn exit(&mut self, words: &[String], range: Range<usize>) -> Result<Flow, RunError> {
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["0"] => {}
            [status] if status.parse::<u8>().is_ok() => {
                let message = format!("the script ends with `exit {status}`");
                self.failure = Some(RunError::new(message, range));
            }
            _ => return Err(RunError::not_evaluated("`exit` without a number", range)),
        }
        Ok(Flow::Exit)
    }
}
