//! How each instruction's *arguments* are cut.

use std::ops::Range;
use std::sync::Arc;

use super::line::Line;
use super::words::{self, Piece, is_blank};
use super::{Arguments, Word, instruction};
use crate::recipe::diagnostic::Diagnostic;

/// Cuts what stands behind keyword and flags.
pub(super) fn arguments(
    keyword: &Word,
    line: &Arc<Line>,
    rest: Range<usize>,
    escape: char,
) -> Result<Arguments, Box<Diagnostic>> {
    let blanks = |rest| Arguments::Words(place_all(line, words::blanks(&line.text, rest)));
    Ok(match keyword.text.to_ascii_lowercase().as_str() {
        "add" | "copy" | "volume" => json(line, &rest)?.unwrap_or_else(|| blanks(rest)),
        "cmd" | "entrypoint" | "run" | "shell" => text_or_json(line, rest)?,
        "arg" => Arguments::Words(place_all(line, words::quoted(&line.text, rest, escape))),
        "env" | "label" => pairs(keyword, line, rest, escape)?,
        "expose" | "from" => blanks(rest),
        "healthcheck" => {
            let kind = line.text[rest.clone()].find(char::is_whitespace);
            let kind = kind.map_or(rest.end, |at| rest.start + at);
            let command = text_or_json(line, trim(&line.text, kind..rest.end))?;
            Arguments::Typed(word(line, rest.start..kind), Box::new(command))
        }
        "onbuild" if !rest.is_empty() && !is_onbuild(&line.text[rest.clone()]) => {
            Arguments::Instruction(Box::new(instruction(line, rest, escape)?))
        }
        "maintainer" | "onbuild" | "stopsignal" | "user" | "workdir" => {
            Arguments::Text(word(line, rest))
        }
        _ => Arguments::Unknown,
    })
}

/// ONBUILD ONBUILD is wrong, and could stand in itself without end.
fn is_onbuild(text: &str) -> bool {
    text.split(is_blank).next().is_some_and(|word| word.eq_ignore_ascii_case("onbuild"))
}

fn text_or_json(line: &Line, rest: Range<usize>) -> Result<Arguments, Box<Diagnostic>> {
    Ok(json(line, &rest)?.unwrap_or_else(|| Arguments::Text(word(line, rest))))
}

fn json(line: &Line, rest: &Range<usize>) -> Result<Option<Arguments>, Box<Diagnostic>> {
    let span = line.span(rest.clone());
    match words::json(&line.text[rest.clone()]) {
        None => Ok(None),
        Some(Ok(list)) => {
            let words = list.into_iter().map(|text| Word { text, span: span.clone() });
            Ok(Some(Arguments::Json(words.collect())))
        }
        Some(Err(_)) => {
            let message = "when using JSON array syntax, arrays must be comprised of strings only";
            Err(Box::new(Diagnostic::new(message).at(span).help("put quotes around each")))
        }
    }
}

/// `NAME=VALUE …`, or `NAME VALUE` with all that follows as the value.
fn pairs(
    keyword: &Word,
    line: &Line,
    rest: Range<usize>,
    escape: char,
) -> Result<Arguments, Box<Diagnostic>> {
    let pieces = words::quoted(&line.text, rest.clone(), escape);
    let Some(first) = pieces.first() else { return Ok(Arguments::Pairs(Vec::new())) };
    if !first.text.contains('=') {
        let Some(end) = line.text[rest.clone()].find(is_blank) else {
            let keyword = keyword.text.to_ascii_uppercase();
            let problem = Diagnostic::new(format!("{keyword} must have two arguments"));
            let help = format!("write `{keyword} {}=VALUE`", first.text);
            return Err(Box::new(problem.at(line.span(rest)).help(help)));
        };
        let end = rest.start + end;
        let value = end + line.text[end..].find(|c| !is_blank(c)).unwrap_or(0);
        let name = word(line, rest.start..end);
        return Ok(Arguments::Pairs(vec![(name, word(line, value..rest.end))]));
    }
    let pair = |piece: Piece| {
        let Some((name, value)) = piece.text.split_once('=') else {
            let problem = format!("can't find = in `{}`", piece.text);
            let help = "it must be of the form: name=value; put quotes around values with blanks";
            let span = line.span(piece.range);
            return Err(Box::new(Diagnostic::new(problem).at(span).help(help)));
        };
        let middle = (piece.range.start + name.len() + 1).min(piece.range.end);
        let value_span = line.span(middle..piece.range.end);
        let name_span = line.span(piece.range.start..middle - 1);
        let name = Word { text: name.to_owned(), span: name_span };
        Ok((name, Word { text: value.to_owned(), span: value_span }))
    };
    Ok(Arguments::Pairs(pieces.into_iter().map(pair).collect::<Result<_, _>>()?))
}

/// Returns a part of a text without the white space around it.
pub(super) fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..(range.start + part.trim_end().len()).max(start)
}

/// Returns a part of a line.
pub(super) fn word(line: &Line, range: Range<usize>) -> Word {
    Word { text: line.text[range.clone()].to_owned(), span: line.span(range) }
}

/// Returns a piece with its place in the file.
pub(super) fn placed(line: &Line, piece: Piece) -> Word {
    Word { text: piece.text, span: line.span(piece.range) }
}

fn place_all(line: &Line, pieces: Vec<Piece>) -> Vec<Word> {
    pieces.into_iter().map(|piece| placed(line, piece)).collect()
}
