//! The *list of tags* of a repository, which a registry sends in pages.

use super::Repository;
use super::answer::web_page_error;
use super::error::{RegistryError, RegistryErrorCause};
use super::pages::ListPages;
use crate::oci::image::tag::Tag;

/// The most tags that are kept.
const TAGS_MAX: usize = 1_000_000;

const LIST_ACT: &str = "list the tags of";

impl Repository<'_> {
    /// Returns all tags in the registry's order. No size of pages is asked for: a registry that obeys it and sends no link to
    /// the next page would end the list there, as GitHub's did
    /// (<https://github.com/google/go-containerregistry/pull/1102>), and nothing would tell.
    pub(crate) fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        let mut pages = ListPages::new(self, LIST_ACT, "tags", "tags/list", None)?;
        let mut tags: Vec<Tag> = Vec::new();
        while let Some(page) = pages.next_page(|status| status == 200)? {
            let page = self.parse_tag_page(&page.body)?;
            let page: Result<Vec<Tag>, _> = page.iter().map(|tag| tag.parse()).collect();
            tags.extend(page.map_err(|_| pages.content_error("has one that cannot be a tag"))?);
            if tags.len() > TAGS_MAX {
                return Err(pages.content_error("does not end"));
            }
        }
        Ok(tags)
    }

    fn parse_tag_page(&self, page: &[u8]) -> Result<Vec<String>, RegistryError> {
        let page: TagPage = serde_json::from_slice(page).map_err(|_| {
            let other = || {
                let why = "what the server sent is no list of tags";
                RegistryErrorCause::InvalidContent(why.into())
            };
            let cause = web_page_error(page, "a list of tags").unwrap_or_else(other);
            self.registry_error(LIST_ACT, cause)
        })?;
        Ok(page.tags.unwrap_or_default())
    }
}

/// A page of the list of tags.
#[derive(serde::Deserialize)]
struct TagPage {
    /// Some registries send `null` if there are none.
    tags: Option<Vec<String>>,
}
