//! A *script* is a RUN line in the language of `sh`: commands, joined by `&&`, `||`, `;`, pipes and
//! line ends (POSIX.1-2017, Shell & Utilities 2.9).

use std::ops::Range;

use super::word::{ShellWord, WordPart};

/// Lists that are run one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Script(pub(super) Vec<CommandList>);

/// Pipelines joined by `&&` and `||`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandList(pub(super) Vec<(ListOperator, Pipeline)>);

/// When a pipeline is run, given the status of what was run before it in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListOperator {
    First,
    And,
    Or,
}

/// Commands, each of which reads what the one before it writes; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pipeline {
    /// `!`: it succeeds if it fails.
    pub(super) is_negated: bool,
    pub(super) commands: Vec<ShellCommand>,
}

/// A command with its redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShellCommand {
    pub(super) kind: CommandKind,
    pub(super) redirections: Vec<Redirection>,
    pub(super) range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CommandKind {
    Simple(SimpleCommand),
    /// `{ …; }`
    Group(Script),
    /// `(…)`
    Subshell(Script),
    If(IfCommand),
    For(ForLoop),
    While(WhileLoop),
    Case(CaseCommand),
}

/// Assignments, then words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SimpleCommand {
    pub(super) assignments: Vec<(String, ShellWord)>,
    pub(super) words: Vec<ShellWord>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfCommand {
    /// Conditions, each with what is run if it is the first to succeed.
    pub(super) branches: Vec<(Script, Script)>,
    pub(super) otherwise: Script,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForLoop {
    pub(super) variable: String,
    pub(super) words: Vec<ShellWord>,
    pub(super) body: Script,
}

/// `while` and `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WhileLoop {
    /// `until`: it goes on as long as the condition fails.
    pub(super) is_until: bool,
    pub(super) condition: Script,
    pub(super) body: Script,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CaseCommand {
    pub(super) subject: ShellWord,
    pub(super) arms: Vec<(Vec<ShellWord>, Script)>,
}

/// A redirection of standard input, output or error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Redirection {
    /// `< file`
    Input(ShellWord),
    /// A here-document.
    Document(Vec<WordPart>, Range<usize>),
    Output(OutputStream, RedirectionTarget),
}

/// A stream that a command writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputStream {
    Output,
    Error,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RedirectionTarget {
    /// A file, which is written anew.
    File(ShellWord),
    /// A file, to which the output is added.
    FileEnd(ShellWord),
    Stream(OutputStream),
}
