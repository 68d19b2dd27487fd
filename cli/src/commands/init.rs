//! `diskette init`.

mod disks;
mod text;

use std::path::{Path, PathBuf};

use clap::Args;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::environment::Environment;
use crate::error::CommandError;
use crate::files::write_file;
use crate::ui::Ui;

/// Write a spec for the disks of a directory, ready to build.
///
/// Finds the files that are disks: their format, their architecture by their content or else by
/// their name, and the preference for the operating system in their name. Disks of several
/// architectures become one image with several platforms.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The directory that the disks are in
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,

    /// Where to write; - is standard output [default: diskette.yaml in DIR]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The repository that the image is named after, e.g. quay.io/me/fedora
    #[arg(long, value_name = "REPOSITORY")]
    image: Option<String>,

    /// Replace an existing spec
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &InitArguments, _: &Environment, ui: &Ui) -> Result<(), CommandError> {
    let directory = &arguments.directory;
    let found = disks::find_disks(directory)?;
    if found.is_empty() {
        let message = format!("there is no disk in `{}`", directory.display());
        let help = "disks end in .qcow2, .img, .raw, .vmdk, .vhd, .vhdx, .vdi or .iso, perhaps with \
            .gz, .xz, .zst or .bz2";
        return Err(Diagnostic::new(message).help(help).into());
    }
    let text = text::spec_text(&found, arguments.image.as_deref());
    let own = directory.join("diskette.yaml");
    let path = arguments.output.as_deref().unwrap_or(&own);
    if path == Path::new("-") {
        return Ok(ui.print_result(text.as_bytes())?);
    }
    if path.exists() && !arguments.force {
        let message = format!("`{}` is there already", path.display());
        let help = "say `-o` to write to another file, or `--force` to replace it";
        return Err(Diagnostic::new(message).help(help).into());
    }
    write_file(path, text.as_bytes())?;
    let path = path.display();
    ui.print_line(&format!("wrote {path}; `diskette build --check` looks at it once more"));
    Ok(())
}
