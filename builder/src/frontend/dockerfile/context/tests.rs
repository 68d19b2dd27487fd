use crate::frontend::dockerfile::context::error::LookupErrorKind;
use crate::frontend::dockerfile::context::lookup::ResolvedContextPath;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::frontend::dockerfile::pattern::{DoubleStar, IgnoreFile};
use crate::oci::tar::ExtendedAttributes;
use crate::recipe::SpecialKind;
use crate::recipe::diagnostic::{SourceText, Span};

/// Makes a listing from a line for each path: `dir/`, `file`, `link -> target`, `|pipe`;
/// directories after a `~` are added as ignored.
fn listing(lines: &str, ignore: &str) -> ContextListing {
    let source = Arc::new(SourceText { name: ".dockerignore".into(), text: ignore.into() });
    let mut builder = ContextListingBuilder::new(IgnoreFile::parse(&source).unwrap(), 0o755);
    for (line, inode) in lines.lines().map(str::trim).filter(|line| !line.is_empty()).zip(1..) {
        let found =
            |kind| ContextEntry { kind, mode: 0o640, xattrs: ExtendedAttributes::default() };
        let identity = FileIdentity { device: 1, inode };
        if let Some(path) = line.strip_prefix('~') {
            builder.add_ignored_directory(
                path.trim_end_matches('/').into(),
                found(ContextEntryKind::Directory),
            );
        } else if let Some((link, target)) = line.split_once(" -> ") {
            builder.add(link.into(), found(ContextEntryKind::Symlink(target.into())));
        } else if let Some(path) = line.strip_suffix('/') {
            builder.add(path.into(), found(ContextEntryKind::Directory));
        } else if let Some(path) = line.strip_prefix('|') {
            builder.add(path.into(), found(ContextEntryKind::Special(SpecialKind::Fifo)));
        } else {
            builder.add(line.into(), found(ContextEntryKind::File { size: 1, identity }));
        }
    }
    builder.finish()
}

const TREE: &str = "
    a/
    a/b/
    a/b/f
    a/up -> ../top
    a/over -> ../../a/b/f
    a-b
    abs -> /a/b
    absfile -> /a/b/f/
    away -> /etc/passwd
    chain1 -> chain2
    chain2 -> a/chain3
    a/chain3 -> ./b/../../chain4
    chain4 -> top
    climb -> ../outside
    deep -> abs/f
    dot -> .
    inner -> away
    loop1 -> loop2
    loop2 -> loop1
    lost -> nothing
    pipe-link -> p
    |p
    self -> self
    through -> top/f
    top
    veiled -> dist/x
    [x]/
    [x]/*
";

#[test]
fn a_path_leads_to_what_is_in_the_context() {
    let tree = listing(TREE, "dist");
    let check = |path: &str, expected: &str| {
        let shown = match tree.resolve(path) {
            Ok(ResolvedContextPath { path, found }) => {
                assert_eq!(tree.get(&path), Some(found));
                path
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{path}");
    };
    check("", "");
    check(".", "");
    check("/", "");
    check("../..", "");
    check("top", "top");
    check("/top", "top");
    check("./top", "top");
    check("../top", "top");
    check("../../../top", "top");
    check("a/../../top", "top");
    check("a//b/./f", "a/b/f");
    check("a/b/", "a/b");
    check("a/up", "top");
    check("abs", "a/b");
    check("abs/f", "a/b/f");
    check("absfile", "a/b/f");
    check("deep", "a/b/f");
    check("dot", "");
    check("dot/dot/dot/top", "top");
    check("chain1", "top");
    check("p", "p");
    check("pipe-link", "p");
    check("[x]/*", "[x]/*");
    check("a/b/g", "`a/b/g` is not in the build context");
    check("A", "`A` is not in the build context");
    check("abs/g", "`abs/g` is not in the build context");
    check("a\n\u{1b}", r"`a\n\u{1b}` is not in the build context");
    check("\0", r"`\0` is not in the build context");
    check("-r", "`-r` is not in the build context");
    check("dist/x", "`dist/x` is excluded from the build context by `dist`");
    check("./dist", "`./dist` is excluded from the build context by `dist`");
    check("veiled", "`veiled` is excluded from the build context by `dist`");
    let outside = |path: &str, link: &str, target: &str| {
        let why = format!("the symbolic link `{link}` leads to `{target}`");
        check(path, &format!("`{path}` is outside the build context: {why}"));
    };
    outside("away", "away", "/etc/passwd");
    outside("inner", "away", "/etc/passwd");
    outside("climb", "climb", "../outside");
    outside("climb/x", "climb", "../outside");
    outside("a/over", "a/over", "../../a/b/f");
    check(
        "lost",
        "`lost` is not in the build context: the symbolic link `lost` leads to `nothing`",
    );
    let many = "leads through too many symbolic links, the last is";
    check("loop1", &format!("`loop1` {many} `loop2`"));
    check("self/x", &format!("`self/x` {many} `self`"));
    let file = "cannot be in the build context: `top` is not a directory";
    check("top/f", &format!("`top/f` {file}"));
    check("through", &format!("`through` {file}"));
    check("p/f", "`p/f` cannot be in the build context: `p` is not a directory");
}

#[test]
fn links_are_followed_until_there_are_too_many() {
    let chain = |count: usize| {
        let links = (0..count).map(|at| format!("l{at} -> l{}\n", at + 1));
        listing(&format!("{}l{count}\n", links.collect::<String>()), "")
    };
    assert_eq!(chain(255).resolve("l0").unwrap().path, "l255");
    let error = chain(256).resolve("l0").unwrap_err();
    assert_eq!(error.kind, LookupErrorKind::Loop("l255".into()));
    // Each link has as many parts as fit into one.
    let long = "l/".repeat(2_000);
    let error = listing(&format!("l -> {long}"), "").resolve("l").unwrap_err();
    assert_eq!(error.kind, LookupErrorKind::Loop("l".into()));
}

#[test]
fn a_glob_finds_what_matches_in_the_order_of_a_walk() {
    let tree = listing(TREE, "dist");
    let check = |pattern: &str, stars, expected: &str| {
        let shown = match tree.glob(pattern, stars) {
            Ok(found) => found.join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{pattern}");
    };
    let within = |pattern: &str, expected: &str| check(pattern, DoubleStar::Within, expected);
    within("a*", "a a-b abs absfile away");
    within("/a?b", "a-b");
    within("../a?b", "a-b");
    within("a/*", "a/b a/chain3 a/over a/up");
    within("a/*/f", "a/b/f");
    within("*/f", "");
    within("*/*/f", "a/b/f");
    within("a*/b*", "a/b");
    within("abs/*", "a/b/f");
    within("dot/a/?", "a/b");
    within("top/*", "");
    within("nothing/*", "");
    within("nothing*", "");
    within("top", "top");
    within("abs", "a/b");
    within(
        "**",
        "[x] a a-b abs absfile away chain1 chain2 chain4 climb deep dot inner loop1 loop2 lost p pipe-link self through top veiled",
    );
    within("[[]x]/[*]", "[x]/*");
    within("[x]", "");
    within("[p-t]*", "p pipe-link self through top");
    within(
        "climb/*",
        "`climb/*` is outside the build context: the symbolic link `climb` leads to `../outside`",
    );
    within("dist/*", "`dist/*` is excluded from the build context by `dist`");
    within("gone", "`gone` is not in the build context");
    within("a/[", "`a/[` cannot be looked for: `[` is not a pattern: there is no `]` for a `[`");
    let across = |pattern: &str, expected: &str| check(pattern, DoubleStar::Across, expected);
    across("**/f", "a/b/f");
    across("a/**/b", "a/b");
    across("a**", "a a-b abs absfile away");
    across("**/b/**", "a/b/f");
}

