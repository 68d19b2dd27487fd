//! `diskette sbom`.

mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::time::Timestamp;
use diskette_builder::sbom::document::{DocumentFormat, DocumentSubject, write_document};
use diskette_builder::sbom::inventory::Inventory;
use diskette_builder::sbom::purl::package_url;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::disk_or_image::DiskOrImage;
use crate::arguments::registry::RegistryArguments;
use crate::assembly::creation_time;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::images::inventory::{ChosenDisk, NamedInventory, Spool, read_disk_or_image};
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// List the packages in a disk.
///
/// Reads the operating system and the packages of dpkg, rpm and apk from the file systems of the disk,
/// without mounting it and without root. Of a disk in a registry only the parts that are needed are
/// read where the layer allows it: a disk artifact, a layer in zstd:chunked, a tar that is not
/// compressed; other layers are written to a temporary file first.
#[derive(Debug, Args)]
pub(crate) struct SbomArguments {
    /// The image: quay.io/me/fedora:42, a layout's directory, oci:DIR:TAG, or an archive; or the
    /// file of a disk
    #[arg(value_name = "IMAGE")]
    subject: DiskOrImage,

    /// The disk of this platform, e.g. linux/arm64 [default: this machine's, if there are several]
    #[arg(long)]
    platform: Option<Platform>,

    /// The disk of an artifact, by the name of its volume or file [default: its only disk]
    #[arg(long, value_name = "NAME")]
    disk: Option<String>,

    /// Output format
    #[arg(long = "output-format", alias = "format", value_name = "HOW", default_value = "table")]
    format: Format,

    /// Directory for the temporary file of a disk that can be read only from front to back
    /// [default: $TMPDIR, else /tmp]
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,

    /// Do not show how much was read
    #[arg(short, long)]
    quiet: bool,

    /// Progress output; auto shows bars on a terminal, else plain lines
    #[arg(long, value_name = "HOW", default_value = "none")]
    progress: ProgressMode,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// A value of `--output-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    Table,
    /// JSON with all that was found
    Json,
    /// SPDX 2.3 as JSON
    Spdx,
    /// CycloneDX 1.6 as JSON
    #[value(name = "cyclonedx")]
    CycloneDx,
}

pub(crate) fn run(
    arguments: &SbomArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    // Checked before anything is read.
    let created = environment.source_date_epoch.as_ref();
    let created = created.map(|_| creation_time(environment, None, None)).transpose()?;
    let spool = Spool::open(arguments.spool.as_deref().unwrap_or(&environment.temporary))?;
    let progress = ui.progress(arguments.progress)?;
    let uses = match &arguments.subject {
        DiskOrImage::Image(location) => RegistryUse::default().reads_from(location),
        DiskOrImage::Disk(_) => RegistryUse::default(),
    };
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let (platform, disk) = (arguments.platform.as_ref(), arguments.disk.as_deref());
    let chosen = ChosenDisk { platform, disk };
    let found = read_disk_or_image(&arguments.subject, &chosen, &registry, &spool, &*progress)?;
    progress.end();
    print_inventory(&found, arguments.format, created, ui)?;
    if !arguments.quiet {
        ui.print_line(&found.read.traffic);
    }
    Ok(())
}

fn print_inventory(
    found: &NamedInventory,
    format: Format,
    created: Option<Timestamp>,
    ui: &Ui,
) -> Result<(), CommandError> {
    let NamedInventory { name, version, read } = found;
    let inventory = &read.inventory;
    let format = match format {
        Format::Table => return Ok(ui.print_text(&text::inventory_text(inventory))?),
        Format::Json => return Ok(ui.print_json(&inventory_json(inventory))?),
        Format::Spdx => DocumentFormat::Spdx,
        Format::CycloneDx => DocumentFormat::CycloneDx,
    };
    let disk = read.disk.as_deref();
    let subject = DocumentSubject { name, disk, version: version.as_deref(), created };
    let document = write_document(inventory, format, &subject);
    let document = document.map_err(cannot("describe", name))?;
    Ok(ui.print_json(&String::from_utf8_lossy(&document))?)
}

/// Returns the inventory as JSON, in which packages have their package URLs.
fn inventory_json(inventory: &Inventory) -> String {
    let mut value = serde_json::json!(inventory);
    let packages = value.get_mut("packages").and_then(serde_json::Value::as_array_mut);
    for (described, package) in packages.into_iter().flatten().zip(&inventory.packages) {
        described["purl"] = package_url(package, &inventory.system).into();
    }
    format!("{value:#}\n")
}
