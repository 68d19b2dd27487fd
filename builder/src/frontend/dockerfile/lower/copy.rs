//! COPY, and what ADD has in common with it.

use super::add::is_url;
use super::care::Care;
use super::copying::Copying;
use super::destination::Destination;
use super::from::refuse_variables;
use super::instructions::{Evaluation, Outcome, wrong_tree};
use super::origin::Origin;
use super::sources::{check_many, find, parents};
use crate::cluster::contract::placement;
use crate::frontend::dockerfile::expand::Expander;
use crate::frontend::dockerfile::instruction::{Copy, Instruction, InstructionKind, Switch};
use crate::frontend::dockerfile::pattern::IgnoreFile;
use crate::frontend::dockerfile::syntax::{Expansion, Heredoc};
use crate::frontend::dockerfile::tree::{FileNode, ModeChange, Tree, TreeNode, TreeNodeKind};
use crate::oci::tar::Owner;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole};

/// What one COPY or ADD works with, after its variables were replaced.
pub(super) struct Order<'c> {
    pub(super) copy: &'c Copy,
    pub(super) care: Care,
    pub(super) exclude: IgnoreFile,
    pub(super) destination: Destination,
    /// Where a relative destination begins.
    pub(super) workdir: String,
}

impl Evaluation<'_, '_> {
    pub(super) fn copy(&mut self, instruction: &Instruction, copy: &Copy) -> Outcome<()> {
        let order = self.order(copy)?;
        // With --link nothing of the stage is looked at: what is copied is laid over it.
        let mut linked = Tree::new();
        let mut tree = match copy.link {
            Switch::Off => std::mem::take(&mut self.stage.tree),
            Switch::On => std::mem::take(&mut linked),
        };
        let done = self.copy_all(instruction, &order, &mut tree);
        match copy.link {
            Switch::Off => self.stage.tree = tree,
            Switch::On => {
                let laid = lay_over(&mut self.stage.tree, &tree);
                laid.map_err(|error| wrong_tree(&error, &copy.destination.span))?;
            }
        }
        done?;
        self.check_disk(instruction, copy)
    }

    fn copy_all(
        &self,
        instruction: &Instruction,
        order: &Order<'_>,
        tree: &mut Tree,
    ) -> Outcome<()> {
        let is_add = matches!(instruction.kind, InstructionKind::Add(_));
        for document in &order.copy.heredocs {
            self.document(document, order, tree)?;
        }
        if order.copy.sources.is_empty() {
            return Ok(());
        }
        let mut local = Vec::new();
        for word in &order.copy.sources {
            let source = self.expand(word)?;
            if is_add && is_url(&source) {
                self.url(&source, word, order, tree)?;
            } else if is_url(&source) {
                let problem = Diagnostic::new("source can't be a URL for COPY");
                return Err(problem.at(word.span.clone()).help("ADD takes URLs").into());
            } else {
                local.push((source, word));
            }
        }
        if local.is_empty() {
            return Ok(());
        }
        if let Some(checksum) = &order.copy.checksum {
            let problem =
                Diagnostic::new("--checksum is for downloads, and this is a local source");
            return Err(Box::new(problem.at(checksum.span.clone()).help("remove it")));
        }
        let origin = self.origin(order.copy)?;
        let mut all = Vec::new();
        for (source, word) in &local {
            let found = find(&origin, source, word, order.copy)?;
            all.extend(found.into_iter().map(|found| (found, source.as_str(), *word)));
        }
        check_many(&all, order, tree)?;
        let first = (self.stage.steps.len() as u64) << 16;
        for (number, (found, source, word)) in (first..).zip(all) {
            if is_add && self.unpack(&origin, &found, word, order, tree)? {
                continue;
            }
            let copying = Copying {
                origin: &origin,
                destination: &order.destination,
                workdir: &order.workdir,
                care: &order.care,
                exclude: &order.exclude,
                parents: parents(order.copy, source),
                number,
                at: &word.span,
            };
            copying.copy(&found, tree).map_err(|error| wrong_tree(&error, &word.span))?;
        }
        Ok(())
    }

