//! A *transfer* copies an image from one location to another.

use diskette_builder::oci::attachments::AttachmentSelector;
use diskette_builder::oci::copy::{CopyContext, CopyPlan, copy_image};
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::ref_name::{LayoutName, RefName};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::Progress;
use diskette_builder::oci::sink::Sink;
use diskette_builder::registry::client::RegistryClient;
use indicatif::HumanBytes;

use crate::arguments::destination::parse_layout_name;
use crate::arguments::transfer::TransferArguments;
use crate::error::CommandError;
use crate::ui::Ui;
use crate::ui::progress::ProgressView;

/// An image that is copied.
pub(crate) struct Transfer<'a> {
    pub(crate) images: &'a dyn Images,
    pub(crate) sink: &'a dyn Sink,
    pub(crate) names: &'a [Reference],
    pub(crate) tag: Option<&'a RefName>,
    /// Images of the destination, whose chunks are reused.
    pub(crate) local: Option<&'a dyn Images>,
    pub(crate) attachments: &'a AttachmentSelector,
    pub(crate) show: &'a TransferArguments,
}

impl Transfer<'_> {
    pub(crate) fn run(&self, root: &Document, progress: &ProgressView) -> Result<(), CommandError> {
        let context = CopyContext {
            images: self.images,
            local: self.local,
            sink: self.sink,
            names: self.names,
            tag: self.tag,
            attachments: self.attachments,
            jobs: self.show.jobs(),
            progress,
        };
        let copied = copy_image(root, &context);
        progress.end();
        match copied {
            // Any other error is a consequence of the interrupt. Blobs and names that were written stay.
            Err(_) if progress.is_cancelled() => Err(CommandError::Stopped),
            copied => Ok(copied?),
        }
    }
}

/// Splits the name of an image in a layout or an archive into a reference and a tag, one of them.
pub(crate) fn split_local_name(
    name: &str,
) -> Result<(Vec<Reference>, Option<RefName>), CommandError> {
    Ok(match parse_layout_name(name)? {
        LayoutName::Full(reference) => (vec![reference], None),
        LayoutName::Short(tag) => (Vec::new(), Some(tag)),
    })
}

/// Prints how many bytes were sent, and how many existed.
pub(crate) fn print_summary(registry: &RegistryClient, show: &TransferArguments, ui: &Ui) {
    if show.is_quiet() {
        return;
    }
    let (sent, spared) = (registry.totals().sent(), registry.totals().skipped());
    let (sent, spared) = (HumanBytes(sent), HumanBytes(spared));
    ui.print_line(&format!("{sent} sent, {spared} already existed"));
}

/// Prints how many bytes would be sent, and how many exist.
pub(crate) fn print_plan(plan: CopyPlan, show: &TransferArguments, ui: &Ui) {
    if show.is_quiet() {
        return;
    }
    let (missing, existing) = (HumanBytes(plan.missing), HumanBytes(plan.existing));
    ui.print_line(&format!("{missing} would be sent, {existing} already exist"));
}
