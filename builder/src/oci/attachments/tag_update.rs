//! Adds to the *tags* of cosign at a destination: what a tag refers to there is kept, and another client can change it at the
//! same time.

use std::sync::Arc;

use super::union::{Union, unite};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::sink::{AttachedImage, Sink, for_each_part};

/// How often a tag is written if other clients overwrite it.
const ATTEMPTS: usize = 5;

/// A manifest whose layers a tag of cosign is to have at the destination.
#[derive(Debug, Clone)]
pub(crate) struct TagUpdate<'a> {
    tag: &'a Tag,
    /// The tag in a repository; none in a layout where the image has no full reference.
    name: Option<Reference>,
    document: Arc<Document>,
    /// Config of the manifest, if it is known.
    config: Option<Vec<u8>>,
}

impl<'a> TagUpdate<'a> {
    /// Returns the updates for the tag in the repositories of an image. `names` are the names of the image at the
    /// destination: none in a layout where it has no full reference.
    pub(crate) fn of_image(
        tag: &'a Tag,
        document: &Arc<Document>,
        config: Option<&[u8]>,
        names: &[Reference],
    ) -> Vec<Self> {
        let mut targets: Vec<Option<Reference>> =
            names.iter().map(|name| Some(name.with_tag(tag.clone()))).collect();
        targets.dedup();
        if targets.is_empty() {
            targets.push(None);
        }
        let update = |name| Self {
            tag,
            name,
            document: Arc::clone(document),
            config: config.map(<[u8]>::to_vec),
        };
        targets.into_iter().map(update).collect()
    }

    /// Returns what the tag refers to at a destination.
    pub(crate) fn find(&self, sink: &dyn Sink) -> Result<Option<Document>, StorageError> {
        sink.find_attachment(self.name.as_ref(), self.tag)
    }

    /// Returns what the tag has to refer to, if it refers to this document now.
    fn unite(&self, found: Option<&Document>) -> Result<Union, StorageError> {
        let Some(found) = found.filter(|found| found.digest != self.document.digest) else {
            return Ok(Union::New);
        };
        unite(found, &self.document, self.config.as_deref()).map_err(|why| {
            let path = self.name.as_ref().map_or_else(|| self.tag.to_string(), ToString::to_string);
            let problem = format!("cannot be added to what it has at the destination: {why}");
            StorageError::Unexpected { path, problem }
        })
    }

    /// Writes the documents that the tag has to refer to; none if the tag stays as it is.
    fn put_documents(&self, sink: &dyn Sink) -> Result<Option<PreparedTag<'_>>, StorageError> {
        let old = self.find(sink)?;
        let names: Vec<Reference> = self.name.iter().cloned().collect();
        let (config, document) = match self.unite(old.as_ref())? {
            Union::Old => return Ok(None),
            Union::New => (None, Arc::clone(&self.document)),
            Union::Both { config, manifest } => (config, Arc::new(manifest)),
        };
        for document in config.iter().chain([&*document]) {
            sink.put_document(document, &names)?;
        }
        let (tag, name) = (Some(self.tag.clone()), self.name.clone());
        let image = AttachedImage { document, tag, name };
        Ok(Some(PreparedTag { update: self, old: old.map(|old| old.digest), image }))
    }
}

/// A tag whose documents were written.
struct PreparedTag<'a> {
    update: &'a TagUpdate<'a>,
    /// What the tag referred to before.
    old: Option<Digest>,
    image: AttachedImage,
}

/// State of a tag after it was written.
#[derive(Debug, PartialEq, Eq)]
enum TagState {
    /// It has the layers.
    Complete,
    /// It cannot be read.
    Unknown,
    /// It refers to what it did before.
    Unchanged,
    /// Another client has written it.
    Overwritten,
}

impl PreparedTag<'_> {
    fn read_state(&self, sink: &dyn Sink) -> Result<TagState, StorageError> {
        let Some(found) = self.update.find(sink)? else { return Ok(TagState::Unknown) };
        Ok(match self.update.unite(Some(&found))? {
            _ if found.digest == self.image.document.digest => TagState::Complete,
            Union::Old => TagState::Complete,
            _ if Some(found.digest) == self.old => TagState::Unchanged,
            _ => TagState::Overwritten,
        })
    }
}

/// Makes tags have the layers of manifests, beside those that they have. The tags are read back: another client that had
/// read a tag before, and wrote it then, has removed the layers.
pub(crate) fn update_tags(updates: &[TagUpdate<'_>], sink: &dyn Sink) -> Result<(), StorageError> {
    for_each_part(sink, &mut |part| update_tags_of(updates, part))
}

/// Updates the tags of one destination.
fn update_tags_of(updates: &[TagUpdate<'_>], sink: &dyn Sink) -> Result<(), StorageError> {
    let mut pending: Vec<&TagUpdate<'_>> = updates.iter().collect();
    for _ in 0..ATTEMPTS {
        let mut prepared = Vec::new();
        for update in pending {
            prepared.extend(update.put_documents(sink)?);
        }
        let images: Vec<AttachedImage> = prepared.iter().map(|it| it.image.clone()).collect();
        let written = sink.attach(&images);
        let states = prepared.iter().map(|it| it.read_state(sink)).collect::<Result<Vec<_>, _>>();
        let is_by_others = states.as_ref().is_ok_and(|states| {
            states.contains(&TagState::Overwritten)
                || states.iter().all(|state| *state == TagState::Complete)
        });
        if !is_by_others {
            written?;
        }
        let is_pending =
            |state: &TagState| matches!(state, TagState::Unchanged | TagState::Overwritten);
        let states = states?.into_iter();
        let incomplete = prepared.iter().zip(states).filter(|(_, state)| is_pending(state));
        pending = incomplete.map(|(it, _)| it.update).collect();
        if pending.is_empty() {
            return Ok(());
        }
    }
    let tags: Vec<&str> = pending.iter().map(|it| it.tag.as_str()).collect();
    let message = format!("the tag {} was overwritten by other clients each time", tags.join(", "));
    Err(StorageError::Remote {
        message,
        help: Some("repeat the command when no other client signs the image".into()),
        is_temporary: true,
    })
}
