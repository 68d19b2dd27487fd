//! *Messages* on standard error: text for people, annotations for GitHub, or JSON for programs.

use std::io::{self, Write};
use std::sync::OnceLock;

use clap::ValueEnum;
use diskette_builder::recipe::diagnostic::Diagnostic;
use serde_json::{Value, json};

use super::redact::redact;
use super::render::MessageSeverity;
use super::visible::{visible, visible_json, visible_line, without_commands};

/// Format of errors, warnings and notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    /// Text
    Text,
    /// Text, and commands for the runner of GitHub Actions
    Github,
    /// One JSON object per line
    Json,
}

/// The format of this process, once the command line was read.
static FORMAT: OnceLock<MessageFormat> = OnceLock::new();

/// Sets the format of all messages that follow. Later calls change nothing.
pub(crate) fn set_format(format: MessageFormat) {
    FORMAT.get_or_init(|| format);
}

/// Returns the format of messages.
pub(crate) fn format() -> MessageFormat {
    FORMAT.get().copied().unwrap_or(MessageFormat::Text)
}

/// Prints a line to standard error, without secrets.
pub(crate) fn print_message(line: &str) {
    match format() {
        MessageFormat::Json => print_json(&json!({ "level": "info", "message": line })),
        MessageFormat::Text | MessageFormat::Github => print_text(&visible_line(line)),
    }
}

/// Prints lines that may have colors, and whose foreign parts are visible.
pub(crate) fn print_rendered(lines: &str) {
    print_text(lines);
}

/// Prints a workflow command of GitHub Actions.
pub(crate) fn print_command(command: &str) {
    print_line(&visible(command));
}

/// Prints a note.
pub(crate) fn print_note(text: &str) {
    match format() {
        MessageFormat::Json => print_json(&json!({ "level": "note", "message": text })),
        MessageFormat::Text | MessageFormat::Github => {
            print_text(&format!("note: {}", visible_line(text)));
        }
    }
}

/// Prints what is wrong with the command line, in the words of its parser.
pub(crate) fn print_usage(text: &str) {
    if format() != MessageFormat::Json {
        return print_text(&visible(text.strip_suffix('\n').unwrap_or(text)));
    }
    let mut parts = text.trim().split("\n\n").map(str::trim);
    let first = parts.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let help: Vec<&str> = parts.collect();
    print_json(&json!({ "level": "error", "message": first, "help": help }));
}

/// Prints an object on one line, without secrets.
pub(crate) fn print_json(object: &Value) {
    // The texts and not the line: an escape sequence of JSON would become part of a secret.
    write_line(&visible_json(&redact_json(object).to_string()));
}

/// Prints lines of which none is a workflow command.
fn print_text(text: &str) {
    print_line(&without_commands(text));
}

/// Prints a line without secrets.
fn print_line(line: &str) {
    write_line(&redact(line));
}

/// Writes a line. A failure to do so is ignored.
fn write_line(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Returns the value with all texts redacted.
fn redact_json(value: &Value) -> Value {
    match value {
        Value::String(text) => redact(text).into(),
        Value::Array(items) => items.iter().map(redact_json).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), redact_json(value))).collect()
        }
        other => other.clone(),
    }
}

/// Returns an error or warning as JSON.
pub(crate) fn diagnostic_json(diagnostic: &Diagnostic, severity: MessageSeverity) -> Value {
    let mut object = json!({ "level": severity.word(), "message": diagnostic.message });
    if let Some(rule) = diagnostic.rule {
        object["rule"] = json!(rule);
    }
    if let Some(span) = &diagnostic.span {
        let (line, column) = span.line_column();
        object["file"] = json!(span.source.name);
        object["line"] = json!(line);
        object["column"] = json!(column);
    }
    if !diagnostic.help.is_empty() {
        object["help"] = json!(diagnostic.help);
    }
    object
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diskette_builder::recipe::diagnostic::{SourceText, Span};

    use super::*;

    #[test]
    fn texts_in_json_are_redacted() {
        let check = |text: &str, expected: &str| {
            let object = json!({ "message": text, "help": [text], "bytes": 1 });
            let expected = json!({ "message": expected, "help": [expected], "bytes": 1 });
            assert_eq!(redact_json(&object), expected);
        };
        check("it says \"https://h/x?sig=s3cret\"", "it says \"https://h/x?sig=…\"");
        check("https://me:s3cret@h/\nhttps://h/x?sig=s3cret\\", "https://…@h/\nhttps://h/x?sig=…");
        check("a\t`b`", "a\t`b`");
    }

    #[test]
    fn diagnostics_are_objects() {
        let check = |diagnostic: &Diagnostic, expected: Value| {
            assert_eq!(diagnostic_json(diagnostic, MessageSeverity::Warning), expected);
        };
        check(&Diagnostic::new("odd"), json!({ "level": "warning", "message": "odd" }));
        let source = Arc::new(SourceText { name: "a.yaml".into(), text: "ä\nbc".into() });
        let whole = Diagnostic::new("odd").rule("disk-dirty").at(Span::new(&source, 4..5));
        check(
            &whole.help("mend it"),
            json!({
                "level": "warning", "message": "odd", "rule": "disk-dirty", "file": "a.yaml",
                "line": 2, "column": 2, "help": ["mend it"],
            }),
        );
    }
}
