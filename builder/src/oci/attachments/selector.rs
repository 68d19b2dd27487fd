//! Which attachments are copied with an image: all, none, or those of some types.

use std::collections::BTreeSet;
use std::str::FromStr;

use thiserror::Error;

use crate::oci::image::tag::CosignTag;

/// Which attachments are copied with an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachmentSelector {
    /// All.
    All,
    /// None; registries are not asked for them.
    None,
    /// Referrers with these artifact types, and the tags that cosign makes: `sig`, `att` and `sbom`.
    Types(BTreeSet<String>),
}

/// A text does not select attachments.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` is no type of attachments: use `all`, `none`, `sig`, `att`, `sbom` or an artifact type such as `application/spdx+json`", .0.escape_debug())]
pub struct AttachmentSelectorError(String);

impl AttachmentSelector {
    /// Returns whether referrers with this artifact type are copied.
    pub(super) fn has_type(&self, artifact_type: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Types(types) => types.contains(artifact_type),
        }
    }

    /// Returns the tags of cosign that are copied.
    pub(super) fn tags(&self) -> Vec<CosignTag> {
        CosignTag::ALL.into_iter().filter(|kind| self.has_type(kind.suffix())).collect()
    }

    /// Returns whether referrers are copied, of some type or of all.
    pub(super) fn has_referrers(&self) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Types(types) => types.iter().any(|it| it.contains('/')),
        }
    }
}

impl FromStr for AttachmentSelector {
    type Err = AttachmentSelectorError;

    /// Parses `all`, `none`, or types with commas between them.
    fn from_str(text: &str) -> Result<Self, AttachmentSelectorError> {
        match text {
            "all" => return Ok(Self::All),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let is_type = |it: &str| {
            let is_cosign = CosignTag::ALL.iter().any(|kind| kind.suffix() == it);
            let is_media_type = it.split_once('/').is_some_and(|(kind, name)| {
                let is_part = |part: &str| {
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic())
                };
                is_part(kind) && is_part(name) && !name.contains('/')
            });
            is_cosign || is_media_type
        };
        match text.split(',').map(str::trim).find(|it| !is_type(it)) {
            Some(wrong) => Err(AttachmentSelectorError(wrong.into())),
            None => Ok(Self::Types(text.split(',').map(|it| it.trim().to_owned()).collect())),
        }
    }
}
