//! How sources are *opened*: what they are opened with, and the archives that were.

use std::sync::Arc;

use super::file::{FileName, Opened};
use super::member::{Archives, OpenArchive};
use super::{CdiOnly, Inputs, Origin, Sequential, SourceErrorKind, Unverified};
use crate::compression::CompressionFormat;
use crate::net::http::HttpClient;
use crate::oci::images::Places;
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole, TarOrigin};

/// Opens sources. Each archive is opened once for all of its members: take one opener for a layer,
/// whose files are read one after the other, and not for two that are read at the same time.
pub struct Opener<'a> {
    inputs: &'a dyn Inputs,
    client: &'a HttpClient,
    unverified: Unverified,
    pub(super) places: &'a dyn Places,
    pub(super) cdi_only: CdiOnly,
    archives: Archives<'a>,
}

impl<'a> Opener<'a> {
    /// Returns an opener that has opened no archive yet.
    pub fn new(
        inputs: &'a dyn Inputs,
        client: &'a HttpClient,
        unverified: Unverified,
        places: &'a dyn Places,
    ) -> Self {
        let (cdi_only, archives) = (CdiOnly::Refuse, Vec::new());
        Self { inputs, client, unverified, places, cdi_only, archives }
    }

    /// Says what to do with disks that CDI takes and KubeVirt does not; they are refused otherwise.
    #[must_use]
    pub fn with_cdi_only(self, cdi_only: CdiOnly) -> Self {
        Self { cdi_only, ..self }
    }

    fn archive(
        &mut self,
        archive: &'a Arc<TarOrigin>,
    ) -> Result<Arc<OpenArchive<'a>>, SourceErrorKind> {
        let known = self
            .archives
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, archive) || *known == archive);
        if let Some((_, opened)) = known {
            return Ok(Arc::clone(opened));
        }
        let opened = Arc::new(OpenArchive::new(archive, self)?);
        self.archives.push((archive, Arc::clone(&opened)));
        Ok(opened)
    }

    /// Looks at where a source comes from, and refuses what can be refused without reading it.
    pub(super) fn origin(
        &mut self,
        recipe: &'a SourceRecipe,
    ) -> Result<Origin<'a>, SourceErrorKind> {
        let is_empty = match &recipe.location {
            SourceLocation::Path(_) | SourceLocation::Context(_) => {
                return open_file(recipe, self.inputs).map(Origin::File);
            }
            SourceLocation::Url(url) => {
                if recipe.checksum.is_none() && self.unverified == Unverified::Refuse {
                    return Err(SourceErrorKind::Unverified);
                }
                return Ok(Origin::Url(url, self.client.clone()));
            }
            SourceLocation::Inline(bytes) => bytes.is_empty(),
            SourceLocation::Member(member) => member.size == 0,
        };
        if recipe.packing.is_some() || recipe.checksum.is_some() {
            return Err(SourceErrorKind::Plain);
        }
        if recipe.role == SourceRole::Disk && is_empty {
            return Err(SourceErrorKind::Empty);
        }
        match &recipe.location {
            SourceLocation::Member(member) => {
                Ok(Origin::Member(member, self.archive(&member.archive)?))
            }
            SourceLocation::Inline(bytes) => Ok(Origin::Inline(bytes)),
            _ => Err(SourceErrorKind::Plain),
        }
    }
}

fn open_file<'a>(
    recipe: &'a SourceRecipe,
    inputs: &'a dyn Inputs,
) -> Result<Opened<'a>, SourceErrorKind> {
    let name = FileName { inputs, location: &recipe.location };
    let (opened, start) = Opened::new(name, recipe.role)?;
    if recipe.role == SourceRole::Disk && opened.len() == 0 {
        return Err(SourceErrorKind::Empty);
    }
    let found = CompressionFormat::detect(&start);
    match recipe.packing {
        Some(packing) if found != Some(packing) => Err(SourceErrorKind::NotPacked(packing)),
        None if recipe.role == SourceRole::Disk => {
            let Some(packing) = found else { return Ok(opened) };
            Err(match recipe.convert {
                Some(_) => SourceErrorKind::Sequential(Sequential::Packed(packing)),
                None => SourceErrorKind::Packed(packing),
            })
        }
        _ => Ok(opened),
    }
}

impl std::fmt::Debug for Opener<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("unverified", &self.unverified).finish_non_exhaustive()
    }
}
