//! The *syntax* of a Dockerfile: its instructions as written, one after the other, each split into
//! keyword, flags and arguments. What they mean is decided elsewhere. The rules are those of
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

use self::arguments::{split_arguments, to_word, trim_range, word_at};
use self::directive::{ParserDirectives, read_directives};
pub(crate) use self::heredoc::{Heredoc, HeredocExpansion};
use self::line::{LogicalLine, SourceLines, cut_continuation};
use self::words::is_blank;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// The longest line that BuildKit reads, in bytes.
const LINE_MAX: usize = 64 * 1024 - 1;

/// A word of an instruction with its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DockerfileWord {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// All instructions of a file.
#[derive(Debug)]
pub(crate) struct DockerfileSyntax {
    /// Escape character: `\`, or another that the file declares.
    pub(crate) escape: char,
    /// Value of the directive `check`.
    pub(crate) check: Option<DockerfileWord>,
    pub(crate) instructions: Vec<WrittenInstruction>,
    /// Empty lines inside of instructions.
    pub(crate) empty_lines: Vec<Span>,
}

/// An instruction as written.
#[derive(Debug)]
pub(crate) struct WrittenInstruction {
    pub(crate) keyword: DockerfileWord,
    /// Flags with their dashes.
    pub(crate) flags: Vec<DockerfileWord>,
    pub(crate) arguments: InstructionArguments,
    /// Everything after the flags, on one line.
    pub(crate) rest: ArgumentText,
    pub(crate) heredocs: Vec<Heredoc>,
    /// Comments between the instruction before and this one, after the last that is empty.
    pub(crate) comments: Vec<String>,
}

/// The text of arguments on one line, which may be several lines in the file.
#[derive(Debug, Clone)]
pub(crate) struct ArgumentText {
    pub(crate) text: String,
    line: Arc<LogicalLine>,
    /// Offset of the text in the line.
    start: usize,
}

impl ArgumentText {
    /// Returns the position of a range of the text in the file.
    pub(crate) fn span_of(&self, range: Range<usize>) -> Span {
        self.line.span(self.start + range.start..self.start + range.end)
    }

    pub(crate) fn span(&self) -> Span {
        self.span_of(0..self.text.len())
    }
}

/// Arguments after the keyword and flags.
#[derive(Debug)]
pub(crate) enum InstructionArguments {
    /// A text as a whole; empty if there is none.
    Text(DockerfileWord),
    /// Words between blanks, or split by the instruction's own rules.
    Words(Vec<DockerfileWord>),
    /// A JSON list.
    Json(Vec<DockerfileWord>),
    /// Names and values.
    Pairs(Vec<(DockerfileWord, DockerfileWord)>),
    /// HEALTHCHECK: its type, and the rest.
    Typed(DockerfileWord, Box<InstructionArguments>),
    /// ONBUILD: another instruction.
    Instruction(Box<WrittenInstruction>),
    /// Arguments of an unknown keyword, which are not split.
    Unknown,
}

/// Parses a file. Instructions whose words have problems are reported and left out.
pub(crate) fn parse(source: &Arc<SourceText>, problems: &mut Vec<Diagnostic>) -> DockerfileSyntax {
    let ParserDirectives { escape, check, end } = read_directives(source, problems);
    let mut lines = SourceLines::new(&source.text);
    let (mut instructions, mut empty_lines) = (Vec::new(), Vec::new());
    let mut comments = Vec::new();
    while let Some((first, at)) = lines.next() {
        if is_comment(first) {
            let text = first.trim_start().trim_start_matches('#').trim();
            match text {
                "" => comments.clear(),
                _ if at < end => {}
                _ => comments.push(text.to_owned()),
            }
            continue;
        }
        if first.trim().is_empty() {
            continue;
        }
        let joined = join_lines(first, at, &mut lines, escape, source, problems);
        let line = Arc::new(joined.line);
        empty_lines.extend(joined.empty_line);
        match split_instruction(&line, 0..line.text.len(), escape) {
            Ok(mut written) => {
                read_heredocs(&mut written, &line, &mut lines, problems);
                written.comments = std::mem::take(&mut comments);
                instructions.push(written);
            }
            Err(problem) => problems.push(*problem),
        }
    }
    DockerfileSyntax { escape, check, instructions, empty_lines }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// An instruction on one line.
struct JoinedLine {
    line: LogicalLine,
    /// The first empty line between its lines.
    empty_line: Option<Span>,
}

/// Joins the lines of one instruction.
fn join_lines<'a>(
    first: &'a str,
    at: usize,
    lines: &mut SourceLines<'a>,
    escape: char,
    source: &Arc<SourceText>,
    problems: &mut Vec<Diagnostic>,
) -> JoinedLine {
    let (mut line, mut empty_line) = (LogicalLine::new(source), None);
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
        part = lines.find(|(text, at)| {
            let is_empty = text.trim().is_empty();
            if is_empty && empty_line.is_none() {
                empty_line = Some(Span::new(source, *at..*at + text.len()));
            }
            !is_empty && !is_comment(text)
        });
    }
    JoinedLine { line, empty_line }
}

/// Splits an instruction in a range of a line.
fn split_instruction(
    line: &Arc<LogicalLine>,
    range: Range<usize>,
    escape: char,
) -> Result<WrittenInstruction, Box<Diagnostic>> {
    let text = &line.text;
    let range = trim_range(text, range);
    let end = text[range.clone()].find(is_blank).map_or(range.end, |at| range.start + at);
    let keyword = word_at(line, range.start..end);
    let (flags, at) = words::split_flags(text, trim_range(text, end..range.end));
    let rest = trim_range(text, at..range.end);
    let flags = flags.into_iter().map(|piece| to_word(line, piece)).collect();
    let arguments = split_arguments(&keyword, line, rest.clone(), escape)?;
    let rest = ArgumentText {
        text: text[rest.clone()].to_owned(),
        line: Arc::clone(line),
        start: rest.start,
    };
    Ok(WrittenInstruction {
        keyword,
        flags,
        arguments,
        rest,
        heredocs: Vec::new(),
        comments: Vec::new(),
    })
}

/// Reads the here-documents of an instruction, which follow it.
fn read_heredocs(
    written: &mut WrittenInstruction,
    line: &LogicalLine,
    lines: &mut SourceLines<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    let owner = match &written.arguments {
        InstructionArguments::Instruction(inner) => inner,
        _ => &*written,
    };
    let can = matches!(owner.keyword.text.to_ascii_lowercase().as_str(), "add" | "copy" | "run");
    if !can || matches!(owner.arguments, InstructionArguments::Json(_)) || !line.text.contains("<<")
    {
        return;
    }
    let mut documents = Vec::new();
    for piece in words::split_outside_quotes(&line.text, 0..line.text.len(), '\\') {
        let Some(mut document) = Heredoc::parse(&piece) else { continue };
        if !lines.any(|(text, _)| document.push_line(text)) {
            let problem = Diagnostic::new("unterminated heredoc").at(line.span(piece.range));
            problems.push(problem.help(format!("end it with a line `{}`", document.name)));
        }
        documents.push(document);
    }
    match &mut written.arguments {
        InstructionArguments::Instruction(inner) => inner.heredocs = documents,
        _ => written.heredocs = documents,
    }
}
