use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::recipe::diagnostic::SourceText;

/// Pattern, path, and whether Go's `filepath.Match` matches it.
const GLOBS: &[(&str, &str, bool)] = &[
    ("abc", "abc", true),
    ("abc", "abcd", false),
    ("abc", "ab", false),
    ("", "", true),
    ("", "a", false),
    ("*", "", true),
    ("*", "abc", true),
    ("*c", "abc", true),
    ("a*", "a", true),
    ("a*", "abc", true),
    ("a*", "ab/c", false),
    ("a*/b", "abc/b", true),
    ("a*/b", "a/c/b", false),
    ("*/*", "a/b", true),
    ("*/*", "a", false),
    ("*/*", "a/b/c", false),
    ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
    ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
    ("a*b?c*x", "abxbbxdbxebxczzx", true),
    ("a*b?c*x", "abxbbxdbxebxczzy", false),
    ("*x", "xxx", true),
    ("*x*", "yyy", false),
    ("*.qcow2", ".qcow2", true),
    ("*", ".hidden", true),
    ("**", "ab", true),
    ("**", "a/b", false),
    ("a**b", "axxb", true),
    ("ab[c]", "abc", true),
    ("ab[b-d]", "abc", true),
    ("ab[e-g]", "abc", false),
    ("ab[^c]", "abc", false),
    ("ab[^b-d]", "abc", false),
    ("ab[^e-g]", "abc", true),
    ("ab[!c]", "abc", true),
    ("ab[!c]", "abd", false),
    ("ab[!c]", "ab!", true),
    ("[a-cx-z]", "y", true),
    ("[a-cx-z]", "m", false),
    ("[z-a]", "m", false),
    ("[^z-a]", "m", true),
    ("[*?]", "*", true),
    ("[*?]", "x", false),
    ("[[]", "[", true),
    ("[^^]", "^", false),
    ("[a^]", "^", true),
    ("a\\*b", "a*b", true),
    ("a\\*b", "ab", false),
    ("\\a", "a", true),
    ("\\\\", "\\", true),
    ("a]b", "a]b", true),
    ("a-b", "a-b", true),
    ("a?b", "a☺b", true),
    ("a[^a]b", "a☺b", true),
    ("a???b", "a☺b", false),
    ("a[^a][^a][^a]b", "a☺b", false),
    ("[a-ζ]*", "α", true),
    ("*[a-ζ]", "A", false),
    ("?", "", false),
    ("a?b", "a/b", false),
    ("a*b", "a/b", false),
    ("a[^x]b", "a/b", true),
    ("a[.-0]b", "a/b", true),
    ("[\\]a]", "]", true),
    ("[\\-]", "-", true),
    ("[x\\-]", "x", true),
    ("[x\\-]", "-", true),
    ("[x\\-]", "z", false),
    ("[\\-x]", "x", true),
    ("[\\-x]", "-", true),
    ("[\\-x]", "a", false),
    ("a/b/?", "a/b/c", true),
    ("*\n*", "a\nb", true),
];

#[test]
fn a_glob_matches_as_in_go() {
    for &(pattern, path, expected) in GLOBS {
        let glob = Glob::parse(pattern, DoubleStar::Within).unwrap();
        assert_eq!(glob.matches(path), expected, "{pattern} {path}");
    }
}

