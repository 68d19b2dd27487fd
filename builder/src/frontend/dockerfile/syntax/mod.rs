//! The *syntax* of a Dockerfile: its instructions as they are written, one after the other, each cut
//! into keyword, flags and arguments. What they mean is decided elsewhere. The rules are those of
//! moby/buildkit `frontend/dockerfile/parser`.

mod arguments;
mod directive;
mod heredoc;
mod line;
#[cfg(test)]
mod tests;
mod words;

use std::ops::Range;
use std::sync::Arc;

use self::arguments::{arguments, placed, trim, word};
use self::directive::directives;
pub(crate) use self::heredoc::{Expansion, Heredoc};
use self::line::{Line, Lines, cut_continuation};
use self::words::is_blank;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

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
