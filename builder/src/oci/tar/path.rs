//! *Paths* of members, normalized.

use super::{NamePrefix, TarReadError};

/// Returns a name as a string; fails if it has a NUL or is not UTF-8.
pub(super) fn parse_text(name: &[u8]) -> Result<String, TarReadError> {
    let lossy = || String::from_utf8_lossy(name).into_owned();
    if name.contains(&0) {
        return Err(TarReadError::Nul(lossy()));
    }
    String::from_utf8(name.to_vec()).map_err(|_| TarReadError::Encoding(lossy()))
}

/// Normalizes a path as Go's `filepath.Clean` does, with which container runtimes begin: removes `/`
/// at either end, `.` and `//`, and each `..` with the part before it. The root directory becomes the
/// empty path. Fails if a relative path leads out of the root.
pub(super) fn clean_path(name: &[u8]) -> Result<String, TarReadError> {
    let name = parse_text(name)?;
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            ".." if parts.pop().is_none() && !name.starts_with('/') => {
                return Err(TarReadError::Escape(name));
            }
            "" | "." | ".." => {}
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// Returns the prefix of a name whose normalized form is `path`.
pub(super) fn name_prefix(name: &[u8], path: &str) -> NamePrefix {
    let first = path.split('/').next().unwrap_or_default();
    let is_front = |name: &[u8]| name.starts_with(first.as_bytes());
    match name {
        name if is_front(name) && !name.starts_with(b"/") => NamePrefix::Plain,
        [b'.', b'/', rest @ ..] if is_front(rest) && !rest.starts_with(b"/") => NamePrefix::Dot,
        [b'/', ..] => NamePrefix::Slash,
        _ => NamePrefix::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_in_different_ways() {
        let check = |name: &str, expected: NamePrefix| {
            let path = clean_path(name.as_bytes()).unwrap();
            assert_eq!(name_prefix(name.as_bytes(), &path), expected, "{name:?}");
        };
        check("a/b", NamePrefix::Plain);
        check("a/./b/", NamePrefix::Plain);
        check("a//", NamePrefix::Plain);
        check("./a/b/", NamePrefix::Dot);
        check("./", NamePrefix::Plain);
        check("", NamePrefix::Plain);
        check("/a", NamePrefix::Slash);
        check("/", NamePrefix::Slash);
        check("././a", NamePrefix::Other);
        check("a/../a/b", NamePrefix::Plain);
        check("b/../a", NamePrefix::Other);
        check("/../a", NamePrefix::Slash);
        check(".//a", NamePrefix::Other);
    }

    #[test]
    fn paths_become_plain() {
        let check = |name: &[u8], expected: &str| {
            let found = clean_path(name).unwrap_or_else(|error| error.to_string());
            assert_eq!(found, expected, "{name:?}");
        };
        check(b"a/b", "a/b");
        check(b"/a", "a");
        check(b"./a/./b//c/", "a/b/c");
        check(b"./", "");
        check(b"/", "");
        check(b"", "");
        check(b"..a/b..", "..a/b..");
        check(b"a\nb", "a\nb");
        check(b"a\\..\\b", "a\\..\\b");
        check(b"a/../b", "b");
        check(b"a/b/../../c/./..", "");
        check(b"/../a", "a");
        check(b"/a/../../b", "b");
        check(b"..", "the path \"..\" leads out of the root with `..`");
        check(b"../a", "the path \"../a\" leads out of the root with `..`");
        check(b"a/../../b", "the path \"a/../../b\" leads out of the root with `..`");
        check(b"a\0b", "the name \"a\\0b\" holds a NUL byte");
        check(b"a\xff", "the name \"a\u{fffd}\" is not UTF-8");
    }
}
