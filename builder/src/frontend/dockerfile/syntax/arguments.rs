//! How the *arguments* of each instruction are split.

use std::ops::Range;
use std::sync::Arc;

use super::line::LogicalLine;
use super::words::{self, LineWord, is_blank};
use super::{DockerfileWord, InstructionArguments, split_instruction};
use crate::recipe::diagnostic::Diagnostic;

/// Splits what follows the keyword and flags.
pub(super) fn split_arguments(
    keyword: &DockerfileWord,
    line: &Arc<LogicalLine>,
    rest: Range<usize>,
    escape: char,
) -> Result<InstructionArguments, Box<Diagnostic>> {
    let blanks = |rest| {
        InstructionArguments::Words(to_words(line, words::split_at_blanks(&line.text, rest)))
    };
    Ok(match keyword.text.to_ascii_lowercase().as_str() {
        "add" | "copy" | "volume" => read_json(line, &rest)?.unwrap_or_else(|| blanks(rest)),
        "cmd" | "entrypoint" | "run" | "shell" => read_text_or_json(line, rest)?,
        "arg" => InstructionArguments::Words(to_words(
            line,
            words::split_outside_quotes(&line.text, rest, escape),
        )),
        "env" | "label" => read_pairs(keyword, line, rest, escape)?,
        "expose" | "from" => blanks(rest),
        "healthcheck" => {
            let kind = line.text[rest.clone()].find(char::is_whitespace);
            let kind = kind.map_or(rest.end, |at| rest.start + at);
            let command = read_text_or_json(line, trim_range(&line.text, kind..rest.end))?;
            InstructionArguments::Typed(word_at(line, rest.start..kind), Box::new(command))
        }
        "onbuild" if !rest.is_empty() && !is_onbuild(&line.text[rest.clone()]) => {
            InstructionArguments::Instruction(Box::new(split_instruction(line, rest, escape)?))
        }
        "maintainer" | "onbuild" | "stopsignal" | "user" | "workdir" => {
            InstructionArguments::Text(word_at(line, rest))
        }
        _ => InstructionArguments::Unknown,
    })
}

/// Returns whether a text is an ONBUILD, which is wrong in an ONBUILD, and could be nested without
/// end.
fn is_onbuild(text: &str) -> bool {
    text.split(is_blank).next().is_some_and(|word| word.eq_ignore_ascii_case("onbuild"))
}

fn read_text_or_json(
    line: &LogicalLine,
    rest: Range<usize>,
) -> Result<InstructionArguments, Box<Diagnostic>> {
    Ok(read_json(line, &rest)?.unwrap_or_else(|| InstructionArguments::Text(word_at(line, rest))))
}

fn read_json(
    line: &LogicalLine,
    rest: &Range<usize>,
) -> Result<Option<InstructionArguments>, Box<Diagnostic>> {
    let span = line.span(rest.clone());
    match words::parse_json_list(&line.text[rest.clone()]) {
        None => Ok(None),
        Some(Ok(list)) => {
            let words = list.into_iter().map(|text| DockerfileWord { text, span: span.clone() });
            Ok(Some(InstructionArguments::Json(words.collect())))
        }
        Some(Err(_)) => {
            let message = "when using JSON array syntax, arrays must be comprised of strings only";
            Err(Box::new(Diagnostic::new(message).at(span).help("put quotes around each")))
        }
    }
}

/// Reads `NAME=VALUE …`, or `NAME VALUE` with all that follows as the value.
fn read_pairs(
    keyword: &DockerfileWord,
    line: &LogicalLine,
    rest: Range<usize>,
    escape: char,
) -> Result<InstructionArguments, Box<Diagnostic>> {
    let pieces = words::split_outside_quotes(&line.text, rest.clone(), escape);
    let Some(first) = pieces.first() else { return Ok(InstructionArguments::Pairs(Vec::new())) };
    if !first.text.contains('=') {
        let Some(end) = line.text[rest.clone()].find(is_blank) else {
            let keyword = keyword.text.to_ascii_uppercase();
            let problem = Diagnostic::new(format!("{keyword} must have two arguments"));
            let help = format!("write `{keyword} {}=VALUE`", first.text);
            return Err(Box::new(problem.at(line.span(rest)).help(help)));
        };
        let end = rest.start + end;
        let value = end + line.text[end..].find(|c| !is_blank(c)).unwrap_or(0);
        let name = word_at(line, rest.start..end);
        return Ok(InstructionArguments::Pairs(vec![(name, word_at(line, value..rest.end))]));
    }
    let pair = |piece: LineWord| {
        let Some((name, value)) = piece.text.split_once('=') else {
            let problem = format!("can't find = in `{}`", piece.text);
            let help = "it must be of the form: name=value; put quotes around values with blanks";
            let span = line.span(piece.range);
            return Err(Box::new(Diagnostic::new(problem).at(span).help(help)));
        };
        let middle = (piece.range.start + name.len() + 1).min(piece.range.end);
        let value_span = line.span(middle..piece.range.end);
        let name_span = line.span(piece.range.start..middle - 1);
        let name = DockerfileWord { text: name.to_owned(), span: name_span };
        Ok((name, DockerfileWord { text: value.to_owned(), span: value_span }))
    };
    Ok(InstructionArguments::Pairs(pieces.into_iter().map(pair).collect::<Result<_, _>>()?))
}

/// Returns a range of a text without the white space around it.
pub(super) fn trim_range(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..(range.start + part.trim_end().len()).max(start)
}

/// Returns the word at a range of a line.
pub(super) fn word_at(line: &LogicalLine, range: Range<usize>) -> DockerfileWord {
    DockerfileWord { text: line.text[range.clone()].to_owned(), span: line.span(range) }
}

/// Returns a word with its position in the file.
pub(super) fn to_word(line: &LogicalLine, piece: LineWord) -> DockerfileWord {
    DockerfileWord { text: piece.text, span: line.span(piece.range) }
}

fn to_words(line: &LogicalLine, pieces: Vec<LineWord>) -> Vec<DockerfileWord> {
    pieces.into_iter().map(|piece| to_word(line, piece)).collect()
}
