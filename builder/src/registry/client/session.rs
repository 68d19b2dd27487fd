//! An upload *session* is the URL at which a registry accepts the bytes of one blob.

use std::time::Duration;

use url::Url;

use super::auth::RequestDuration;
use super::call::{Refusal, RegistryCall};
use super::error::{RegistryError, RegistryErrorCause};
use super::scope::TokenScope;
use super::{RegistryClient, Repository};
use crate::net::http::{BodyFraming, HttpExchange, HttpResponse, ResponseHead, parse_decimal};
use crate::net::secret::Secret;
use crate::oci::image::digest::Digest;

pub(super) const UPLOAD_ACT: &str = "upload a blob to";

/// The upload of one blob, as a registry identifies it.
#[derive(Debug, Clone)]
pub(super) struct UploadSession {
    pub(super) location: Url,
    /// The least bytes of a chunk that the registry accepts, except for the last one.
    chunk_min: u64,
}

/// The result of opening a session.
pub(super) enum OpenedUpload {
    Session(UploadSession),
    /// The blob exists already: it was mounted from another repository of the registry.
    Mounted,
}

/// A request whose body is still to be sent, and the credential that it presented.
pub(super) struct StartedUploadRequest {
    pub(super) exchange: HttpExchange,
    credential: Option<Secret>,
}

/// The result of an attempt to send something.
pub(super) enum UploadAttempt<T> {
    Done(T),
    /// The registry no longer accepts the credential.
    Refused(Box<HttpResponse>, Option<Secret>),
}

impl StartedUploadRequest {
    /// Ends the request and returns its response.
    pub(super) fn finish(
        mut self,
        timeout: Option<Duration>,
    ) -> Result<UploadAttempt<HttpResponse>, RegistryErrorCause> {
        let response = self.exchange.finish(timeout)?;
        Ok(match response.head.status {
            401 => UploadAttempt::Refused(Box::new(response), self.credential),
            _ => UploadAttempt::Done(response),
        })
    }
}

/// The largest least chunk of a registry that is respected, in bytes.
const CHUNK_MIN_MOST: u64 = 32 << 20;

/// How often the credential of a request with a body may be refused.
const REFUSALS_MAX: u32 = 2;

impl Repository<'_> {
    pub(super) fn push_scope(&self) -> TokenScope {
        TokenScope::push(&self.name)
    }

    /// Returns the scope for a mount from another repository.
    pub(super) fn mount_scope(&self, from: &str) -> TokenScope {
        self.push_scope().union(&TokenScope::pull(from))
    }

    /// Opens a session, or mounts the blob of this digest from a repository of the same registry.
    pub(super) fn open_session(
        &self,
        mount: Option<(Digest, &str)>,
    ) -> Result<OpenedUpload, RegistryError> {
        let mut url = self
            .resource_url("blobs/uploads/")
            .map_err(|cause| self.registry_error(UPLOAD_ACT, cause))?;
        let mut scope = self.push_scope();
        if let Some((digest, from)) = mount {
            let digest = digest.to_string();
            url.query_pairs_mut().append_pair("mount", &digest).append_pair("from", from);
            scope = self.mount_scope(from);
        }
        let call = upload_call("POST", url, scope);
        let response = self.send_call(&call, |status| matches!(status, 201 | 202))?;
        if response.head.status == 201 && mount.is_some() {
            response.discard();
            return Ok(OpenedUpload::Mounted);
        }
        let chunk_min = declared_chunk_min(&response.head);
        let session = UploadSession { location: call.url, chunk_min };
        let session = session.follow_location(self, response);
        session.map(OpenedUpload::Session).map_err(|cause| self.registry_error(UPLOAD_ACT, cause))
    }

    /// Starts to send bytes of a blob.
    pub(super) fn start_upload_request(
        &self,
        method: &'static str,
        url: &Url,
        framing: BodyFraming<'_>,
        range: Option<(u64, u64)>,
    ) -> Result<StartedUploadRequest, RegistryErrorCause> {
        self.registry.sleep(self.host.remaining_pause())?;
        let mut request = self
            .host
            .server
            .request(method, url)
            .header("Content-Type", "application/octet-stream");
        if let Some((start, end)) = range {
            // Without `bytes`: the distribution specification is not RFC 9110 here.
            request = request.header("Content-Range", format!("{start}-{}", end - 1));
        }
        let used = self.authorize(&mut request, &self.push_scope(), RequestDuration::Long)?;
        Ok(StartedUploadRequest {
            exchange: self.registry.client.start_exchange(&request, framing)?,
            credential: used,
        })
    }

    /// Repeats an attempt until the credential is accepted, at most [`REFUSALS_MAX`] times.
    pub(super) fn retry_unauthorized<T>(
        &self,
        mut attempt: impl FnMut() -> Result<UploadAttempt<T>, RegistryErrorCause>,
    ) -> Result<T, RegistryErrorCause> {
        let mut refusals = 0;
        loop {
            match attempt()? {
                UploadAttempt::Done(done) => return Ok(done),
                UploadAttempt::Refused(response, used) if refusals < REFUSALS_MAX => {
                    refusals += 1;
                    let learned =
                        self.learn_from_refusal(*response, &self.push_scope(), used.as_ref())?;
                    if let Refusal::Final(response) = learned {
                        return Err(self.status_error(*response));
                    }
                }
                UploadAttempt::Refused(response, _) => return Err(self.status_error(*response)),
            }
        }
    }

    /// Asks how many bytes of an interrupted upload the registry has; nothing if it has dropped the
    /// session. Distribution 2 drops each one that breaks (404, `BLOB_UPLOAD_INVALID`).
    pub(super) fn find_resume_offset(&self, session: &mut UploadSession, sent: u64) -> Option<u64> {
        let call = upload_call("GET", session.location.clone(), self.push_scope());
        let response = self.send_call(&call, |_| true).ok()?;
        if response.head.status != 204 {
            response.discard();
            return None;
        }
        let range = response.head.header("range").map(str::to_owned);
        *session = session.clone().follow_location(self, response).ok()?;
        let range = range?;
        let last = parse_decimal(range.trim_start_matches("bytes=").strip_prefix("0-")?)?;
        // An empty session reports `0-0` too, so one byte counts as none.
        let have = if last == 0 { 0 } else { last.checked_add(1)? };
        (have > 0 && have <= sent).then_some(have)
    }

    /// Cancels a session. Errors are ignored: registries also remove abandoned sessions themselves.
    pub(super) fn cancel_upload(&self, session: &UploadSession) {
        let mut request = self.host.server.request("DELETE", &session.location);
        request.timeout = Some(Duration::from_secs(2));
        if self.authorize(&mut request, &self.push_scope(), RequestDuration::Short).is_ok()
            && let Ok(response) = self.registry.client.send(&request, &[])
        {
            response.discard();
        }
    }
}

