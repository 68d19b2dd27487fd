//! The *streams* of a command: its standard input and output while it is run.

use std::ops::Range;

use super::content::Content;
use super::error::RunError;
use super::fault::ProcessFault;
use super::script::{OutputStream, Redirection, RedirectionTarget};
use super::shell::Shell;
use super::word::ShellWord;
use crate::frontend::dockerfile::tree::FollowLast;

/// What is restored after a command, and the file that its output is written to.
#[derive(Debug, Default)]
pub(super) struct OpenedStreams {
    input: Option<Content>,
    output: Option<(OuterOutput, OutputTarget)>,
}

/// Standard output around a command, and the path of its file.
type OuterOutput = (Option<Content>, Option<String>);

/// Where the output of a command goes.
#[derive(Debug)]
enum OutputTarget {
    Dropped,
    /// A file by its resolved path, with the content that it had.
    File(String, Content),
}

impl Shell<'_> {
    /// Opens the streams of a command, as a shell does before the command is run. The inner error is
    /// that of a file that cannot be opened: the command is not run, and fails.
    pub(super) fn open_streams(
        &mut self,
        redirections: &[Redirection],
    ) -> Result<Result<OpenedStreams, RunError>, RunError> {
        let mut input = None;
        let mut target = None;
        for redirection in redirections {
            match redirection {
                Redirection::Input(word) => match self.open_input(word)? {
                    Ok(content) => input = Some(content),
                    Err(failure) => return Ok(Err(failure)),
                },
                Redirection::Document(parts, range) => {
                    let word = ShellWord { parts: parts.clone(), range: range.clone() };
                    // The text has no positions in the script.
                    let text = self.expand_value(&word);
                    let text = text.map_err(|error| RunError { range: range.clone(), ..error })?;
                    input = Some(Content::Text(text.into_bytes()));
                }
                Redirection::Output(from, to) => match self.open_output(*from, to)? {
                    Ok(Some(opened)) => target = Some(opened),
                    Ok(None) => {}
                    Err(failure) => return Ok(Err(failure)),
                },
            }
        }
        let input = input.map(|input| std::mem::replace(&mut self.process.input, input));
        let output = target.map(|target| {
            let (kept, path) = match &target {
                OutputTarget::Dropped => (None, None),
                OutputTarget::File(path, _) => (Some(Content::default()), Some(path.clone())),
            };
            let outer = std::mem::replace(&mut self.process.output, kept);
            ((outer, std::mem::replace(&mut self.process.output_path, path)), target)
        });
        Ok(Ok(OpenedStreams { input, output }))
    }

    /// Writes the output of a command to its file, and restores the streams from before.
    pub(super) fn close_streams(
        &mut self,
        streams: OpenedStreams,
        range: Range<usize>,
    ) -> Result<(), RunError> {
        if let Some(input) = streams.input {
            self.process.input = input;
        }
        let Some(((outer, path), target)) = streams.output else { return Ok(()) };
        self.process.output_path = path;
        let written = std::mem::replace(&mut self.process.output, outer).unwrap_or_default();
        let OutputTarget::File(path, before) = target else { return Ok(()) };
        let content = before.joined(written, self.process.inputs);
        let content = content.map_err(|refusal| RunError::new(refusal.message, range.clone()))?;
        self.process.write(&format!("/{path}"), content).map_err(|fault| match fault {
            ProcessFault::Errno(errno) => RunError::new(format!("/{path}: {errno}"), range),
            ProcessFault::Refused(message) => RunError::new(message, range),
        })
    }

    fn open_input(&mut self, word: &ShellWord) -> Result<Result<Content, RunError>, RunError> {
        let path = self.expand_value(word)?;
        if path == "/dev/null" {
            return Ok(Ok(Content::default()));
        }
        let opened = self.process.read(&path);
        outcome(opened, word, |errno| format!("cannot open {}: {errno}", path.escape_debug()))
    }

    fn open_output(
        &mut self,
        from: OutputStream,
        to: &RedirectionTarget,
    ) -> Result<Result<Option<OutputTarget>, RunError>, RunError> {
        let (word, is_added) = match to {
            RedirectionTarget::File(word) => (word, false),
            RedirectionTarget::FileEnd(word) => (word, true),
            // Nothing that is evaluated writes messages, unless it fails.
            RedirectionTarget::Stream(OutputStream::Error) if from == OutputStream::Output => {
                return Ok(Ok(Some(OutputTarget::Dropped)));
            }
            RedirectionTarget::Stream(_) => return Ok(Ok(None)),
        };
        let path = self.expand_value(word)?;
        let is_null = path == "/dev/null";
        if from == OutputStream::Error {
            if is_null {
                return Ok(Ok(None));
            }
            let what = "a file with the messages of a command";
            return Err(RunError::not_evaluated(what, word.range.clone()));
        }
        if is_null || path == "/dev/stderr" {
            return Ok(Ok(Some(OutputTarget::Dropped)));
        }
        let opened = self.process.open_for_output(&path, is_added);
        let opened = opened.and_then(|before| {
            let resolved = self.process.stat(&path, FollowLast::Yes)?;
            Ok(Some(OutputTarget::File(resolved, before)))
        });
        outcome(opened, word, |errno| format!("cannot create {}: {errno}", path.escape_debug()))
    }
}

/// Separates what fails from what is refused.
fn outcome<T>(
    result: Result<T, ProcessFault>,
    word: &ShellWord,
    message: impl FnOnce(super::fault::Errno) -> String,
) -> Result<Result<T, RunError>, RunError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(ProcessFault::Errno(errno)) => {
            Ok(Err(RunError::new(message(errno), word.range.clone())))
        }
        Err(ProcessFault::Refused(message)) => Err(RunError::new(message, word.range.clone())),
    }
}
