//! The *paths* that a module's text names: those of its `use` items, and those that stand in the code
//! and begin with `crate`, `super` or `self`.

/// One path, e.g. `crate::oci::image`, with the name that a `use` gives it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) segments: Vec<String>,
    pub(crate) name: String,
    /// It is a `use` that others can reach.
    pub(crate) is_reexport: bool,
}

/// Returns the paths of a text without its unit tests.
pub(crate) fn named_paths(text: &str) -> Vec<NamedPath> {
    let code = strip(text);
    let code = code.split("#[cfg(test)] mod ").next().unwrap_or_default();
    let mut paths = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        let (before, word) = rest.split_at(start);
        let len = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
        let (word, after) = word.split_at(len);
        rest = after;
        if before.ends_with("::") || before.ends_with('\'') {
            continue;
        }
        let prefix = match word {
            "use" => String::new(),
            "crate" | "super" | "self" if after.starts_with("::") => word.to_owned(),
            _ => continue,
        };
        let is_reexport = prefix.is_empty() && is_visible(&code[..code.len() - rest.len() - 3]);
        rest = tree(after, &split(&prefix), is_reexport, &mut paths);
    }
    paths
}

fn split(prefix: &str) -> Vec<String> {
    if prefix.is_empty() { Vec::new() } else { vec![prefix.to_owned()] }
}

/// Tells whether what stands before a `use` makes it visible.
fn is_visible(before: &str) -> bool {
    let before = before.trim_end();
    before.ends_with("pub") || before.ends_with(')') && before.rfind("pub(").is_some()
}

/// Reads one tree of a `use`, and returns the text behind it.
fn tree<'t>(
    text: &'t str,
    prefix: &[String],
    is_reexport: bool,
    paths: &mut Vec<NamedPath>,
) -> &'t str {
    let mut segments = prefix.to_vec();
    let mut text = text.trim_start();
    loop {
        text = text.strip_prefix("::").unwrap_or(text).trim_start();
        if let Some(group) = text.strip_prefix('{') {
            let mut rest = group.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                rest = tree(rest, &segments, is_reexport, paths).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        let len = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*');
        let (word, rest) = text.split_at(len.unwrap_or(text.len()));
        if word.is_empty() {
            return text.get(1..).unwrap_or_default();
        }
        segments.push(word.to_owned());
        text = rest.trim_start();
        if !text.starts_with("::") {
            break;
        }
    }
    let mut name = segments.last().cloned().unwrap_or_default();
    if let Some(renamed) = text.strip_prefix("as ") {
        let len = renamed.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (word, rest) = renamed.split_at(len.unwrap_or(renamed.len()));
        (name, text) = (word.to_owned(), rest);
    }
    if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
        segments.pop();
        name = segments.last().cloned().unwrap_or_default();
    }
    paths.push(NamedPath { segments, name, is_reexport });
    text
}

/// Returns the text with comments and string literals left out, and runs of white space as one blank.
fn strip(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(rest.len(), |len| len + 2)
        } else if next == '"' {
            quoted(rest)
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |len| len + 2)
        } else {
            0
        };
        if skipped > 0 {
            rest = &rest[skipped..];
            continue;
        }
        if !next.is_whitespace() {
            code.push(next);
        } else if !code.ends_with(' ') {
            code.push(' ');
        }
        rest = &rest[next.len_utf8()..];
    }
    code
}

/// Returns the length of the string literal that a text begins with.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn paths_are_read_as_rustc_reads_them() {
    let check = |text: &str, expected: &[&str]| {
        let found: Vec<String> = named_paths(text)
            .into_iter()
            .map(|path| {
                let public = if path.is_reexport { "pub " } else { "" };
                format!("{public}{} as {}", path.segments.join("::"), path.name)
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    };
    check("use crate::oci::Digest;", &["crate::oci::Digest as Digest"]);
    check(
        "use super::{a::{B, self}, C as D};",
        &["super::a::B as B", "super::a as a", "super::C as D"],
    );
    check("pub use self::a::*;", &["pub self::a::* as *"]);
    check("pub(crate) use a::B;", &["pub a::B as B"]);
    check(
        "fn f(a: &crate::a::B) { super::c::d(\"use x;\") }",
        &["crate::a::B as B", "super::c::d as d"],
    );
    check("// use a;\nlet q = '\"'; use b::c; /* */", &["b::c as c"]);
    check("use a::b;\n#[cfg(test)]\nmod tests { use c::d; }", &["a::b as b"]);
}
