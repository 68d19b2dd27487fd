//! *Referrers* of an image in a registry: its API lists them, and where it has none, an index does that has a tag made of
//! the digest of the image
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>).

use std::time::Duration;

use super::Repository;
use super::error::{RegistryError, RegistryErrorCause};
use super::pages::{ListPage, ListPages};
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::OCI_INDEX;
use crate::oci::image::json::Document;
use crate::oci::image::referrer::{AttachedDocument, ReferrerList};
use crate::oci::image::referrers_index::ReferrersIndex;
use crate::oci::image::tag::Tag;

const LIST_ACT: &str = "list the referrers of an image in";

const EDIT_ACT: &str = "update the list of referrers";

/// Time within which a client replaces a list that it has read. Registries cannot be asked to replace it only if it is
/// unchanged.
const SETTLING: Duration = Duration::from_millis(500);

/// A change of a list of referrers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListEdit {
    Add,
    Remove,
}

impl Repository<'_> {
    /// Lists the referrers of an image; none if there is no such image.
    pub(super) fn list_referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, RegistryError> {
        if let Some(found) = self.ask_for_referrers(subject)? {
            return Ok(found);
        }
        let tag = Tag::of_referrers(subject);
        let mut list = ReferrerList::default();
        if let Some(document) = self.read_manifest(tag.as_str())? {
            let added = list.add_index(&document);
            added.map_err(|why| self.list_error(&tag, LIST_ACT, why))?;
        }
        Ok(list.into_descriptors())
    }

    /// Asks the API for the referrers of an image; `None` if the registry does not have it. Registries without it answer
    /// an unknown path in different ways.
    fn ask_for_referrers(&self, subject: Digest) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let path = format!("referrers/{subject}");
        let mut pages = ListPages::new(self, LIST_ACT, "referrers", &path, Some(OCI_INDEX))?;
        let mut list = ReferrerList::default();
        let mut is_first = true;
        let has_no_api = |status| matches!(status, 400 | 404 | 405 | 406 | 501);
        while let Some(page) = pages.next_page(|it| it == 200 || (is_first && has_no_api(it)))? {
            let ListPage { status, media_type, body } = page;
            // Some answer with a page or a text of their own.
            if is_first && (status != 200 || media_type != OCI_INDEX) {
                return Ok(None);
            }
            is_first = false;
            let document = Document::parse_received(&media_type, body);
            let added = document.and_then(|document| list.add_index(&document));
            let invalid = |why| RegistryErrorCause::InvalidContent(why);
            added.map_err(|why| self.registry_error(LIST_ACT, invalid(why)))?;
        }
        Ok(Some(list.into_descriptors()))
    }

    /// Makes sure that a referrer that was written is listed: by the API, or by the index with the referrers tag.
    pub(super) fn ensure_listed(&self, referrer: &AttachedDocument) -> Result<(), RegistryError> {
        let listed = self.ask_for_referrers(referrer.subject)?.unwrap_or_default();
        if listed.iter().any(|it| it.digest == referrer.descriptor.digest) {
            return Ok(());
        }
        self.edit_list(referrer, ListEdit::Add)
    }

    /// Makes sure that a referrer that was deleted is listed no longer.
    pub(super) fn ensure_unlisted(&self, referrer: &AttachedDocument) -> Result<(), RegistryError> {
        match self.ask_for_referrers(referrer.subject)? {
            Some(_) => Ok(()),
            None => self.edit_list(referrer, ListEdit::Remove),
        }
    }

    /// Adds a referrer to the index with the referrers tag, or removes it there.
    fn edit_list(&self, referrer: &AttachedDocument, edit: ListEdit) -> Result<(), RegistryError> {
        let AttachedDocument { subject, descriptor } = referrer;
        let (tag, digest) = (Tag::of_referrers(*subject), descriptor.digest);
        let is_done = |list: &ReferrersIndex| list.has(digest) == (edit == ListEdit::Add);
        let mut attempts = self.attempts();
        loop {
            let mut list = self.read_list(&tag)?;
            if is_done(&list) {
                return Ok(());
            }
            match edit {
                ListEdit::Add => list.add(descriptor),
                ListEdit::Remove => list.remove(digest),
            }
            self.write_list(&mut list, &tag)?;
            // Another client that read the list before may still replace it by its own.
            let sleep = |pause| {
                let slept = self.registry.sleep(pause);
                slept.map_err(|cause| self.reference_error(tag.as_str(), EDIT_ACT, cause))
            };
            sleep(SETTLING)?;
            if is_done(&self.read_list(&tag)?) {
                return Ok(());
            }
            let why = "other clients keep replacing the list of referrers";
            let pause = attempts.next_pause(None);
            sleep(pause.ok_or_else(|| self.list_error(&tag, EDIT_ACT, why.into()))?)?;
        }
    }

    fn read_list(&self, tag: &Tag) -> Result<ReferrersIndex, RegistryError> {
        let Some(document) = self.read_manifest(tag.as_str())? else {
            return Ok(ReferrersIndex::empty());
        };
        ReferrersIndex::parse(&document).map_err(|why| self.list_error(tag, EDIT_ACT, why))
    }

    /// Writes a list. Registries refuse one that has an image that was deleted: such entries are removed.
    fn write_list(&self, list: &mut ReferrersIndex, tag: &Tag) -> Result<(), RegistryError> {
        let write = |list: &ReferrersIndex| {
            let document = list.to_document();
            let document =
                document.map_err(|error| self.list_error(tag, EDIT_ACT, error.to_string()))?;
            self.write_manifest(&document, tag.as_str()).map(drop)
        };
        let error = match write(list) {
            Err(error) if is_refusal(&error.cause) => error,
            written => return written,
        };
        let is_removed = list.retain(|digest| match digest.parse::<Digest>() {
            Ok(digest) => Ok(self.read_manifest(&digest.to_string())?.is_some()),
            Err(_) => Ok(true),
        });
        if is_removed? { write(list) } else { Err(error) }
    }

    fn list_error(&self, tag: &Tag, act: &'static str, why: String) -> RegistryError {
        self.reference_error(tag.as_str(), act, RegistryErrorCause::InvalidContent(why))
    }
}

/// Returns whether a registry refused what it was sent.
fn is_refusal(cause: &RegistryErrorCause) -> bool {
    matches!(cause, RegistryErrorCause::Status { status: 400 | 404 | 422, .. })
}
