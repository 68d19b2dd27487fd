//! Options of *transfers*: how many blobs at a time, and what is shown.

use std::num::NonZeroUsize;
use std::sync::Arc;

use clap::Args;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::reference::Reference;

use crate::error::CommandError;
use crate::ui::Ui;
use crate::ui::progress::{ProgressMode, ProgressView};

/// What is shown of a transfer, and how much is done at once.
#[derive(Debug, Args)]
pub(crate) struct TransferArguments {
    /// Number of parallel transfers
    #[arg(long = "parallel", alias = "jobs", short_alias = 'j')]
    #[arg(value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,

    /// Print only the digest, without progress
    #[arg(short, long)]
    quiet: bool,

    /// Progress output; auto shows bars on a terminal, else plain lines
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: ProgressMode,
}

impl TransferArguments {
    /// Returns whether only the result is printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet || self.progress == ProgressMode::None
    }

    pub(crate) fn jobs(&self) -> usize {
        self.jobs.get()
    }

    /// Starts the display of progress.
    pub(crate) fn progress(&self, ui: &Ui) -> Result<Arc<ProgressView>, CommandError> {
        let mode = if self.quiet { ProgressMode::None } else { self.progress };
        Ok(ui.progress(mode)?)
    }

    /// Prints the name of the image with its digest, which a cluster should use.
    pub(crate) fn print_result(
        &self,
        names: &[Reference],
        root: &Document,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let digest = root.digest;
        let mut lines: Vec<String> = names
            .iter()
            .filter(|_| !self.quiet)
            .map(|name| format!("{}@{digest}", name.full_repository()))
            .collect();
        lines.dedup();
        if lines.is_empty() {
            lines.push(digest.to_string());
        }
        Ok(ui.print_result(format!("{}\n", lines.join("\n")).as_bytes())?)
    }
}
