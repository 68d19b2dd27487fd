//! *Syntax* errors are what makes a text not YAML. The library says them in the words of the YAML
//! specification; here they are said in the words of someone who wanted to write a spec.

use serde_saphyr::Error;

use super::places::TextPlaces;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// A beginning of the library's message, and what we say instead.
struct Saying {
    theirs: &'static str,
    message: &'static str,
    help: &'static str,
}

const SAYINGS: &[Saying] = &[
    Saying {
        theirs: "tabs disallowed",
        message: "a tab is used to indent",
        help: "YAML is indented with spaces only",
    },
    Saying {
        theirs: "a block scalar content cannot start with a tab",
        message: "a tab is used to indent",
        help: "YAML is indented with spaces only",
    },
    Saying {
        theirs: "mapping values are not allowed",
        message: "a `:` cannot stand here",
        help: "is the line indented like its neighbours? is a `:` missing on the line before? \
               text that holds `: ` is put in quotes",
    },
    Saying {
        theirs: "illegal placement of ':'",
        message: "a `:` cannot stand here",
        help: "is a `]` or `}` missing on a line before?",
    },
    Saying {
        theirs: "unclosed quote",
        message: "this quote is never closed",
        help: "close it on the same line; inside single quotes, a single quote is doubled",
    },
    Saying {
        theirs: "unclosed bracket",
        message: "this bracket is never closed",
        help: "add the closing `]` or `}`",
    },
    Saying {
        theirs: "misplaced bracket",
        message: "this bracket closes nothing",
        help: "remove it, or put the text in quotes",
    },
    Saying {
        theirs: "unexpected character: `@'",
        message: "text cannot begin with `@`",
        help: "put it in quotes",
    },
    Saying {
        theirs: "unexpected character: ``'",
        message: "text cannot begin with a backtick",
        help: "put it in quotes",
    },
    Saying {
        theirs: "unexpected character: `%'",
        message: "text cannot begin with `%`",
        help: "put it in quotes",
    },
    Saying {
        theirs: "alias references unknown anchor",
        message: "this refers to an anchor that does not exist",
        help: "`*name` repeats what is marked `&name` further up; text that begins with `*` is put \
               in quotes",
    },
    Saying {
        theirs: "while parsing a block collection",
        message: "a list goes on without `- `",
        help: "begin each item with `- `, or indent the line as part of the item before",
    },
    Saying {
        theirs: "while parsing a block mapping",
        message: "this line does not fit in with the mapping around it",
        help: "indent it like the other keys",
    },
    Saying {
        theirs: "simple key expected ':'",
        message: "a `:` is missing",
        help: "write `key: value`",
    },
    Saying {
        theirs: "simple key expect ':'",
        message: "a `:` is missing",
        help: "write `key: value`",
    },
    Saying {
        theirs: "while parsing a quoted scalar, found unknown escape",
        message: "an unknown escape after `\\`",
        help: "in double quotes write `\\\\` for a backslash, or use single quotes",
    },
    Saying {
        theirs: "recursion limit exceeded",
        message: "this is nested too deeply",
        help: "a spec is five levels deep at most",
    },
];

/// Says why a text is not YAML.
pub(super) fn diagnose(error: &Error, places: &TextPlaces<'_>) -> Diagnostic {
    let range = error.location().map(|location| places.range(location)).unwrap_or_default();
    let span = places.first_line(range);
    let at = |message: &str, help: &str| Diagnostic::new(message).at(span.clone()).help(help);
    match error.without_snippet() {
        Error::ExternalMessage { msg, .. } => scanning(msg, places, span),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => at(
            "the file grows too large when its aliases are written out",
            "a spec needs few values; write them out, without `&` and `*`",
        ),
        Error::AliasError { error, .. } => {
            let inner = diagnose(error, places);
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
        Error::UnknownAnchor { .. } => scanning("alias references unknown anchor", places, span),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            at("this repeats itself without end", "an anchor cannot hold its own alias")
        }
        Error::InvalidScalar { .. } => {
            at("the value is not of the kind its tag says", "remove the `!!…` tag")
        }
        other => scanning(&other.to_string(), places, span),
    }
}

fn scanning(theirs: &str, places: &TextPlaces<'_>, span: Span) -> Diagnostic {
    if let Some(saying) = SAYINGS.iter().find(|saying| theirs.starts_with(saying.theirs)) {
        return Diagnostic::new(saying.message).at(span).help(saying.help);
    }
    if theirs.contains("quoted scalar")
        && let Some(quote) = opening_quote(places, span.range.start)
    {
        return Diagnostic::new("this quote is never closed")
            .at(quote)
            .help("close it on the same line; inside single quotes, a single quote is doubled");
    }
    let message = theirs.split(" at line ").next().unwrap_or(theirs);
    Diagnostic::new(format!("this is not YAML: {message}"))
        .at(span)
        .help("https://learnxinyminutes.com/yaml shows the syntax in brief")
}

/// Returns the quote that begins the text in which an error was found: the first on the last line
/// before the error that has one where a value can begin.
fn opening_quote(places: &TextPlaces<'_>, error: usize) -> Option<Span> {
    let before = places.source.text.get(..error)?;
    let is_quote = |c: char| matches!(c, '\'' | '"');
    let line =
        before.rfind(is_quote).map(|at| before[..at].rfind('\n').map_or(0, |end| end + 1))?;
    let mut previous = ' ';
    for (at, c) in before[line..].char_indices() {
        if is_quote(c) && matches!(previous, ' ' | '[' | '{' | ',' | '\n' | '\u{feff}') {
            return Some(Span::new(places.source, line + at..line + at + c.len_utf8()));
        }
        previous = c;
    }
    None
}
