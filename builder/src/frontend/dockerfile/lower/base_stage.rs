//! The *base* that a stage starts on: nothing, another stage, a directory, or an image.

use std::collections::BTreeMap;

use super::attributes::CopyAttributes;
use super::copy_operation::CopyOperation;
use super::destination::Destination;
use super::kubevirt_base::is_container_disk;
use super::loader::StageLoader;
use super::origin::{CopyOrigin, FoundSource};
use super::result::{EvaluationResult, tree_diagnostic};
use super::stage::StageState;
use super::variables::expand_word;
use crate::cluster::contract::placement;
use crate::frontend::artifact::ImageSetting;
use crate::frontend::dockerfile::context::BuildContext;
use crate::frontend::dockerfile::lint::BaseFacts;
use crate::frontend::dockerfile::pattern::IgnoreFile;
use crate::frontend::dockerfile::scope::StageScope;
use crate::frontend::dockerfile::tree::Tree;
use crate::oci::image::config::{DEFAULT_PATH, ImageConfig};
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::{Diagnostic, Span};

type BegunStage<'a> = (StageState, StageScope<'a>);

impl<'a> StageLoader<'a> {
    /// Starts a stage.
    pub(super) fn begin_stage(
        &self,
        number: usize,
        stages: &BTreeMap<usize, BegunStage<'a>>,
    ) -> EvaluationResult<BegunStage<'a>> {
        let dockerfile = self.request.dockerfile;
        let from = &dockerfile.stages[number].from;
        let lookup = |name: &str| self.global_scope().get(name);
        let base = expand_word(dockerfile, &lookup, &from.base)?;
        if base.is_empty() {
            let problem =
                Diagnostic::new(format!("base name (`{}`) should not be blank", from.base.text));
            let help =
                "give the ARG a default in front of the first FROM, or set it with --build-arg";
            return Err(Box::new(problem.at(from.base.span.clone()).help(help)));
        }
        let platform = self.stage_platform(from)?;
        let replaced = from.name.as_ref().filter(|_| self.is_replaced(number));
        let named = dockerfile.find_named_stage(&base, number).filter(|_| replaced.is_none());
        if let Some((stage, variables)) = named.and_then(|number| stages.get(&number)) {
            return Ok((stage.derive(), variables.derive()));
        }
        let base = replaced.map_or(base, |name| name.text.clone());
        let mut stage = if self.has_stand_in(number) && self.is_image(&base) {
            StageState::on_base(None, ImageConfig::new(&platform), Tree::stand_in())
        } else {
            self.load_stage(&base, &from.base.span, &platform)?
        };
        stage.origins.insert(ImageSetting::Base, from.base.span.clone());
        self.keep_base_facts(number, base_facts(&stage.config, &platform));
        if !stage.config.env().any(|(name, _)| name == "PATH") {
            stage.config.set_env("PATH", DEFAULT_PATH);
        }
        let mut variables = self.new_scope();
        stage.config.env().for_each(|(name, value)| variables.set_env(name, value.to_owned()));
        Ok((stage, variables))
    }

    /// Returns whether a base is an image that has to be loaded.
    fn is_image(&self, base: &str) -> bool {
        let is_known = self.is_scratch(base) || self.request.contexts.context(base).is_some();
        let is_old = is_container_disk(base) && self.named_image(base).is_none();
        !is_known && !is_old
    }

    fn load_stage(
        &self,
        base: &str,
        at: &Span,
        platform: &Platform,
    ) -> EvaluationResult<StageState> {
        if self.is_scratch(base) {
            return Ok(StageState::scratch(platform));
        }
        let named = self.named_image(base);
        if let Some(context) = self.request.contexts.context(base) {
            return directory_stage(base, context, at, platform);
        }
        if is_container_disk(base) && named.is_none() {
            self.warn(
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
}

/// Returns what rules look at in the config of a base.
fn base_facts(config: &ImageConfig, requested: &Platform) -> BaseFacts {
    let environment = config.env().map(|(name, value)| (name.to_owned(), value.to_owned()));
    BaseFacts {
        environment: environment.collect(),
        has_shell: config.get("Shell").is_some(),
        platforms: config.platform().map(|own| (requested.clone(), own)),
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
        number: 0,
        at,
    };
    let all = FoundSource { named: String::new(), path: String::new() };
    operation.copy(&all, &mut stage.tree).map_err(|error| tree_diagnostic(&error, at))?;
    stage.commit(format!("FROM {name}"));
    Ok(stage)
}
