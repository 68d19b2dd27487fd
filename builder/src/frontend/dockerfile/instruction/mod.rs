//! An *instruction* of a Dockerfile by what it asks for. Values are as they were written: variables
//! are replaced when a stage is evaluated, for only then they are known. The rules are those of
//! moby/buildkit `frontend/dockerfile/instructions`.

mod files;
mod flags;
mod health;
mod problem;
mod read;
#[cfg(test)]
mod tests;

use crate::recipe::diagnostic::Span;

pub(crate) use self::health::Healthcheck;
pub(crate) use self::read::read;
use super::syntax::{Heredoc, Rest, Word};

/// An instruction, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Instruction {
    pub(crate) kind: InstructionKind,
    /// The whole of it.
    pub(crate) span: Span,
    /// On one line, for the history.
    pub(crate) text: String,
}

/// What an instruction asks for.
#[derive(Debug, Clone)]
pub(crate) enum InstructionKind {
    Add(Box<Copy>),
    /// Names, some with a default.
    Arg(Vec<(Word, Option<Word>)>),
    Cmd(Command),
    Copy(Box<Copy>),
    Entrypoint(Command),
    Env(Vec<(Word, Word)>),
    Expose(Vec<Word>),
    From(FromInstruction),
    Healthcheck(Healthcheck),
    Label(Vec<(Word, Word)>),
    Maintainer(Word),
    /// The text of an instruction for images on top of this.
    OnBuild(Word),
    Run(Run),
    Shell(Vec<String>),
    StopSignal(Word),
    User(Word),
    Volume(Vec<Word>),
    Workdir(Word),
}

/// FROM.
#[derive(Debug, Clone)]
pub(crate) struct FromInstruction {
    pub(crate) base: Word,
    pub(crate) platform: Option<Word>,
    /// In lower case, as stages are compared.
    pub(crate) name: Option<Word>,
}

/// A command, as CMD and others have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// A text for the shell.
    Shell(String),
    /// The words themselves.
    Exec(Vec<String>),
}

/// RUN.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) flags: Vec<Word>,
    pub(crate) command: Command,
    /// The command as it is written.
    pub(crate) rest: Rest,
    pub(crate) heredocs: Vec<Heredoc>,
}

/// COPY and ADD, which adds the last three.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    /// Not with the here-documents among them.
    pub(crate) sources: Vec<Word>,
    pub(crate) heredocs: Vec<Heredoc>,
    pub(crate) destination: Word,
    pub(crate) from: Option<Word>,
    pub(crate) chown: Option<Word>,
    pub(crate) chmod: Option<Word>,
    pub(crate) exclude: Vec<Word>,
    pub(crate) parents: Switch,
    pub(crate) link: Switch,
    pub(crate) checksum: Option<Word>,
    pub(crate) unpack: Option<(Switch, Span)>,
}

/// A flag that is there or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Switch {
    #[default]
    Off,
    On,
}

/// All keywords, in capitals.
pub(crate) const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];
