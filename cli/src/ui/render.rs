//! *Rendering* shows a diagnostic in the manner of rustc: the message, the location, the line with a
//! part underlined, and the help.

pub(crate) mod github;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use diskette_builder::recipe::diagnostic::{Diagnostic, Span};

use super::redact::redact_source;
use super::visible::visible;

/// Whether a text may have escape sequences for colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// No escape sequences.
    Plain,
    /// ANSI escape sequences, for terminals.
    Ansi,
}

/// Severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageSeverity {
    /// The command fails.
    Error,
    /// The command goes on.
    Warning,
}

impl MessageSeverity {
    /// Returns the word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Returns the diagnostic as lines of text, without a newline at the end.
pub(crate) fn render(diagnostic: &Diagnostic, severity: MessageSeverity, color: Color) -> String {
    let source = diagnostic.span.as_ref().map(|span| redact_source(&span.source.text));
    let level = match severity {
        MessageSeverity::Error => Level::ERROR,
        MessageSeverity::Warning => Level::WARNING,
    };
    let message = visible(&diagnostic.message);
    let title = level.primary_title(&*message);
    let title = match diagnostic.rule {
        Some(rule) => title.id(rule),
        None => title,
    };
    let group = title.elements(diagnostic.span.as_ref().zip(source.as_deref()).map(source_snippet));
    let group = diagnostic
        .help
        .iter()
        .fold(group, |group: Group<'_>, help| group.element(Level::HELP.message(visible(help))));
    let renderer = match color {
        Color::Plain => Renderer::plain(),
        Color::Ansi => Renderer::styled(),
    };
    renderer.render(&[group])
}

fn source_snippet<'a>(
    (span, text): (&'a Span, &'a str),
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    Snippet::source(text)
        .path(visible(&span.source.name))
        .annotation(AnnotationKind::Primary.span(span.range.clone()))
}

#[cfg(test)]
mod tests;
