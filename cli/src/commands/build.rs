//! `diskette build`.

use std::path::Path;

use cap_std::fs::Dir;
use diskette_builder::attestation::attach::AttestationForm;
use diskette_builder::attestation::provenance::BuildParameters;
use diskette_builder::disk::DiskSize;
use diskette_builder::engine::assemble::{BuildPlan, BuildSources, PlatformTags};
use diskette_builder::engine::source::{
    ArchiveDownloads, CdiOnlyPolicy, FileNaming, InputFiles, UnverifiedPolicy,
};
use diskette_builder::net::http::HttpClient;
use diskette_builder::oci::image::location::StoreKind;
use diskette_builder::oci::image::time::Timestamp;
use diskette_builder::recipe::Recipe;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::RegistryClient;

pub(crate) use self::arguments::BuildArguments;
use self::check::InputFindings;
use self::conversion::conversion;
use self::input::{BuildInput, InputAccess, LoadedInput};
use self::language::InputLanguage;
use self::overrides::RecipeOverrides;
use self::refused::choose_compression;
use crate::arguments::attest::AttestFormat;
use crate::arguments::credentials::{BaseRegistry, RegistryUse};
use crate::arguments::image_format::FormatKind;
use crate::arguments::signing::SigningKey;
use crate::assembly::{Assembly, creation_time, missing_output, refused_recipes};
use crate::commands::gc::collect_after_build;
use crate::engines::ContainerEngine;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::{check_output, open_dir};
use crate::images::opener::LocationOpener;
use crate::ui::Ui;
use crate::ui::progress::{ProgressMode, ProgressView};

mod arguments;
mod check;
mod conversion;
mod disks;
mod dockerfile;
mod input;
mod language;
mod lock;
mod overrides;
mod parameters;
mod refused;

pub(crate) fn run(
    arguments: &BuildArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut found = InputFindings::default();
    let outcome = build(arguments, environment, ui, &mut found);
    if arguments.check.is_on() {
        return found.report(&arguments.check, arguments.quiet, outcome, ui);
    }
    outcome
}

/// Builds the images; with `--check` only as far as nothing is written.
fn build(
    arguments: &BuildArguments,
    environment: &Environment,
    ui: &Ui,
    found: &mut InputFindings,
) -> Result<(), CommandError> {
    arguments.outputs().check()?;
    let compression = arguments.compression_choice()?;
    let signing = arguments.signing_key(environment)?;
    let engine = ContainerEngine::find(arguments.load.filter(|_| !arguments.check.is_on()))?;
    let has_target = !arguments.output.is_empty() || engine.is_some() || arguments.push;
    if !has_target && !arguments.check.is_on() {
        return Err(missing_output());
    }
    let garbage = arguments.layout_to_clean()?;
    arguments.reports.check_files()?;
    let rule = arguments.dependency_rule()?;
    let mode = if arguments.quiet { ProgressMode::None } else { arguments.progress };
    let progress = ui.progress(mode)?;
    let client = arguments.registry.http_client(environment, &(progress.clone() as _))?;
    let downloads = ArchiveDownloads::new(&client, arguments.unverified());
    let input = BuildInput::find(arguments, &downloads, environment)?;
    let bases = BaseRegistry::default();
    let uses = arguments.registry_use(&input, &bases)?;
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let (bases, directory) = (arguments.base_scope(&bases), input.image_directory());
    let required = arguments.gate.read(environment)?;
    let opener = LocationOpener::new(&registry, bases, directory).with_required(required.as_ref());
    found.warnings.extend_from_slice(&input.warnings);
    let access = InputAccess { opener: &opener, downloads: &downloads, progress: &*progress };
    let loaded = input.load(arguments, &access, environment, ui, found)?;
    let LoadedInput { mut recipes, inputs, origins, epoch, reads } = loaded;
    arguments.apply_format(&mut recipes, &origins)?;
    for platform in recipes.iter_mut().flat_map(|recipe| &mut recipe.platforms) {
        platform.compression = choose_compression(platform, compression)?;
    }
    arguments.apply_options(&mut recipes, &input)?;
    let asked = arguments.source_date_epoch.as_deref();
    let created = creation_time(environment, asked, epoch.as_deref())?;
    let spool = arguments.spool_dir()?;
    let sources = arguments.build_sources(&*inputs, &client, &opener, spool.as_ref());
    if arguments.check.is_on() {
        let plan = BuildPlan::new(&recipes, &sources).map_err(refused_recipes)?;
        found.warnings.extend(plan.warnings());
        return Ok(());
    }
    ui.warn(&found.warnings);
    found.check_lint()?;
    let push = Some(&registry).filter(|_| arguments.is_pushed());
    let mut assembly = arguments.assembly(&progress, push, arguments.image_format()?, created);
    assembly.engine = engine.as_ref();
    assembly.signing = signing.as_ref();
    assembly.parameters = arguments.parameters(input.source(), input.language);
    if arguments.are_disks() {
        assembly.file_naming = FileNaming::LastParts;
    }
    assembly.attest_form = arguments.attest_form(&recipes, ui)?;
    assembly.run(&recipes, &sources, environment, ui).map_err(|error| match error {
        // Blobs and names that a registry has received stay there.
        CommandError::Interrupted if arguments.is_pushed() => CommandError::Stopped,
        error => error,
    })?;
    garbage.map_or(Ok(()), |path| collect_after_build(path, arguments.quiet, ui))?;
    match rule {
        Some((path, target)) => Ok(reads.write_rule(path, target)?),
        None => Ok(()),
    }
}

