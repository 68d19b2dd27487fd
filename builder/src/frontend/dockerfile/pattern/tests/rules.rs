//! Rules of an ignore file match as in `patternmatcher`, and the last one that matches decides.

use proptest::prelude::*;

use super::*;

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

proptest! {
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
