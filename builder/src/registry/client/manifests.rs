//! *Manifests* and indexes in a registry: small documents that refer to everything else. They are
//! bounded in size, and used only if they match their digest.

use std::collections::BTreeSet;

use url::Url;

use super::Repository;
use super::call::RegistryCall;
use super::error::{RegistryError, RegistryErrorCause};
use super::scope::TokenScope;
use crate::net::http::HttpError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::{DOCUMENT_LEN_MAX, Document};
use crate::oci::image::reference::is_tag;

/// All media types of manifests; registries convert a manifest whose type is not accepted.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The most pages of tags that are requested.
const PAGES_MAX: usize = 1000;

/// The most tags that are kept.
const TAGS_MAX: usize = 1_000_000;

const LIST_ACT: &str = "list the tags of";

/// The longest page of tags, in bytes.
const PAGE_MAX: u64 = 4 << 20;

impl Repository<'_> {
    fn manifest_call<'a>(
        &self,
        act: &'static str,
        method: &'static str,
        reference: &str,
        scope: TokenScope,
    ) -> Result<RegistryCall<'a>, RegistryError> {
        let url = self.resource_url(&format!("manifests/{reference}"));
        let url = url.map_err(|cause| self.reference_error(reference, act, cause))?;
        let headers = vec![("Accept", ACCEPT.to_owned())];
        Ok(RegistryCall { act, method, url, headers, body: &[], scope, timeout: None })
    }

    fn reference_error(
        &self,
        reference: &str,
        act: &'static str,
        cause: RegistryErrorCause,
    ) -> RegistryError {
        let separator = if reference.contains(':') { '@' } else { ':' };
        RegistryError { act, location: format!("{}{separator}{reference}", self.location), cause }
    }

    /// Returns the digest of a manifest by tag or digest; nothing if there is none. Where the response
    /// has no digest, the manifest itself is read.
    pub(super) fn find_digest(
        &self,
        reference: &str,
        scope: TokenScope,
    ) -> Result<Option<Digest>, RegistryError> {
        let act = "look for";
        let call = self.manifest_call(act, "HEAD", reference, scope)?;
        let response = self.send_call(&call, |status| matches!(status, 200 | 404));
        let response =
            response.map_err(|error| self.reference_error(reference, act, error.cause))?;
        if response.head.status == 404 {
            response.discard();
            return Ok(None);
        }
        let declared = response.head.header("docker-content-digest").map(str::parse);
        response.discard();
        match declared {
            Some(Ok(digest)) => Ok(Some(digest)),
            _ => Ok(self.read_manifest(reference)?.map(|document| document.digest)),
        }
    }

    /// Reads a manifest or index by tag or digest; nothing if there is none.
    pub(super) fn read_manifest(&self, reference: &str) -> Result<Option<Document>, RegistryError> {
        let act = "read";
        let fail = |cause| self.reference_error(reference, act, cause);
        let call = self.manifest_call(act, "GET", reference, TokenScope::pull(&self.name))?;
        let response = self.send_call(&call, |status| matches!(status, 200 | 404));
        let response = response.map_err(|error| fail(error.cause))?;
        if response.head.status == 404 {
            response.discard();
            return Ok(None);
        }
        let declared = response.head.header("docker-content-digest").map(str::to_owned);
        let media_type = response.head.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        let bytes = response.read_body(DOCUMENT_LEN_MAX).map_err(|error| fail(error.into()))?;
        let document = Document::parse_received(&media_type, bytes)
            .map_err(|why| fail(RegistryErrorCause::InvalidContent(why)))?;
        let expected = if reference.contains(':') { Some(reference) } else { declared.as_deref() };
        // Digests of other algorithms cannot be checked, so they are not trusted.
        match expected.map(str::parse::<Digest>) {
            Some(Ok(digest)) if digest != document.digest => {
                Err(fail(RegistryErrorCause::InvalidContent(format!(
                    "the registry sent a manifest whose digest is {}, not {digest}",
                    document.digest
                ))))
            }
            Some(Err(_)) if reference.contains(':') => Err(fail(
                RegistryErrorCause::InvalidContent("only sha256 digests can be checked".into()),
            )),
            _ => Ok(Some(document)),
        }
    }

    /// Writes a document under its digest, unless it exists.
    pub(super) fn put_manifest(&self, document: &Document) -> Result<(), RegistryError> {
        let reference = document.digest.to_string();
        if self.find_digest(&reference, self.push_scope())? == Some(document.digest) {
            return Ok(());
        }
        self.write_manifest(document, &reference)
    }

    /// Points a tag at a document, and verifies that it does.
    pub(super) fn put_tag(&self, document: &Document, tag: &str) -> Result<(), RegistryError> {
        if self.find_digest(tag, self.push_scope())? == Some(document.digest) {
            return Ok(());
        }
        self.write_manifest(document, tag)?;
        match self.find_digest(tag, self.push_scope())? {
            Some(digest) if digest == document.digest => Ok(()),
            other => {
                let other =
                    other.map_or_else(|| "nothing (404)".to_owned(), |digest| digest.to_string());
                let why = format!("the tag points at {other} now, not at {}", document.digest);
                Err(self.reference_error(tag, "publish", RegistryErrorCause::InvalidContent(why)))
            }
        }
    }

    /// Writes a document, and repeats it where distribution mixes it up with what another client
    /// writes under the same digest at the same time.
    fn write_manifest(&self, document: &Document, reference: &str) -> Result<(), RegistryError> {
        let mut attempts = self.registry.client.attempts();
        loop {
            let error = match self.write_manifest_once(document, reference) {
                Err(error) if is_digest_confusion(&error.cause) => error,
                written => return written,
            };
            let Some(pause) = attempts.next_pause(None) else { return Err(error) };
            self.registry
                .sleep(pause)
                .map_err(|cause| self.reference_error(reference, "publish", cause))?;
        }
    }

    fn write_manifest_once(
        &self,
        document: &Document,
        reference: &str,
    ) -> Result<(), RegistryError> {
        let act = "publish";
        let mut call = self.manifest_call(act, "PUT", reference, self.push_scope())?;
        call.headers = vec![("Content-Type", document.media_type.to_string())];
        call.body = &document.bytes;
        let response = self.send_call(&call, |status| matches!(status, 200..=204));
        let response =
            response.map_err(|error| self.reference_error(reference, act, error.cause))?;
        let declared = response.head.header("docker-content-digest").map(str::parse::<Digest>);
        response.discard();
        match declared {
            Some(Ok(digest)) if digest != document.digest => {
                let why = format!("the registry took it for {digest}, not {}", document.digest);
                Err(self.reference_error(reference, act, RegistryErrorCause::InvalidContent(why)))
            }
            _ => Ok(()),
        }
    }

    /// Returns all tags in the registry's order.
    pub(crate) fn list_tags(&self) -> Result<Vec<String>, RegistryError> {
        let fail = |why: &str| {
            self.registry_error(LIST_ACT, RegistryErrorCause::InvalidContent(why.into()))
        };
        let mut url =
            self.resource_url("tags/list").map_err(|cause| self.registry_error(LIST_ACT, cause))?;
        let mut seen = BTreeSet::from([url.clone()]);
        let mut tags = Vec::new();
        while seen.len() <= PAGES_MAX && tags.len() <= TAGS_MAX {
            let (page, following) = self.read_tag_page(url)?;
            if !page.iter().all(|tag| is_tag(tag)) {
                return Err(fail("the list of tags has one that cannot be a tag"));
            }
            tags.extend(page);
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
        let following = link.map(|link| self.registry.client.resolve_location(&call.url, link));
        let following = following.transpose().map_err(fail)?;
        let page = response.read_body(PAGE_MAX).map_err(fail)?;
        let page: TagPage = serde_json::from_slice(&page).map_err(|_| {
            self.registry_error(
                LIST_ACT,
                RegistryErrorCause::InvalidContent(
                    "what the server sent is no list of tags".into(),
                ),
            )
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

/// Returns whether a registry mixed up what it was sent with something else.
fn is_digest_confusion(cause: &RegistryErrorCause) -> bool {
    matches!(cause, RegistryErrorCause::Status { status: 400, detail: Some(detail), .. } if detail.starts_with("DIGEST_INVALID"))
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
