//! *Pages*: a registry sends a list in parts, each with a link to the next.

use std::collections::BTreeSet;

use url::Url;

use super::Repository;
use super::call::RegistryCall;
use super::error::{RegistryError, RegistryErrorCause};
use super::scope::TokenScope;
use crate::net::http::HttpError;

/// The most pages of a list that are requested.
const PAGES_MAX: usize = 1000;

/// The longest page, in bytes.
const PAGE_MAX: u64 = 4 << 20;

/// A list that is read page by page.
pub(super) struct ListPages<'r> {
    repository: &'r Repository<'r>,
    act: &'static str,
    /// What is listed, in messages.
    items: &'static str,
    accept: Option<&'static str>,
    next: Option<Url>,
    seen: BTreeSet<Url>,
}

/// A page of a list.
pub(super) struct ListPage {
    pub(super) status: u16,
    /// Media type without parameters.
    pub(super) media_type: String,
    pub(super) body: Vec<u8>,
}

impl<'r> ListPages<'r> {
    /// Returns a list of which nothing has been requested; `path` is below the repository.
    pub(super) fn new(
        repository: &'r Repository<'r>,
        act: &'static str,
        items: &'static str,
        path: &str,
        accept: Option<&'static str>,
    ) -> Result<Self, RegistryError> {
        let url = repository.resource_url(path);
        let url = url.map_err(|cause| repository.registry_error(act, cause))?;
        Ok(Self { repository, act, items, accept, next: Some(url), seen: BTreeSet::new() })
    }

    /// Requests the next page, if there is one. A status that is not `expected` is an error.
    pub(super) fn next_page(
        &mut self,
        expected: impl Fn(u16) -> bool,
    ) -> Result<Option<ListPage>, RegistryError> {
        let Some(url) = self.next.take() else { return Ok(None) };
        if self.seen.len() >= PAGES_MAX {
            return Err(self.content_error("does not end"));
        }
        self.seen.insert(url.clone());
        let (repository, act) = (self.repository, self.act);
        let fail = |error: HttpError| repository.registry_error(act, error);
        let (method, body, timeout) = ("GET", &[][..], None);
        let headers = self.accept.map(|accept| ("Accept", accept.to_owned())).into_iter().collect();
        let scope = TokenScope::pull(&repository.name);
        let call = RegistryCall { act, method, url, headers, body, scope, timeout };
        let response = repository.send_call(&call, expected)?;
        let link = response.head.header("link").and_then(parse_next_link);
        let next = link.map(|link| {
            repository.host.server.resolve_location(&repository.registry.client, &call.url, link)
        });
        self.next = next.transpose().map_err(fail)?;
        let (status, media_type) = (response.head.status, response.head.header("content-type"));
        let media_type = media_type.and_then(|it| it.split(';').next()).unwrap_or_default();
        let media_type = media_type.trim().to_owned();
        let body = response.read_body(PAGE_MAX).map_err(fail)?;
        if self.next.as_ref().is_some_and(|next| self.seen.contains(next)) {
            return Err(self.content_error("leads back to a page before"));
        }
        Ok(Some(ListPage { status, media_type, body }))
    }

    /// Returns the error for a list that has something wrong.
    pub(super) fn content_error(&self, problem: &str) -> RegistryError {
        let why = format!("the list of {} {problem}", self.items);
        self.repository.registry_error(self.act, RegistryErrorCause::InvalidContent(why))
    }
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
