//! The *loader* begins stages: on nothing, on another stage, on a directory, or on an image.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::rc::Rc;

use super::DockerfileRequest;
use super::care::Care;
use super::copying::{Copying, Parents};
use super::destination::Destination;
use super::kubevirt_base::is_container_disk;
use super::origin::{Match, Origin};
use super::outcome::{Outcome, wrong_tree};
use super::stage::Stage;
use super::variables::expand;
use crate::cluster::contract::placement;
use crate::frontend::dockerfile::base::{BaseError, LoadedBase};
use crate::frontend::dockerfile::context::BuildContext;
use crate::frontend::dockerfile::instruction::FromInstruction;
use crate::frontend::dockerfile::pattern::IgnoreFile;
use crate::frontend::dockerfile::scope::{Scope, StageScope};
use crate::frontend::dockerfile::tree::{Tree, TreeNodeKind};
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;
use crate::recipe::SourceLocation;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// No file of accounts is anywhere near as long, in bytes.
const SMALL_MAX: u64 = 1 << 20;

/// What every stage has that has no other; moby/buildkit `util/system/path.go`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Begins stages, for one platform.
pub(super) struct Loader<'a> {
    pub(super) request: &'a DockerfileRequest<'a>,
    platform: &'a Platform,
    scope: &'a Scope,
    /// Those that were loaded, by where they are.
    images: RefCell<BTreeMap<(String, String), Rc<LoadedBase>>>,
}

type Begun<'a> = (Stage, StageScope<'a>);

impl<'a> Loader<'a> {
    pub(super) fn new(
        request: &'a DockerfileRequest<'a>,
        platform: &'a Platform,
        scope: &'a Scope,
    ) -> Self {
        Self { request, platform, scope, images: RefCell::default() }
    }

    /// Returns what each stage stands on, with its variables replaced; one that cannot be replaced is
    /// told of when the stage begins.
    pub(super) fn bases(&self) -> Vec<String> {
        let dockerfile = self.request.dockerfile;
        let lookup = |name: &str| self.scope.get(name);
        let base = |stage: &crate::frontend::dockerfile::stages::Stage| {
            expand(dockerfile, &lookup, &stage.from.base).unwrap_or_default()
        };
        dockerfile.stages.iter().map(base).collect()
    }