pub(super) fn upload_call<'a>(
    method: &'static str,
    url: Url,
    scope: TokenScope,
) -> RegistryCall<'a> {
    let headers = vec![("Content-Type", "application/octet-stream".to_owned())];
    let headers = if method == "PUT" { headers } else { Vec::new() };
    RegistryCall { act: UPLOAD_ACT, method, url, headers, body: &[], scope, timeout: None }
}

impl UploadSession {
    /// Returns the session at the location that a response names for the next request.
    pub(super) fn follow_location(
        self,
        repository: &Repository<'_>,
        response: HttpResponse,
    ) -> Result<Self, RegistryErrorCause> {
        let location = response.head.header("location").map(str::to_owned);
        response.discard();
        let Some(location) = location else {
            let why = "the server answered without a `Location` to upload to";
            return Err(RegistryErrorCause::InvalidContent(why.into()));
        };
        let client = &repository.registry.client;
        let location =
            repository.host.server.resolve_location(client, &self.location, &location)?;
        // Bytes that are sent there with a credential would become what a tag names.
        if location.path_segments().is_some_and(|parts| parts.rev().nth(1) == Some("manifests")) {
            let why = "the `Location` to upload a blob to is one of manifests";
            return Err(RegistryErrorCause::InvalidContent(why.into()));
        }
        Ok(Self { location, ..self })
    }

    /// Returns the bytes per request where `wanted` are requested.
    pub(super) fn chunk_len(&self, wanted: u64) -> u64 {
        wanted.max(self.chunk_min)
    }

    /// Returns the URL of the request that ends the upload.
    pub(super) fn commit_url(&self, digest: Digest) -> Url {
        let mut url = self.location.clone();
        // The query belongs to the registry and may be signed, so it is kept as it is.
        let query = match url.query() {
            Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
            _ => format!("digest={digest}"),
        };
        url.set_query(Some(&query));
        url
    }
}

/// Returns the least bytes of a chunk that a response declares
/// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks>).
/// One that would not fit into memory is ignored.
fn declared_chunk_min(head: &ResponseHead) -> u64 {
    let min = head.header("oci-chunk-min-length").and_then(parse_decimal);
    min.filter(|min| *min <= CHUNK_MIN_MOST).unwrap_or(0)
}

impl RegistryClient {
    pub(super) fn count_sent(&self, len: u64) {
        self.totals.sent.fetch_add(len, std::sync::atomic::Ordering::Relaxed);
    }

    pub(super) fn count_skipped(&self, len: u64) {
        self.totals.skipped.fetch_add(len, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_chunks_are_bounded() {
        let check = |value: &str, expected: u64| {
            let text = format!("HTTP/1.1 202 x\r\nOCI-Chunk-Min-Length: {value}\r\n\r\n");
            let (head, _) = ResponseHead::parse(text.as_bytes()).unwrap().unwrap();
            assert_eq!(declared_chunk_min(&head), expected, "{value}");
        };
        check("5242880", 5 << 20);
        check("33554432", 32 << 20);
        check("33554433", 0);
        check("9223372036854775807", 0);
        check("99999999999999999999", 0);
        check("-1", 0);
        check("5M", 0);
        check("", 0);
    }
}
