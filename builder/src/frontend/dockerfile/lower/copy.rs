//! COPY, and what ADD has in common with it.

use super::copy_request::{CopyRequest, added_file};
use super::copying::Copying;
use super::evaluation::Evaluation;
use super::origin::Origin;
use super::outcome::{Outcome, wrong_tree};
use super::sources::{check_many, find, is_url, parents};
use crate::cluster::contract::placement;
use crate::frontend::dockerfile::expand::Expander;
use crate::frontend::dockerfile::instruction::{Copy, Instruction, InstructionKind, Switch};
use crate::frontend::dockerfile::syntax::{Expansion, Heredoc, Word};
use crate::frontend::dockerfile::tree::{Tree, TreeError, TreeNode, TreeNodeKind};
use crate::recipe::SourceLocation;
use crate::recipe::diagnostic::Diagnostic;

impl Evaluation<'_, '_> {
    pub(super) fn copy(&mut self, instruction: &Instruction, copy: &Copy) -> Outcome<()> {
        let request = self.copy_request(copy)?;
        // With --link nothing of the stage is looked at: what is copied is laid over it.
        let mut linked = Tree::new();
        let mut tree = match copy.link {
            Switch::Off => std::mem::take(&mut self.stage.tree),
            Switch::On => std::mem::take(&mut linked),
        };
        let done = self.copy_all(instruction, &request, &mut tree);
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
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> Outcome<()> {
        let is_add = matches!(instruction.kind, InstructionKind::Add(_));
        for document in &request.copy.heredocs {
            self.document(document, request, tree)?;
        }
        let mut local = Vec::new();
        for word in &request.copy.sources {
            let source = self.expand(word)?;
            if !is_url(&source) {
                local.push((source, word));
            } else if is_add {
                self.url(&source, word, request, tree)?;
            } else {
                let problem = Diagnostic::new("source can't be a URL for COPY");
                return Err(problem.at(word.span.clone()).help("ADD takes URLs").into());
            }
        }
        if local.is_empty() {
            return Ok(());
        }
        if let Some(checksum) = &request.copy.checksum {
            let problem =
                Diagnostic::new("--checksum is for downloads, and this is a local source");
            return Err(Box::new(problem.at(checksum.span.clone()).help("remove it")));
        }
        self.copy_local(is_add, &local, request, tree)
    }

    /// Copies files of a context, a stage or an image; ADD unpacks archives.
    fn copy_local(
        &self,
        is_add: bool,
        local: &[(String, &Word)],
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> Outcome<()> {
        let origin = self.origin(request.copy)?;
        let mut all = Vec::new();
        for (source, word) in local {
            let found = find(&origin, source, word, request.copy)?;
            all.extend(found.into_iter().map(|found| (found, source.as_str(), *word)));
        }
        check_many(&all, request, tree)?;
        let first = (self.stage.steps.len() as u64) << 16;
        for (number, (found, source, word)) in (first..).zip(all) {
            if is_add && self.unpack(&origin, &found, word, request, tree)? {
                continue;
            }
            let copying = Copying {
                origin: &origin,
                destination: &request.destination,
                workdir: &request.workdir,
                care: &request.care,
                exclude: &request.exclude,
                parents: parents(request.copy, source),
                number,
                at: &word.span,
            };
            copying.copy(&found, tree).map_err(|error| wrong_tree(&error, &word.span))?;
        }
        Ok(())
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
    fn document(
        &self,
        document: &Heredoc,
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> Outcome<()> {
        let at = &request.copy.destination.span;
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
        let node = added_file(SourceLocation::Inline(content.into_bytes().into()), size, 0o644, at);
        let place = request.destination.of_file(tree, &request.workdir, &document.name);
        let put = place.and_then(|place| request.care.put(tree, &place, &node));
        Ok(put.map_err(|error| wrong_tree(&error, at))?)
    }

    /// `ADD disk.qcow2 /disk` makes a file of that name where there is no directory, which nobody
    /// can boot from.
    fn check_disk(&self, instruction: &Instruction, copy: &Copy) -> Outcome<()> {
        let found = self.stage.tree.get(placement::DISK_DIRECTORY);
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

/// Words of `--from` are taken as they are.
fn refuse_variables(word: &Word) -> Outcome<()> {
    if !word.text.contains('$') {
        return Ok(());
    }
    let problem = Diagnostic::new("variable expansion is not supported for --from");
    let help = "begin a stage with `FROM $IMAGE AS name`, ARG in front of it, and copy from that";
    Err(Box::new(problem.at(word.span.clone()).help(help)))
}

/// Lays a tree over another, as a layer that knows nothing of those below: what is in its way is
/// gone.
fn lay_over(tree: &mut Tree, upper: &Tree) -> Result<(), TreeError> {
    for (path, node) in upper.below("") {
        let is_directory = |node: &TreeNode| node.kind == TreeNodeKind::Directory;
        if tree.get(path).is_some_and(|old| is_directory(old) != is_directory(node)) {
            tree.remove(path);
        }
        tree.put(path, node.clone())?;
    }
    Ok(())
}
