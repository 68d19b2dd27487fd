//! A *probe* asks a registry whether it has something, so that it is not sent again. HEAD is
//! answered in many ways: by registries that do not support it, by storage whose URL is signed for
//! GET, by proxies. So its response advises, and GET or the request that writes decides.

use super::Repository;
use super::call::RegistryCall;
use super::error::{RegistryError, RegistryErrorCause};
use super::remedy::Retry;
use super::scope::TokenScope;
use crate::net::http::{ContentRange, HttpError, HttpResponse};
use crate::oci::image::digest::Digest;

const BLOB_ACT: &str = "look for a blob in";

const MANIFEST_ACT: &str = "look for";

/// How often a probe is repeated when a server responds with a temporary error.
const PROBE_RETRIES: u32 = 2;

impl Repository<'_> {
    /// Sends a request that only asks whether something exists. Its response advises: one that is
    /// not `expected`, by whatever server, says nothing, and the request that matters decides.
    fn send_probe(
        &self,
        call: &RegistryCall<'_>,
        expected: impl Fn(u16) -> bool,
    ) -> Result<Option<HttpResponse>, RegistryError> {
        let mut attempts = self.attempts();
        let mut refusals = 0;
        loop {
            let cause = match self.send_call_once(call) {
                Ok(response) if expected(response.head.status) => return Ok(Some(response)),
                Ok(response) => {
                    refusals += 1;
                    self.status_error(response)
                }
                Err(cause) => cause,
            };
            let again = match &cause {
                RegistryErrorCause::Http(
                    HttpError::RedirectTarget { .. }
                    | HttpError::Redirect { .. }
                    | HttpError::PrivateRedirect(_),
                ) => return Ok(None),
                _ if refusals > PROBE_RETRIES => Retry::No,
                cause => self
                    .wait_for_retry(&mut attempts, cause)
                    .map_err(|cause| self.registry_error(call.act, cause))?,
            };
            match again {
                Retry::Yes => {}
                Retry::No if refusals > 0 => return Ok(None),
                Retry::No => return Err(self.registry_error(call.act, cause)),
            }
        }
    }

    pub(super) fn pull_scope(&self) -> TokenScope {
        TokenScope::pull(&self.name)
    }

    /// Returns whether the repository is known to have a blob of this digest and size.
    pub(super) fn has_blob(&self, digest: Digest, size: u64) -> Result<bool, RegistryError> {
        let call = self.blob_probe("HEAD", digest)?;
        let response = self.send_probe(&call, |status| matches!(status, 200 | 404))?;
        if let Some(response) = response {
            let has = head_shows_blob(&response, size);
            let is_final =
                response.head.status == 200 || response.is_from(&self.host.server.base_url);
            response.discard();
            if let Some(has) = has.filter(|_| is_final) {
                return Ok(has);
            }
        }
        let mut call = self.blob_probe("GET", digest)?;
        call.headers = vec![("Range", "bytes=0-0".to_owned())];
        let response = self.send_probe(&call, |status| matches!(status, 200 | 206))?;
        Ok(response.is_some_and(|response| first_byte_shows_blob(&response, size)))
    }

    fn blob_probe<'a>(
        &self,
        method: &'static str,
        digest: Digest,
    ) -> Result<RegistryCall<'a>, RegistryError> {
        let url = self.resource_url(&format!("blobs/{digest}"));
        let url = url.map_err(|cause| self.registry_error(BLOB_ACT, cause))?;
        let (headers, scope) = (Vec::new(), self.push_scope());
        Ok(RegistryCall { act: BLOB_ACT, method, url, headers, body: &[], scope, timeout: None })
    }

    /// Returns the digest of the manifest that a tag or digest is known to name.
    pub(super) fn probe_manifest(&self, reference: &str) -> Result<Option<Digest>, RegistryError> {
        let call = self.manifest_call(MANIFEST_ACT, "HEAD", reference, self.push_scope())?;
        let response = self
            .send_probe(&call, |status| matches!(status, 200 | 404))
            .map_err(|error| self.reference_error(reference, MANIFEST_ACT, error.cause))?;
        let Some(response) = response.filter(|response| response.head.status == 200) else {
            return Ok(None);
        };
        let declared = response.head.header("docker-content-digest").map(str::parse);
        response.discard();
        if let Some(Ok(digest)) = declared {
            return Ok(Some(digest));
        }
        match self.read_manifest(reference) {
            Ok(document) => Ok(document.map(|document| document.digest)),
            Err(RegistryError {
                cause:
                    RegistryErrorCause::Status { .. }
                    | RegistryErrorCause::Unauthorized(_)
                    | RegistryErrorCause::InvalidContent(_),
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns whether a response to HEAD is about a blob of this size; nothing if it does not say.
fn head_shows_blob(response: &HttpResponse, size: u64) -> Option<bool> {
    match (response.head.status, response.head.content_length()) {
        (404, _) => Some(false),
        _ if response.head.is_web_page() => None,
        (_, len) => (len == Some(size)).then_some(true),
    }
}

/// Returns whether a response to GET of the first byte is about a blob of this size.
fn first_byte_shows_blob(response: &HttpResponse, size: u64) -> bool {
    let len = match response.head.status {
        206 => ContentRange::of_response(&response.head).and_then(|range| range.len),
        _ => response.head.content_length(),
    };
    len == Some(size) && !response.head.is_web_page()
}
