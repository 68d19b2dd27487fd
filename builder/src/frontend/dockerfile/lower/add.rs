//! What only ADD does: downloads, and archives that are unpacked.

use std::sync::Arc;

use super::copy_request::{CopyRequest, added_file};
use super::evaluation::Evaluation;
use super::origin::{Match, Origin};
use super::outcome::{Outcome, wrong_tree};
use crate::frontend::dockerfile::instruction::Switch;
use crate::frontend::dockerfile::syntax::Word;
use crate::frontend::dockerfile::tree::{
    FileNode, Follow, Inode, SpecialKind, Tree, TreeError, TreeNode, TreeNodeKind,
};
use crate::oci::tar::{self, TarDetection, TarEntry, TarEntryKind, TarLimits};
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{Checksum, SourceLocation, TarMember, TarOrigin};

impl Evaluation<'_, '_> {
    /// Puts what a URL holds into the stage, as it is; the content is fetched when the layer is made.
    pub(super) fn url(
        &self,
        url: &str,
        word: &Word,
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> Outcome<()> {
        if let Some((Switch::On, span)) = &request.copy.unpack {
            let problem =
                Diagnostic::new("--unpack is for local archives; downloads are not unpacked");
            return Err(Box::new(problem.at(span.clone()).help("download it before the build")));
        }
        let location = SourceLocation::Url(url.to_owned());
        let name = location.file_name().to_owned();
        let mut node = added_file(location, None, 0o600, &word.span);
        if let (Some(word), TreeNodeKind::File(file)) = (&request.copy.checksum, &mut node.kind) {
            file.source.checksum = Some(self.checksum(word)?);
        }
        let at = &request.copy.destination.span;
        let wrong = |error: TreeError| wrong_tree(&error, at);
        let path = request.destination.resolve(tree, &request.workdir).map_err(wrong)?;
        if name.is_empty() && request.destination.is_directory(tree, &path) {
            let problem = Diagnostic::new(format!("cannot determine a file name from `{url}`"));
            let help = "write the whole path at the end, with the name that the file shall have";
            return Err(Box::new(problem.at(word.span.clone()).help(help)));
        }
        let place = request.destination.of_file(tree, &request.workdir, &name).map_err(wrong)?;
        Ok(request.care.put(tree, &place, &node).map_err(wrong)?)
    }

    fn checksum(&self, word: &Word) -> Outcome<Checksum> {
        let text = self.expand(word)?;
        let is_hex = |digits: &str, len: usize| {
            digits.len() == len && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        match text.split_once(':') {
            Some(("sha256", digits)) if is_hex(digits, 64) => {
                Ok(Checksum::Sha256(digits.to_ascii_lowercase()))
            }
            Some(("sha512", digits)) if is_hex(digits, 128) => {
                Ok(Checksum::Sha512(digits.to_ascii_lowercase()))
            }
            _ => {
                let problem = Diagnostic::new(format!("`{text}` is not a checksum"));
                let help = "write `sha256:` and 64 hexadecimal digits, or `sha512:` and 128";
                Err(Box::new(problem.at(word.span.clone()).help(help)))
            }
        }
    }

    /// Unpacks a source into the destination if it is an archive; tells whether it was.
    pub(super) fn unpack(
        &self,
        origin: &Origin<'_>,
        found: &Match,
        word: &Word,
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> Outcome<bool> {
        if matches!(request.copy.unpack, Some((Switch::Off, _))) {
            return Ok(false);
        }
        let node = origin.node(&found.path, &word.span);
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
        let wrong = |error: String| {
            let message = format!("cannot unpack `{}`: {error}", name.path.display());
            let problem = Diagnostic::new(message).at(word.span.clone());
            Box::new(problem.help("`--unpack=false` copies it as it is"))
        };
        let members = tar::read_entries(open()?, TarLimits::default());
        let members = members.map_err(|error| wrong(error.to_string()))?;
        let archive = Arc::new(TarOrigin::File(Box::new(source.clone())));
        let target = request.destination.resolve(tree, &request.workdir).and_then(|target| {
            request.care.make_directory(tree, &target)?;
            Ok(target)
        });
        let target = target.map_err(|error| wrong_tree(&error, &request.copy.destination.span))?;
        let unpacking = Unpacking { archive: &archive, target: &target, request, at: &word.span };
        for member in members {
            let member = member.map_err(|error| wrong(error.to_string()))?;
            unpacking.put(&member, tree).map_err(|error| wrong(error.to_string()))?;
        }
        Ok(true)
    }
}

/// An archive on its way into a stage.
struct Unpacking<'a> {
    archive: &'a Arc<TarOrigin>,
    target: &'a str,
    request: &'a CopyRequest<'a>,
    at: &'a Span,
}

impl Unpacking<'_> {
    fn put(&self, member: &TarEntry, tree: &mut Tree) -> Result<(), TreeError> {
        if member.path.is_empty() || self.request.exclude.is_ignored(&member.path) {
            return Ok(());
        }
        let place = self.place(&member.path, tree, last(&member.kind))?;
        let node = match &member.kind {
            TarEntryKind::Hardlink(target) => {
                let first = self.place(target, tree, Follow::No)?;
                // Mode and owner of a link are set last, and so are those of the file.
                if self.request.care.owner.is_none() {
                    tree.set_owner(&first, member.owner())?;
                }
                if self.request.care.mode.is_none() {
                    tree.set_mode(&first, member.mode)?;
                }
                let node = tree.get(&first).cloned();
                node.ok_or(TreeError::Missing(first))?
            }
            kind => {
                TreeNode { kind: self.kind(kind, member), mode: member.mode, owner: member.owner() }
            }
        };
        // What was unpacked before, or is there, makes room as with tar.
        let is_directory = node.kind == TreeNodeKind::Directory;
        let old = tree.get(&place).map(|old| old.kind == TreeNodeKind::Directory);
        if old.is_some_and(|old| old != is_directory) {
            tree.remove(&place);
        }
        self.request.care.put(tree, &place, &node)
    }

    /// Returns where a path of the archive leads: links that were there, or were unpacked, are
    /// followed within the stage.
    fn place(&self, path: &str, tree: &Tree, follow: Follow) -> Result<String, TreeError> {
        Ok(tree.resolve("", &format!("{}/{path}", self.target), follow)?.path)
    }

    fn kind(&self, kind: &TarEntryKind, member: &TarEntry) -> TreeNodeKind {
        match kind {
            TarEntryKind::Directory => TreeNodeKind::Directory,
            TarEntryKind::Symlink(target) => TreeNodeKind::Symlink(target.clone()),
            TarEntryKind::File | TarEntryKind::Hardlink(_) => {
                let (offset, size) = (member.offset, member.size);
                let archive = Arc::clone(self.archive);
                let location = SourceLocation::Member(TarMember { archive, offset, size });
                let node = added_file(location, Some(size), 0, self.at);
                let TreeNodeKind::File(file) = node.kind else { return node.kind };
                // The same for all names of the file, and for none of another archive.
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

fn last(kind: &TarEntryKind) -> Follow {
    match kind {
        TarEntryKind::Directory => Follow::Yes,
        _ => Follow::No,
    }
}
