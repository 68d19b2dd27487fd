//! `diskette prune`.

mod report;

use std::path::Path;

use clap::Args;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images as _;
use diskette_builder::oci::retention::PrunePlan;
use diskette_builder::oci::store::LayoutNames;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{LeftReason, PruneError, PruneEvent, RegistryClient};

use self::report::{PruneCount, plan_json, plan_text};
use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::list_format::ListFormat;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::retention::RetentionArguments;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::open_dir;
use crate::images::beside::archive_error;
use crate::images::open_layout;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Delete old images of a repository or a layout.
///
/// Shows which tags are deleted and which stay, and why; `--yes` deletes them. With an image, the images of its platforms,
/// its signatures and other artifacts that belong to it are deleted, unless something that stays needs them. The age of an image
/// is the time that it says of itself, or the date at the end of its tag if that is later (9-20251130, 202511301257, 2025-11-30);
/// an image without either stays, and so does the newest one unless `--keep 0` is given. In a layout, the images of each repository
/// are compared. A tag that is changed meanwhile stays. A registry has to collect its garbage afterwards, and a layout
/// needs `diskette gc`, to free the space.
#[derive(Debug, Args)]
pub(crate) struct PruneArguments {
    /// The repository, e.g. quay.io/me/fedora or localhost:5000/fedora; or oci:DIR
    #[arg(value_name = "REF", value_parser = parse_source)]
    repository: ImageLocation,

    #[command(flatten)]
    rules: RetentionArguments,

    /// Delete what is shown
    #[arg(short, long, conflicts_with = "dry_run")]
    yes: bool,

    /// Show what would be deleted, and delete nothing; this is the default
    #[arg(long)]
    dry_run: bool,

    /// Output format of the plan
    #[arg(long = "output-format", alias = "format")]
    #[arg(value_name = "FORMAT", default_value = "text")]
    format: ListFormat,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &PruneArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress(ProgressMode::Plain)?;
    let uses =
        RegistryUse::default().reads_from(&arguments.repository).writes_to(&arguments.repository);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let (rules, now) = (arguments.rules.rules(), environment.seconds());
    match &arguments.repository {
        ImageLocation::Registry(name) => {
            if name.has_tag() || name.digest().is_some() {
                return Err(whole_error(&arguments.repository, &name.full_repository()));
            }
            let plan = registry.plan_pruning(name, &rules, now)?;
            arguments.show(&plan, ui)?;
            if arguments.yes {
                prune_registry(name, &plan, &registry, ui)?;
            }
        }
        ImageLocation::Local(LocalImage { store, .. }) if *store != StoreKind::Layout => {
            return Err(archive_error("deleted"));
        }
        ImageLocation::Local(local) if local.name.is_some() => {
            let whole = format!("oci:{}", local.path.display());
            return Err(whole_error(&arguments.repository, &whole));
        }
        ImageLocation::Local(local) => {
            let images = open_layout(&local.path)?;
            let plan = PrunePlan::read(&images, &rules, now, &*progress)?;
            arguments.show(&plan, ui)?;
            if arguments.yes {
                prune_layout(&local.path, &plan, ui)?;
            }
        }
    }
    Ok(())
}

impl PruneArguments {
    fn show(&self, plan: &PrunePlan, ui: &Ui) -> Result<(), CommandError> {
        match self.format {
            ListFormat::Text => ui.print_text(&plan_text(plan))?,
            ListFormat::Json => ui.print_json(&format!("{:#}\n", plan_json(plan)))?,
        }
        let stays = plan.kept.iter().any(|kept| !kept.name.is_of_attachments());
        if !stays && !plan.removed.is_empty() {
            ui.print_note("no tag stays");
        }
        if !self.yes {
            let count = PruneCount::of_plan(plan);
            let hint = if plan.removed.is_empty() { "" } else { "; `--yes` deletes them" };
            ui.print_line(&format!("would delete {count}{hint}"));
        }
        Ok(())
    }
}

fn prune_registry(
    name: &Reference,
    plan: &PrunePlan,
    registry: &RegistryClient,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut count = PruneCount::default();
    let done = registry.prune(name, plan, &mut |event| match event {
        PruneEvent::Tag(_) => count.tags += 1,
        PruneEvent::Manifest(_) => count.manifests += 1,
        PruneEvent::Left(what, reason) => ui.print_note(&format!("`{what}` stays: {reason}")),
        PruneEvent::Gone(tag) => ui.print_note(&gone_note(tag.as_str())),
    });
    ui.print_line(&format!("deleted {count}"));
    done.map_err(|error| prune_error(error, name))
}

/// Returns the error of a plan that was not carried out to its end, with what is left.
fn prune_error(error: PruneError, name: &Reference) -> CommandError {
    let PruneError { source, unnamed } = error;
    let mut all = match CommandError::from(source) {
        CommandError::Failed(all) => all,
        CommandError::Interrupted => return CommandError::Stopped,
        other => return other,
    };
    let commands = unnamed.iter().map(|digest| {
        let whole = name.with_digest(*digest);
        format!("it may be left without a name: `diskette delete {whole}` deletes it")
    });
    if let Some(last) = all.pop() {
        all.push(commands.fold(last, Diagnostic::help));
    }
    CommandError::Failed(all)
}

fn prune_layout(path: &Path, plan: &PrunePlan, ui: &Ui) -> Result<(), CommandError> {
    let dir = open_dir(path).map_err(cannot("open the layout", path.display()))?;
    let names = LayoutNames::open(dir, &path.display().to_string())?;
    let mut count = PruneCount::default();
    for image in &plan.removed {
        for name in &image.tags {
            match open_layout(path)?.find_image(name.as_str())? {
                Some(found) if found.digest == image.digest => {
                    names.remove(name.as_str())?;
                    count.tags += 1;
                }
                Some(_) => ui.print_note(&format!("`{name}` stays: {}", LeftReason::Moved)),
                None => ui.print_note(&gone_note(name.as_str())),
            }
        }
    }
    ui.print_line(&format!("deleted {count}"));
    if count.tags > 0 {
        ui.print_note(&format!("`diskette gc {}` frees the space", path.display()));
    }
    Ok(())
}

/// Returns what is said of a tag that others have deleted.
fn gone_note(name: &str) -> String {
    format!("`{name}` was deleted meanwhile")
}

fn whole_error(given: &ImageLocation, whole: &str) -> CommandError {
    let message =
        format!("`{given}` is one image, and the images of a whole repository are compared");
    let help = format!("use `{whole}`; `diskette delete {given}` deletes one image");
    CommandError::Usage(Diagnostic::new(message).help(help))
}
