//! The *request* that one COPY or ADD makes, after its variables were replaced.

use super::care::Care;
use super::destination::Destination;
use super::evaluation::Evaluation;
use super::outcome::Outcome;
use crate::frontend::dockerfile::instruction::Copy;
use crate::frontend::dockerfile::pattern::IgnoreFile;
use crate::frontend::dockerfile::tree::{FileNode, ModeChange, TreeNode, TreeNodeKind};
use crate::oci::tar::Owner;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole};

/// What one COPY or ADD works with, after its variables were replaced.
pub(super) struct CopyRequest<'c> {
    pub(super) copy: &'c Copy,
    pub(super) care: Care,
    pub(super) exclude: IgnoreFile,
    pub(super) destination: Destination,
    /// Where a relative destination begins.
    pub(super) workdir: String,
}

impl Evaluation<'_, '_> {
    /// Returns what a COPY or ADD asks for.
    pub(super) fn copy_request<'c>(&self, copy: &'c Copy) -> Outcome<CopyRequest<'c>> {
        let destination = self.expand(&copy.destination)?;
        let exclude = IgnoreFile::new(copy.exclude.iter().map(|word| word.text.as_str()));
        let exclude = exclude.map_err(|bad| {
            let at = copy.exclude.first().map(|word| word.span.clone());
            let problem = Diagnostic::new(format!("`{}` is not a pattern", bad.pattern));
            Box::new(problem.at(at).help(bad.reason.help()))
        })?;
        Ok(CopyRequest {
            copy,
            care: Care { owner: self.owner(copy)?, mode: self.mode(copy)? },
            exclude,
            destination: Destination::new(&destination),
            workdir: self.stage.workdir().to_owned(),
        })
    }

    fn owner(&self, copy: &Copy) -> Outcome<Option<Owner>> {
        let Some(word) = &copy.chown else { return Ok(None) };
        let text = self.expand(word)?;
        let owner = self.accounts().owner(&text).map_err(|error| {
            Box::new(Diagnostic::new(error.to_string()).at(word.span.clone()).help(error.help()))
        })?;
        Ok(Some(owner))
    }

    fn mode(&self, copy: &Copy) -> Outcome<Option<ModeChange>> {
        let Some(word) = &copy.chmod else { return Ok(None) };
        let text = self.expand(word)?;
        let change = ModeChange::parse(&text).map_err(|error| {
            let problem = Diagnostic::new(error.to_string()).at(word.span.clone());
            Box::new(problem.help("write it like `0444` or `u=rwX,go=rX`"))
        })?;
        Ok(Some(change))
    }
}

/// Returns a file as it is added to a stage.
pub(super) fn added_file(
    location: SourceLocation,
    size: Option<u64>,
    mode: u32,
    at: &Span,
) -> TreeNode {
    let source =
        SourceRecipe { origin: Some(at.clone()), ..SourceRecipe::new(location, SourceRole::File) };
    let kind = TreeNodeKind::File(FileNode { source, size, inode: None });
    TreeNode { kind, mode, owner: Owner { uid: 0, gid: 0 } }
}
