//! The *origin* of a COPY: a build context, or the tree of a stage or an image.

use std::rc::Rc;
use std::sync::Arc;

use crate::frontend::dockerfile::base::LoadedBase;
use crate::frontend::dockerfile::context::{
    ContextEntry, ContextEntryKind, ContextListing, LookupError,
};
use crate::frontend::dockerfile::pattern::{BadPattern, DoubleStar, Glob, split_at_wildcards};
use crate::frontend::dockerfile::tree::{
    FileNode, FollowLast, Inode, Tree, TreeError, TreeNode, TreeNodeKind,
};
use crate::oci::tar::Owner;
use crate::recipe::diagnostic::Span;
use crate::recipe::path::is_below;
use crate::recipe::{InputFile, SourceLocation, SourceRecipe, SourceRole};

/// Where files are copied from.
#[derive(Debug, Clone)]
pub(super) enum CopyOrigin<'a> {
    /// A directory on this machine.
    Context {
        /// Name of the context; empty for the one of the build itself.
        name: Arc<str>,
        listing: &'a ContextListing,
    },
    /// An earlier stage.
    Stage(&'a Tree),
    /// An image.
    Image(Rc<LoadedBase>),
}

/// A file, directory or link that a source matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundSource {
    /// Path as it was named; its last part is the name of the copy.
    pub(super) named: String,
    /// Resolved path, with links followed.
    pub(super) path: String,
}

/// Why a source cannot be found.
#[derive(Debug)]
pub(super) enum OriginError {
    Context(LookupError),
    Tree(TreeError),
    Pattern(BadPattern),
}

impl CopyOrigin<'_> {
    /// Returns the files, directories and links that a source matches.
    pub(super) fn find_sources(
        &self,
        source: &str,
        stars: DoubleStar,
    ) -> Result<Vec<FoundSource>, OriginError> {
        match self {
            Self::Context { listing, .. } => {
                let (named, rest) = split_at_wildcards(source);
                let matches = if rest.is_empty() {
                    vec![named]
                } else {
                    listing.glob(source, stars).map_err(OriginError::Context)?
                };
                let follow = |named: String| {
                    let path = listing.resolve(&named)?.path;
                    Ok(FoundSource { named, path })
                };
                let found = matches.into_iter().map(follow).collect::<Result<_, _>>();
                found.map_err(OriginError::Context)
            }
            Self::Stage(tree) => find_in_tree(tree, source, stars),
            Self::Image(image) => find_in_tree(&image.tree, source, stars),
        }
    }

    /// Returns the node at a path as a stage would have it: what comes from a context is owned by
    /// root.
    pub(super) fn node_at(&self, path: &str, at: &Span) -> Option<TreeNode> {
        match self {
            Self::Context { name, listing } => {
                context_node(name, listing, path, listing.get(path)?, at)
            }
            Self::Stage(tree) => tree.get(path).cloned(),
            Self::Image(image) => image.tree.get(path).cloned(),
        }
    }

    /// Returns the sockets of a context at and below a path; they are not copied.
    pub(super) fn sockets<'s>(&'s self, path: &'s str) -> Vec<&'s str> {
        let Self::Context { listing, .. } = self else { return Vec::new() };
        let all = listing.get(path).map(|found| (path, found)).into_iter();
        let all = all.chain(listing.below(path));
        all.filter(|(_, found)| found.kind == ContextEntryKind::Socket)
            .map(|(path, _)| path)
            .collect()
    }

    /// Returns the nodes below a directory, parents first.
    pub(super) fn nodes_below<'s>(
        &'s self,
        directory: &'s str,
        at: &'s Span,
    ) -> Box<dyn Iterator<Item = (&'s str, TreeNode)> + 's> {
        match self {
            Self::Context { name, listing } => {
                Box::new(listing.below(directory).filter_map(move |(path, found)| {
                    Some((path, context_node(name, listing, path, found, at)?))
                }))
            }
            Self::Stage(tree) => tree_nodes_below(tree, directory),
            Self::Image(image) => tree_nodes_below(&image.tree, directory),
        }
    }
}

fn tree_nodes_below<'t>(
    tree: &'t Tree,
    directory: &str,
) -> Box<dyn Iterator<Item = (&'t str, TreeNode)> + 't> {
    Box::new(tree.below(directory).map(|(path, node)| (path, node.clone())))
}

fn context_node(
    context: &Arc<str>,
    listing: &ContextListing,
    path: &str,
    found: &ContextEntry,
    at: &Span,
) -> Option<TreeNode> {
    let kind = match &found.kind {
        ContextEntryKind::Directory => TreeNodeKind::Directory,
        ContextEntryKind::File { size, identity } => TreeNodeKind::File(FileNode {
            source: SourceRecipe {
                origin: Some(at.clone()),
                ..SourceRecipe::new(
                    SourceLocation::File(InputFile {
                        directory: Arc::clone(context),
                        path: path.into(),
                    }),
                    SourceRole::File,
                )
            },
            size: Some(*size),
            inode: listing.is_linked(*identity).then_some(Inode(identity.device, identity.inode)),
        }),
        ContextEntryKind::Symlink(target) => TreeNodeKind::Symlink(target.clone()),
        ContextEntryKind::Socket => return None,
        ContextEntryKind::Special(kind) => TreeNodeKind::Special(*kind),
    };
    let owner = Owner { uid: 0, gid: 0 };
    Some(TreeNode { xattrs: found.xattrs.clone(), ..TreeNode::new(kind, found.mode, owner) })
}

fn find_in_tree(
    tree: &Tree,
    source: &str,
    stars: DoubleStar,
) -> Result<Vec<FoundSource>, OriginError> {
    let (literal, rest) = split_at_wildcards(source);
    let glob = Glob::parse(&rest, stars).map_err(OriginError::Pattern)?;
    let base = tree.resolve("", &literal, FollowLast::Yes).map_err(OriginError::Tree)?;
    if rest.is_empty() {
        let missing = || OriginError::Tree(TreeError::Missing(literal.clone()));
        let found = FoundSource { named: literal.clone(), path: base.path };
        return base.exists.then(|| vec![found]).ok_or_else(missing);
    }
    let mut matches: Vec<String> = Vec::new();
    for (path, _) in tree.below(&base.path) {
        let relative = path.strip_prefix(&base.path).unwrap_or(path).trim_start_matches('/');
        if !matches.last().is_some_and(|found| is_below(path, found)) && glob.matches(relative) {
            matches.push(path.to_owned());
        }
    }
    let follow = |named: String| {
        let path = tree.resolve("", &named, FollowLast::Yes)?.path;
        Ok(FoundSource { named, path })
    };
    matches.into_iter().map(follow).collect::<Result<_, _>>().map_err(OriginError::Tree)
}
