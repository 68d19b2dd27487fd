//! Paths as text.

/// Returns the shortest path with the same meaning, without reading the file system: no `.`, no
/// doubled slashes, no slash at the end, and `..` only at the start; `.` for nothing at all. As Go's
/// `path.Clean`.
pub fn clean_path(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // The parent of the root is the root.
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, path) => format!("/{path}"),
        (false, path) if path.is_empty() => ".".into(),
        (false, path) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_path_is_the_shortest() {
        let check = |path: &str, expected: &str| assert_eq!(clean_path(path), expected, "{path}");
        check("", ".");
        check(".", ".");
        check("./", ".");
        check("a/..", ".");
        check("a/../..", "..");
        check("a/../../b", "../b");
        check("../../a", "../../a");
        check("abc/./../def", "def");
        check("abc//def/", "abc/def");
        check("./a/.//b/./", "a/b");
        check("/", "/");
        check("///", "/");
        check("/..", "/");
        check("/../a", "/a");
        check("/a/../../b", "/b");
        check("//a", "/a");
        check("a/b/../../..", "..");
        check("...", "...");
        check("..a/..", ".");
        check("a b/ ", "a b/ ");
    }
}
