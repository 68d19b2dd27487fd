//! Trees are written as lines, and so are the layers made of them.

use std::fmt::Write as _;
use std::sync::Arc;

use snapbox::{assert_data_eq, str};

use super::Follow::{No, Yes};
use super::*;
use crate::recipe::{Archive, EntryKind, Location, Member, Role};

const ROOT: Owner = Owner { uid: 0, gid: 0 };

fn source(location: Location) -> SourceRecipe {
    SourceRecipe { location, packing: None, checksum: None, origin: None, role: Role::File }
}

fn node(kind: NodeKind) -> Node {
    Node { kind, mode: 0o644, owner: ROOT }
}

fn dir() -> Node {
    Node { kind: NodeKind::Directory, mode: 0o755, owner: ROOT }
}

fn linked(content: &str, inode: Option<Inode>) -> Node {
    let source = source(Location::Path(content.into()));
    node(NodeKind::File(FileNode { source, size: Some(1), inode }))
}

fn file(content: &str) -> Node {
    linked(content, None)
}

fn symlink(target: &str) -> Node {
    node(NodeKind::Symlink(target.into()))
}

fn archive(name: &str) -> Arc<Archive> {
    Arc::new(Archive::File(Box::new(source(Location::Path(name.into())))))
}

fn member(archive: &Arc<Archive>, offset: u64) -> Node {
    let source = source(Location::Member(Member { archive: Arc::clone(archive), offset, size: 1 }));
    node(NodeKind::File(FileNode { source, size: Some(1), inode: None }))
}

/// Returns a tree of words: `d/` is a directory, `l>t` a link, others are files.
fn tree(words: &str) -> Tree {
    let mut tree = Tree::new();
    for word in words.split_whitespace() {
        match (word.split_once('>'), word.strip_suffix('/')) {
            (Some((path, target)), _) => tree.put(path, symlink(target)).unwrap(),
            (_, Some(path)) => tree.put(path, dir()).unwrap(),
            _ => tree.put(word, file("old")).unwrap(),
        }
    }
    tree.settle();
    tree
}

fn show(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let kind = match &entry.kind {
            EntryKind::Directory => "directory".into(),
            EntryKind::File(source) => match &source.location {
                Location::Path(path) => format!("file {}", path.display()),
                Location::Member(member) => format!("member {}", member.offset),
                _ => "file".into(),
            },
            EntryKind::Symlink(target) => format!("symlink {target}"),
            EntryKind::Hardlink(target) => format!("hardlink {target}"),
            EntryKind::Whiteout => "whiteout".into(),
            EntryKind::Opaque => "opaque".into(),
        };
        let Entry { path, mode, owner, .. } = entry;
        writeln!(text, "{path} {mode:o} {}:{} {kind}", owner.uid, owner.gid).unwrap();
    }
    text
}

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
    assert_eq!((tree.len(), tree.is_empty(), Tree::new().is_empty()), (8, false, true));
    assert_eq!(tree.get("b/c"), Some(&dir()));
    assert_eq!(tree.get("b/"), None);
}

