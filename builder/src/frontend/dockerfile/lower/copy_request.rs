//! The *request* of one COPY or ADD, after its variables were replaced.

use super::attributes::CopyAttributes;
use super::destination::Destination;
use super::evaluation::Evaluation;
use super::result::EvaluationResult;
use crate::frontend::dockerfile::instruction::CopyInstruction;
use crate::frontend::dockerfile::pattern::IgnoreFile;
use crate::frontend::dockerfile::tree::{FileNode, ModeChange, TreeNode, TreeNodeKind};
use crate::oci::tar::Owner;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole};

/// A COPY or ADD whose variables were replaced.
pub(super) struct CopyRequest<'c> {
    pub(super) copy: &'c CopyInstruction,
    pub(super) attributes: CopyAttributes,
    pub(super) exclude: IgnoreFile,
    pub(super) destination: Destination,
    /// Directory that a relative destination is relative to.
    pub(super) workdir: String,
}

impl Evaluation<'_, '_> {
    /// Returns the request of a COPY or ADD.
    pub(super) fn copy_request<'c>(
        &self,
        copy: &'c CopyInstruction,
    ) -> EvaluationResult<CopyRequest<'c>> {
        let destination = self.expand_path(&copy.destination)?;
        self.note_relative(&destination);
        let exclude = IgnoreFile::new(copy.exclude.iter().map(|word| word.text.as_str()));
        let exclude = exclude.map_err(|bad| {
            let at = copy.exclude.first().map(|word| word.span.clone());
            let problem = Diagnostic::new(format!("`{}` is not a pattern", bad.pattern));
            Box::new(problem.at(at).help(bad.reason.help()))
        })?;
        Ok(CopyRequest {
            copy,
            attributes: CopyAttributes {
                owner: self.parse_owner(copy)?,
                mode: self.parse_mode(copy)?,
            },
            exclude,
            destination: Destination::new(&destination),
            workdir: self.stage.workdir().to_owned(),
        })
    }

    /// Notes that a relative path depends on the working directory of the base.
    pub(super) fn note_relative(&self, path: &str) {
        if !path.starts_with('/') && !self.stage.has_workdir() {
            self.stage.tree.use_base();
        }
    }

    fn parse_owner(&self, copy: &CopyInstruction) -> EvaluationResult<Option<Owner>> {
        let Some(word) = &copy.chown else { return Ok(None) };
        let text = self.expand_word(word)?;
        let owner = self.accounts().parse_owner(&text).map_err(|error| {
            Box::new(Diagnostic::new(error.to_string()).at(word.span.clone()).help(error.help()))
        })?;
        Ok(Some(owner))
    }

    pub(super) fn parse_mode(
        &self,
        copy: &CopyInstruction,
    ) -> EvaluationResult<Option<ModeChange>> {
        let Some(word) = &copy.chmod else { return Ok(None) };
        let text = self.expand_word(word)?;
        let change = ModeChange::parse(&text).map_err(|error| {
            let problem = Diagnostic::new(error.to_string()).at(word.span.clone());
            Box::new(problem.help("write it like `0444` or `u=rwX,go=rX`"))
        })?;
        Ok(Some(change))
    }
}

/// Returns a new file for a stage, owned by root.
pub(super) fn added_file(
    location: SourceLocation,
    size: Option<u64>,
    mode: u32,
    at: &Span,
) -> TreeNode {
    let source =
        SourceRecipe { origin: Some(at.clone()), ..SourceRecipe::new(location, SourceRole::File) };
    let kind = TreeNodeKind::File(FileNode { source, size, inode: None });
    TreeNode::new(kind, mode, Owner { uid: 0, gid: 0 })
}
