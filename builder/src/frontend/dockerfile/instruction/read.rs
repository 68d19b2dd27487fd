//! *Reading* an instruction from how it is written.

use super::files::{ADD_FLAGS, COPY_FLAGS, copy};
use super::flags::{Flags, Takes, similar};
use super::problem::{Wrong, too_few, words, wrong};
use super::{
    Command, FromInstruction, Healthcheck, Instruction, InstructionKind, KEYWORDS, Run, health,
};
use crate::frontend::dockerfile::syntax::{Arguments, Word, Written};
use crate::recipe::diagnostic::Diagnostic;

const NO_FLAGS: &[(&str, Takes)] = &[];

/// Reads an instruction; what is wrong with it is reported, and then there is none.
pub(crate) fn read(written: Written, problems: &mut Vec<Diagnostic>) -> Option<Instruction> {
    let span = whole(&written);
    let keyword = written.keyword.text.to_ascii_uppercase();
    let text = if written.rest.text.is_empty() {
        keyword.clone()
    } else {
        let flags = written.flags.iter().map(|flag| format!("{} ", flag.text));
        format!("{keyword} {}{}", flags.collect::<String>(), written.rest.text)
    };
    let before = problems.len();
    match kind(&keyword, written, problems) {
        Ok(kind) if problems.len() == before => Some(Instruction { kind, span, text }),
        Ok(_) | Err(Wrong::Reported) => None,
        Err(Wrong::New(problem)) => {
            problems.push(*problem);
            None
        }
    }
}

fn whole(written: &Written) -> crate::recipe::diagnostic::Span {
    let mut span = written.keyword.span.clone();
    let ends = written.flags.iter().map(|flag| flag.span.range.end);
    let ends = ends.chain([written.rest.span().range.end, span.range.end]);
    span.range.end = ends.max().unwrap_or_default();
    span
}

fn kind(
    keyword: &str,
    written: Written,
    problems: &mut Vec<Diagnostic>,
) -> Result<InstructionKind, Wrong> {
    let known = match keyword {
        "COPY" => COPY_FLAGS,
        "ADD" => ADD_FLAGS,
        "FROM" => &[("platform", Takes::Value)],
        "HEALTHCHECK" => health::FLAGS,
        _ => NO_FLAGS,
    };
    // Those of RUN are judged where it is evaluated.
    let flags: &[Word] = if keyword == "RUN" { &[] } else { &written.flags };
    let flags = Flags::read(keyword, flags, known, problems);
    let at = written.keyword.clone();
    Ok(match keyword {
        "ADD" => InstructionKind::Add(Box::new(copy(written, flags)?)),
        "COPY" => InstructionKind::Copy(Box::new(copy(written, flags)?)),
        "FROM" => InstructionKind::From(from(written, flags)?),
        "HEALTHCHECK" => InstructionKind::Healthcheck(healthcheck(written, flags, problems)?),
        "RUN" => InstructionKind::Run(run(written)?),
        "ONBUILD" => InstructionKind::OnBuild(onbuild(written, problems)?),
        "CMD" => InstructionKind::Cmd(command(written.arguments)),
        "ENTRYPOINT" => InstructionKind::Entrypoint(command(written.arguments)),
        "SHELL" => InstructionKind::Shell(shell(&at, written.arguments)?),
        "ENV" => InstructionKind::Env(pairs(&at, written.arguments)?),
        "LABEL" => InstructionKind::Label(pairs(&at, written.arguments)?),
        "ARG" => InstructionKind::Arg(
            words(&at, written.arguments)?.into_iter().map(arg).collect::<Result<_, _>>()?,
        ),
        "EXPOSE" => InstructionKind::Expose(words(&at, written.arguments)?),
        "VOLUME" => InstructionKind::Volume(words(&at, written.arguments)?),
        "MAINTAINER" => InstructionKind::Maintainer(one(&at, written.arguments)?),
        "STOPSIGNAL" => InstructionKind::StopSignal(one(&at, written.arguments)?),
        "USER" => InstructionKind::User(one(&at, written.arguments)?),
        "WORKDIR" => InstructionKind::Workdir(one(&at, written.arguments)?),
        _ => return Err(unknown(&at)),
    })
}

fn unknown(keyword: &Word) -> Wrong {
    let name = keyword.text.to_ascii_uppercase();
    let problem = Diagnostic::new(format!("unknown instruction: {}", keyword.text));
    let help = match similar(&name, &KEYWORDS) {
        Some(other) => format!("did you mean `{other}`?"),
        None => format!("there are {}", KEYWORDS.join(", ")),
    };
    Wrong::New(Box::new(problem.at(keyword.span.clone()).help(help)))
}

fn texts(words: Vec<Word>) -> Vec<String> {
    words.into_iter().map(|word| word.text).collect()
}

fn command(arguments: Arguments) -> Command {
    match arguments {
        Arguments::Json(words) => Command::Exec(texts(words)),
        Arguments::Text(word) if !word.text.is_empty() => Command::Shell(word.text),
        _ => Command::Exec(Vec::new()),
    }
}