    /// Begins a stage.
    pub(super) fn begin(
        &self,
        number: usize,
        stages: &BTreeMap<usize, Begun<'a>>,
        warnings: &RefCell<Vec<Diagnostic>>,
    ) -> Outcome<Begun<'a>> {
        let dockerfile = self.request.dockerfile;
        let from = &dockerfile.stages[number].from;
        let lookup = |name: &str| self.scope.get(name);
        let base = expand(dockerfile, &lookup, &from.base)?;
        if base.is_empty() {
            let problem =
                Diagnostic::new(format!("base name (`{}`) should not be blank", from.base.text));
            let help =
                "give the ARG a default in front of the first FROM, or set it with --build-arg";
            return Err(Box::new(problem.at(from.base.span.clone()).help(help)));
        }
        let platform = self.platform(from)?;
        let named = dockerfile.named(&base, number).and_then(|number| stages.get(&number));
        if let Some((stage, variables)) = named {
            return Ok((stage.next(), variables.child()));
        }
        let mut stage = self.stage(&base, &from.base.span, &platform, warnings)?;
        if !stage.config.env().any(|(name, _)| name == "PATH") {
            stage.config.set_env("PATH", PATH);
        }
        let mut variables = self.scope.stage();
        stage.config.env().for_each(|(name, value)| variables.env(name, value.to_owned()));
        Ok((stage, variables))
    }

    fn stage(
        &self,
        base: &str,
        at: &Span,
        platform: &Platform,
        warnings: &RefCell<Vec<Diagnostic>>,
    ) -> Outcome<Stage> {
        if let Some(context) = self.request.contexts.context(base) {
            return directory(base, context, at, platform);
        }
        if base == "scratch" {
            return Ok(Stage::scratch(platform));
        }
        if is_container_disk(base) && !self.request.images.contains_key(base) {
            warnings.borrow_mut().push(
                Diagnostic::new(format!("`{base}` is taken for `scratch` with a directory /disk"))
                    .at(at.clone())
                    .help("write `FROM scratch` and `ADD --chown=107:107 DISK /disk/`; KubeVirt needs nothing else"),
            );
            let mut stage = Stage::scratch(platform);
            let made = Care::default().make_directory(&mut stage.tree, placement::DISK_DIRECTORY);
            made.map_err(|error| wrong_tree(&error, at))?;
            return Ok(stage);
        }
        let loaded = self.image(base, at, platform)?;
        let (base, config) = (loaded.recipe.clone(), loaded.config.clone());
        let mut stage = Stage::on(Some(base), config, loaded.tree.clone());
        // https://github.com/opencontainers/image-spec/blob/main/annotations.md
        if let Some(name) = &loaded.name {
            let name_and_digest = [("name", name.clone()), ("digest", loaded.root.to_string())];
            for (key, value) in name_and_digest {
                stage.annotations.insert(format!("org.opencontainers.image.base.{key}"), value);
            }
        }
        Ok(stage)
    }

    /// Returns what a stage is for.
    pub(super) fn platform(&self, from: &FromInstruction) -> Outcome<Platform> {
        let Some(word) = &from.platform else { return Ok(self.platform.clone()) };
        let lookup = |name: &str| self.scope.get(name);
        let text = expand(self.request.dockerfile, &lookup, word)?;
        text.parse().map_err(|error: crate::oci::image::platform::PlatformError| {
            let problem = Diagnostic::new(error.to_string()).at(word.span.clone());
            Box::new(problem.help(error.help()))
        })
    }

    /// Loads an image, by a name of `--build-context` or its own.
    pub(super) fn image(
        &self,
        name: &str,
        at: &Span,
        platform: &Platform,
    ) -> Outcome<Rc<LoadedBase>> {
        let key = (name.to_owned(), platform.to_string());
        if let Some(loaded) = self.images.borrow().get(&key) {
            return Ok(Rc::clone(loaded));
        }
        let place = match self.request.images.get(name) {
            Some(place) => place.clone(),
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
        let loaded = self.request.bases.load(&place, platform);
        let loaded = loaded.map_err(|error| not_loaded(&error, at))?;
        let loaded = Rc::new(loaded);
        self.images.borrow_mut().insert(key, Rc::clone(&loaded));
        Ok(loaded)
    }

    /// Returns the platform that images are copied from.
    pub(super) fn target_platform(&self) -> &Platform {
        self.platform
    }

    /// Returns the text of a small file of a tree, if it can be had without unpacking anything.
    pub(super) fn read(&self, tree: &Tree, path: &str) -> Option<String> {
        let place =
            tree.resolve("", path, crate::frontend::dockerfile::tree::Follow::Yes).ok()?.path;
        let TreeNodeKind::File(file) = &tree.get(&place)?.kind else { return None };
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
fn directory(
    name: &str,
    context: &dyn BuildContext,
    at: &Span,
    platform: &Platform,
) -> Outcome<Stage> {
    let listing = context.listing().map_err(|error| Box::new(error.diagnostic()))?;
    let mut stage = Stage::scratch(platform);
    let origin = Origin::Context { name: name.into(), listing };
    let (destination, care) = (Destination::new("/"), Care::default());
    let nothing = IgnoreFile::new([]).map_err(|_| Box::new(Diagnostic::new("no pattern")))?;
    let copying = Copying {
        origin: &origin,
        destination: &destination,
        workdir: "/",
        care: &care,
        exclude: &nothing,
        parents: Parents::Dropped,
        number: 0,
        at,
    };
    let all = Match { named: String::new(), path: String::new() };
    copying.copy(&all, &mut stage.tree).map_err(|error| wrong_tree(&error, at))?;
    stage.commit(format!("FROM {name}"));
    Ok(stage)
}

/// Tells why an image cannot be stood on.
fn not_loaded(error: &BaseError, at: &Span) -> Diagnostic {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // Some say themselves what they come from.
        if !message.ends_with(&error.to_string()) {
            message = format!("{message}: {error}");
        }
        cause = error.source();
    }
    let problem = Diagnostic::new(message).at(at.clone());
    error.help().into_iter().fold(problem, Diagnostic::help)
}
