//! *Paths* of members, made relative and plain.

use super::ArchiveError;

/// Returns a name as a text.
pub(super) fn text(name: &[u8]) -> Result<String, ArchiveError> {
    let lossy = || String::from_utf8_lossy(name).into_owned();
    if name.contains(&0) {
        return Err(ArchiveError::Nul(lossy()));
    }
    String::from_utf8(name.to_vec()).map_err(|_| ArchiveError::Encoding(lossy()))
}

/// Returns a path without what stands for nothing: `/` at either end, `.`, `//`. The directory that all
/// is in becomes the empty path.
pub(super) fn clean(name: &[u8]) -> Result<String, ArchiveError> {
    let name = text(name)?;
    if name.split('/').any(|part| part == "..") {
        return Err(ArchiveError::Escape(name));
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
