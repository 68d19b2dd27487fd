//! A glob matches as in Go.

use proptest::prelude::*;

use super::*;

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
}