impl BuildArguments {
    /// Returns where attestations are kept. Warns if there are none that the options are for.
    fn attest_form(&self, recipes: &[Recipe], ui: &Ui) -> Result<AttestationForm, CommandError> {
        let unused = self.attest.unused_times(recipes.iter().map(|recipe| &recipe.attest));
        ui.warn(unused.as_slice());
        if self.load.is_some() && recipes.iter().any(|recipe| !recipe.attest.is_empty()) {
            let diagnostic = Diagnostic::new("an engine that loads an image keeps no attestations");
            let help = "leave `--attest` out, and `attest` of the spec";
            return Err(CommandError::Usage(diagnostic.help(help)));
        }
        if self.attest_format == AttestFormat::Buildkit
            && recipes.iter().any(|recipe| recipe.artifact_type().is_some())
        {
            let diagnostic = Diagnostic::new("the index of an artifact has no attestations");
            return Err(CommandError::Usage(diagnostic.help("use `--attest-format referrer`")));
        }
        Ok(self.attest_format.into())
    }

    /// Reads the key that images are signed with.
    fn signing_key(&self, environment: &Environment) -> Result<Option<SigningKey>, CommandError> {
        let key = self.signing.read(environment)?;
        if key.is_some() && self.load.is_some() {
            let diagnostic = Diagnostic::new("an engine that loads an image keeps no signatures");
            return Err(CommandError::Usage(diagnostic.help("leave `--sign-key` out")));
        }
        Ok(key.map(|key| key.for_names(self.outputs().published_names())))
    }

