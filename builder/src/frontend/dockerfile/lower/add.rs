//! What only ADD does: it downloads files, and unpacks archives.

use std::sync::Arc;

use super::attributes::CopyAttributes;
use super::copy_request::{CopyRequest, added_file};
use super::evaluation::Evaluation;
use super::origin::{CopyOrigin, FoundSource};
use super::result::{EvaluationResult, tree_diagnostic};
use crate::engine::assemble::BuildError;
use crate::frontend::dockerfile::instruction::FlagSwitch;
use crate::frontend::dockerfile::syntax::DockerfileWord;
use crate::frontend::dockerfile::tree::{
    FileNode, FollowLast, Inode, Tree, TreeError, TreeNode, TreeNodeKind,
};
use crate::oci::tar::{self, Owner, TarDetection, TarEntry, TarEntryKind, TarLimits, TarReadError};
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{Checksum, SourceLocation, SourceRecipe, SpecialKind, TarMember, TarOrigin};

const ROOT: Owner = Owner { uid: 0, gid: 0 };

impl Evaluation<'_, '_> {
    /// Adds the file at a URL to the stage; its content is downloaded when the layer is made.
    pub(super) fn add_url(
        &self,
        url: &str,
        word: &DockerfileWord,
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> EvaluationResult<()> {
        let location = SourceLocation::Url(url.to_owned());
        let name = location.file_name().to_owned();
        let mut node = added_file(location, None, 0o600, &word.span);
        if let (Some(word), TreeNodeKind::File(file)) = (&request.copy.checksum, &mut node.kind) {
            file.source.checksum = Some(self.parse_checksum(word)?);
        }
        if let (Some((FlagSwitch::On, _)), TreeNodeKind::File(file)) =
            (&request.copy.unpack, &node.kind)
            && self.unpack_download(&file.source, word, request, tree)?
        {
            return Ok(());
        }
        let at = &request.copy.destination.span;
        let wrong = |error: TreeError| tree_diagnostic(&error, at);
        let path = request.destination.resolve(tree, &request.workdir).map_err(wrong)?;
        if name.is_empty() && request.destination.is_directory(tree, &path) {
            let problem = Diagnostic::new(format!("cannot determine a file name from `{url}`"));
            let help = "write the whole destination path, with the name of the file";
            return Err(Box::new(problem.at(word.span.clone()).help(help)));
        }
        let target = request.destination.file_path(tree, &request.workdir, &name).map_err(wrong)?;
        Ok(request.attributes.put_node(tree, &target, &node).map_err(wrong)?)
    }

    pub(super) fn parse_checksum(&self, word: &DockerfileWord) -> EvaluationResult<Checksum> {
        let text = self.expand_word(word)?;
        Checksum::parse(&text).ok_or_else(|| {
            let problem = Diagnostic::new(format!("`{text}` is not a checksum"));
            let help = "write `sha256:` and 64 hexadecimal digits, or `sha512:` and 128";
            Box::new(problem.at(word.span.clone()).help(help))
        })
    }

    /// Unpacks a source into the destination if it is an archive; returns whether it was.
    pub(super) fn unpack_archive(
        &self,
        origin: &CopyOrigin<'_>,
        found: &FoundSource,
        word: &DockerfileWord,
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> EvaluationResult<bool> {
        if matches!(request.copy.unpack, Some((FlagSwitch::Off, _))) {
            return Ok(false);
        }
        let node = origin.node_at(&found.path, &word.span);
        let Some(TreeNode { kind: TreeNodeKind::File(FileNode { source, .. }), .. }) = node else {
            return Ok(false);
        };
        let SourceLocation::File(name) = &source.location else { return Ok(false) };
        let Some(context) = self.loader.request.contexts.context(&name.directory) else {
            return Ok(false);
        };
        let open = || {
            context.open(&name.path).map_err(|error| {
                let message = format!("cannot read `{}`: {error}", name.path.display());
                Box::new(Diagnostic::new(message).at(word.span.clone()))
            })
        };
        if tar::detect_tar(open()?) == TarDetection::Other {
            return Ok(false);
        }
        let members = tar::read_entries(open()?, TarLimits::default());
        let members =
            members.map_err(|error| Box::new(unpack_diagnostic(&source, &error, word)))?;
        request.unpack_members(&source, members, word, tree)?;
        Ok(true)
    }

    /// Unpacks the file at a URL into the destination if it is an archive; returns whether it was.
    /// It is downloaded now to list its members, and again for their contents.
    fn unpack_download(
        &self,
        source: &SourceRecipe,
        word: &DockerfileWord,
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> EvaluationResult<bool> {
        let listing = self.loader.request.downloads.list(source);
        let listing = listing
            .map_err(|error| Box::new(BuildError::from_source(error, source).diagnostic()))?;
        let Some(members) = listing else { return Ok(false) };
        let members = members.iter().cloned().map(Ok::<_, TarReadError>);
        request.unpack_members(source, members, word, tree)?;
        Ok(true)
    }
}

fn unpack_diagnostic(
    source: &SourceRecipe,
    error: &dyn std::fmt::Display,
    word: &DockerfileWord,
) -> Diagnostic {
    let message = format!("cannot unpack `{}`: {error}", source.location);
    let problem = Diagnostic::new(message).at(word.span.clone());
    problem.help("`--unpack=false` copies it as it is")
}

impl CopyRequest<'_> {
    /// Unpacks the members of an archive into the destination.
    fn unpack_members<E: std::fmt::Display>(
        &self,
        source: &SourceRecipe,
        members: impl IntoIterator<Item = Result<TarEntry, E>>,
        word: &DockerfileWord,
        tree: &mut Tree,
    ) -> EvaluationResult<()> {
        let archive = Arc::new(TarOrigin::File(Box::new(source.clone())));
        // `--chmod` is for what is copied, and not for archives and their destination.
        let attributes = CopyAttributes { mode: None, ..self.attributes.clone() };
        let target = self.make_target_directory(&attributes, tree)?;
        let unpacking = Unpacking {
            archive: &archive,
            target: &target,
            attributes: &attributes,
            at: &word.span,
        };
        let unpacked = unpacking.put_members(members, tree);
        unpacked.map_err(|error| Box::new(unpack_diagnostic(source, &error, word)))
    }

    /// Returns the resolved path of the destination; creates a directory there if it is missing.
    fn make_target_directory(
        &self,
        attributes: &CopyAttributes,
        tree: &mut Tree,
    ) -> EvaluationResult<String> {
        let wrong = |error: TreeError| tree_diagnostic(&error, &self.copy.destination.span);
        let target = self.destination.resolve(tree, &self.workdir).map_err(wrong)?;
        attributes.make_directory(tree, &target).map_err(wrong)?;
        Ok(target)
    }
}

/// An archive that is unpacked into a stage.
struct Unpacking<'a> {
    archive: &'a Arc<TarOrigin>,
    target: &'a str,
    attributes: &'a CopyAttributes,
    at: &'a Span,
}

impl Unpacking<'_> {
    /// Puts all members of the archive into the stage; the error is a message.
    fn put_members<E: std::fmt::Display>(
        &self,
        members: impl IntoIterator<Item = Result<TarEntry, E>>,
        tree: &mut Tree,
    ) -> Result<(), String> {
        for member in members {
            let member = member.map_err(|error| error.to_string())?;
            self.put_member(&member, tree).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Puts one member into the stage, as `Unpack` of moby/go-archive does.
    fn put_member(&self, member: &TarEntry, tree: &mut Tree) -> Result<(), TreeError> {
        // The destination keeps its metadata, and a member without a name is passed over.
        if member.path.is_empty() {
            return Ok(());
        }
        let path = self.resolve_path(&member.path, tree)?;
        let node = match &member.kind {
            TarEntryKind::Hardlink(target) => self.link_member(member, target, tree)?,
            kind => TreeNode {
                xattrs: member.xattrs.clone(),
                ..TreeNode::new(self.node_kind(kind, member), member.mode, member.owner())
            },
        };
        // What exists at the path is replaced; only directories are merged.
        let is_directory = |node: &TreeNode| node.kind == TreeNodeKind::Directory;
        if tree.get(&path).is_some_and(|old| !is_directory(old) || !is_directory(&node)) {
            tree.remove(&path);
        }
        // Directories that the archive implies belong to root, whatever `--chown` says.
        tree.make_parents(&path, 0o755, ROOT)?;
        self.attributes.put_node(tree, &path, &node)
    }

    /// Returns the node that a hard link shares. Unpacking sets owner, mode and extended attributes
    /// of the link last, and so those of the file.
    fn link_member(
        &self,
        member: &TarEntry,
        target: &str,
        tree: &mut Tree,
    ) -> Result<TreeNode, TreeError> {
        let first = self.resolve_path(target, tree)?;
        tree.set_owner(&first, self.attributes.owner.unwrap_or(member.owner()))?;
        tree.set_mode(&first, member.mode)?;
        tree.add_xattrs(&first, &member.xattrs)?;
        let node = tree.get(&first).cloned();
        node.ok_or(TreeError::Missing(first))
    }

    /// Returns the path in the stage for a path in the archive. Links in its parent directories are
    /// followed as in a process whose root directory is the destination.
    fn resolve_path(&self, path: &str, tree: &Tree) -> Result<String, TreeError> {
        Ok(tree.resolve_below(self.target, path, FollowLast::No)?.path)
    }

    fn node_kind(&self, kind: &TarEntryKind, member: &TarEntry) -> TreeNodeKind {
        match kind {
            TarEntryKind::Directory => TreeNodeKind::Directory,
            TarEntryKind::Symlink(target) => TreeNodeKind::Symlink(target.clone()),
            TarEntryKind::File | TarEntryKind::Hardlink(_) => {
                let (offset, size) = (member.offset, member.size);
                let archive = Arc::clone(self.archive);
                let location = SourceLocation::Member(TarMember { archive, offset, size });
                let node = added_file(location, Some(size), 0, self.at);
                let TreeNodeKind::File(file) = node.kind else { return node.kind };
                // The same for all names of the file, and different from those of other archives.
                let archive = Arc::as_ptr(self.archive).addr() as u64;
                TreeNodeKind::File(FileNode { inode: Some(Inode(archive, offset)), ..file })
            }
            TarEntryKind::Character { major, minor } => {
                TreeNodeKind::Special(SpecialKind::Character { major: *major, minor: *minor })
            }
            TarEntryKind::Block { major, minor } => {
                TreeNodeKind::Special(SpecialKind::Block { major: *major, minor: *minor })
            }
            TarEntryKind::Fifo => TreeNodeKind::Special(SpecialKind::Fifo),
        }
    }
}
