//! Tests of nodes at paths, and of resolving paths.

use snapbox::{assert_data_eq, str};

use super::super::FollowLast::{No, Yes};
use super::super::*;
use super::{ROOT, dir, file, show, symlink, tree};

#[test]
fn a_tree_is_read_in_the_order_of_names() {
    let tree = tree("b/ b/z b/c/ b/c/d b-/ b-/x a é");
    let names = |dir| tree.children(dir).map(|(name, _)| name).collect::<Vec<_>>().join(" ");
    assert_eq!(names(""), "a b b- é");
    assert_eq!(names("b"), "c z");
    assert_eq!(names("a"), "");
    let below = |dir| tree.below(dir).map(|(path, _)| path).collect::<Vec<_>>().join(" ");
    assert_eq!(below("b"), "b/c b/c/d b/z");
    assert_eq!(below(""), "a b b/c b/c/d b/z b- b-/x é");
    assert_eq!((tree.len(), Tree::new().len()), (8, 0));
    assert_eq!(tree.get("b/c"), Some(&dir()));
    assert_eq!(tree.get("b/"), None);
}

#[test]
fn paths_resolve_as_in_a_chroot() {
    let tree = tree(
        "usr/ usr/lib/ usr/lib/a lib>usr/lib abs>/usr/lib up>../../../usr self>self ping>pong \
         pong>ping gone>usr/none/x deep/ deep/l>../lib/a file tofile>file top>/ dot>.",
    );
    let check = |base: &str, path: &str, last, expected: &str| {
        let found = match tree.resolve(base, path, last) {
            Ok(ResolvedTreePath { path, exists: true }) => format!("/{path}"),
            Ok(ResolvedTreePath { path, exists: false }) => format!("/{path} is missing"),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{path} in /{base}");
    };
    check("", "usr/lib/a", Yes, "/usr/lib/a");
    check("usr", "lib", Yes, "/usr/lib");
    check("usr", "/lib", Yes, "/usr/lib");
    check("usr", "/lib", No, "/lib");
    check("", "lib/", No, "/usr/lib");
    check("", "lib/.", No, "/usr/lib");
    check("", "lib/a", No, "/usr/lib/a");
    check("", "abs/a", No, "/usr/lib/a");
    check("", "up/lib", Yes, "/usr/lib");
    check("", "../../usr/../file", Yes, "/file");
    check("", "lib/..", Yes, "/usr");
    check("", "deep/l", Yes, "/usr/lib/a");
    check("deep", "l", No, "/deep/l");
    check("", "top/dot/top/usr//.//lib", No, "/usr/lib");
    check("usr", "", Yes, "/usr");
    check("usr", ".", Yes, "/usr");
    check("usr", "/", Yes, "/");
    check("usr", "lib/new/file", Yes, "/usr/lib/new/file is missing");
    check("", "gone", Yes, "/usr/none/x is missing");
    check("", "gone", No, "/gone");
    check("", "gone/y", No, "/usr/none/x/y is missing");
    check("", "none/../file", Yes, "/file");
    check("", "self", Yes, "`self` leads through too many symbolic links");
    check("", "self", No, "/self");
    check("", "ping/x", No, "`ping/x` leads through too many symbolic links");
    check("", "file/x", Yes, "`/file` is not a directory");
    check("", "file/..", Yes, "`/file` is not a directory");
    check("", "file/", Yes, "`/file` is not a directory");
    check("", "tofile/", No, "`/file` is not a directory");
    check("", "tofile/x", Yes, "`/file` is not a directory");
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let words: Vec<String> = (0..41).map(|n| format!("l{n}>l{}", n + 1)).collect();
    let tree = tree(&words.join(" "));
    assert!(tree.resolve("", "l1", FollowLast::Yes).is_ok());
    assert_eq!(tree.resolve("", "l0", FollowLast::Yes), Err(TreeError::Loop("l0".into())));
}

#[test]
fn what_cannot_stand_at_a_path_is_refused() {
    let check = |path: &str, node: TreeNode, expected: &str| {
        let mut tree = tree("d/ d/x f l>d");
        let found = tree.put(path, node).map_err(|error| error.to_string());
        assert_eq!(found, Err(expected.to_owned()), "{path}");
        assert_eq!(show(&tree.take_changes()), "", "{path}");
    };
    check("e/x", file("new"), "`/e` does not exist");
    check("f/x", file("new"), "`/f` is not a directory");
    check("l/x", file("new"), "`/l` is not a directory");
    check("d", file("new"), "`/d` is a directory and cannot be replaced");
    check("d", symlink("x"), "`/d` is a directory and cannot be replaced");
    check("f", dir(), "a directory cannot take the place of `/f`, which is none");
    check("l", dir(), "a directory cannot take the place of `/l`, which is none");
    let owner = Owner { uid: 1, gid: 1 };
    let root = "mode and owner of the root directory cannot be changed in a layer";
    check("", TreeNode { owner, ..dir() }, root);
    for path in ["/d", "d/", "d//x", "./d", "d/..", "a\0b"] {
        check(path, file("new"), &format!("{path:?} is not a plain relative path"));
    }
    let mut missing = tree("");
    assert_eq!(missing.set_mode("x", 0), Err(TreeError::Missing("x".into())));
    assert_eq!(missing.set_owner("x", ROOT), Err(TreeError::Missing("x".into())));
}

#[test]
fn parents_are_made_where_they_are_missing() {
    let mut tree = tree("a/ f l>a");
    tree.make_parents("a/b/c/d", 0o700, Owner { uid: 1, gid: 2 }).unwrap();
    tree.make_parents("top", 0o700, ROOT).unwrap();
    assert_eq!(tree.make_parents("f/x", 0o755, ROOT), Err(TreeError::NotADirectory("f".into())));
    assert_eq!(tree.make_parents("l/x", 0o755, ROOT), Err(TreeError::NotADirectory("l".into())));
    assert_data_eq!(
        show(&tree.take_changes()),
        str![[r#"
a 755 0:0 directory
a/b 700 1:2 directory
a/b/c 700 1:2 directory

"#]]
    );
}

#[test]
fn a_node_is_small() {
    // A base can have half a million.
    assert!(size_of::<TreeNode>() <= 184, "{}", size_of::<TreeNode>());
}