    fn order<'c>(&self, copy: &'c Copy) -> Outcome<Order<'c>> {
        let destination = self.expand(&copy.destination)?;
        let exclude = IgnoreFile::new(copy.exclude.iter().map(|word| word.text.as_str()));
        let exclude = exclude.map_err(|bad| {
            let at = copy.exclude.first().map(|word| word.span.clone());
            let problem = Diagnostic::new(format!("`{}` is not a pattern", bad.pattern));
            Box::new(problem.at(at).help(bad.reason.help()))
        })?;
        Ok(Order {
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

    /// Returns where the sources are.
    fn origin(&self, copy: &Copy) -> Outcome<Origin<'_>> {
        let contexts = self.loader.request.contexts;
        let Some(word) = &copy.from else { return self.context("") };
        refuse_variables(word)?;
        let dockerfile = self.loader.request.dockerfile;
        let number = dockerfile.find(&word.text, self.number);
        if let Some((stage, _)) = number.and_then(|number| self.stages.get(&number)) {
            return Ok(Origin::Stage(&stage.tree));
        }
        if contexts.context(&word.text).is_some() {
            return self.context(&word.text);
        }
        let platform = self.loader.target_platform();
        Ok(Origin::Image(self.loader.image(&word.text, &word.span, platform)?))
    }

    fn context(&self, name: &str) -> Outcome<Origin<'_>> {
        let context = self.loader.request.contexts.context(name);
        let context =
            context.ok_or_else(|| Box::new(Diagnostic::new("there is no build context")))?;
        let listing = context.listing().map_err(|error| Box::new(error.diagnostic()))?;
        Ok(Origin::Context { name: name.into(), listing })
    }

    /// Puts a here-document into the stage.
    fn document(&self, document: &Heredoc, order: &Order<'_>, tree: &mut Tree) -> Outcome<()> {
        let at = &order.copy.destination.span;
        let content = match document.expansion {
            Expansion::No => document.content.clone(),
            Expansion::Yes => {
                let lookup = |name: &str| self.variables.get(name);
                let expander = Expander::new('\\', &lookup);
                expander.body(&document.content).map_err(|error| {
                    Box::new(Diagnostic::new(error.to_string()).at(at.clone()).help(error.help()))
                })?
            }
        };
        let size = Some(content.len() as u64);
        let node = file(SourceLocation::Inline(content.into_bytes().into()), size, 0o644, at);
        let place = order.destination.of_file(tree, &order.workdir, &document.name);
        let put = place.and_then(|place| order.care.put(tree, &place, &node));
        Ok(put.map_err(|error| wrong_tree(&error, at))?)
    }

    /// `ADD disk.qcow2 /disk` makes a file of that name where there is no directory, which nobody
    /// can boot from.
    fn check_disk(&self, instruction: &Instruction, copy: &Copy) -> Outcome<()> {
        let found = self.stage.tree.get(placement::DIRECTORY);
        if !found.is_some_and(|node| matches!(node.kind, TreeNodeKind::File(_))) {
            return Ok(());
        }
        let problem = Diagnostic::new("this makes a file named /disk, which KubeVirt cannot use");
        let keyword = instruction.text.split(' ').next().unwrap_or("ADD");
        Err(Box::new(
            problem
                .at(copy.destination.span.clone())
                .help(format!("write `/disk/`: then {keyword} puts the disk into that directory")),
        ))
    }
}

/// Returns a file as it is added to a stage.
pub(super) fn file(location: SourceLocation, size: Option<u64>, mode: u32, at: &Span) -> TreeNode {
    let source =
        SourceRecipe { origin: Some(at.clone()), ..SourceRecipe::new(location, SourceRole::File) };
    let kind = TreeNodeKind::File(FileNode { source, size, inode: None });
    TreeNode { kind, mode, owner: Owner { uid: 0, gid: 0 } }
}

/// Lays a tree over another, as a layer that knows nothing of those below: what is in its way is
/// gone.
fn lay_over(
    tree: &mut Tree,
    upper: &Tree,
) -> Result<(), crate::frontend::dockerfile::tree::TreeError> {
    for (path, node) in upper.below("") {
        let is_directory = |node: &TreeNode| node.kind == TreeNodeKind::Directory;
        if tree.get(path).is_some_and(|old| is_directory(old) != is_directory(node)) {
            tree.remove(path);
        }
        tree.put(path, node.clone())?;
    }
    Ok(())
}