#[test]
fn what_is_no_pattern_is_refused_whatever_the_path() {
    let check = |pattern: &str, expected: BadPatternReason| {
        for stars in [DoubleStar::Within, DoubleStar::Across] {
            let bad = Glob::parse(pattern, stars).unwrap_err();
            assert_eq!((bad.pattern.as_str(), bad.reason), (pattern, expected));
            assert!(!bad.reason.help().is_empty());
        }
        assert_eq!(IgnoreFile::new([pattern]).unwrap_err().reason, expected);
    };
    check("[]a]", BadPatternReason::Class);
    check("[-]", BadPatternReason::Class);
    check("[x-]", BadPatternReason::Class);
    check("[-x]", BadPatternReason::Class);
    check("[a-b-c]", BadPatternReason::Class);
    check("[]", BadPatternReason::Class);
    check("[^]", BadPatternReason::Class);
    check("[^]a]", BadPatternReason::Class);
    check("a*[-x]b", BadPatternReason::Class);
    check("[", BadPatternReason::Unclosed);
    check("[^", BadPatternReason::Unclosed);
    check("[^bc", BadPatternReason::Unclosed);
    check("[a-", BadPatternReason::Unclosed);
    check("[a\\", BadPatternReason::Unclosed);
    check("[a\\]", BadPatternReason::Unclosed);
    check("a[", BadPatternReason::Unclosed);
    check("a/b[", BadPatternReason::Unclosed);
    check("\\", BadPatternReason::Escape);
    check("a*\\", BadPatternReason::Escape);
    check("a\\\\\\", BadPatternReason::Escape);
    let bad = Glob::parse("[Local-Only]", DoubleStar::Across).unwrap_err();
    assert_eq!(bad.reason, BadPatternReason::Backwards);
    assert_eq!(
        bad.to_string(),
        "`[Local-Only]` is not a pattern: a range in `[...]` ends before it begins"
    );
    assert!(!bad.reason.help().is_empty());
}

#[test]
fn a_text_with_wildcards_is_a_pattern() {
    let check = |text: &str, expected| assert_eq!(has_wildcards(text), expected, "{text}");
    check("", false);
    check("a/b", false);
    check("a*", true);
    check("?", true);
    check("a[b]", true);
    check("a]", false);
    check("a\\*", false);
    check("a\\\\*", true);
    check("\\", false);
    let split = |pattern: &str, literal: &str, rest: &str| {
        assert_eq!(split_at_wildcards(pattern), (literal.into(), rest.into()), "{pattern}");
    };
    split("a/b", "a/b", "");
    split("a/b/*.c/d", "a/b", "*.c/d");
    split("*", "", "*");
    split("/a/../*", "", "*");
    split("../../a/?", "a", "?");
    split("/", "", "");
    split(".", "", "");
}

/// How a rule matches a path: exactly, by a directory above it, or not at all.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Match {
    Exact,
    Parent,
    No,
}
use Match::{Exact, No, Parent};

