//! *Paths* in layers: relative, with `/` between their parts; the root directory is the empty path.

/// Maximum length of a file name in bytes: `NAME_MAX` in Linux's `linux/limits.h`.
pub const NAME_MAX: usize = 255;

/// Returns the path of a name in a directory.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Splits a path into its directory and its name there.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Returns whether `path` is below a directory.
pub(crate) fn is_below(path: &str, directory: &str) -> bool {
    if directory.is_empty() {
        return !path.is_empty();
    }
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_can_be_joined() {
        let check = |path: &str, expected: (&str, &str)| {
            assert_eq!(split(path), expected);
            assert_eq!(join(expected.0, expected.1), path);
        };
        check("a/b/c", ("a/b", "c"));
        check("a", ("", "a"));
        check("", ("", ""));
    }

    #[test]
    fn below_is_decided_by_parts() {
        let check = |path, dir, expected| assert_eq!(is_below(path, dir), expected, "{path} {dir}");
        check("a/b", "a", true);
        check("a-b", "a", false);
        check("a", "a", false);
        check("a", "", true);
        check("", "", false);
    }
}
