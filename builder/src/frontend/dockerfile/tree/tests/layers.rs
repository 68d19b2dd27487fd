//! Tests of the layers that are made of trees.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use snapbox::{assert_data_eq, str};

use super::super::*;
use super::{archive, dir, file, linked, member, node, show, symlink, tree};
use crate::recipe::{LayerEntryKind, SpecialKind};

/// Shows the layer that `change` makes on a tree.
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
        // Created and removed again:
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
        tree.put("d/late", linked("same", inode)).unwrap();
        tree.set_mode("d/late", 0o600).unwrap();
        tree.put("d/other", linked("other", Some(Inode(2, 7)))).unwrap();
        tree.put("d/copy", linked("other", None)).unwrap();
        let mut stranger = member(&archive("one"), 0);
        if let TreeNodeKind::File(file) = &mut stranger.kind {
            file.inode = inode;
        }
        tree.put("d/stranger", stranger).unwrap();
    });
    assert_data_eq!(
        shown,
        str![[r#"
d 755 0:0 directory
d/a 600 0:0 file same
d/b 600 0:0 hardlink d/a
d/copy 644 0:0 file other
d/late 600 0:0 hardlink d/a
d/other 644 0:0 file other
d/stranger 644 0:0 member 0

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

/// Returns extended attributes with the values that are not empty.
fn xattrs(capability: &[u8], user: &[u8]) -> ExtendedAttributes {
    let mut all = ExtendedAttributes::default();
    for (name, value) in [("security.capability", capability), ("user.a", user)] {
        if !value.is_empty() {
            all.insert(name, value);
        }
    }
    all
}

#[test]
fn extended_attributes_are_carried() {
    let mut tree = tree("");
    tree.put("f", TreeNode { xattrs: xattrs(b"1", b"x"), ..linked("f", Some(Inode(1, 1))) })
        .unwrap();
    tree.put("g", TreeNode { xattrs: xattrs(b"1", b"x"), ..linked("f", Some(Inode(1, 1))) })
        .unwrap();
    tree.put("h", TreeNode { xattrs: xattrs(b"2", b"x"), ..linked("f", Some(Inode(1, 1))) })
        .unwrap();
    let expected = "f 644 0:0 file f security.capability=1 user.a=x\n\
        g 644 0:0 hardlink f security.capability=1 user.a=x\n\
        h 644 0:0 file f security.capability=2 user.a=x\n";
    assert_eq!(show(&tree.take_changes()), expected);
    tree.add_xattrs("h", &xattrs(b"", b"y")).unwrap();
    assert_eq!(tree.get("h").unwrap().xattrs, xattrs(b"2", b"y"));
    // As in Linux, a new owner takes capabilities away.
    tree.set_owner("h", Owner { uid: 1, gid: 1 }).unwrap();
    assert_eq!(tree.get("h").unwrap().xattrs, xattrs(b"", b"y"));
}

#[test]
fn what_layers_below_have_is_no_change() {
    let mut tree = Tree::new();
    let fifo = node(TreeNodeKind::Special(SpecialKind::Fifo));
    tree.put_unrecorded("", TreeNode { mode: 0o700, ..dir() }).unwrap();
    tree.put_unrecorded("dev", dir()).unwrap();
    tree.put_unrecorded("dev/p", fifo).unwrap();
    assert_eq!(tree.put_unrecorded("x/y", dir()), Err(TreeError::Missing("x".into())));
    assert_eq!(tree.get("").unwrap().mode, 0o700);
    assert!(tree.take_changes().is_empty());
    tree.set_mode("dev/p", 0o600).unwrap();
    assert_eq!(show(&tree.take_changes()), "dev 755 0:0 directory\ndev/p 600 0:0 Fifo\n");
    tree.remove("dev/p");
    assert_eq!(show(&tree.take_changes()), "dev 755 0:0 directory\ndev/p 0 0:0 whiteout\n");
}

/// An operation on a tree; most of them fail.
fn changed(tree: &mut Tree, (act, path): (u8, &str)) {
    let tried = match act {
        0 => tree.put(path, file("new")),
        1 => tree.put(path, dir()),
        2 => tree.put(path, symlink("target")),
        3 => tree.set_mode(path, 0o700),
        4 => tree.set_owner(path, Owner { uid: 1, gid: 2 }),
        _ => {
            tree.remove(path);
            Ok(())
        }
    };
    tried.unwrap_or_default();
}

/// Applies a layer as a runtime does, with the nodes of the tree that it was made of.
fn apply(image: &mut Tree, layer: &[LayerEntry], tree: &Tree) {
    for entry in layer {
        let path = entry.path.as_str();
        let Some(node) = tree.get(path).cloned() else {
            assert_eq!(entry.kind, LayerEntryKind::Whiteout);
            image.remove(path);
            continue;
        };
        let stays =
            |old: &TreeNode| entry.kind == LayerEntryKind::Directory && old.kind == node.kind;
        if !image.get(path).is_some_and(stays) {
            image.remove(path);
        }
        image.put(path, node).unwrap();
    }
}

proptest! {
    #[test]
    fn a_layer_makes_the_tree_of_what_is_below(
        acts in vec((0_u8..7, select(&["a", "a/b", "a/b/c", "a-", "a/c", "d", "d/x"][..])), 0..30)
    ) {
        let mut image = tree("a/ a/b/ a/b/c a/c d/ d/x a-");
        let mut tree = image.clone();
        for act in acts {
            changed(&mut tree, act);
        }
        let layer = tree.take_changes();
        apply(&mut image, &layer, &tree);
        let all = |tree: &Tree| -> Vec<(String, TreeNode)> {
            tree.below("").map(|(path, node)| (path.to_owned(), node.clone())).collect()
        };
        prop_assert_eq!(all(&image), all(&tree), "{}", show(&layer));
    }
}