/// Pattern, path, and how patternmatcher matches it.
const RULES: &[(&str, &str, Match)] = &[
    ("**", "file", Exact),
    ("**/", "file", Exact),
    ("**", "file/", Exact),
    ("**", "dir/file", Exact),
    ("**/", "dir/file/", Exact),
    ("**/**", "dir/file", Exact),
    ("**/**", "file", Exact),
    ("dir/**", "dir/file", Exact),
    ("dir/**", "dir/dir2/file", Exact),
    ("dir/**", "dir/dir2/file/", Exact),
    ("dir/**", "dir2/file", No),
    ("**/dir", "dir", Exact),
    ("**/dir", "dir/file", Parent),
    ("**/dir", "xdir", No),
    ("**/dir2/*", "dir/dir2/file", Exact),
    ("**/dir2/*", "dir/dir2/file/", Parent),
    ("**/dir2/*", "dir/dir2", No),
    ("**/dir2/**", "dir/dir2/dir3/file", Exact),
    ("**/dir2/**", "dir/dir2", No),
    ("**file", "file", Exact),
    ("**file", "dir/file", Exact),
    ("**file", "dir/xfile", Exact),
    ("**file*", "dir/xfile", No),
    ("**file*", "dir/file.txt", Exact),
    ("**file**", "a/file/b", Exact),
    ("**/file", "dir/dir/file", Exact),
    ("**/file*", "dir/dir/file.txt", Exact),
    ("**/file*txt", "dir/dir/file.txt", Exact),
    ("**/file*.txt*", "dir/dir/file.txt", Exact),
    ("**/**/*.txt", "dir/dir/file.txt", Exact),
    ("**/**/*.txt2", "dir/dir/file.txt", No),
    ("**/*.txt", "file.txt", Exact),
    ("**/**/*.txt", "file.txt", Exact),
    ("a**/*.txt", "a/file.txt", Exact),
    ("a**/*.txt", "a/dir/dir/file.txt", Exact),
    ("a**/*.txt", "ab/file.txt", Exact),
    ("a/*.txt", "a/dir/file.txt", No),
    ("a/*.txt", "a/file.txt", Exact),
    ("a/*.txt**", "a/file.txt", Exact),
    ("a/*.txt**", "a/file.txt/b", Exact),
    ("a/**/b", "a/b", Exact),
    ("a/**/b", "a/x/y/b", Exact),
    ("a/**/b", "a/xb", No),
    ("a/**/b", "a/x/b/c", Parent),
    ("***", "a/b", Exact),
    ("a***", "a/b", Exact),
    ("a[b-d]e", "ae", No),
    ("a[b-d]e", "ace", Exact),
    ("a[b-d]e", "aae", No),
    ("a[^b-d]e", "aze", Exact),
    (".*", ".foo", Exact),
    (".*", "foo", No),
    ("abc.def", "abcdef", No),
    ("abc.def", "abc.def", Exact),
    ("abc.def", "abcZdef", No),
    ("abc?def", "abcZdef", Exact),
    ("abc?def", "abcdef", No),
    ("abc?def", "abc/def", No),
    ("**/foo/bar", "foo/bar", Exact),
    ("**/foo/bar", "dir/dir2/foo/bar", Exact),
    ("**/foo/bar", "dir/foo/bar/baz", Parent),
    ("abc/**", "abc", No),
    ("abc/**", "abc/def", Exact),
    ("abc/**", "abc/def/ghi", Exact),
    ("**/.foo", ".foo", Exact),
    ("**/.foo", "bar.foo", No),
    ("a(b)c/def", "a(b)c/def", Exact),
    ("a(b)c/def", "a(b)c/xyz", No),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", Exact),
    ("a+b*", "aab", No),
    ("dist/*.whl", "dist/tool-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", Exact),
    ("a\\\\", "a\\", Exact),
    ("a\\*b", "a*b", Exact),
    ("a\\*b", "axb", No),
    ("a*", "ab/c", Parent),
    ("a", "ab", No),
    ("a", "a/b/c/d", Parent),
    ("a/b", "a", No),
    ("/a", "a", No), // a slash in front is only removed by the reader of files
    ("a/", "a", Exact),
    ("./a", "a", Exact),
    ("a/../b", "b", Exact),
    ("../a", "a", No),
    ("  a  ", "a", Exact),
    ("*", "a\nb", Exact),
    ("**/b", "a\n/b", Exact),
    (".", "a", No),
    ("..", "a", No),
    ("/", "a", No),
];

#[test]
fn a_rule_matches_as_in_patternmatcher() {
    for &(pattern, path, expected) in RULES {
        let ignore = IgnoreFile::new([pattern]).unwrap();
        assert_eq!(ignore.is_ignored(path), expected != No, "{pattern} {path}");
        let alone = Glob::parse(&clean_path(pattern.trim()), DoubleStar::Across).unwrap();
        assert_eq!(alone.matches(path), expected == Exact, "{pattern} {path}");
    }
}

#[test]
fn the_last_rule_that_matches_decides() {
    let check = |rules: &str, path: &str, expected| {
        let ignore = IgnoreFile::new(rules.split(' ')).unwrap();
        assert_eq!(ignore.is_ignored(path), expected, "{rules}: {path}");
    };
    check("", "a", false);
    check("*.go", "a.go", true);
    check("!a.go *.go", "a.go", true);
    check("*.go !a.go", "a.go", false);
    check("docs !docs/README.md", "docs/README.md", false);
    check("docs/ !docs/README.md", "docs/README.md", false);
    check("docs/* !docs/README.md", "docs/README.md", false);
    check("docs !docs/README.md", "docs/other", true);
    check("docs !docs/README.md", "docs", true);
    check("docs !docs/README.md docs/R*", "docs/README.md", true);
    check("** !util/docker/web", "util/docker/web/foo", false);
    check("** !util/docker/web util/docker/web/foo", "util/docker/web/foo", true);
    check("** !dist/*.whl", "dist/a-1+g0.whl", false);
    check("** !dist/*.whl", "dist/a.tar", true);
    check("a !a", "a/b", false);
    check("a !a/b a", "a/b", true);
    check("!a", "a", false);
    check("* !a* ab", "ab/c", true);
    check("**", ".", false);
    check("**", "", false);
    check("!!a", "!a", false);
    check("* !!a", "!a", false);
    check("* !!a", "a", true);
}

