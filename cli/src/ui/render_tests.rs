use std::path::Path;
use std::sync::Arc;

use diskette_builder::engine::source::NoInputFiles;
use diskette_builder::frontend::spec;
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText, Span};
use diskette_integration::pairs;
use snapbox::{assert_data_eq, str};

use super::render::{Color, MessageSeverity, render};

/// Renders all problems of a spec.
fn problems(text: &str) -> String {
    let source = Arc::new(SourceText { name: "diskette.yaml".into(), text: text.into() });
    let problems = spec::load_recipes(&source, &NoInputFiles, None).unwrap_err();
    let rendered: Vec<String> = problems
        .iter()
        .map(|problem| render(problem, MessageSeverity::Error, Color::Plain))
        .collect();
    rendered.join("\n\n") + "\n"
}

#[test]
fn specs_are_refused_as_their_files_say() {
    let specs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/errors/spec"));
    pairs::check_all(specs, "yaml", |pair| problems(&pair.input));
}

#[test]
fn places_and_rules_are_optional() {
    let source = Arc::new(SourceText { name: "a.yaml".into(), text: "a: b\n".into() });
    let diagnostic = Diagnostic::new("nothing can be built").help("free some space");
    assert_data_eq!(
        render(&diagnostic, MessageSeverity::Error, Color::Plain),
        str![[r#"
error: nothing can be built
 |
 = help: free some space
"#]]
    );
    let diagnostic = diagnostic.at(Span::new(&source, 3..4)).rule("disk-dirty").help("or more");
    assert_data_eq!(
        render(&diagnostic, MessageSeverity::Error, Color::Plain),
        str![[r#"
error[disk-dirty]: nothing can be built
 --> a.yaml:1:4
  |
1 | a: b
  |    ^
  |
  = help: free some space
  = help: or more
"#]]
    );
    let colored = render(&diagnostic, MessageSeverity::Error, Color::Ansi);
    assert!(colored.contains("\u{1b}["), "{colored}");
}

#[test]
fn what_others_said_stays_on_its_line() {
    let source = Arc::new(SourceText { name: "a\nb.yaml".into(), text: "a: b\n".into() });
    let diagnostic = Diagnostic::new("no `a\n::error::b\u{1b}[31m`").help("not `\n##[error]`");
    assert_data_eq!(
        render(&diagnostic.at(Span::new(&source, 0..1)), MessageSeverity::Error, Color::Plain),
        str![[r#"
error: no `a/n::error::b/u{1b}[31m`
 --> a/nb.yaml:1:1
  |
1 | a: b
  | ^
  |
  = help: not `/n##[error]`
"#]]
    );
}

#[test]
fn lines_of_a_source_are_visible() {
    let text = "a: \u{9b}31m\u{202e}\u{1b}[2J bad\u{2066}\r\n";
    let source = Arc::new(SourceText { name: "a.yaml".into(), text: text.into() });
    let at = text.find("bad").unwrap();
    let diagnostic = Diagnostic::new("odd").at(Span::new(&source, at..at + 3));
    assert_data_eq!(
        render(&diagnostic, MessageSeverity::Error, Color::Plain),
        str![[r#"
error: odd
 --> a.yaml:1:14
  |
1 | a: �31m�␛[2J bad�
  |              ^^^
"#]]
    );
}
