//! The *loader* starts stages: from scratch, on another stage, on a directory, or on an image.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::rc::Rc;

use super::DockerfileRequest;
use super::attributes::CopyAttributes;
use super::copy_operation::{CopyOperation, ParentDirectories};
use super::destination::Destination;
use super::kubevirt_base::is_container_disk;
use super::origin::{CopyOrigin, FoundSource};
use super::result::{EvaluationResult, tree_diagnostic};
use super::stage::StageState;
use super::variables::expand_word;
use crate::cluster::contract::placement;
use crate::frontend::dockerfile::base::{BaseError, LoadedBase};
use crate::frontend::dockerfile::context::BuildContext;
use crate::frontend::dockerfile::instruction::FromInstruction;
use crate::frontend::dockerfile::pattern::IgnoreFile;
use crate::frontend::dockerfile::scope::{GlobalScope, StageScope};
use crate::frontend::dockerfile::tree::{Tree, TreeNodeKind};
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;
use crate::recipe::SourceLocation;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Maximum size of a file that is read during the evaluation, in bytes.
const SMALL_MAX: u64 = 1 << 20;

/// Default value of `PATH`; moby/buildkit `util/system/path.go`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Starts the stages of one platform.
pub(super) struct StageLoader<'a> {
    pub(super) request: &'a DockerfileRequest<'a>,
    platform: &'a Platform,
    scope: &'a GlobalScope,
    /// Loaded images by name and platform.
    images: RefCell<BTreeMap<(String, String), Rc<LoadedBase>>>,
}

type BegunStage<'a> = (StageState, StageScope<'a>);

impl<'a> StageLoader<'a> {
    pub(super) fn new(
        request: &'a DockerfileRequest<'a>,
        platform: &'a Platform,
        scope: &'a GlobalScope,
    ) -> Self {
        Self { request, platform, scope, images: RefCell::default() }
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

    /// Starts a stage.
    pub(super) fn begin_stage(
        &self,
        number: usize,
        stages: &BTreeMap<usize, BegunStage<'a>>,
        warnings: &RefCell<Vec<Diagnostic>>,
    ) -> EvaluationResult<BegunStage<'a>> {
        let dockerfile = self.request.dockerfile;
        let from = &dockerfile.stages[number].from;
        let lookup = |name: &str| self.scope.get(name);
        let base = expand_word(dockerfile, &lookup, &from.base)?;
        if base.is_empty() {
            let problem =
                Diagnostic::new(format!("base name (`{}`) should not be blank", from.base.text));
            let help =
                "give the ARG a default in front of the first FROM, or set it with --build-arg";
            return Err(Box::new(problem.at(from.base.span.clone()).help(help)));
        }
        let platform = self.stage_platform(from)?;
        let named =
            dockerfile.find_named_stage(&base, number).and_then(|number| stages.get(&number));
        if let Some((stage, variables)) = named {
            return Ok((stage.derive(), variables.derive()));
        }
        let mut stage = self.load_stage(&base, &from.base.span, &platform, warnings)?;
        if !stage.config.env().any(|(name, _)| name == "PATH") {
            stage.config.set_env("PATH", PATH);
        }
        let mut variables = self.scope.new_stage();
        stage.config.env().for_each(|(name, value)| variables.set_env(name, value.to_owned()));
        Ok((stage, variables))
    }

    fn load_stage(
        &self,
        base: &str,
        at: &Span,
        platform: &Platform,
        warnings: &RefCell<Vec<Diagnostic>>,
    ) -> EvaluationResult<StageState> {
        if let Some(context) = self.request.contexts.context(base) {
            return directory_stage(base, context, at, platform);
        }
        if base == "scratch" {
            return Ok(StageState::scratch(platform));
        }
        if is_container_disk(base) && !self.request.images.contains_key(base) {
            warnings.borrow_mut().push(
                Diagnostic::new(format!("`{base}` is taken for `scratch` with a directory /disk"))
                    .at(at.clone())
                    .help("write `FROM scratch` and `ADD --chown=107:107 DISK /disk/`; KubeVirt needs nothing else"),
            );
            let mut stage = StageState::scratch(platform);
            let made = CopyAttributes::default()
                .make_directory(&mut stage.tree, placement::DISK_DIRECTORY);
            made.map_err(|error| tree_diagnostic(&error, at))?;
            return Ok(stage);
        }
        let loaded = self.load_image(base, at, platform)?;
        let (base, config) = (loaded.recipe.clone(), loaded.config.clone());
        let mut stage = StageState::on_base(Some(base), config, loaded.tree.clone());
        // https://github.com/opencontainers/image-spec/blob/main/annotations.md
        if let Some(name) = &loaded.name {
            let name_and_digest = [("name", name.clone()), ("digest", loaded.root.to_string())];
            for (key, value) in name_and_digest {
                stage.annotations.insert(format!("org.opencontainers.image.base.{key}"), value);
            }
        }
        Ok(stage)
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
        let location = match self.request.images.get(name) {
            Some(location) => location.clone(),
            None => ImageLocation::Registry(name.parse().map_err(|error| {
                let problem =
                    Diagnostic::new(format!("`{name}` is not the name of an image: {error}"));
                Box::new(
                    problem
                        .at(at.clone())
                        .help("for example quay.io/fedora/fedora:42, or a stage above"),
                )
            })?),
        };
        let loaded = self.request.bases.load(&location, platform);
        let loaded = loaded.map_err(|error| base_diagnostic(&error, at))?;
        let loaded = Rc::new(loaded);
        self.images.borrow_mut().insert(key, Rc::clone(&loaded));
        Ok(loaded)
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
        let mut bytes = Vec::new();
        match &file.source.location {
            SourceLocation::Inline(inline) => bytes.extend_from_slice(inline),
            SourceLocation::File(file) => {
                let context = self.request.contexts.context(&file.directory)?;
                let opened = context.open(&file.path).ok()?;
                opened.take(SMALL_MAX).read_to_end(&mut bytes).ok()?;
            }
            SourceLocation::Url(_) | SourceLocation::Member(_) => return None,
        }
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Returns a stage with the files of a directory.
fn directory_stage(
    name: &str,
    context: &dyn BuildContext,
    at: &Span,
    platform: &Platform,
) -> EvaluationResult<StageState> {
    let listing = context.listing().map_err(|error| Box::new(error.diagnostic()))?;
    let mut stage = StageState::scratch(platform);
    let origin = CopyOrigin::Context { name: name.into(), listing };
    let (destination, attributes) = (Destination::new("/"), CopyAttributes::default());
    let nothing = IgnoreFile::new([]).map_err(|_| Box::new(Diagnostic::new("no pattern")))?;
    let operation = CopyOperation {
        origin: &origin,
        destination: &destination,
        workdir: "/",
        attributes: &attributes,
        exclude: &nothing,
        parents: ParentDirectories::Dropped,
        number: 0,
        at,
    };
    let all = FoundSource { named: String::new(), path: String::new() };
    operation.copy(&all, &mut stage.tree).map_err(|error| tree_diagnostic(&error, at))?;
    stage.commit(format!("FROM {name}"));
    Ok(stage)
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
