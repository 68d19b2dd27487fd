//! *Annotations* of GitHub Actions: lines that the runner shows at a location in a file
//! (<https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>).

use diskette_builder::recipe::diagnostic::Diagnostic;

use super::MessageSeverity;

/// Returns the diagnostic as a workflow command.
pub(crate) fn annotation(diagnostic: &Diagnostic, severity: MessageSeverity) -> String {
    let word = severity.word();
    let mut properties = Vec::new();
    if let Some(span) = &diagnostic.span {
        let (line, column) = span.line_column();
        let name = span.source.name.strip_prefix("./").unwrap_or(&span.source.name);
        properties.push(format!("file={}", property(name)));
        properties.push(format!("line={line},col={column}"));
    }
    let rule = diagnostic.rule.map(|rule| format!(" [{rule}]")).unwrap_or_default();
    properties.push(format!("title=diskette{rule}"));
    let lines = std::iter::once(&diagnostic.message).chain(&diagnostic.help);
    let text = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
    format!("::{word} {}::{}", properties.join(","), data(&text))
}

/// Escapes characters that would end a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes characters that would end a property or a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diskette_builder::recipe::diagnostic::{SourceText, Span};

    use super::*;

    #[test]
    fn annotations_cannot_be_broken_out_of() {
        let source = Arc::new(SourceText { name: "./a,b:c%.yaml".into(), text: "ä\nbc".into() });
        let diagnostic =
            Diagnostic::new("100 % wrong\n::error::x").at(Span::new(&source, 4..5)).help("mend it");
        let text = annotation(&diagnostic, MessageSeverity::Error);
        let expected = "::error file=a%2Cb%3Ac%25.yaml,line=2,col=2,title=diskette::\
            100 %25 wrong%0A::error::x%0Amend it";
        assert_eq!(text, expected);
        let text = annotation(&Diagnostic::new("odd"), MessageSeverity::Warning);
        assert_eq!(text, "::warning title=diskette::odd");
        let text = annotation(&Diagnostic::new("odd").rule("disk-dirty"), MessageSeverity::Warning);
        assert_eq!(text, "::warning title=diskette [disk-dirty]::odd");
    }
}
