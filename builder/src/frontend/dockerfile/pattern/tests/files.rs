//! Ignore files are read line by line.

use std::sync::Arc;

use super::*;
use crate::recipe::diagnostic::SourceText;

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { name: ".dockerignore".into(), text: text.into() })
}

#[test]
fn a_line_of_a_file_is_a_rule() {
    let check = |text: &str, path: &str, expected: &str| {
        let hider = IgnoreFile::parse(&source(text)).unwrap().hiding_rule(path);
        let shown = hider.map_or(String::new(), |hider| {
            let origin = hider.origin.unwrap();
            format!("{} {:?} {origin}", hider.pattern, &origin.source.text[origin.range.clone()])
        });
        assert_eq!(shown, expected, "{text:?} {path}");
    };
    check("", "a", "");
    check("\n\n \t\n", "a", "");
    check("test1", "test1", r#"test1 "test1" .dockerignore:1:1"#);
    check("/test2", "test2", r#"test2 "/test2" .dockerignore:1:1"#);
    check("x\n/a/file/here\n", "a/file/here/x", r#"a/file/here "/a/file/here" .dockerignore:2:1"#);
    check("//a", "a", r#"a "//a" .dockerignore:1:1"#);
    check("# a\n a", "a", r#"a "a" .dockerignore:2:2"#);
    check("#a", "#a", "");
    check(" #a", "#a", r##"#a "#a" .dockerignore:1:2"##);
    check("\\#a", "#a", r##"\#a "\\#a" .dockerignore:1:1"##);
    check("a#b", "a", "");
    check("\u{feff}a", "a", r#"a "a" .dockerignore:1:2"#);
    check("\u{feff}# a\nb", "b", r#"b "b" .dockerignore:2:1"#);
    check("\u{feff}#a", "#a", "");
    check("b\r\na\r\n", "a", r#"a "a" .dockerignore:2:1"#);
    check("  é x\t ", "é x", r#"é x "é x" .dockerignore:1:3"#);
    check("a\n! /a/b", "a/b", "");
    check("a\n!a/b", "a/c", r#"a "a" .dockerignore:1:1"#);
    check("a\n  !  ./a//b/  ", "a/b", "");
    check("a\n!a\na/b", "a/b", r#"a/b "a/b" .dockerignore:3:1"#);
    check("a/./b/../c/", "a/c", r#"a/c "a/./b/../c/" .dockerignore:1:1"#);
    check("/", "a", "");
    check(".", "a", "");
    check("a\n/!a", "a", ""); // what is left of the line begins with `!`
    check("../a", "a", "");
    check("/../a", "a", r#"a "/../a" .dockerignore:1:1"#);
    check("*\n!.", "a", r#"* "*" .dockerignore:1:1"#);
}

#[test]
fn a_line_that_is_no_pattern_is_pointed_at() {
    let check = |text: &str, expected: &str| {
        let problem = IgnoreFile::parse(&source(text)).unwrap_err();
        assert_eq!(problem.to_string(), expected);
        assert_eq!(problem.help.len(), 1);
    };
    let alone = |place: &str, pattern: &str| {
        format!(".dockerignore:{place}: `{pattern}` is not a pattern: nothing follows the `!`")
    };
    check("!", &alone("1:1", "!"));
    check("a\n ! \n", &alone("2:2", "!"));
    check("a\n\n!/", &alone("3:1", "!/"));
    check("# x\na[b\n", ".dockerignore:2:1: `a[b` is not a pattern: there is no `]` for a `[`");
    check(
        "!/a/[]",
        ".dockerignore:1:1: `!/a/[]` is not a pattern: a character is missing in `[...]`",
    );
    check(
        "a\\",
        ".dockerignore:1:1: `a\\\\` is not a pattern: nothing follows the `\\` at its end",
    );
    check(
        "[Local-Only]/",
        ".dockerignore:1:1: `[Local-Only]/` is not a pattern: a range in `[...]` ends before it begins",
    );
}
