//! An upload *session* is the URL at which a registry accepts the bytes of one blob.

use std::time::Duration;

use url::Url;

use super::auth::RequestDuration;
use super::call::RegistryCall;
use super::error::{RegistryError, RegistryErrorCause};
use super::remedy::Retry;
use super::scope::TokenScope;
use super::{RegistryClient, Repository};
use crate::net::http::{
    BodyFraming, HttpClient, HttpError, HttpExchange, HttpRequest, HttpResponse,
};
use crate::net::secret::Secret;
use crate::oci::image::digest::Digest;

pub(super) const UPLOAD_ACT: &str = "upload a blob to";

/// The upload of one blob, as a registry identifies it.
#[derive(Debug, Clone)]
pub(super) struct UploadSession {
    pub(super) location: Url,
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

/// How often the credential of a request with a body may be refused.
const REFUSALS_MAX: u32 = 2;

/// The time that a registry may take to assemble and verify a blob at the end of an upload, beside a
/// second for each [`COMMIT_SPEED`] bytes.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(300);
const COMMIT_SPEED: u64 = 20 << 20;

impl Repository<'_> {
    pub(super) fn push_scope(&self) -> TokenScope {
        TokenScope::push(&self.name)
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
            scope = scope.union(&TokenScope::pull(from));
        }
        let call = upload_call("POST", url, scope);
        let response = self.send_call(&call, |status| matches!(status, 201 | 202))?;
        if response.head.status == 201 && mount.is_some() {
            response.discard();
            return Ok(OpenedUpload::Mounted);
        }
        let session =
            UploadSession { location: call.url }.follow_location(&self.registry.client, response);
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
        let mut request =
            HttpRequest::new(method, url).header("Content-Type", "application/octet-stream");
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
                    self.learn_from_refusal(*response, &self.push_scope(), used.as_ref())?;
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
        *session = session.clone().follow_location(&self.registry.client, response).ok()?;
        let last = range?.trim_start_matches("bytes=").strip_prefix("0-")?.parse::<u64>().ok()?;
        // An empty session reports `0-0` too, so one byte counts as none.
        let have = if last == 0 { 0 } else { last.checked_add(1)? };
        (have > 0 && have <= sent).then_some(have)
    }

    /// Ends an upload: the registry compares the digest and keeps the blob. A commit whose response
    /// is lost may have succeeded, so the registry is asked whether the blob exists.
    pub(super) fn commit_upload(
        &self,
        session: &UploadSession,
        digest: Digest,
        size: u64,
    ) -> Result<(), RegistryError> {
        let mut call = upload_call("PUT", session.commit_url(digest), self.push_scope());
        call.timeout = Some(commit_timeout(&self.registry.client.options().stall, size));
        let mut attempts = self.registry.client.attempts();
        loop {
            let cause = match self.send_call_once(&call) {
                Ok(response) if matches!(response.head.status, 201 | 202 | 204) => {
                    response.discard();
                    return Ok(());
                }
                Ok(response) => self.status_error(response),
                Err(cause) => cause,
            };
            if self.has_blob(digest, size).unwrap_or(false) {
                return Ok(());
            }
            let again = self.wait_for_retry(&mut attempts, &cause);
            if again.map_err(|cause| self.registry_error(UPLOAD_ACT, cause))? == Retry::No {
                return Err(self.registry_error(UPLOAD_ACT, cause));
            }
        }
    }

    /// Cancels a session. Errors are ignored: registries also remove abandoned sessions themselves.
    pub(super) fn cancel_upload(&self, session: &UploadSession) {
        let mut request = HttpRequest::new("DELETE", &session.location);
        request.timeout = Some(Duration::from_secs(2));
        if self.authorize(&mut request, &self.push_scope(), RequestDuration::Short).is_ok()
            && let Ok(response) = self.registry.client.send(&request, &[])
        {
            response.discard();
        }
    }
}

fn upload_call<'a>(method: &'static str, url: Url, scope: TokenScope) -> RegistryCall<'a> {
    let headers = vec![("Content-Type", "application/octet-stream".to_owned())];
    let headers = if method == "PUT" { headers } else { Vec::new() };
    RegistryCall { act: UPLOAD_ACT, method, url, headers, body: &[], scope, timeout: None }
}

impl UploadSession {
    /// Returns the session at the location that a response names for the next request.
    pub(super) fn follow_location(
        self,
        client: &HttpClient,
        response: HttpResponse,
    ) -> Result<Self, RegistryErrorCause> {
        let location = response.head.header("location").map(str::to_owned);
        response.discard();
        let Some(location) = location else {
            return Err(HttpError::Protocol("no place to upload to".into()).into());
        };
        Ok(Self { location: client.resolve_location(&self.location, &location)? })
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

/// Returns how long the end of an upload may take. A short stall time of the user has precedence.
pub(super) fn commit_timeout(stall: &Duration, size: u64) -> Duration {
    let commit = COMMIT_TIMEOUT + Duration::from_secs(size / COMMIT_SPEED);
    if *stall < Duration::from_secs(30) { *stall } else { commit.max(*stall) }
}

impl RegistryClient {
    pub(super) fn count_sent(&self, len: u64) {
        self.totals.sent.fetch_add(len, std::sync::atomic::Ordering::Relaxed);
    }

    pub(super) fn count_skipped(&self, len: u64) {
        self.totals.skipped.fetch_add(len, std::sync::atomic::Ordering::Relaxed);
    }
}
