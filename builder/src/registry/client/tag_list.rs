//! The *list of tags* of a repository, which a registry sends in pages.

use std::collections::BTreeSet;

use url::Url;

use super::Repository;
use super::answer::web_page_error;
use super::call::RegistryCall;
use super::error::{RegistryError, RegistryErrorCause};
use super::scope::TokenScope;
use crate::net::http::HttpError;
use crate::oci::image::tag::Tag;

/// The most pages of tags that are requested.
const PAGES_MAX: usize = 1000;

/// The most tags that are kept.
const TAGS_MAX: usize = 1_000_000;

/// The longest page of tags, in bytes.
const PAGE_MAX: u64 = 4 << 20;

const LIST_ACT: &str = "list the tags of";

impl Repository<'_> {
    /// Returns all tags in the registry's order.
    pub(crate) fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        let fail = |why: &str| {
            self.registry_error(LIST_ACT, RegistryErrorCause::InvalidContent(why.into()))
        };
        let mut url =
            self.resource_url("tags/list").map_err(|cause| self.registry_error(LIST_ACT, cause))?;
        let mut seen = BTreeSet::from([url.clone()]);
        let mut tags = Vec::new();
        while seen.len() <= PAGES_MAX && tags.len() <= TAGS_MAX {
            let (page, following) = self.read_tag_page(url)?;
            let page: Result<Vec<Tag>, _> = page.iter().map(|tag| tag.parse()).collect();
            tags.extend(page.map_err(|_| fail("the list of tags has one that cannot be a tag"))?);
            let Some(following) = following else { return Ok(tags) };
            if !seen.insert(following.clone()) {
                return Err(fail("the list of tags leads back to a page before"));
            }
            url = following;
        }
        Err(fail("the list of tags does not end"))
    }

    /// Returns the tags of a page and the URL of the next one.
    fn read_tag_page(&self, url: Url) -> Result<(Vec<String>, Option<Url>), RegistryError> {
        let fail = |error: HttpError| self.registry_error(LIST_ACT, error);
        let (headers, scope) = (Vec::new(), TokenScope::pull(&self.name));
        let call = RegistryCall {
            act: LIST_ACT,
            method: "GET",
            url,
            headers,
            body: &[],
            scope,
            timeout: None,
        };
        let response = self.send_call(&call, |status| status == 200)?;
        let link = response.head.header("link").and_then(parse_next_link);
        let following = link
            .map(|link| self.host.server.resolve_location(&self.registry.client, &call.url, link));
        let following = following.transpose().map_err(fail)?;
        let page = response.read_body(PAGE_MAX).map_err(fail)?;
        let page: TagPage = serde_json::from_slice(&page).map_err(|_| {
            let other = || {
                let why = "what the server sent is no list of tags";
                RegistryErrorCause::InvalidContent(why.into())
            };
            let cause = web_page_error(&page, "a list of tags").unwrap_or_else(other);
            self.registry_error(LIST_ACT, cause)
        })?;
        Ok((page.tags.unwrap_or_default(), following))
    }
}

/// A page of the list of tags.
#[derive(serde::Deserialize)]
struct TagPage {
    /// Some registries send `null` if there are none.
    tags: Option<Vec<String>>,
}

/// Returns the target of a link to the next page (RFC 8288).
fn parse_next_link(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    parameters.replace(['"', ' '], "").contains("rel=next").then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_pages_are_found() {
        let check = |link: &str, expected: Option<&str>| {
            assert_eq!(parse_next_link(link), expected, "{link}");
        };
        check(r#"</v2/a/tags/list?n=2&last=b>; rel="next""#, Some("/v2/a/tags/list?n=2&last=b"));
        check("<x>;rel=next", Some("x"));
        check(r#"<x>; rel="prev""#, None);
        check("x; rel=next", None);
        check("", None);
    }
}
