//! The *index* of an image: it lists images that were built, and images that are kept.

use super::plan::PlatformPlan;
use super::publish::{ImageSync, SyncSinks};
use super::published::RECIPE_DIGEST;
use super::{SyncError, attest};
use crate::oci::attachments::AttachmentSelector;
use crate::oci::copy::{CopyContext, copy_unnamed};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::{IndexEntry, IndexParts, compose_index};
use crate::oci::image::format::ImageFormat;
use crate::oci::image::json::Document;
use crate::oci::images::Images;
use crate::oci::sink::Sink;

impl ImageSync<'_> {
    /// Pushes the index, after copying the images that are published in another repository.
    pub(super) fn push_index(
        &self,
        plans: &[PlatformPlan],
        source: &dyn Images,
        sinks: &SyncSinks<'_>,
        recipe: &Digest,
    ) -> Result<Document, SyncError> {
        let mut entries = Vec::new();
        for (number, plan) in plans.iter().enumerate() {
            match plan {
                PlatformPlan::Build(..) => {
                    entries.extend(self.built.get(&number).map(|built| built.entry.clone()));
                }
                PlatformPlan::Keep(entry, _) => {
                    if self.job.source != self.job.target {
                        self.copy_image(entry, source, sinks.copied)?;
                    }
                    entries.push(entry.clone());
                }
                PlatformPlan::Fail(_) => {}
            }
        }
        let mut annotations = self.job.entry.annotations.clone();
        annotations.insert(RECIPE_DIGEST.into(), recipe.to_string());
        let index = compose_index(&IndexParts {
            format: ImageFormat::Oci,
            artifact_type: self.job.entry.artifact_type(),
            entries: &entries,
            annotations: &annotations,
        })?;
        let sink = sinks.written;
        sink.put_document(&index, std::slice::from_ref(&self.job.target))?;
        let plans = plans.iter().enumerate();
        let plans = plans.map(|(number, plan)| (plan, self.built.get(&number)));
        attest::attest_index(&index, recipe, (self.job, self.sync), plans, sink)?;
        Ok(index)
    }

    /// Copies a platform's image from the repository that it is published in, byte for byte.
    fn copy_image(
        &self,
        entry: &IndexEntry,
        images: &dyn Images,
        sink: &dyn Sink,
    ) -> Result<(), SyncError> {
        let document = images.read_document(entry.digest)?;
        let gone = || StorageError::remote(format!("{} is no longer there", entry.digest));
        let context = CopyContext {
            images,
            sink,
            names: std::slice::from_ref(&self.job.target),
            local: None,
            attachments: &AttachmentSelector::All,
            tag: None,
            jobs: 1,
            progress: &self.progress,
        };
        Ok(copy_unnamed(&document.ok_or_else(gone)?, &context)?)
    }
}
