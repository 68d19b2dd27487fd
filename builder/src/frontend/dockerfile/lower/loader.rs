//! The *loader* loads the images of one platform, each once, and knows which names mean one.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::rc::Rc;

use super::result::EvaluationResult;
use super::variables::expand_word;
use super::{DockerfileRequest, NamedImage, context_name};
use crate::frontend::dockerfile::base::{BaseError, LoadedBase};
use crate::frontend::dockerfile::instruction::FromInstruction;
use crate::frontend::dockerfile::lint::BaseFacts;
use crate::frontend::dockerfile::scope::{GlobalScope, StageScope};
use crate::frontend::dockerfile::tree::{Tree, TreeNodeKind};
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{SourceLocation, SourceRecipe};

/// Maximum size of a file that is read during the evaluation, in bytes.
const SMALL_MAX: u64 = 1 << 20;

/// Loads the images that the stages of one platform need.
pub(super) struct StageLoader<'a> {
    pub(super) request: &'a DockerfileRequest<'a>,
    platform: &'a Platform,
    scope: &'a GlobalScope,
    /// Loaded images by name and platform.
    images: RefCell<BTreeMap<(String, String), Rc<LoadedBase>>>,
    warnings: RefCell<Vec<Diagnostic>>,
    access: Cell<ImageAccess>,
    /// Stages that are evaluated without their base.
    stand_ins: RefCell<BTreeSet<usize>>,
    /// Facts about the loaded bases of stages, for the rules.
    bases: RefCell<BTreeMap<usize, BaseFacts>>,
    /// The files of `scratch`: none.
    pub(super) scratch: Tree,
}

/// Whether images are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ImageAccess {
    Allowed,
    /// The build fails in any case, and loading can take long.
    Refused,
    /// An image was needed, and refused.
    WasRefused,
}

impl<'a> StageLoader<'a> {
    pub(super) fn new(
        request: &'a DockerfileRequest<'a>,
        platform: &'a Platform,
        scope: &'a GlobalScope,
    ) -> Self {
        let (images, warnings) = (RefCell::default(), RefCell::default());
        let access = Cell::new(ImageAccess::Allowed);
        let (stand_ins, bases, scratch) = (RefCell::default(), RefCell::default(), Tree::new());
        Self { request, platform, scope, images, warnings, access, stand_ins, bases, scratch }
    }

    /// Sets which stages are evaluated without their base.
    pub(super) fn set_stand_ins(&self, stages: BTreeSet<usize>) {
        self.stand_ins.replace(stages);
    }

    /// Returns whether a stage is evaluated without its base.
    pub(super) fn has_stand_in(&self, number: usize) -> bool {
        self.stand_ins.borrow().contains(&number)
    }

    /// Loads no image from now on.
    pub(super) fn refuse_images(&self) {
        self.access.set(ImageAccess::Refused);
    }

    /// Returns whether an image was needed that was not loaded.
    pub(super) fn was_refused(&self) -> bool {
        self.access.get() == ImageAccess::WasRefused
    }

    /// Adds a problem that does not fail the build.
    pub(super) fn warn(&self, warning: Diagnostic) {
        self.warnings.borrow_mut().push(warning);
    }

    /// Returns the warnings, and forgets them.
    pub(super) fn take_warnings(&self) -> Vec<Diagnostic> {
        self.warnings.take()
    }

