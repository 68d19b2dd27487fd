//! An *instruction* of a Dockerfile, by its meaning. Values are as written: variables are replaced
//! when a stage is evaluated, because only then are they known. The rules are those of
//! moby/buildkit `frontend/dockerfile/instructions`.

mod error;
mod files;
mod flags;
mod from;
mod health;
mod read;
#[cfg(test)]
mod tests;

use crate::recipe::diagnostic::Span;

pub(crate) use self::health::Healthcheck;
pub(crate) use self::read::read_instruction;
use super::syntax::{ArgumentText, DockerfileWord, Heredoc};

/// An instruction with its position.
#[derive(Debug, Clone)]
pub(crate) struct Instruction {
    pub(crate) kind: InstructionKind,
    /// Range of the whole instruction.
    pub(crate) span: Span,
    /// Text on one line, for the history.
    pub(crate) text: String,
    pub(crate) head: InstructionHead,
}

/// What the rules about a Dockerfile's text look at.
#[derive(Debug, Clone)]
pub(crate) struct InstructionHead {
    /// Keyword as written.
    pub(crate) keyword: DockerfileWord,
    /// Comments in front of the instruction.
    pub(crate) comments: Vec<String>,
}

/// Kind and arguments of an instruction.
#[derive(Debug, Clone)]
pub(crate) enum InstructionKind {
    Add(Box<CopyInstruction>),
    /// Names of arguments, some with a default.
    Arg(Vec<(DockerfileWord, Option<DockerfileWord>)>),
    Cmd(CommandForm),
    Copy(Box<CopyInstruction>),
    Entrypoint(CommandForm),
    Env(Vec<(DockerfileWord, DockerfileWord)>),
    Expose(Vec<DockerfileWord>),
    From(FromInstruction),
    Healthcheck(Healthcheck),
    Label(Vec<(DockerfileWord, DockerfileWord)>),
    Maintainer(DockerfileWord),
    /// Text of an instruction for images that are built on this one.
    OnBuild(DockerfileWord),
    Run(RunInstruction),
    Shell(Vec<String>),
    StopSignal(DockerfileWord),
    User(DockerfileWord),
    Volume(Vec<DockerfileWord>),
    Workdir(DockerfileWord),
}

/// A FROM instruction.
#[derive(Debug, Clone)]
pub(crate) struct FromInstruction {
    pub(crate) base: DockerfileWord,
    pub(crate) platform: Option<DockerfileWord>,
    /// The word `AS` as written.
    pub(crate) as_word: Option<DockerfileWord>,
    /// Name of the stage, in lower case.
    pub(crate) name: Option<DockerfileWord>,
}

/// A command in shell or exec form, as in CMD, ENTRYPOINT and RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommandForm {
    /// Shell form: a text for the shell.
    Shell(String),
    /// Exec form: a program and its arguments.
    Exec(Vec<String>),
}

/// A RUN instruction.
#[derive(Debug, Clone)]
pub(crate) struct RunInstruction {
    pub(crate) flags: Vec<DockerfileWord>,
    pub(crate) command: CommandForm,
    /// Command as written.
    pub(crate) rest: ArgumentText,
    pub(crate) heredocs: Vec<Heredoc>,
}

/// A COPY or ADD instruction; the last two fields are set by ADD only.
#[derive(Debug, Clone)]
pub(crate) struct CopyInstruction {
    /// Sources other than here-documents.
    pub(crate) sources: Vec<DockerfileWord>,
    pub(crate) heredocs: Vec<Heredoc>,
    pub(crate) destination: DockerfileWord,
    pub(crate) from: Option<DockerfileWord>,
    pub(crate) chown: Option<DockerfileWord>,
    pub(crate) chmod: Option<DockerfileWord>,
    pub(crate) exclude: Vec<DockerfileWord>,
    pub(crate) parents: FlagSwitch,
    pub(crate) link: FlagSwitch,
    pub(crate) checksum: Option<DockerfileWord>,
    pub(crate) unpack: Option<(FlagSwitch, Span)>,
}

/// Whether a flag is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FlagSwitch {
    #[default]
    Off,
    On,
}

/// All keywords, in upper case.
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
