//! *Syntax* errors of YAML. The library's messages use the terms of the YAML specification; here
//! they are replaced by messages for authors of specs.

use serde_saphyr::Error;

use super::spans::SpanConverter;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// The beginning of a message of the library, and the message that replaces it.
struct SyntaxMessage {
    library_text: &'static str,
    message: &'static str,
    help: &'static str,
}

const SYNTAX_MESSAGES: &[SyntaxMessage] = &[
    SyntaxMessage {
        library_text: "tabs disallowed",
        message: "a tab is used to indent",
        help: "YAML is indented with spaces only",
    },
    SyntaxMessage {
        library_text: "a block scalar content cannot start with a tab",
        message: "a tab is used to indent",
        help: "YAML is indented with spaces only",
    },
    SyntaxMessage {
        library_text: "mapping values are not allowed",
        message: "a `:` is not allowed here",
        help: "is the line indented like its neighbours? is a `:` missing on the line before? \
               text that holds `: ` is put in quotes",
    },
    SyntaxMessage {
        library_text: "illegal placement of ':'",
        message: "a `:` is not allowed here",
        help: "is a `]` or `}` missing on a line before?",
    },
    SyntaxMessage {
        library_text: "unclosed quote",
        message: "this quote is never closed",
        help: "close it on the same line; inside single quotes, a single quote is doubled",
    },
    SyntaxMessage {
        library_text: "unclosed bracket",
        message: "this bracket is never closed",
        help: "add the closing `]` or `}`",
    },
    SyntaxMessage {
        library_text: "misplaced bracket",
        message: "this bracket closes nothing",
        help: "remove it, or put the text in quotes",
    },
    SyntaxMessage {
        library_text: "unexpected character: `@'",
        message: "text cannot begin with `@`",
        help: "put it in quotes",
    },
    SyntaxMessage {
        library_text: "unexpected character: ``'",
        message: "text cannot begin with a backtick",
        help: "put it in quotes",
    },
    SyntaxMessage {
        library_text: "unexpected character: `%'",
        message: "text cannot begin with `%`",
        help: "put it in quotes",
    },
    SyntaxMessage {
        library_text: "alias references unknown anchor",
        message: "this refers to an anchor that does not exist",
        help: "`*name` repeats what is marked `&name` further up; text that begins with `*` is put \
               in quotes",
    },
    SyntaxMessage {
        library_text: "while parsing a block collection",
        message: "a list goes on without `- `",
        help: "begin each item with `- `, or indent the line as part of the item before",
    },
    SyntaxMessage {
        library_text: "while parsing a block mapping",
        message: "this line does not fit in with the mapping around it",
        help: "indent it like the other keys",
    },
    SyntaxMessage {
        library_text: "simple key expected ':'",
        message: "a `:` is missing",
        help: "write `key: value`",
    },
    SyntaxMessage {
        library_text: "simple key expect ':'",
        message: "a `:` is missing",
        help: "write `key: value`",
    },
    SyntaxMessage {
        library_text: "while parsing a quoted scalar, found unknown escape",
        message: "an unknown escape after `\\`",
        help: "in double quotes write `\\\\` for a backslash, or use single quotes",
    },
    SyntaxMessage {
        library_text: "recursion limit exceeded",
        message: "this is nested too deeply",
        help: "a spec is five levels deep at most",
    },
];

/// Returns the diagnostic for a text that is not YAML.
pub(super) fn diagnose_syntax(error: &Error, spans: &SpanConverter<'_>) -> Diagnostic {
    let range = error.location().map(|location| spans.byte_range(location)).unwrap_or_default();
    let span = spans.first_line_span(range);
    let at = |message: &str, help: &str| Diagnostic::new(message).at(span.clone()).help(help);
    match error.without_snippet() {
        Error::ExternalMessage { msg, .. } => explain_message(msg, spans, span),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => at(
            "the file grows too large when its aliases are written out",
            "a spec needs few values; write them out, without `&` and `*`",
        ),
        Error::AliasError { error, .. } => {
            let inner = diagnose_syntax(error, spans);
            Diagnostic { span: Some(span), ..inner }
        }
        Error::MergeKeyNotAllowed { .. } => at(
            "merge keys are not supported",
            "what is written at the top of the spec holds for all platforms; no `<<` is needed",
        ),
        Error::UnsupportedTag { .. } => at(
            "tags have no meaning in a spec",
            "remove the `!…`; text that begins with `!` is put in quotes",
        ),
        Error::UnknownAnchor { .. } => {
            explain_message("alias references unknown anchor", spans, span)
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            at("this repeats itself without end", "an anchor cannot hold its own alias")
        }
        Error::InvalidScalar { .. } => {
            at("the value is not of the kind its tag says", "remove the `!!…` tag")
        }
        other => explain_message(&other.to_string(), spans, span),
    }
}

fn explain_message(library_text: &str, spans: &SpanConverter<'_>, span: Span) -> Diagnostic {
    if let Some(known) = SYNTAX_MESSAGES.iter().find(|it| library_text.starts_with(it.library_text))
    {
        return Diagnostic::new(known.message).at(span).help(known.help);
    }
    if library_text.contains("quoted scalar")
        && let Some(quote) = opening_quote(spans, span.range.start)
    {
        return Diagnostic::new("this quote is never closed")
            .at(quote)
            .help("close it on the same line; inside single quotes, a single quote is doubled");
    }
    let message = library_text.split(" at line ").next().unwrap_or(library_text);
    Diagnostic::new(format!("this is not YAML: {message}"))
        .at(span)
        .help("https://learnxinyminutes.com/yaml shows the syntax in brief")
}

/// Returns the opening quote of the text in which an error was found: the first quote at the
/// beginning of a value, on the last line with a quote before the error.
fn opening_quote(spans: &SpanConverter<'_>, error: usize) -> Option<Span> {
    let before = spans.source.text.get(..error)?;
    let is_quote = |c: char| matches!(c, '\'' | '"');
    let line =
        before.rfind(is_quote).map(|at| before[..at].rfind('\n').map_or(0, |end| end + 1))?;
    let mut previous = ' ';
    for (at, c) in before[line..].char_indices() {
        if is_quote(c) && matches!(previous, ' ' | '[' | '{' | ',' | '\n' | '\u{feff}') {
            return Some(Span::new(spans.source, line + at..line + at + c.len_utf8()));
        }
        previous = c;
    }
    None
}