fn shell(at: &Word, arguments: Arguments) -> Result<Vec<String>, Wrong> {
    match arguments {
        Arguments::Json(words) if !words.is_empty() => Ok(texts(words)),
        _ => Err(wrong(
            at,
            "SHELL requires the arguments to be in JSON form",
            "for example `SHELL [\"/bin/bash\", \"-c\"]`",
        )),
    }
}

fn pairs(at: &Word, arguments: Arguments) -> Result<Vec<(Word, Word)>, Wrong> {
    let Arguments::Pairs(pairs) = arguments else { return Err(too_few(at)) };
    if pairs.is_empty() {
        return Err(too_few(at));
    }
    match pairs.iter().find(|(name, _)| name.text.is_empty()) {
        Some((name, _)) => {
            let message = format!("{} names can not be blank", at.text.to_ascii_uppercase());
            Err(wrong(name, message, "write a name before the `=`"))
        }
        None => Ok(pairs),
    }
}

fn one(at: &Word, arguments: Arguments) -> Result<Word, Wrong> {
    match arguments {
        Arguments::Text(word) if !word.text.is_empty() => Ok(word),
        _ => {
            let message = format!("{} requires exactly one argument", at.text.to_ascii_uppercase());
            Err(wrong(at, message, "write it behind the keyword"))
        }
    }
}

fn arg(word: Word) -> Result<(Word, Option<Word>), Wrong> {
    let Some((name, value)) = word.text.split_once('=') else { return Ok((word, None)) };
    if name.is_empty() {
        return Err(wrong(&word, "ARG names can not be blank", "write a name before the `=`"));
    }
    let value = Word { text: value.to_owned(), span: word.span.clone() };
    Ok((Word { text: name.to_owned(), span: word.span }, Some(value)))
}

fn from(written: Written, mut flags: Flags) -> Result<FromInstruction, Wrong> {
    let at = written.keyword;
    let words = words(&at, written.arguments).unwrap_or_default();
    let (base, name) = match <[Word; 1]>::try_from(words) {
        Ok([base]) => (base, None),
        Err(words) => match <[Word; 3]>::try_from(words) {
            Ok([base, as_word, name]) if as_word.text.eq_ignore_ascii_case("as") => {
                (base, Some(stage_name(name)?))
            }
            _ => {
                let message = "FROM requires either one or three arguments";
                return Err(wrong(&at, message, "write `FROM IMAGE` or `FROM IMAGE AS NAME`"));
            }
        },
    };
    Ok(FromInstruction { base, platform: flags.value("platform"), name })
}

fn stage_name(mut name: Word) -> Result<Word, Wrong> {
    name.text = name.text.to_ascii_lowercase();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if name.text.starts_with(|c: char| c.is_ascii_lowercase()) && name.text.chars().all(is_plain) {
        return Ok(name);
    }
    let message = format!("invalid name for build stage: `{}`", name.text);
    Err(wrong(
        &name,
        message,
        "a name begins with a letter; letters, digits, `-`, `_` and `.` follow",
    ))
}

fn healthcheck(
    written: Written,
    mut flags: Flags,
    problems: &mut Vec<Diagnostic>,
) -> Result<Healthcheck, Wrong> {
    let at = written.keyword;
    let Arguments::Typed(kind, rest) = written.arguments else { return Err(too_few(&at)) };
    let command = command(*rest);
    let is_empty = command == Command::Exec(Vec::new());
    match kind.text.to_ascii_uppercase().as_str() {
        "" => Err(too_few(&at)),
        "NONE" if is_empty => Ok(Healthcheck::None),
        "NONE" => Err(wrong(&kind, "HEALTHCHECK NONE takes no arguments", "remove them")),
        "CMD" if is_empty => {
            Err(wrong(&kind, "missing command after HEALTHCHECK CMD", "write one behind it"))
        }
        "CMD" => Ok(Healthcheck::probe(command, &mut flags, problems)),
        _ => {
            let message = format!("unknown type `{}` in HEALTHCHECK (try CMD)", kind.text);
            Err(wrong(&kind, message, "write `HEALTHCHECK CMD …` or `HEALTHCHECK NONE`"))
        }
    }
}

fn run(written: Written) -> Result<Run, Wrong> {
    let command = command(written.arguments);
    if command == Command::Exec(Vec::new()) {
        return Err(too_few(&written.keyword));
    }
    Ok(Run { flags: written.flags, command, rest: written.rest, heredocs: written.heredocs })
}

fn onbuild(written: Written, problems: &mut Vec<Diagnostic>) -> Result<Word, Wrong> {
    let inner = match written.arguments {
        Arguments::Instruction(inner) => inner,
        Arguments::Text(word) if !word.text.is_empty() => {
            let message = "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed";
            return Err(wrong(&word, message, "write one ONBUILD"));
        }
        _ => return Err(too_few(&written.keyword)),
    };
    let keyword = inner.keyword.text.to_ascii_uppercase();
    if matches!(keyword.as_str(), "FROM" | "MAINTAINER") {
        let message = format!("{keyword} isn't allowed as an ONBUILD trigger");
        return Err(wrong(&inner.keyword, message, "it can only stand by itself"));
    }
    // It is written down as it stands, and read again by whoever builds on top; it should be one.
    read(*inner, problems).ok_or(Wrong::Reported)?;
    Ok(Word { span: written.rest.span(), text: written.rest.text })
}
