//! `diskette init`.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::arguments::names::parse_name;
use crate::disks::find_disks;
use crate::disks::text::{SpecText, SpecTextContent, spec_text};
use crate::error::{CommandError, cannot};
use crate::files::{write_file, write_new_file};
use crate::ui::{Ui, prompt};

/// Write a spec for the disks of a directory, ready to build.
///
/// Detects the format of each disk, its architecture by the boot loader or the file
/// name, and the preference for its operating system by the file name. Disks of several
/// architectures become one image with several platforms.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Directory of the disks
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,

    /// Write the spec to this file; - is standard output [default: diskette.yaml in DIR]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Repository of the image, e.g. quay.io/me/fedora
    #[arg(long, value_name = "REPOSITORY")]
    image: Option<String>,

    /// Replace an existing spec
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &InitArguments, ui: &Ui) -> Result<(), CommandError> {
    arguments.image.as_deref().map(parse_name).transpose()?;
    let directory = &arguments.directory;
    let found = find_disks(directory)?;
    if found.is_empty() {
        let message = format!("there is no disk in `{}`", directory.display());
        let help = "disks end in .qcow2, .img, .raw, .vmdk, .vhd, .vhdx, .vdi or .iso, perhaps with \
            .gz, .xz, .zst or .bz2";
        return Err(Diagnostic::new(message).help(help).into());
    }
    let own = directory.join("diskette.yaml");
    let path = arguments.output.as_deref().unwrap_or(&own);
    let is_printed = path == Path::new("-");
    if !is_printed && path.exists() && !arguments.force {
        return Err(exists_error(path).into());
    }
    let asked = match &arguments.image {
        None => ask_image()?,
        Some(_) => None,
    };
    let image = arguments.image.as_deref().or(asked.as_deref());
    let text = spec_text(
        &found,
        &SpecText {
            image,
            placeholder: true,
            instancetype: None,
            preference: None,
            name: None,
            content: SpecTextContent::Zstd,
        },
    );
    if is_printed {
        return Ok(ui.print_result(text.as_bytes())?);
    }
    if arguments.force {
        write_file(path, text.as_bytes())?;
    } else {
        write_new_file(path, text.as_bytes()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists_error(path),
            _ => cannot("write", path.display())(error),
        })?;
    }
    let path = path.display();
    let next = match image {
        Some(_) => "`diskette build --check` checks it",
        None => "set `image:` in it to your repository, or build with `-t`",
    };
    ui.print_line(&format!("wrote {path}; {next}"));
    Ok(())
}

fn exists_error(path: &Path) -> Diagnostic {
    let help = "use `-o` to write to another file, or `--force` to replace it";
    Diagnostic::new(format!("`{}` already exists", path.display())).help(help)
}

/// Asks for the repository on a terminal. An empty answer is none.
fn ask_image() -> Result<Option<String>, CommandError> {
    let answer = prompt::ask_line("Repository, e.g. quay.io/you/fedora (empty: set it later): ")?;
    let answer = answer.filter(|answer| !answer.is_empty());
    answer.as_deref().map(parse_name).transpose()?;
    Ok(answer)
}