    /// Returns the image that `--build-context` gives a name.
    pub(super) fn named_image(&self, name: &str) -> Option<&'a NamedImage> {
        let name = context_name(name);
        let mut images = self.request.images.iter();
        images.find(|(known, _)| context_name(known) == name).map(|(_, image)| image)
    }

    /// Returns whether a name means no image: `scratch`, or one that `--build-context` makes the same.
    pub(super) fn is_scratch(&self, name: &str) -> bool {
        name == "scratch" || self.named_image(name) == Some(&NamedImage::Scratch)
    }

    /// Returns whether `--build-context` replaces a stage.
    pub(super) fn is_replaced(&self, number: usize) -> bool {
        let name = self.request.dockerfile.stages[number].from.name.as_ref();
        name.is_some_and(|name| {
            self.request.contexts.context(&name.text).is_some()
                || self.named_image(&name.text).is_some()
        })
    }

    /// Returns the base name of each stage, with its variables replaced; an error in one is
    /// reported when the stage starts.
    pub(super) fn base_names(&self) -> Vec<String> {
        let dockerfile = self.request.dockerfile;
        let lookup = |name: &str| self.scope.get(name);
        let base = |stage: &crate::frontend::dockerfile::stages::DockerfileStage| {
            expand_word(dockerfile, &lookup, &stage.from.base).unwrap_or_default()
        };
        dockerfile.stages.iter().map(base).collect()
    }

    /// Returns the platform of a stage.
    pub(super) fn stage_platform(&self, from: &FromInstruction) -> EvaluationResult<Platform> {
        let Some(word) = &from.platform else { return Ok(self.platform.clone()) };
        let lookup = |name: &str| self.scope.get(name);
        let text = expand_word(self.request.dockerfile, &lookup, word)?;
        text.parse().map_err(|error: crate::oci::image::platform::PlatformError| {
            let problem = Diagnostic::new(error.to_string()).at(word.span.clone());
            Box::new(problem.help(error.help()))
        })
    }

    /// Loads an image by a name of `--build-context`, or by its reference.
    pub(super) fn load_image(
        &self,
        name: &str,
        at: &Span,
        platform: &Platform,
    ) -> EvaluationResult<Rc<LoadedBase>> {
        let key = (name.to_owned(), platform.to_string());
        if let Some(loaded) = self.images.borrow().get(&key) {
            return Ok(Rc::clone(loaded));
        }
        if self.access.get() != ImageAccess::Allowed {
            self.access.set(ImageAccess::WasRefused);
            return Err(Box::new(Diagnostic::new("no image is loaded").at(at.clone())));
        }
        let location = match self.named_image(name) {
            Some(NamedImage::Location(location)) => location.clone(),
            Some(NamedImage::Scratch) | None => ImageLocation::Registry(parse_image(name, at)?),
        };
        let loaded = self.request.bases.load(&location, platform);
        let loaded = loaded.map_err(|error| base_diagnostic(&error, at))?;
        let loaded = Rc::new(loaded);
        self.images.borrow_mut().insert(key, Rc::clone(&loaded));
        Ok(loaded)
    }

    /// Keeps what is known of the base of a stage.
    pub(super) fn keep_base_facts(&self, number: usize, facts: BaseFacts) {
        self.bases.borrow_mut().insert(number, facts);
    }

    /// Returns what is known of the bases of stages that were begun.
    pub(super) fn take_bases(&self) -> BTreeMap<usize, BaseFacts> {
        self.bases.take()
    }

    pub(super) fn global_scope(&self) -> &'a GlobalScope {
        self.scope
    }

    /// Returns the scope of a stage that has declared nothing.
    pub(super) fn new_scope(&self) -> StageScope<'a> {
        self.scope.new_stage()
    }

    /// Returns the platform of the images that files are copied from.
    pub(super) fn target_platform(&self) -> &Platform {
        self.platform
    }

    /// Returns the text of a small file of a tree, if it can be read without unpacking a layer.
    pub(super) fn read_small_file(&self, tree: &Tree, path: &str) -> Option<String> {
        let resolved =
            tree.resolve("", path, crate::frontend::dockerfile::tree::FollowLast::Yes).ok()?.path;
        let TreeNodeKind::File(file) = &tree.get(&resolved)?.kind else { return None };
        let bytes = self.read_small_source(&file.source)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the bytes of a small source, if they can be read without unpacking a layer.
    pub(super) fn read_small_source(&self, source: &SourceRecipe) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        match &source.location {
            SourceLocation::Inline(inline) => bytes.extend_from_slice(inline),
            SourceLocation::File(file) => {
                let context = self.request.contexts.context(&file.directory)?;
                let opened = context.open(&file.path).ok()?;
                opened.take(SMALL_MAX + 1).read_to_end(&mut bytes).ok()?;
            }
            SourceLocation::Url(_) | SourceLocation::Member(_) | SourceLocation::Image(_) => {
                return None;
            }
        }
        (bytes.len() as u64 <= SMALL_MAX).then_some(bytes)
    }
}

/// Parses the name of an image in a registry.
pub(super) fn parse_image(name: &str, at: &Span) -> EvaluationResult<Reference> {
    name.parse().map_err(|error| {
        let problem = Diagnostic::new(format!("`{name}` is not the name of an image: {error}"));
        let help = "for example quay.io/fedora/fedora:42, or a stage above";
        Box::new(problem.at(at.clone()).help(help))
    })
}

/// Returns the diagnostic for a base that cannot be loaded.
fn base_diagnostic(error: &BaseError, at: &Span) -> Diagnostic {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // Some messages include their cause.
        if !message.ends_with(&error.to_string()) {
            message = format!("{message}: {error}");
        }
        cause = error.source();
    }
    let problem = Diagnostic::new(message).at(at.clone()).temporary(error.is_temporary());
    error.help().into_iter().fold(problem, Diagnostic::help)
}
