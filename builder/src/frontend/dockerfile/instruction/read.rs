//! *Reading* turns a written instruction into what it means.

use super::error::{InstructionError, error_at, missing_argument, require_words};
use super::files::{ADD_FLAGS, COPY_FLAGS, read_copy};
use super::flags::{FlagValue, InstructionFlags, find_similar};
use super::from::{FROM_FLAGS, read_from};
use super::health::HEALTHCHECK_FLAGS;
use super::{
    CommandForm, Healthcheck, Instruction, InstructionHead, InstructionKind, KEYWORDS,
    RunInstruction,
};
use crate::frontend::dockerfile::syntax::{
    DockerfileWord, InstructionArguments, WrittenInstruction,
};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Reads an instruction; reports what is wrong with it, and then returns `None`.
pub(crate) fn read_instruction(
    mut written: WrittenInstruction,
    problems: &mut Vec<Diagnostic>,
) -> Option<Instruction> {
    let comments = std::mem::take(&mut written.comments);
    let head = InstructionHead { keyword: written.keyword.clone(), comments };
    let span = whole_span(&written);
    let keyword = written.keyword.text.to_ascii_uppercase();
    let text = if written.rest.text.is_empty() {
        keyword.clone()
    } else {
        let flags = written.flags.iter().map(|flag| format!("{} ", flag.text));
        format!("{keyword} {}{}", flags.collect::<String>(), written.rest.text)
    };
    let before = problems.len();
    match read_kind(&keyword, written, problems) {
        Ok(kind) if problems.len() == before => Some(Instruction { kind, span, text, head }),
        Ok(_) | Err(InstructionError::Reported) => None,
        Err(InstructionError::Unreported(problem)) => {
            problems.push(*problem);
            None
        }
    }
}

fn whole_span(written: &WrittenInstruction) -> Span {
    let mut span = written.keyword.span.clone();
    let ends = written.flags.iter().map(|flag| flag.span.range.end);
    let ends = ends.chain([written.rest.span().range.end, span.range.end]);
    span.range.end = ends.max().unwrap_or_default();
    span
}

fn read_kind(
    keyword: &str,
    written: WrittenInstruction,
    problems: &mut Vec<Diagnostic>,
) -> Result<InstructionKind, InstructionError> {
    let known = known_flags(keyword);
    let flags: &[DockerfileWord] = if keyword == "RUN" { &[] } else { &written.flags };
    let flags = InstructionFlags::read(keyword, flags, known, problems);
    let at = written.keyword.clone();
    Ok(match keyword {
        "ADD" => InstructionKind::Add(Box::new(read_copy(written, flags)?)),
        "COPY" => InstructionKind::Copy(Box::new(read_copy(written, flags)?)),
        "FROM" => InstructionKind::From(read_from(written, flags)?),
        "HEALTHCHECK" => InstructionKind::Healthcheck(read_healthcheck(written, flags, problems)?),
        "RUN" => InstructionKind::Run(read_run(written)?),
        "ONBUILD" => InstructionKind::OnBuild(read_onbuild(written, problems)?),
        "CMD" => InstructionKind::Cmd(read_command(written.arguments)),
        "ENTRYPOINT" => InstructionKind::Entrypoint(read_command(written.arguments)),
        "SHELL" => InstructionKind::Shell(read_shell(&at, written.arguments)?),
        "ENV" => InstructionKind::Env(require_pairs(&at, written.arguments)?),
        "LABEL" => InstructionKind::Label(require_pairs(&at, written.arguments)?),
        "ARG" => InstructionKind::Arg(
            require_words(&at, written.arguments)?
                .into_iter()
                .map(read_arg)
                .collect::<Result<_, _>>()?,
        ),
        "EXPOSE" => InstructionKind::Expose(require_words(&at, written.arguments)?),
        "VOLUME" => InstructionKind::Volume(require_words(&at, written.arguments)?),
        "MAINTAINER" => InstructionKind::Maintainer(require_one(&at, written.arguments)?),
        "STOPSIGNAL" => InstructionKind::StopSignal(require_one(&at, written.arguments)?),
        "USER" => InstructionKind::User(require_one(&at, written.arguments)?),
        "WORKDIR" => InstructionKind::Workdir(require_one(&at, written.arguments)?),
        _ => return Err(unknown_instruction(&at)),
    })
}

/// Returns the flags of an instruction; those of RUN are checked where it is evaluated.
fn known_flags(keyword: &str) -> &'static [(&'static str, FlagValue)] {
    match keyword {
        "COPY" => COPY_FLAGS,
        "ADD" => ADD_FLAGS,
        "FROM" => FROM_FLAGS,
        "HEALTHCHECK" => HEALTHCHECK_FLAGS,
        _ => &[],
    }
}

fn unknown_instruction(keyword: &DockerfileWord) -> InstructionError {
    let name = keyword.text.to_ascii_uppercase();
    let problem = Diagnostic::new(format!("unknown instruction: {}", keyword.text));
    let help = match find_similar(&name, &KEYWORDS) {
        Some(other) => format!("did you mean `{other}`?"),
        None => format!("there are {}", KEYWORDS.join(", ")),
    };
    InstructionError::Unreported(Box::new(problem.at(keyword.span.clone()).help(help)))
}

