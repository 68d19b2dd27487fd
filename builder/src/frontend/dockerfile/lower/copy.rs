//! COPY, and what ADD has in common with it.

use super::copy_operation::CopyOperation;
use super::copy_request::{CopyRequest, added_file};
use super::evaluation::Evaluation;
use super::origin::CopyOrigin;
use super::result::{EvaluationResult, tree_diagnostic};
use super::sources::{copy_with_parents, find_sources, is_url};
use crate::cluster::contract::placement;
use crate::frontend::dockerfile::expand::Expander;
use crate::frontend::dockerfile::instruction::{
    CopyInstruction, FlagSwitch, Instruction, InstructionKind,
};
use crate::frontend::dockerfile::stages::Dockerfile;
use crate::frontend::dockerfile::syntax::{DockerfileWord, Heredoc, HeredocExpansion};
use crate::frontend::dockerfile::tree::{Tree, TreeError, TreeNode, TreeNodeKind};
use crate::recipe::SourceLocation;
use crate::recipe::diagnostic::Diagnostic;

impl Evaluation<'_, '_> {
    pub(super) fn evaluate_copy(
        &mut self,
        instruction: &Instruction,
        copy: &CopyInstruction,
    ) -> EvaluationResult<()> {
        let request = self.copy_request(copy)?;
        // With --link the copy does not depend on the stage's files: it is overlaid on them. With
        // --chmod BuildKit takes no notice of --link (`dockerfile2llb/convert_copy.go`).
        let link = if copy.chmod.is_some() { FlagSwitch::Off } else { copy.link };
        let mut linked = Tree::new();
        let mut tree = match link {
            FlagSwitch::Off => std::mem::take(&mut self.stage.tree),
            FlagSwitch::On => std::mem::take(&mut linked),
        };
        let done = self.copy_sources(instruction, &request, &mut tree);
        match link {
            FlagSwitch::Off => self.stage.tree = tree,
            FlagSwitch::On => {
                let laid = overlay_tree(&mut self.stage.tree, &tree);
                laid.map_err(|error| tree_diagnostic(&error, &copy.destination.span))?;
            }
        }
        done?;
        self.check_disk(instruction, copy)
    }

