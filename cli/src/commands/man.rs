//! `diskette man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::Arguments;
use crate::error::{CommandError, cannot};
use crate::files::ensure_dir;

/// Write the manual pages into a directory.
#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The directory; it is created if it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(crate) fn run(arguments: &ManArguments) -> Result<(), CommandError> {
    let mut command = Arguments::command();
    command.build();
    let pages = command.get_subcommands().filter(|command| !command.is_hide_set());
    for page in pages.chain([&command]) {
        let man = clap_mangen::Man::new(page.clone());
        let path = arguments.directory.join(man.get_filename());
        let mut text = Vec::new();
        man.render(&mut text).map_err(cannot("write", path.display()))?;
        drop(ensure_dir(&arguments.directory)?);
        crate::files::write_file(&path, &text)?;
    }
    Ok(())
}
