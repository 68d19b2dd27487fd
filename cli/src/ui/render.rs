//! *Rendering* shows a diagnostic in the manner of rustc: the message, the location, the line with a
//! part underlined, and the help.

pub(crate) mod github;

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use diskette_builder::recipe::diagnostic::{Diagnostic, Span};

use super::redact::redact_source;
use super::visible::{visible_line, visible_source};

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
    let excerpt = diagnostic.span.as_ref().map(Excerpt::new);
    let level = match severity {
        MessageSeverity::Error => Level::ERROR,
        MessageSeverity::Warning => Level::WARNING,
    };
    let title = level.primary_title(visible_line(&diagnostic.message));
    let title = match diagnostic.rule {
        Some(rule) => title.id(rule),
        None => title,
    };
    let group = title.elements(excerpt.as_ref().map(Excerpt::snippet));
    let group = diagnostic.help.iter().fold(group, |group: Group<'_>, help| {
        group.element(Level::HELP.message(visible_line(help)))
    });
    let renderer = match color {
        Color::Plain => Renderer::plain(),
        Color::Ansi => Renderer::styled(),
    };
    renderer.render(&[group])
}

/// The lines of a source that a span is in, and no more: a source may be long, and have many errors.
struct Excerpt<'a> {
    name: &'a str,
    /// The lines without passwords, and with invisible characters replaced.
    text: String,
    /// Number of the first line.
    line: usize,
    /// Part of the text that is underlined.
    range: Range<usize>,
}

impl<'a> Excerpt<'a> {
    fn new(span: &'a Span) -> Self {
        let lines = span.lines();
        let text = redact_source(&span.source.text[lines.clone()]);
        // Replaced characters have another length in bytes.
        let shown_at = |at: usize| visible_source(&text[..at - lines.start]).len();
        Self {
            name: &span.source.name,
            line: span.line_column().0,
            range: shown_at(span.range.start)..shown_at(span.range.end),
            text: visible_source(&text).into_owned(),
        }
    }

    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        Snippet::source(self.text.as_str())
            .line_start(self.line)
            .path(visible_line(self.name))
            .annotation(AnnotationKind::Primary.span(self.range.clone()))
    }
}