    fn copy_sources(
        &self,
        instruction: &Instruction,
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> EvaluationResult<()> {
        let files = self.copy_written_sources(instruction, request, tree)?;
        // Whatever their order in the text, here-documents come last.
        for document in &request.copy.heredocs {
            self.copy_heredoc(document, request, tree)?;
        }
        self.warn_of_replaced_files(files + request.copy.heredocs.len(), request, tree)
    }

    /// Warns of several files that were copied to one path, of which BuildKit keeps the last.
    fn warn_of_replaced_files(
        &self,
        files: usize,
        request: &CopyRequest<'_>,
        tree: &Tree,
    ) -> EvaluationResult<()> {
        let at = &request.copy.destination.span;
        let path = request.destination.resolve(tree, &request.workdir);
        let path = path.map_err(|error| tree_diagnostic(&error, at))?;
        if files < 2 || request.destination.is_directory(tree, &path) {
            return Ok(());
        }
        let message =
            format!("`/{path}` is the last of {files} files that are copied to this path");
        let help = "end the destination with a slash to keep all of them";
        self.loader.warn(Diagnostic::new(message).at(at.clone()).help(help));
        Ok(())
    }

    /// Copies all sources but here-documents. Returns the number of files among them.
    fn copy_written_sources(
        &self,
        instruction: &Instruction,
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> EvaluationResult<usize> {
        let is_add = matches!(instruction.kind, InstructionKind::Add(_));
        let (mut local, mut downloads) = (Vec::new(), 0);
        for word in &request.copy.sources {
            let source = self.expand_path(word)?;
            if !is_url(&source) {
                local.push((source, word));
            } else if is_add {
                self.add_url(&source, word, request, tree)?;
                downloads += 1;
            } else {
                let problem = Diagnostic::new("source can't be a URL for COPY");
                return Err(problem.at(word.span.clone()).help("ADD takes URLs").into());
            }
        }
        if local.is_empty() {
            return Ok(downloads);
        }
        if let Some(checksum) = &request.copy.checksum {
            let problem =
                Diagnostic::new("--checksum is for downloads, and this is a local source");
            return Err(Box::new(problem.at(checksum.span.clone()).help("remove it")));
        }
        Ok(downloads + self.copy_local(is_add, &local, request, tree)?)
    }

    /// Copies files of a context, a stage or an image; ADD unpacks archives. Returns the number of
    /// files and links that are named by themselves.
    fn copy_local(
        &self,
        is_add: bool,
        local: &[(String, &DockerfileWord)],
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> EvaluationResult<usize> {
        let origin = self.find_origin(request.copy)?;
        let first = (self.stage.steps.len() as u64) << 16;
        let (mut numbers, mut files) = (first.., 0);
        for (source, word) in local {
            let mut operation = |origin| CopyOperation {
                origin,
                destination: &request.destination,
                workdir: &request.workdir,
                attributes: &request.attributes,
                exclude: &request.exclude,
                number: numbers.next().unwrap_or_default(),
                at: &word.span,
            };
            if request.copy.parents == FlagSwitch::On {
                copy_with_parents(&operation(&origin), source, tree)?;
                continue;
            }
            for found in find_sources(&origin, source, word)? {
                if is_add && self.unpack_archive(&origin, &found, word, request, tree)? {
                    continue;
                }
                let copied = operation(&origin).copy(&found, tree);
                self.warn_of_sockets(&origin, &found.path, word);
                files += copied.map_err(|error| tree_diagnostic(&error, &word.span))?;
            }
        }
        Ok(files)
    }

    /// Warns of sockets, which are not copied: a program that is not there listens on them.
    fn warn_of_sockets(&self, origin: &CopyOrigin<'_>, path: &str, word: &DockerfileWord) {
        for socket in origin.sockets(path) {
            let problem = Diagnostic::new(format!("`{socket}` is a socket, which is not copied"));
            let help = "ignore it with a line in `.dockerignore`";
            self.loader.warn(problem.at(word.span.clone()).help(help));
        }
    }

    /// Returns the origin of the sources.
    fn find_origin(&self, copy: &CopyInstruction) -> EvaluationResult<CopyOrigin<'_>> {
        let contexts = self.loader.request.contexts;
        let Some(word) = &copy.from else { return self.context_origin("") };
        refuse_variables(word)?;
        let dockerfile = self.loader.request.dockerfile;
        let number = dockerfile.find_stage(&word.text, self.number);
        if let Some((stage, _)) = number.and_then(|number| self.stages.get(&number)) {
            return Ok(CopyOrigin::Stage(&stage.tree));
        }
        if contexts.context(&word.text).is_some() {
            return self.context_origin(&word.text);
        }
        refuse_later_stage(dockerfile, word)?;
        if self.loader.is_scratch(&word.text) {
            return Ok(CopyOrigin::Stage(&self.loader.scratch));
        }
        let platform = self.loader.target_platform();
        Ok(CopyOrigin::Image(self.loader.load_image(&word.text, &word.span, platform)?))
    }

    pub(super) fn context_origin(&self, name: &str) -> EvaluationResult<CopyOrigin<'_>> {
        let context = self.loader.request.contexts.context(name);
        let context =
            context.ok_or_else(|| Box::new(Diagnostic::new("there is no build context")))?;
        let listing = context.listing().map_err(|error| Box::new(error.diagnostic()))?;
        Ok(CopyOrigin::Context { name: name.into(), listing })
    }

    /// Adds a here-document to the stage as a file.
    fn copy_heredoc(
        &self,
        document: &Heredoc,
        request: &CopyRequest<'_>,
        tree: &mut Tree,
    ) -> EvaluationResult<()> {
        let at = &request.copy.destination.span;
        let content = match document.expansion {
            HeredocExpansion::No => document.content.clone(),
            HeredocExpansion::Yes => {
                let lookup = |name: &str| self.variables.get(name);
                let expander = Expander::new('\\', &lookup);
                expander.expand_body(&document.content).map_err(|error| {
                    Box::new(Diagnostic::new(error.to_string()).at(at.clone()).help(error.help()))
                })?
            }
        };
        let size = Some(content.len() as u64);
        let node = added_file(SourceLocation::Inline(content.into_bytes().into()), size, 0o644, at);
        let target = request.destination.file_path(tree, &request.workdir, &document.name);
        let put = target.and_then(|target| request.attributes.put_node(tree, &target, &node));
        Ok(put.map_err(|error| tree_diagnostic(&error, at))?)
    }

    /// Refuses a file `/disk`, which KubeVirt cannot boot from: `ADD disk.qcow2 /disk` creates one
    /// where there is no directory.
    fn check_disk(
        &self,
        instruction: &Instruction,
        copy: &CopyInstruction,
    ) -> EvaluationResult<()> {
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

/// Refuses variables in `--from`, which are not replaced.
pub(super) fn refuse_variables(word: &DockerfileWord) -> EvaluationResult<()> {
    if !word.text.contains('$') {
        return Ok(());
    }
    let problem = Diagnostic::new("variable expansion is not supported for --from");
    let help = "begin a stage with `FROM $IMAGE AS name`, ARG in front of it, and copy from that";
    Err(Box::new(problem.at(word.span.clone()).help(help)))
}

/// Refuses the name of a stage that does not come before this one: it never means an image.
pub(super) fn refuse_later_stage(
    dockerfile: &Dockerfile,
    word: &DockerfileWord,
) -> EvaluationResult<()> {
    if dockerfile.find_stage(&word.text, dockerfile.stages.len()).is_none() {
        return Ok(());
    }
    let message = format!(
        "cannot copy from stage `{}`, it needs to be defined before the current stage",
        word.text
    );
    let problem = Diagnostic::new(message).at(word.span.clone());
    Err(Box::new(problem.help("move that stage up; an image of this name is not looked up")))
}

/// Overlays a tree on another, as a layer that does not depend on those below: what is in its way
/// is replaced.
fn overlay_tree(tree: &mut Tree, upper: &Tree) -> Result<(), TreeError> {
    for (path, node) in upper.below("") {
        let is_directory = |node: &TreeNode| node.kind == TreeNodeKind::Directory;
        if tree.get(path).is_some_and(|old| is_directory(old) != is_directory(node)) {
            tree.remove(path);
        }
        tree.put(path, node.clone())?;
    }
    Ok(())
}