#[test]
fn what_is_below_a_directory_follows_it() {
    let tree = listing("b/\nb-c\na\nb/c/\nb/c/d\nb!\nb/a\n", "");
    let below = |path: &str| {
        tree.below(path).map(|(path, _)| path.to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(below(""), "a b b/a b/c b/c/d b! b-c");
    assert_eq!(below("b"), "b/a b/c b/c/d");
    assert_eq!(below("b/c"), "b/c/d");
    assert_eq!(below("a"), "");
    assert_eq!(below("x"), "");
    assert_eq!(tree.get("").unwrap().kind, ContextEntryKind::Directory);
    assert_eq!(tree.get("").unwrap().mode, 0o755);
    assert_eq!(tree.get("b/c").unwrap().mode, 0o640);
    assert!(tree.get("b/x").is_none());
}

#[test]
fn a_passed_directory_is_listed_with_what_is_below_it() {
    let check = |lines: &str, expected: &str| {
        let tree = listing(lines, "");
        let all: Vec<_> = tree.below("").map(|(path, _)| path.to_owned()).collect();
        assert_eq!(all.join(" "), expected);
    };
    check("~a/", "");
    check("~a/\na/b", "a a/b");
    check("~a/\n~a/b/\nc", "c");
    check("~a/\n~a/b/\n~a/c/\na/c/d", "a a/c a/c/d");
    check("~a/\n~a/b/\na/b/c\na/b/d\n~a/x/", "a a/b a/b/c a/b/d");
    check("~a/\nab", "ab");
}

#[test]
fn a_path_that_is_not_found_is_explained() {
    let tree = listing(TREE, "x\n dist/ \n");
    let source = Arc::new(SourceText { name: "Dockerfile".into(), text: "COPY dist/x /".into() });
    let check = |path: &str, help: &str| {
        let problem =
            tree.glob(path, DoubleStar::Within).unwrap_err().diagnostic(Span::new(&source, 5..11));
        assert_eq!(problem.span.unwrap().to_string(), "Dockerfile:1:6");
        assert_eq!(problem.help, [help]);
    };
    check("dist/x", "`dist` stands at .dockerignore:2:2; remove it or add a `!`");
    check("gone", "sources are relative to the build context, the directory given to the build");
    check("climb", "copy what the link leads to into the context");
    check("lost", "correct the symbolic link");
    check("self", "correct the symbolic link");
    check("top/f", "name the file itself");
    check("[", "write `\\[` for a `[` that is part of a name");
    let hidden = ContextListingBuilder::new(IgnoreFile::new(["x"]).unwrap(), 0).finish();
    assert_eq!(hidden.hiding_rule("x/y").unwrap().pattern, "x");
    assert_eq!(hidden.resolve("x").unwrap_err().diagnostic(None).help, ["do not exclude it"]);
}

#[test]
fn a_context_that_cannot_be_listed_is_explained() {
    let check = |error: ContextError, expected: &str| {
        assert_eq!(error.diagnostic().to_string(), expected);
        assert_eq!(error.diagnostic().help.len(), 1);
    };
    let error = io::Error::other("no");
    check(
        ContextError::Read { path: "a\nb".into(), error },
        r"cannot read `a\nb` in the build context: no",
    );
    check(
        ContextError::NotUtf8 { path: PathBuf::from("a b") },
        r#"a name in the build context is not UTF-8: "a b""#,
    );
    check(
        ContextError::TargetNotUtf8 { link: "l\n".into(), target: PathBuf::from("a b") },
        r#"the symbolic link `l\n` in the build context leads to what is not UTF-8: "a b""#,
    );
}