    /// Returns the images that are read and written.
    fn registry_use(
        &self,
        input: &BuildInput,
        bases: &BaseRegistry,
    ) -> Result<RegistryUse<'_>, CommandError> {
        let names = if self.is_pushed() { input.names(self)? } else { Vec::new() };
        let uses = RegistryUse::default().pair(&self.pair).bases(bases);
        let uses = self.attach.subject.iter().fold(uses, RegistryUse::reads_from);
        Ok(uses.writes(&names).writes(self.outputs().names()))
    }

    /// Returns the registry that bases must be in, if a credential of an option is for it.
    fn base_scope(&self, bases: &BaseRegistry) -> Option<BaseRegistry> {
        let is_given =
            self.pair.has_source() || (self.registry.has_credential() && !self.is_pushed());
        is_given.then(|| bases.clone())
    }

    /// Returns the layout whose garbage is removed after the build.
    fn layout_to_clean(&self) -> Result<Option<&Path>, CommandError> {
        match self.outputs().local() {
            _ if !self.gc => Ok(None),
            Some(local) if local.store == StoreKind::Layout => Ok(Some(&local.path)),
            _ => {
                let diagnostic = Diagnostic::new("`--gc` removes blobs of a layout");
                Err(CommandError::Usage(diagnostic.help("use `-o oci:DIR`")))
            }
        }
    }

    /// Applies the options to the recipes, and refuses images that cannot be written to their
    /// destination.
    fn apply_options(
        &self,
        recipes: &mut [Recipe],
        input: &BuildInput,
    ) -> Result<(), CommandError> {
        self.overrides(input)?.apply(recipes)?;
        self.check_names(recipes)?;
        self.check_load(recipes)?;
        self.check_format(recipes)
    }

    /// Returns whether images are pushed, by `--push` or to a registry that `-o` names.
    fn is_pushed(&self) -> bool {
        self.push || self.outputs().is_pushed()
    }

    /// Returns what is done with downloads that have no checksum.
    fn unverified(&self) -> UnverifiedPolicy {
        if self.allow_unverified { UnverifiedPolicy::Allow } else { UnverifiedPolicy::Refuse }
    }

    /// Opens the directory for disks that are written to a file.
    fn spool_dir(&self) -> Result<Option<Dir>, CommandError> {
        let Some(path) = &self.spool else { return Ok(None) };
        Ok(Some(open_dir(path).map_err(cannot("open the directory", path.display()))?))
    }

    fn build_sources<'s>(
        &self,
        inputs: &'s dyn InputFiles,
        client: &'s HttpClient,
        opener: &'s LocationOpener<'_>,
        spool: Option<&'s Dir>,
    ) -> BuildSources<'s> {
        let unverified = self.unverified();
        let cdi_only =
            if self.allow_cdi_only { CdiOnlyPolicy::Allow } else { CdiOnlyPolicy::Refuse };
        BuildSources { inputs, client, unverified, cdi_only, spool, base_images: opener }
    }

    fn assembly<'a>(
        &'a self,
        progress: &'a ProgressView,
        push: Option<&'a RegistryClient>,
        format: FormatKind,
        created: Timestamp,
    ) -> Assembly<'a> {
        let platform_tags =
            if self.per_arch_tags { PlatformTags::Architecture } else { PlatformTags::None };
        Assembly {
            progress,
            push,
            names: self.outputs().published_names(),
            output: self.outputs().local(),
            engine: None,
            parameters: BuildParameters::default(),
            file_naming: FileNaming::Paths,
            attest_form: AttestationForm::Attached,
            attest_times: self.attest.has_times(),
            signing: None,
            format: format.into(),
            jobs: self.jobs,
            no_cache: self.no_cache,
            created,
            platform_tags,
            reports: &self.reports,
            quiet: self.quiet,
        }
    }

    /// Returns the path of the dependency file, and the target of its rule.
    fn dependency_rule(&self) -> Result<Option<(&Path, &Path)>, CommandError> {
        let Some(path) = &self.deps else { return Ok(None) };
        check_output(path)?;
        let output = self.outputs().local().filter(|local| !local.is_stream());
        let output = output.map(|local| &*local.path);
        let target = self.reports.first_file().or(output).ok_or_else(|| {
            CommandError::Usage(
                Diagnostic::new("there is no file that `--deps` could be the rule for")
                    .help("use `--digestfile FILE`, and use that as the target"),
            )
        })?;
        Ok(Some((path, target)))
    }

    fn overrides(&self, input: &BuildInput) -> Result<RecipeOverrides<'_>, CommandError> {
        Ok(RecipeOverrides {
            names: self.tag.iter().chain(&self.manifest).map(String::as_str).collect(),
            outputs: self.outputs().names().collect(),
            // A Dockerfile has been lowered for the selected platforms already.
            platforms: match input.language {
                InputLanguage::Spec => &self.platform,
                InputLanguage::Dockerfile => &[],
            },
            labels: &self.label,
            annotations: self.annotation.iter().chain(self.outputs().annotations()).collect(),
            env: &self.env,
            convert: conversion(self.convert, self.convert_compress)?,
            subject: self.attach.subject.as_ref().map(|subject| input.locate(subject)),
            attest: self.attest.kinds(),
            discard: self.discard,
            disk_size: self.size.as_ref().map(|size| DiskSize::Total(size.bytes())),
        })
    }
}
