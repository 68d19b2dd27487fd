//! *Paths* of members, made relative and plain.

use super::{Lead, TarReadError};

/// Returns a name as a text.
pub(super) fn text(name: &[u8]) -> Result<String, TarReadError> {
    let lossy = || String::from_utf8_lossy(name).into_owned();
    if name.contains(&0) {
        return Err(TarReadError::Nul(lossy()));
    }
    String::from_utf8(name.to_vec()).map_err(|_| TarReadError::Encoding(lossy()))
}

/// Returns a path without what stands for nothing: `/` at either end, `.`, `//`. The directory that
/// all is in becomes the empty path.
pub(super) fn clean(name: &[u8]) -> Result<String, TarReadError> {
    let name = text(name)?;
    if name.split('/').any(|part| part == "..") {
        return Err(TarReadError::Escape(name));
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    Ok(parts.join("/"))
}

/// Tells how a name begins that became `path`.
pub(super) fn lead(name: &[u8], path: &str) -> Lead {
    let first = path.split('/').next().unwrap_or_default();
    let is_front = |name: &[u8]| name.starts_with(first.as_bytes());
    match name {
        name if is_front(name) && !name.starts_with(b"/") => Lead::Plain,
        [b'.', b'/', rest @ ..] if is_front(rest) && !rest.starts_with(b"/") => Lead::Dot,
        [b'/', ..] => Lead::Slash,
        _ => Lead::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_in_different_ways() {
        let check = |name: &str, expected: Lead| {
            let path = clean(name.as_bytes()).unwrap();
            assert_eq!(lead(name.as_bytes(), &path), expected, "{name:?}");
        };
        check("a/b", Lead::Plain);
        check("a/./b/", Lead::Plain);
        check("a//", Lead::Plain);
        check("./a/b/", Lead::Dot);
        check("./", Lead::Plain);
        check("", Lead::Plain);
        check("/a", Lead::Slash);
        check("/", Lead::Slash);
        check("././a", Lead::Other);
        check(".//a", Lead::Other);
    }

    #[test]
    fn paths_become_plain() {
        let check = |name: &[u8], expected: &str| {
            let found = clean(name).unwrap_or_else(|error| error.to_string());
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
        check(b"..", "the path \"..\" has a part `..`");
        check(b"a/../b", "the path \"a/../b\" has a part `..`");
        check(b"/../a", "the path \"/../a\" has a part `..`");
        check(b"a/..", "the path \"a/..\" has a part `..`");
        check(b"a\0b", "the name \"a\\0b\" holds a NUL byte");
        check(b"a\xff", "the name \"a\u{fffd}\" is not UTF-8");
    }
}
