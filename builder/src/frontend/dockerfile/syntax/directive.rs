//! *Parser directives*: comments at the top of a Dockerfile that declare how the rest is read
//! (<https://docs.docker.com/reference/dockerfile/#parser-directives>).

use std::ops::Range;
use std::sync::Arc;

use super::DockerfileWord;
use super::line::SourceLines;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// Values of the directives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParserDirectives {
    pub(super) escape: char,
    /// Value of `check`, the options of the rules.
    pub(super) check: Option<DockerfileWord>,
    /// End of the directives in the file.
    pub(super) end: usize,
}

/// Reads the directives, which end before the first line that is not one.
pub(super) fn read_directives(
    source: &Arc<SourceText>,
    problems: &mut Vec<Diagnostic>,
) -> ParserDirectives {
    let mut found = ParserDirectives { escape: '\\', check: None, end: 0 };
    let mut seen: Vec<String> = Vec::new();
    for (line, at) in SourceLines::new(&source.text) {
        let Some(Directive { key, value, range }) = parse_directive(line) else { break };
        let span = Span::new(source, at + range.start..at + range.end);
        if !matches!(key.as_str(), "syntax" | "escape" | "check") {
            break;
        }
        found.end = at + line.len();
        if seen.contains(&key) {
            let message = format!("only one {key} parser directive can be used");
            problems.push(Diagnostic::new(message).at(span).help("remove one of them"));
        } else if key == "escape" {
            match value {
                "\\" => {}
                "`" => found.escape = '`',
                _ => problems.push(
                    Diagnostic::new(format!("invalid ESCAPE `{value}`"))
                        .at(span)
                        .help("it is a backslash or a backtick"),
                ),
            }
        } else if key == "check" {
            found.check = Some(DockerfileWord { text: value.to_owned(), span });
        } else if key == "syntax" && !is_our_syntax(value) {
            problems.push(
                Diagnostic::new(format!("the Dockerfile wants the frontend `{value}`"))
                    .at(span)
                    .help(
                        "frontends are not run; only the language of `docker/dockerfile` is known",
                    ),
            );
        }
        seen.push(key);
    }
    found
}

struct Directive<'a> {
    key: String,
    value: &'a str,
    /// Range of the value in the line.
    range: Range<usize>,
}

fn parse_directive(line: &str) -> Option<Directive<'_>> {
    let text = line.trim_start().strip_prefix('#')?.trim();
    let (key, value) = text.split_once('=')?;
    let (key, value) = (key.trim_end(), value.trim_start());
    let mut characters = key.chars();
    let is_name = characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric());
    if !is_name || value.is_empty() {
        return None;
    }
    let end = line.trim_end().len();
    Some(Directive { key: key.to_ascii_lowercase(), value, range: end - value.len()..end })
}

/// Returns whether an image of a frontend is for the language that is supported here, whichever
/// registry has a copy of it: an instruction or flag of it that is not known is reported anyway.
fn is_our_syntax(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or(image);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let mut parts = name.rsplit('/');
    matches!(parts.next(), Some("dockerfile" | "dockerfile-upstream"))
        && parts.next().is_some_and(|owner| matches!(owner, "docker" | "moby"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_stand_on_top() {
        let check = |text: &str, escape: char, expected: &[&str]| {
            let source = Arc::new(SourceText { name: "D".into(), text: text.into() });
            let mut problems = Vec::new();
            assert_eq!(read_directives(&source, &mut problems).escape, escape, "{text}");
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(problems, expected, "{text}");
        };
        check("# escape=`\nFROM a", '`', &[]);
        check("\u{feff}#escape = ` \r\nFROM a", '`', &[]);
        check("# EsCaPe=`\n", '`', &[]);
        check("# escape=\\\n", '\\', &[]);
        check("# syntax=docker/dockerfile:1.7\n# check=skip=all\n# escape=`\n", '`', &[]);
        check("# syntax=docker.io/docker/dockerfile@sha256:00\n", '\\', &[]);
        check("# syntax=mirror.gcr.io/docker/dockerfile:1.7-labs\n", '\\', &[]);
        check("# syntax=localhost:5000/hub/docker/dockerfile-upstream:master\n", '\\', &[]);
        check("# a comment\n# escape=`\n", '\\', &[]);
        check("\n# escape=`\n", '\\', &[]);
        check("# other=1\n# escape=`\n", '\\', &[]);
        check("FROM a\n# escape=`\n", '\\', &[]);
        check("# escape=x\n", '\\', &["D:1:10: invalid ESCAPE `x`"]);
        check(
            "# escape=`\n# ESCAPE=\\\n",
            '`',
            &["D:2:10: only one escape parser directive can be used"],
        );
        check(
            "# syntax=me/frontend\n",
            '\\',
            &["D:1:10: the Dockerfile wants the frontend `me/frontend`"],
        );
    }
}
