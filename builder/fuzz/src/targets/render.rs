//! Any diagnostic is shown so that nothing of it moves a cursor or is a command of the runner of GitHub.

use std::sync::Arc;

use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText, Span};

use super::valid_text;
use crate::ui::redact::{redact, redact_source};
use crate::ui::render::github::annotation;
use crate::ui::render::{Color, MessageSeverity, render};
use crate::ui::visible::{visible, visible_json, visible_line, visible_text};

/// Runs the target: two bytes are the part of the source that is underlined; name, message, help and source are
/// separated by NUL.
pub fn run(bytes: &[u8]) {
    let Some(([first, len, flags], rest)) = bytes.split_first_chunk() else { return };
    let text = valid_text(rest);
    let mut parts = text.splitn(4, '\0');
    let [name, message, help, source] = [(); 4].map(|()| parts.next().unwrap_or_default());
    check_texts(source);
    let severity = if flags & 1 == 0 { MessageSeverity::Error } else { MessageSeverity::Warning };
    let mut diagnostic = Diagnostic::new(message);
    if flags & 2 == 0 {
        diagnostic = diagnostic.help(help);
    }
    if flags & 4 == 0 {
        let start = boundary(source, usize::from(*first));
        let end = boundary(source, start + usize::from(*len));
        let source = Arc::new(SourceText { name: name.into(), text: source.into() });
        diagnostic = diagnostic.at(Span::new(&source, start..end));
    }
    let plain = render(&diagnostic, severity, Color::Plain);
    let is_plain = |char: char| char == '\n' || !char.is_control();
    assert!(plain.chars().all(is_plain), "{plain:?}");
    assert_no_command(&visible_text(&plain));
    // With colors the same is shown, with escape sequences of the renderer's own.
    let colored = render(&diagnostic, severity, Color::Ansi);
    assert!(!colored.contains(['\u{7}', '\u{9b}', '\u{202e}']), "{colored:?}");
    let command = annotation(&diagnostic, severity);
    let command = visible(&command);
    assert_eq!(command.lines().count(), 1, "{command:?}");
    assert!(command.starts_with(&format!("::{} ", severity.word())), "{command:?}");
}

/// Returns the position of the first character from `at` on.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Checks what is made of a text alone.
fn check_texts(text: &str) {
    let shown = visible_line(text);
    assert!(!shown.contains(char::is_control), "{shown:?}");
    assert_no_command(&visible_text(text));
    assert_eq!(redact_source(text).len(), text.len());
    assert_eq!(redact(text).matches('\n').count(), text.matches('\n').count());
    let json = serde_json::to_string(text).unwrap_or_default();
    let escaped = visible_json(&json);
    assert!(!escaped.contains(['\u{9b}', '\u{202e}']), "{escaped:?}");
    assert_eq!(serde_json::from_str::<String>(&escaped).ok().as_deref(), Some(text));
}

fn assert_no_command(text: &str) {
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line:?}");
    }
}
