//! `diskette gc`.

use std::path::Path;

use clap::Args;
use diskette_builder::oci::image::location::{LocalImage, StoreKind};
use diskette_builder::oci::store::{BusyLayout, LayoutGarbage};
use diskette_builder::recipe::diagnostic::Diagnostic;
use indicatif::HumanBytes;

use crate::arguments::image_name::parse_local;
use crate::error::{CommandError, cannot};
use crate::files::open_dir;
use crate::ui::Ui;

/// Remove the blobs of a layout that none of its images uses.
///
/// After a tag was built again or deleted, the blobs of the old image stay in the layout. This
/// removes all blobs that no entry of index.json reaches, and temporary files of interrupted
/// builds. Signatures and other artifacts of an image stay with it. Waits for a build that is
/// writing to the layout.
#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    /// The layout: a directory, or oci:DIR
    #[arg(value_name = "LAYOUT", value_parser = parse_local)]
    layout: LocalImage,

    /// List what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,

    /// Print no summary
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) fn run(arguments: &GcArguments, ui: &Ui) -> Result<(), CommandError> {
    let LocalImage { store: StoreKind::Layout, path, name: None } = &arguments.layout else {
        let message = format!("`{}` is not a whole layout", arguments.layout);
        return Err(CommandError::Usage(Diagnostic::new(message).help("use `oci:DIR`")));
    };
    let garbage = if let Some(garbage) = find_garbage(path, BusyLayout::Skip)? {
        garbage
    } else {
        ui.print_note(&format!("waiting for a build that writes to `{}`", path.display()));
        let Some(garbage) = find_garbage(path, BusyLayout::Wait)? else { return Ok(()) };
        garbage
    };
    if !arguments.dry_run {
        garbage.remove()?;
    }
    let line = |digest| format!("{digest}\n");
    let removed: String = garbage
        .files()
        .iter()
        .map(|file| file.digest.map_or_else(|| format!("{}\n", file.path), line))
        .collect();
    ui.print_text(&removed)?;
    if !arguments.quiet {
        let verb = if arguments.dry_run { "would remove" } else { "removed" };
        ui.print_line(&summary(verb, &garbage));
    }
    Ok(())
}

/// Removes the garbage of a layout after a build, unless another build writes to it: the last one
/// removes that of all.
pub(crate) fn collect_after_build(path: &Path, quiet: bool, ui: &Ui) -> Result<(), CommandError> {
    let Some(garbage) = find_garbage(path, BusyLayout::Skip)? else {
        if !quiet {
            let path = path.display();
            ui.print_note(&format!("`--gc` is skipped: another build is writing to `{path}`"));
        }
        return Ok(());
    };
    garbage.remove()?;
    if !quiet && !garbage.files().is_empty() {
        ui.print_line(&summary("removed", &garbage));
    }
    Ok(())
}

fn find_garbage(path: &Path, busy: BusyLayout) -> Result<Option<LayoutGarbage>, CommandError> {
    let dir = open_dir(path).map_err(cannot("open the layout", path.display()))?;
    Ok(LayoutGarbage::find(dir, &path.display().to_string(), busy)?)
}

/// Returns a line like `removed 7 blobs and 1 temporary file, 3.00 MiB`.
fn summary(verb: &str, garbage: &LayoutGarbage) -> String {
    let files = garbage.files();
    let blobs = files.iter().filter(|file| file.digest.is_some()).count();
    let size: u64 = files.iter().map(|file| file.size).sum();
    let count = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    };
    let temporary = match files.len() - blobs {
        0 => String::new(),
        files => format!(" and {}", count(files, "temporary file")),
    };
    format!("{verb} {}{temporary}, {}", count(blobs, "blob"), HumanBytes(size))
}
