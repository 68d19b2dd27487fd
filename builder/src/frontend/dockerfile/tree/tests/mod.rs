//! Tests of trees; trees, and layers made of them, are written as lines.

mod kernel;
mod layers;
mod paths;

use std::fmt::Write as _;
use std::sync::Arc;

use super::*;
use crate::recipe::{
    LayerEntryKind, SourceLocation, SourceRecipe, SourceRole, TarMember, TarOrigin,
};

const ROOT: Owner = Owner { uid: 0, gid: 0 };

fn source(location: SourceLocation) -> SourceRecipe {
    SourceRecipe::new(location, SourceRole::File)
}

fn node(kind: TreeNodeKind) -> TreeNode {
    TreeNode::new(kind, 0o644, ROOT)
}

fn dir() -> TreeNode {
    TreeNode::new(TreeNodeKind::Directory, 0o755, ROOT)
}

fn linked(content: &str, inode: Option<Inode>) -> TreeNode {
    let source = source(SourceLocation::path(content));
    node(TreeNodeKind::File(FileNode { source, size: Some(1), inode }))
}

fn file(content: &str) -> TreeNode {
    linked(content, None)
}

#[test]
fn trees_have_a_budget() {
    let mut tree = Tree::new();
    tree.put("a", dir()).unwrap();
    tree.set_budget(2).unwrap();
    tree.put("a/b", file("x")).unwrap();
    // What replaces something needs no more.
    tree.put("a/b", file("y")).unwrap();
    let error = tree.put("a/c", file("x")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the stages would have more than 2000000 files, directories and links together"
    );
    assert!(tree.put_unrecorded("a/c", file("x")).is_err());
    assert!(tree.clone().set_budget(1).is_err());
}

fn symlink(target: &str) -> TreeNode {
    node(TreeNodeKind::Symlink(target.into()))
}

fn archive(name: &str) -> Arc<TarOrigin> {
    Arc::new(TarOrigin::File(Box::new(source(SourceLocation::path(name)))))
}

fn member(archive: &Arc<TarOrigin>, offset: u64) -> TreeNode {
    let source =
        source(SourceLocation::Member(TarMember { archive: Arc::clone(archive), offset, size: 1 }));
    node(TreeNodeKind::File(FileNode { source, size: Some(1), inode: None }))
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
    tree.forget_changes();
    tree
}

fn show(entries: &[LayerEntry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let kind = match &entry.kind {
            LayerEntryKind::Directory => "directory".into(),
            LayerEntryKind::File(source) => match &source.location {
                SourceLocation::File(file) => format!("file {}", file.path.display()),
                SourceLocation::Member(member) => format!("member {}", member.offset),
                _ => "file".into(),
            },
            LayerEntryKind::Symlink(target) => format!("symlink {target}"),
            LayerEntryKind::Hardlink(target) => format!("hardlink {target}"),
            LayerEntryKind::Special(kind) => format!("{kind:?}"),
            LayerEntryKind::Whiteout => "whiteout".into(),
            LayerEntryKind::Opaque => "opaque".into(),
        };
        let LayerEntry { path, mode, owner, .. } = entry;
        let xattrs = entry.xattrs.show();
        writeln!(text, "{path} {mode:o} {}:{} {kind}{xattrs}", owner.uid, owner.gid).unwrap();
    }
    text
}
