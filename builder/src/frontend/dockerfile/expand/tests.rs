use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

const VARIABLES: &[(&str, &str)] = &[
    ("x", "X"),
    ("null", ""),
    ("abc", "aXbXc"),
    ("file", "disk.qcow2.xz"),
    ("url", "http://host/path"),
    ("two", " one  two "),
    ("lines", "one\ntwo"),
    ("special", "()[]{}^$.*?|\\x"),
    ("stars", "a***yy*"),
    ("korean", "한국어"),
    ("price", "$1"),
    ("hash", "#a"),
];

fn lookup(name: &str) -> Option<String> {
    let variables: BTreeMap<_, _> = VARIABLES.iter().copied().collect();
    match name {
        "mega" => Some("m".repeat(1 << 20)),
        _ => variables.get(name).map(ToString::to_string),
    }
}

fn shown(result: Result<String, ExpandError>) -> String {
    result.unwrap_or_else(|error| format!("error: {error}"))
}

/// A file of cases from BuildKit, or `None` where they are not available.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "cases of others lie outside")]
fn conformance(file: &str) -> Option<String> {
    let given = std::env::var_os("DISKETTE_CONFORMANCE").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let cases = std::fs::read_to_string(given.unwrap_or_else(beside).join(file)).ok();
    if cases.is_none() {
        eprintln!("skipped: {file} is missing");
    }
    cases
}

#[test]
fn the_rows_of_buildkit_agree() {
    let Some(rows) = conformance("dockerfile/shell/envVarTest") else { return };
    let variables =
        BTreeMap::from([("PWD", "/home"), ("SHELL", "bash"), ("KOREAN", "한국어"), ("NULL", "")]);
    let lookup = |name: &str| variables.get(name).map(ToString::to_string);
    let mut checked = 0;
    for row in rows.lines().filter(|row| !row.starts_with('#') && !row.trim().is_empty()) {
        let fields: Vec<_> = row.split('|').map(str::trim).collect();
        let [platform, input, expected] = fields[..] else { panic!("{row}") };
        if platform == "W" {
            continue;
        }
        let found = Expander::new('\\', &lookup).expand_word(input);
        assert_eq!(found.as_deref().unwrap_or("error"), expected, "{input}: {found:?}");
        checked += 1;
    }
    assert!(checked > 100, "{checked} rows");
}

#[test]
fn words_hold_what_is_substituted() {
    let check = |input: &str, expected: &str| {
        assert_eq!(shown(Expander::new('\\', &lookup).expand_word(input)), expected, "{input}");
    };
    check("", "");
    check("$x-${x}_$x_", "X-X_");
    check("a  b\t$two", "a  b\t one  two ");
    check("$price", "$1");
    check("${unset}${unset-d}${null-d}${null:-e}", "de");
    check("${x+a}${null+b}${null:+c}${unset+d}", "ab");
    check("${null?m}${x:?m}", "X");
    check("${unset:-\"a b\"'c'}", "a bc");
    check("\"${unset:-'$x'}\"", "$x");
    check("${unset:-${unset:-${x}}}", "X");
    check("${unset:-a\\}b}", "a}b");
    check("${file#*.}", "qcow2.xz");
    check("${file##*.}", "xz");
    check("${file%.*}", "disk.qcow2");
    check("${file%%.*}", "disk");
    check("${file#????}${file%?z}", ".qcow2.xzdisk.qcow2.");
    check("${file#x}${file%x}${file#}${file%%}", &"disk.qcow2.xz".repeat(4));
    check("${unset#a}${unset%a}${unset/a/b}", "");
    check("${file#'disk'}${file#\"${unset:-disk}\"}", ".qcow2.xz.qcow2.xz");
    check("${special#()[]{\\}^$.\\*\\?|\\\\}", "x");
    check("${stars%%\\**\\*}", "a");
    // Between double quotes a backslash is literal: the pattern matches `a\`, and any rest.
    check("${stars#\"a\\*\"}", "a***yy*");
    check("${korean#?}${korean%?}", "국어한국");
    check("${lines#*}${lines##*}", "one\ntwo\ntwo");
    // A pattern whose value starts with the operator's character is a longest one too.
    check("${abc#$hash}", "XbXc");
    check("${abc/X/-}${abc//X/-}", "a-bXca-b-c");
    check("${abc//X/}", "abc");
    check("${abc/X*X/-}${abc//?X/-}", "a-c--c");
    check("${url//\\//:}", "http:::host:path");
    check("${url/http:\\/\\//}", "host/path");
    check("${url//\\//\\/}", "http:\\/\\/host\\/path");
    check("${abc/$x/$x$x}${abc/none/$x}", "aXXbXcaXbXc");
    check("${abc//X/$price}", "a$1b$1c");
    check("${x///-}", "-X-");
    check("${unset//\"a\"/'b'}", "");
}

