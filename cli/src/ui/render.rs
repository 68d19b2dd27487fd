//! *Rendering* shows a diagnostic to a person, in the manner of rustc: the message, the place, the
//! line with the part that is meant underlined, and how to mend it.

pub(crate) mod github;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use diskette_builder::recipe::diagnostic::{Diagnostic, Span};

/// Whether a text may hold escape sequences for colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// Text alone.
    Plain,
    /// ANSI escape sequences, for terminals.
    Ansi,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Nothing is done.
    Error,
    /// It is done all the same.
    Warning,
}

/// Returns the diagnostic as lines of text, without a newline at the end.
pub(crate) fn render(diagnostic: &Diagnostic, severity: Severity, color: Color) -> String {
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str());
    let title = match diagnostic.rule {
        Some(rule) => title.id(rule),
        None => title,
    };
    let group = title.elements(diagnostic.span.as_ref().map(snippet));
    let group = diagnostic
        .help
        .iter()
        .fold(group, |group: Group<'_>, help| group.element(Level::HELP.message(help.as_str())));
    let renderer = match color {
        Color::Plain => Renderer::plain(),
        Color::Ansi => Renderer::styled(),
    };
    renderer.render(&[group])
}

fn snippet(span: &Span) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    Snippet::source(span.source.text.as_str())
        .path(span.source.name.as_str())
        .annotation(AnnotationKind::Primary.span(span.range.clone()))
}

#[cfg(test)]
mod tests;
