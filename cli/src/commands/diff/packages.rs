//! The packages of two disks compared.

use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::sbom::changes::PackageChanges;
use diskette_builder::sbom::inventory::Inventory;
use serde_json::json;

use super::{DiffArguments, Format, Verdict};
use crate::arguments::credentials::RegistryUse;
use crate::arguments::disk_or_image::DiskOrImage;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::changes::ListedChanges;
use crate::images::inventory::{ChosenDisk, Spool, read_disk_or_image};
use crate::ui::Ui;
use crate::ui::progress::ProgressView;
use crate::ui::visible::visible_line;

/// Compares the packages of the disks, and prints the changes.
pub(super) fn run(
    arguments: &DiffArguments,
    environment: &Environment,
    ui: &Ui,
    progress: &std::sync::Arc<ProgressView>,
) -> Result<Verdict, CommandError> {
    let sides = [&arguments.first, &arguments.second];
    let mut uses = RegistryUse::default();
    for side in sides {
        match side {
            DiskOrImage::Image(location) => uses = uses.reads_from(location),
            DiskOrImage::Disk(_) if arguments.packages => {}
            DiskOrImage::Disk(path)
                if sides.iter().any(|it| matches!(it, DiskOrImage::Image(_))) =>
            {
                let message = format!("`{}` is the file of a disk", path.display());
                let help = "compare the packages of a disk and an image with `--packages`";
                return Err(CommandError::Usage(Diagnostic::new(message).help(help)));
            }
            DiskOrImage::Disk(_) => {}
        }
    }
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let spool = Spool::open(arguments.spool.as_deref().unwrap_or(&environment.temporary))?;
    let (platform, disk) = (arguments.platform.as_ref(), arguments.disk.as_deref());
    let chosen = ChosenDisk { platform, disk };
    let read = |side| read_disk_or_image(side, &chosen, &registry, &spool, &**progress);
    let (from, to) = (read(sides[0])?, read(sides[1])?);
    progress.end();
    let changes =
        PackageChanges::between(&(&from.read.inventory).into(), &(&to.read.inventory).into());
    match arguments.format {
        Format::Text => ui.print_text(&changes_text(&changes, &to.read.inventory))?,
        Format::Json => {
            let (a, b) = (&from.name, &to.name);
            let value = json!({ "a": a, "b": b, "same": changes.is_empty(), "packages": changes });
            ui.print_json(&format!("{value:#}\n"))?;
        }
    }
    Ok(if changes.is_empty() { Verdict::Same } else { Verdict::Different })
}

/// Returns the changes as lines, each with the sign of what became of a package.
fn changes_text(changes: &PackageChanges, to: &Inventory) -> String {
    let changes = ListedChanges::new(changes, usize::MAX);
    if changes.is_empty() {
        return String::new();
    }
    let system = changes.system_text();
    let system = system.unwrap_or_else(|| visible_line(&to.system.name));
    let counts = format!("{} of {} packages", changes.counts(), to.packages.len());
    let head = [system, counts].into_iter();
    head.chain(changes.lines()).map(|line| line + "\n").collect()
}