#[test]
fn what_cannot_be_expanded_is_refused() {
    let check = |input: &str, expected: &str| {
        let error = Expander::new('\\', &lookup).expand_word(input).unwrap_err();
        assert_eq!(error.to_string(), expected, "{input}");
        assert!(!error.help().is_empty());
    };
    check("'a", "unexpected end of statement while looking for matching '");
    check("\"a", "unexpected end of statement while looking for matching \"");
    check("\"a\\", "unexpected end of statement while looking for matching \"");
    check("${x:-'}", "unexpected end of statement while looking for matching '");
    check("${", "syntax error: missing '}'");
    check("${x", "syntax error: missing '}'");
    check("${x:", "syntax error: missing '}'");
    check("${x:-y", "syntax error: missing '}'");
    check("${x/y/z", "syntax error: missing '}'");
    check("${x/y}", "syntax error: missing '/' in ${}");
    check("${x//}", "syntax error: missing '/' in ${}");
    check("${}", "syntax error: bad substitution");
    check("${+y}", "syntax error: bad substitution");
    check("${x=y}", "unsupported modifier (=) in substitution");
    check("${x:=y}", "unsupported modifier (:=) in substitution");
    check("${x:#y}", "unsupported modifier (:#) in substitution");
    check("${x:%y}", "unsupported modifier (:%) in substitution");
    check("${x#\\y}", "invalid pattern (\\y) in substitution");
    check("${price#\"\\$\"}", "invalid pattern (\\$) in substitution");
    check("${x%'\\'}", "invalid pattern (\\) in substitution");
    check("${unset?}", "unset: is not allowed to be unset");
    check("${null:?}", "null: is not allowed to be empty");
    check("${unset:?give a $x}", "unset: give a X");
    check(&format!("${{x#{}}}", "?".repeat(1025)), "a pattern of 1025 bytes is too long");
    let nested = |depth: usize| "${unset:-".repeat(depth) + &"}".repeat(depth);
    assert_eq!(Expander::new('\\', &lookup).expand_word(&nested(64)), Ok(String::new()));
    check(&nested(65), "substitutions are nested too deeply");
    check(&"${x:-\"".repeat(100_000), "substitutions are nested too deeply");
    check("$mega$x", "the values that are substituted are too long");
    check("${mega//m/mm}", "the values that are substituted are too long");
}

#[test]
fn words_end_at_spaces() {
    let check = |input: &str, expected: &[&str]| {
        let found = Expander::new('\\', &lookup)
            .expand_words(input)
            .unwrap_or_else(|_| vec!["error".into()]);
        assert_eq!(found, expected, "{input}");
    };
    check("", &[]);
    check(" \t ", &[]);
    check("a b\u{a0}c", &["a", "b", "c"]);
    check("a${unset}b", &["ab"]);
    check("$unset ${null}", &[]);
    check("a${two}b", &["a", "one", "two", "b"]);
    check("a\"${two}\"b", &["a one  two b"]);
    check("a\\ b' 'c\" \"d", &["a b c d"]);
    check("'' \"\" a", &["a"]);
    check("80 ${unset:-81 82}", &["80", "81", "82"]);
    // As in BuildKit, quotes inside a substitution do not keep its words together.
    check("${unset:-'81 82'}", &["81", "82"]);
    check("a 'b", &["error"]);
}

#[test]
fn the_escape_character_is_the_files() {
    let check = |escape: char, input: &str, expected: &str| {
        assert_eq!(shown(Expander::new(escape, &lookup).expand_word(input)), expected, "{input}");
    };
    check('\\', r"\$x \a \\ \", r"$x a \ ");
    check('\\', r#""\$x \a \\ \"""#, r#"$x \a \ ""#);
    check('`', r"`$x C:\$x `a ``", r"$x C:\X a `");
    check('`', r#""`$x C:\$x `a `` `"""#, r#"$x C:\X `a ` ""#);
    check('`', "${unset:-a`}b}", "a}b");
    // Within a pattern, `\` escapes in any case.
    check('`', r"${stars#a\*}", "**yy*");
}

#[test]
fn bodies_keep_their_quotes() {
    let check = |input: &str, expected: &str| {
        assert_eq!(shown(Expander::new('`', &lookup).expand_body(input)), expected, "{input}");
    };
    check("it's \"$x\"\n'${x}'\n", "it's \"X\"\n'X'\n");
    check("${unset:-'a'}", "'a'");
    check(r"\$x \a `$x", "$x a `X");
    check("${x", "error: syntax error: missing '}'");
}