#[test]
fn paths_resolve_as_in_a_chroot() {
    let tree = tree(
        "usr/ usr/lib/ usr/lib/a lib>usr/lib abs>/usr/lib up>../../../usr self>self ping>pong \
         pong>ping gone>usr/none/x deep/ deep/l>../lib/a file tofile>file root>/ dot>.",
    );
    let check = |base: &str, path: &str, last, expected: &str| {
        let found = match tree.resolve(base, path, last) {
            Ok(Resolved { path, exists: true }) => format!("/{path}"),
            Ok(Resolved { path, exists: false }) => format!("/{path} is missing"),
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
    check("", "root/dot/root/usr//.//lib", No, "/usr/lib");
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
    assert!(tree.resolve("", "l1", Follow::Yes).is_ok());
    assert_eq!(tree.resolve("", "l0", Follow::Yes), Err(TreeError::Loop("l0".into())));
}

#[test]
fn what_cannot_stand_at_a_path_is_refused() {
    let check = |path: &str, node: Node, expected: &str| {
        let mut tree = tree("d/ d/x f l>d");
        let found = tree.put(path, node).map_err(|error| error.to_string());
        assert_eq!(found, Err(expected.to_owned()), "{path}");
        assert_eq!(show(&tree.take_changes()), "", "{path}");
    };
    let fifo = node(NodeKind::Special(SpecialKind::Fifo));
    check("e/x", file("new"), "`/e` does not exist");
    check("f/x", file("new"), "`/f` is not a directory");
    check("l/x", file("new"), "`/l` is not a directory");
    check("d", file("new"), "`/d` is a directory and cannot be replaced");
    check("d", symlink("x"), "`/d` is a directory and cannot be replaced");
    check("f", dir(), "a directory cannot take the place of `/f`, which is none");
    check("l", dir(), "a directory cannot take the place of `/l`, which is none");
    check("p", fifo, "`/p` is a device or a pipe, which is not put into layers");
    let owner = Owner { uid: 1, gid: 1 };
    let root = "mode and owner of the root directory cannot be changed in a layer";
    check("", Node { owner, ..dir() }, root);
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

/// Shows the layer that `change` makes on top of a tree.
fn layer(words: &str, change: impl FnOnce(&mut Tree)) -> String {
    let mut tree = tree(words);
    change(&mut tree);
    let shown = show(&tree.take_changes());
    assert!(tree.take_changes().is_empty(), "changes are told once");
    shown
}

#[test]
fn a_layer_has_what_was_changed_and_the_directories_above() {
    let shown = layer("a/ a/b/ a/b/c a-b/ a-b/x z l>z", |tree| {
        tree.put("a/b/new", file("new")).unwrap();
        tree.put("a-b/x", file("new")).unwrap();
        tree.set_mode("z", 0o600).unwrap();
        tree.set_owner("l", Owner { uid: 5, gid: 6 }).unwrap();
        // No change:
        tree.set_mode("a/b/c", 0o644).unwrap();
        tree.set_mode("l", 0o777).unwrap();
        tree.put("a", dir()).unwrap();
    });
    assert_data_eq!(
        shown,
        str![[r#"
a 755 0:0 directory
a-b 755 0:0 directory
a-b/x 644 0:0 file new
a/b 755 0:0 directory
a/b/new 644 0:0 file new
l 644 5:6 symlink z
z 600 0:0 file old

"#]]
    );
}

#[test]
fn what_is_gone_stands_before_what_is_new_beside_it() {
    let shown = layer("a/ a/z a/l>x d/ d/x d/sub/ d/sub/y e/ e/x t", |tree| {
        tree.put("a/b", file("new")).unwrap();
        tree.remove("a/z");
        tree.remove("a/l");
        tree.remove("t");
        tree.remove("none");
        tree.set_mode("d/x", 0).unwrap();
        tree.remove("d/sub");
        tree.remove("d");
        tree.put("d", dir()).unwrap();
        tree.put("d/x", file("new")).unwrap();
        tree.remove("e");
        tree.put("e", file("new")).unwrap();
        // Made and gone again:
        tree.put("made", dir()).unwrap();
        tree.put("made/x", file("new")).unwrap();
        tree.remove("made");
        tree.put("d/made", file("new")).unwrap();
        tree.remove("d/made");
    });
    assert_data_eq!(
        shown,
        str![[r#"
t 0 0:0 whiteout
a 755 0:0 directory
a/l 0 0:0 whiteout
a/z 0 0:0 whiteout
a/b 644 0:0 file new
d 755 0:0 directory
d 0 0:0 opaque
d/x 644 0:0 file new
e 644 0:0 file new

"#]]
    );
}

#[test]
fn removed_again_and_made_again() {
    let check = |change: &dyn Fn(&mut Tree), expected: &str| {
        assert_eq!(layer("d/ d/x f", change), expected);
    };
    check(&|tree| tree.remove(""), "d 0 0:0 whiteout\nf 0 0:0 whiteout\n");
    let twice = |tree: &mut Tree| {
        tree.remove("d");
        tree.put("d", dir()).unwrap();
        tree.put("d/x", file("new")).unwrap();
        tree.remove("d");
    };
    check(&twice, "d 0 0:0 whiteout\n");
    let other = |tree: &mut Tree| {
        tree.remove("f");
        tree.put("f", dir()).unwrap();
        tree.put("f/x", file("new")).unwrap();
    };
    check(&other, "f 755 0:0 directory\nf/x 644 0:0 file new\n");
    let changed = |tree: &mut Tree| {
        tree.set_mode("f", 0).unwrap();
        tree.remove("f");
    };
    check(&changed, "f 0 0:0 whiteout\n");
}

#[test]
fn names_of_one_inode_are_hard_links() {
    let inode = Some(Inode(1, 7));
    let shown = layer("d/", |tree| {
        tree.put("d/b", linked("same", inode)).unwrap();
        tree.put("d/a", linked("same", inode)).unwrap();
        tree.put("d/private", linked("same", inode)).unwrap();
        tree.set_mode("d/private", 0o600).unwrap();
        tree.put("d/other", linked("other", Some(Inode(2, 7)))).unwrap();
        tree.put("d/copy", linked("other", None)).unwrap();
    });
    assert_data_eq!(
        shown,
        str![[r#"
d 755 0:0 directory
d/a 644 0:0 file same
d/b 644 0:0 hardlink d/a
d/copy 644 0:0 file other
d/other 644 0:0 file other
d/private 600 0:0 file same

"#]]
    );
}

#[test]
fn archives_are_read_from_front_to_back() {
    let (one, two) = (archive("one"), archive("two"));
    let shown = layer("a/ a/gone", |tree| {
        tree.put("a/x", member(&one, 900)).unwrap();
        tree.put("a/y", member(&two, 10)).unwrap();
        tree.put("b", member(&one, 512)).unwrap();
        tree.put("c", file("new")).unwrap();
        // The same archive, described once more:
        tree.put("c2", member(&archive("one"), 700)).unwrap();
        tree.put("d", dir()).unwrap();
        tree.put("d/l", symlink("x")).unwrap();
        tree.remove("a/gone");
    });
    assert_data_eq!(
        shown,
        str![[r#"
a 755 0:0 directory
a/gone 0 0:0 whiteout
d 755 0:0 directory
c 644 0:0 file new
d/l 644 0:0 symlink x
b 644 0:0 member 512
c2 644 0:0 member 700
a/x 644 0:0 member 900
a/y 644 0:0 member 10

"#]]
    );
}

#[test]
fn what_layers_below_have_is_no_change() {
    let mut tree = Tree::new();
    let fifo = node(NodeKind::Special(SpecialKind::Fifo));
    tree.put_settled("", Node { mode: 0o700, ..dir() }).unwrap();
    tree.put_settled("dev", dir()).unwrap();
    tree.put_settled("dev/p", fifo).unwrap();
    assert_eq!(tree.put_settled("x/y", dir()), Err(TreeError::Missing("x".into())));
    assert_eq!(tree.get("").unwrap().mode, 0o700);
    assert!(tree.take_changes().is_empty());
    assert_eq!(tree.set_mode("dev/p", 0), Err(TreeError::Special("dev/p".into())));
    tree.remove("dev/p");
    assert_eq!(show(&tree.take_changes()), "dev 755 0:0 directory\ndev/p 0 0:0 whiteout\n");
}

#[test]
fn a_node_is_small() {
    // A base can have half a million.
    assert!(size_of::<Node>() <= 184, "{}", size_of::<Node>());
}