fn texts(words: Vec<DockerfileWord>) -> Vec<String> {
    words.into_iter().map(|word| word.text).collect()
}

fn read_command(arguments: InstructionArguments) -> CommandForm {
    match arguments {
        InstructionArguments::Json(words) => CommandForm::Exec(texts(words)),
        InstructionArguments::Text(word) if !word.text.is_empty() => CommandForm::Shell(word.text),
        _ => CommandForm::Exec(Vec::new()),
    }
}

fn read_shell(
    at: &DockerfileWord,
    arguments: InstructionArguments,
) -> Result<Vec<String>, InstructionError> {
    match arguments {
        InstructionArguments::Json(words) if !words.is_empty() => Ok(texts(words)),
        _ => Err(error_at(
            at,
            "SHELL requires the arguments to be in JSON form",
            "for example `SHELL [\"/bin/bash\", \"-c\"]`",
        )),
    }
}

fn require_pairs(
    at: &DockerfileWord,
    arguments: InstructionArguments,
) -> Result<Vec<(DockerfileWord, DockerfileWord)>, InstructionError> {
    let InstructionArguments::Pairs(pairs) = arguments else { return Err(missing_argument(at)) };
    if pairs.is_empty() {
        return Err(missing_argument(at));
    }
    match pairs.iter().find(|(name, _)| name.text.is_empty()) {
        Some((name, _)) => {
            let message = format!("{} names can not be blank", at.text.to_ascii_uppercase());
            Err(error_at(name, message, "write a name before the `=`"))
        }
        None => Ok(pairs),
    }
}

fn require_one(
    at: &DockerfileWord,
    arguments: InstructionArguments,
) -> Result<DockerfileWord, InstructionError> {
    match arguments {
        InstructionArguments::Text(word) if !word.text.is_empty() => Ok(word),
        _ => {
            let message = format!("{} requires exactly one argument", at.text.to_ascii_uppercase());
            Err(error_at(at, message, "write it behind the keyword"))
        }
    }
}

fn read_arg(
    word: DockerfileWord,
) -> Result<(DockerfileWord, Option<DockerfileWord>), InstructionError> {
    let Some((name, value)) = word.text.split_once('=') else { return Ok((word, None)) };
    if name.is_empty() {
        return Err(error_at(&word, "ARG names can not be blank", "write a name before the `=`"));
    }
    let value = DockerfileWord { text: value.to_owned(), span: word.span.clone() };
    Ok((DockerfileWord { text: name.to_owned(), span: word.span }, Some(value)))
}

fn read_healthcheck(
    written: WrittenInstruction,
    mut flags: InstructionFlags,
    problems: &mut Vec<Diagnostic>,
) -> Result<Healthcheck, InstructionError> {
    let at = written.keyword;
    let InstructionArguments::Typed(kind, rest) = written.arguments else {
        return Err(missing_argument(&at));
    };
    let command = read_command(*rest);
    let is_empty = command == CommandForm::Exec(Vec::new());
    match kind.text.to_ascii_uppercase().as_str() {
        "" => Err(missing_argument(&at)),
        "NONE" if is_empty => Ok(Healthcheck::None),
        "NONE" => Err(error_at(&kind, "HEALTHCHECK NONE takes no arguments", "remove them")),
        "CMD" if is_empty => {
            Err(error_at(&kind, "missing command after HEALTHCHECK CMD", "write one behind it"))
        }
        "CMD" => Ok(Healthcheck::read_probe(command, &mut flags, problems)),
        _ => {
            let message = format!("unknown type `{}` in HEALTHCHECK (try CMD)", kind.text);
            Err(error_at(&kind, message, "write `HEALTHCHECK CMD …` or `HEALTHCHECK NONE`"))
        }
    }
}

fn read_run(written: WrittenInstruction) -> Result<RunInstruction, InstructionError> {
    let command = read_command(written.arguments);
    if command == CommandForm::Exec(Vec::new()) {
        return Err(missing_argument(&written.keyword));
    }
    Ok(RunInstruction {
        flags: written.flags,
        command,
        rest: written.rest,
        heredocs: written.heredocs,
    })
}

fn read_onbuild(
    written: WrittenInstruction,
    problems: &mut Vec<Diagnostic>,
) -> Result<DockerfileWord, InstructionError> {
    let inner = match written.arguments {
        InstructionArguments::Instruction(inner) => inner,
        InstructionArguments::Text(word) if !word.text.is_empty() => {
            let message = "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed";
            return Err(error_at(&word, message, "write one ONBUILD"));
        }
        _ => return Err(missing_argument(&written.keyword)),
    };
    let keyword = inner.keyword.text.to_ascii_uppercase();
    if matches!(keyword.as_str(), "FROM" | "MAINTAINER") {
        let message = format!("{keyword} isn't allowed as an ONBUILD trigger");
        return Err(error_at(&inner.keyword, message, "it can only stand by itself"));
    }
    // The config stores the text, and builds on this image read it again, so it has to be valid.
    read_instruction(*inner, problems).ok_or(InstructionError::Reported)?;
    Ok(DockerfileWord { span: written.rest.span(), text: written.rest.text })
}