#[test]
fn a_directory_is_left_out_whole_where_no_exception_reaches() {
    let check = |rules: &str, directory: &str, expected| {
        let ignore = IgnoreFile::new(rules.split(' ')).unwrap();
        assert_eq!(ignore.is_ignored_whole(directory), expected, "{rules}: {directory}");
    };
    check("a", "a", true);
    check("a", "b", false);
    check("a", "a/b", true);
    check("a !b", "a", true);
    check("a !a/b", "a", false);
    check("a !a/b", "a/c", true);
    check("a !a/b", "a/b", false);
    check("!a/b a", "a", true);
    check("a !a/b/c/d", "a/b", false);
    check("a !a/b/c/d", "a/b/c", false);
    check("a !a/b/c/d", "a/b/x", true);
    check("a !ab", "a", true);
    check("a !a?b", "a", true);
    check("a !a[^x]b", "a", false); // a class takes a slash
    check("* !*/keep", "a", false);
    check("* !*/keep", "a/b", true);
    check("* !?/keep", "ab", true);
    check("* !?/keep", "a", false);
    check("* !*.txt", "a", true);
    check("* !**/keep", "a/b/c", false);
    check("* !a**b", "a", false);
    check("* !a**b", "x", true);
    check("* !x/**", "x", false);
    check("* !x/**", "y", true);
    check("* !x/** x/y", "x/y", true);
    check("** !**", "x", false);
    check("", "", false);
}

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

#[test]
fn hostile_patterns_end() {
    let text = "a".repeat(5_000);
    for pattern in ["*a".repeat(500) + "b", "a*?".repeat(300) + "b", "[a-z]*".repeat(300) + "b"] {
        assert!(!Glob::parse(&pattern, DoubleStar::Within).unwrap().matches(&text));
    }
    let path = "a/".repeat(2_500) + "c";
    for pattern in ["**/a/".repeat(300) + "b", "**a".repeat(300) + "b", "**/*".repeat(300) + "/b"] {
        assert!(!IgnoreFile::new([pattern.as_str()]).unwrap().is_ignored(&path));
    }
    let deep = "[".repeat(100_000);
    assert_eq!(
        Glob::parse(&deep, DoubleStar::Within).unwrap_err().reason,
        BadPatternReason::Unclosed
    );
}

/// Go's rules implemented literally, whatever time it takes.
fn slow_match(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        (['*', pattern @ ..], text) => {
            slow_match(pattern, text)
                || matches!(text, [first, ..] if *first != '/')
                    && slow_match(&[&['*'], pattern].concat(), &text[1..])
        }
        (['?', pattern @ ..], [first, text @ ..]) => *first != '/' && slow_match(pattern, text),
        ([literal, pattern @ ..], [first, text @ ..]) => {
            literal == first && slow_match(pattern, text)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_glob_matches_as_its_rules_read(pattern in "[ab/*?é]{0,8}", text in "[ab/é]{0,8}") {
        let glob = Glob::parse(&pattern, DoubleStar::Within).unwrap();
        let characters = |text: &str| text.chars().collect::<Vec<_>>();
        let slow = slow_match(&characters(&pattern), &characters(&text));
        prop_assert_eq!(glob.matches(&text), slow);
    }

    #[test]
    fn nothing_is_shown_below_what_is_left_out_whole(
        rules in "([!]?[ab*?/]{1,6} ){1,4}", directory in "[ab](/[ab]){0,2}", name in "[ab/]{1,4}",
    ) {
        let Ok(ignore) = IgnoreFile::new(rules.split(' ')) else { return Ok(()) };
        let below = clean_path(&format!("{directory}/{name}"));
        if ignore.is_ignored_whole(&directory) {
            prop_assert!(ignore.is_ignored(&below), "{} {} {}", rules, directory, below);
        }
    }
}
