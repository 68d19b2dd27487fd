//! The *syntax* of a Dockerfile: its instructions as they are written, one after the other, each cut
//! into keyword, flags and arguments. What they mean is decided elsewhere. The rules are those of
//! moby/buildkit `frontend/dockerfile/parser`.

mod directive;
mod heredoc;
mod line;
#[cfg(test)]
mod tests;
mod words;

use std::ops::Range;
use std::sync::Arc;

use self::directive::directives;
pub(crate) use self::heredoc::{Expansion, Heredoc};
use self::line::{Line, Lines, cut_continuation};
use self::words::{Piece, is_blank};
use crate::diagnostic::{Diagnostic, SourceText, Span};

/// The longest line that BuildKit reads, in bytes.
const LINE_MAX: usize = 64 * 1024 - 1;

/// A part of an instruction, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// All instructions of a file.
#[derive(Debug)]
pub(crate) struct Syntax {
    /// What takes away the meaning of a character: `\`, or another of the file's choice.
    pub(crate) escape: char,
    pub(crate) instructions: Vec<Written>,
}

/// One instruction as it is written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) keyword: Word,
    /// With their dashes.
    pub(crate) flags: Vec<Word>,
    pub(crate) arguments: Arguments,
    /// Everything behind the flags, on one line.
    pub(crate) rest: Rest,
    pub(crate) heredocs: Vec<Heredoc>,
}

/// A text on one line that may stand on several in the file.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    pub(crate) text: String,
    line: Arc<Line>,
    /// Where it begins in the line.
    start: usize,
}

impl Rest {
    /// Returns where a part of the text stands in the file.
    pub(crate) fn part(&self, range: Range<usize>) -> Span {
        self.line.span(self.start + range.start..self.start + range.end)
    }

    pub(crate) fn span(&self) -> Span {
        self.part(0..self.text.len())
    }
}

/// What stands behind keyword and flags.
#[derive(Debug)]
pub(crate) enum Arguments {
    /// A text as a whole; one that is empty is none.
    Text(Word),
    /// Words between blanks, or cut by the instruction's own rules.
    Words(Vec<Word>),
    /// A JSON list.
    Json(Vec<Word>),
    /// Names and values.
    Pairs(Vec<(Word, Word)>),
    /// HEALTHCHECK: its type, and the rest.
    Typed(Word, Box<Arguments>),
    /// ONBUILD: another instruction.
    Instruction(Box<Written>),
    /// Nobody knows how they are to be cut: the keyword is not known.
    Unknown,
}

/// Reads a file; problems with the words of instructions are reported, and the instructions left
/// out.
pub(crate) fn parse(source: &Arc<SourceText>, problems: &mut Vec<Diagnostic>) -> Syntax {
    let escape = directives(source, problems).escape;
    let mut lines = Lines::new(&source.text);
    let mut instructions = Vec::new();
    while let Some((first, at)) = lines.next() {
        if is_comment(first) || first.trim().is_empty() {
            continue;
        }
        let line = Arc::new(logical(first, at, &mut lines, escape, source, problems));
        match instruction(&line, 0..line.text.len(), escape) {
            Ok(mut written) => {
                take_heredocs(&mut written, &line, &mut lines, problems);
                instructions.push(written);
            }
            Err(problem) => problems.push(*problem),
        }
    }
    Syntax { escape, instructions }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Joins the lines of one instruction.
fn logical<'a>(
    first: &'a str,
    at: usize,
    lines: &mut Lines<'a>,
    escape: char,
    source: &Arc<SourceText>,
    problems: &mut Vec<Diagnostic>,
) -> Line {
    let mut line = Line::new(source);
    let indent = first.len() - first.trim_start().len();
    let mut part = Some((&first[indent..], at + indent));
    while let Some((text, at)) = part {
        if text.len() > LINE_MAX {
            let message = "dockerfile line greater than max allowed size of 65535 bytes";
            problems.push(Diagnostic::new(message).at(Span::new(source, at..at + 1)));
        }
        let Some(text) = cut_continuation(text, escape) else {
            line.push(text, at);
            break;
        };
        line.push(text, at);
        part = lines.find(|(text, _)| !is_comment(text) && !text.trim().is_empty());
    }
    line
}

/// Cuts an instruction that stands in a part of a line.
fn instruction(
    line: &Arc<Line>,
    range: Range<usize>,
    escape: char,
) -> Result<Written, Box<Diagnostic>> {
    let text = &line.text;
    let range = trim(text, range);
    let end = text[range.clone()].find(is_blank).map_or(range.end, |at| range.start + at);
    let keyword = word(line, range.start..end);
    let (flags, at) = words::flags(text, trim(text, end..range.end));
    let rest = trim(text, at..range.end);
    let flags = flags.into_iter().map(|piece| placed(line, piece)).collect();
    let arguments = arguments(&keyword, line, rest.clone(), escape)?;
    let rest =
        Rest { text: text[rest.clone()].to_owned(), line: Arc::clone(line), start: rest.start };
    Ok(Written { keyword, flags, arguments, rest, heredocs: Vec::new() })
}

fn arguments(
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

/// Reads the here-documents that an instruction begins, which stand behind it.
fn take_heredocs(
    written: &mut Written,
    line: &Line,
    lines: &mut Lines<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    let owner = match &written.arguments {
        Arguments::Instruction(inner) => inner,
        _ => &*written,
    };
    let can = matches!(owner.keyword.text.to_ascii_lowercase().as_str(), "add" | "copy" | "run");
    if !can || matches!(owner.arguments, Arguments::Json(_)) || !line.text.contains("<<") {
        return;
    }
    let mut documents = Vec::new();
    for piece in words::quoted(&line.text, 0..line.text.len(), '\\') {
        let Some(mut document) = Heredoc::parse(&piece) else { continue };
        if !lines.any(|(text, _)| document.take(text)) {
            let problem = Diagnostic::new("unterminated heredoc").at(line.span(piece.range));
            problems.push(problem.help(format!("end it with a line `{}`", document.name)));
        }
        documents.push(document);
    }
    match &mut written.arguments {
        Arguments::Instruction(inner) => inner.heredocs = documents,
        _ => written.heredocs = documents,
    }
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..(range.start + part.trim_end().len()).max(start)
}

fn word(line: &Line, range: Range<usize>) -> Word {
    Word { text: line.text[range.clone()].to_owned(), span: line.span(range) }
}

fn placed(line: &Line, piece: Piece) -> Word {
    Word { text: piece.text, span: line.span(piece.range) }
}

fn place_all(line: &Line, pieces: Vec<Piece>) -> Vec<Word> {
    pieces.into_iter().map(|piece| placed(line, piece)).collect()
}
