//! An upload *session*: where a registry takes the bytes of one blob, and how many it has.

use std::time::Duration;

use url::Url;

use super::auth::Haste;
use super::call::Call;
use super::error::{RegistryError, RegistryErrorCause};
use super::remedy::Again;
use super::scope::Scope;
use super::{Registry, Repository};
use crate::net::http::{BodyFraming, HttpError, HttpExchange, HttpRequest, HttpResponse, next};
use crate::net::secret::Secret;
use crate::oci::image::digest::Digest;

pub(super) const UPLOAD: &str = "upload a blob to";

/// Where a blob is uploaded to.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) location: Url,
}

/// What came of asking for a session.
pub(super) enum Opened {
    Session(Session),
    /// The blob is there already: it was in a repository beside.
    Mounted,
}

/// A request with a body that is still to be sent, and the credential that it went with.
pub(super) struct Begun {
    pub(super) exchange: HttpExchange,
    used: Option<Secret>,
}

/// What came of an attempt to send something.
pub(super) enum Reply<T> {
    Done(T),
    /// The credential is no good any more.
    Refused(Box<HttpResponse>, Option<Secret>),
}

impl Begun {
    /// Ends the request.
    pub(super) fn answer(
        mut self,
        patience: Option<Duration>,
    ) -> Result<Reply<HttpResponse>, RegistryErrorCause> {
        let response = self.exchange.answer(patience)?;
        Ok(match response.head.status {
            401 => Reply::Refused(Box::new(response), self.used),
            _ => Reply::Done(response),
        })
    }
}

/// How often a body may be refused for its credential.
const REFUSALS_MAX: u32 = 2;

/// Registries that put a blob together from parts, or read it again, are silent for this long at
/// its end, beside a second for each [`COMMIT_SPEED`] bytes.
const COMMIT: Duration = Duration::from_secs(300);
const COMMIT_SPEED: u64 = 20 << 20;

impl Repository<'_> {
    pub(super) fn scope(&self) -> Scope {
        Scope::push(&self.name)
    }

    /// Opens a session, or finds the blob in the repository `from` of the same registry.
    pub(super) fn open_session(
        &self,
        mount: Option<(Digest, &str)>,
    ) -> Result<Opened, RegistryError> {
        let mut url = self.url("blobs/uploads/").map_err(|cause| self.failed(UPLOAD, cause))?;
        let mut scope = self.scope();
        if let Some((digest, from)) = mount {
            let digest = digest.to_string();
            url.query_pairs_mut().append_pair("mount", &digest).append_pair("from", from);
            scope = scope.and(&Scope::pull(from));
        }
        let call = upload_call("POST", url, scope);
        let response = self.call(&call, |status| matches!(status, 201 | 202))?;
        if response.head.status == 201 && mount.is_some() {
            response.discard();
            return Ok(Opened::Mounted);
        }
        let session = Session { location: call.url }.moved(response);
        session.map(Opened::Session).map_err(|cause| self.failed(UPLOAD, cause))
    }

    /// Starts to send bytes of a blob.
    pub(super) fn begin(
        &self,
        method: &'static str,
        url: &Url,
        framing: BodyFraming<'_>,
        range: Option<(u64, u64)>,
    ) -> Result<Begun, RegistryErrorCause> {
        self.registry.sleep(self.host.paused())?;
        let mut request =
            HttpRequest::new(method, url).header("Content-Type", "application/octet-stream");
        if let Some((start, end)) = range {
            // Without `bytes`: the distribution specification is not RFC 9110 here.
            request = request.header("Content-Range", format!("{start}-{}", end - 1));
        }
        let used = self.authorize(&mut request, &self.scope(), Haste::Long)?;
        Ok(Begun { exchange: self.registry.client.begin(&request, framing)?, used })
    }

    /// Attempts something until it is no longer refused for its credential.
    pub(super) fn admitted<T>(
        &self,
        mut attempt: impl FnMut() -> Result<Reply<T>, RegistryErrorCause>,
    ) -> Result<T, RegistryErrorCause> {
        let mut refusals = 0;
        loop {
            match attempt()? {
                Reply::Done(done) => return Ok(done),
                Reply::Refused(response, used) if refusals < REFUSALS_MAX => {
                    refusals += 1;
                    self.challenged(*response, &self.scope(), used.as_ref())?;
                }
                Reply::Refused(response, _) => return Err(self.status(*response)),
            }
        }
    }

    /// Asks how many bytes of a broken upload the registry has; nothing if it has forgotten the
    /// session. Distribution 2 forgets each one that breaks (404, `BLOB_UPLOAD_INVALID`).
    pub(super) fn uploaded(&self, session: &mut Session, sent: u64) -> Option<u64> {
        let call = upload_call("GET", session.location.clone(), self.scope());
        let response = self.call(&call, |_| true).ok()?;
        if response.head.status != 204 {
            response.discard();
            return None;
        }
        let range = response.head.header("range").map(str::to_owned);
        *session = session.clone().moved(response).ok()?;
        let last = range?.trim_start_matches("bytes=").strip_prefix("0-")?.parse::<u64>().ok()?;
        // `0-0` is what an empty session says, too; one byte more or less matters to the digest.
        let have = if last == 0 { 0 } else { last.checked_add(1)? };
        (have > 0 && have <= sent).then_some(have)
    }

    /// Ends an upload: the registry compares the digest and keeps the blob. A commit that fails on
    /// the way may have succeeded all the same, so it is looked for.
    pub(super) fn commit(
        &self,
        session: &Session,
        digest: Digest,
        size: u64,
    ) -> Result<(), RegistryError> {
        let mut call = upload_call("PUT", session.with_digest(digest), self.scope());
        call.patience = Some(patience(&self.registry.client.options().stall, size));
        let mut attempts = self.registry.client.attempts();
        loop {
            let cause = match self.call_once(&call) {
                Ok(response) if matches!(response.head.status, 201 | 202 | 204) => {
                    response.discard();
                    return Ok(());
                }
                Ok(response) => self.status(response),
                Err(cause) => cause,
            };
            if self.has_blob(digest, size).unwrap_or(false) {
                return Ok(());
            }
            let again = self.wait(&mut attempts, &cause);
            if again.map_err(|cause| self.failed(UPLOAD, cause))? == Again::No {
                return Err(self.failed(UPLOAD, cause));
            }
        }
    }

    /// Forgets a session, if the registry lets us; otherwise it forgets it some day itself.
    pub(super) fn abandon(&self, session: &Session) {
        let mut request = HttpRequest::new("DELETE", &session.location);
        request.patience = Some(Duration::from_secs(2));
        if self.authorize(&mut request, &self.scope(), Haste::Short).is_ok()
            && let Ok(response) = self.registry.client.send(&request, &[])
        {
            response.discard();
        }
    }
}

fn upload_call<'a>(method: &'static str, url: Url, scope: Scope) -> Call<'a> {
    let headers = vec![("Content-Type", "application/octet-stream".to_owned())];
    let headers = if method == "PUT" { headers } else { Vec::new() };
    Call { act: UPLOAD, method, url, headers, body: &[], scope, patience: None }
}

impl Session {
    /// Returns the session as the registry says to go on with it.
    pub(super) fn moved(self, response: HttpResponse) -> Result<Self, RegistryErrorCause> {
        let location = response.head.header("location").map(str::to_owned);
        response.discard();
        let Some(location) = location else {
            return Err(HttpError::Protocol("no place to upload to".into()).into());
        };
        Ok(Self { location: next(&self.location, &location)? })
    }

    /// Returns where the upload ends.
    pub(super) fn with_digest(&self, digest: Digest) -> Url {
        let mut url = self.location.clone();
        // What is there already is the registry's, and may be signed: nothing of it is changed.
        let query = match url.query() {
            Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
            _ => format!("digest={digest}"),
        };
        url.set_query(Some(&query));
        url
    }
}

/// Returns how long the end of an upload may take. One who sets a short stall time wants to know.
pub(super) fn patience(stall: &Duration, size: u64) -> Duration {
    let commit = COMMIT + Duration::from_secs(size / COMMIT_SPEED);
    if *stall < Duration::from_secs(30) { *stall } else { commit.max(*stall) }
}

impl Registry {
    pub(super) fn count_sent(&self, len: u64) {
        self.totals.sent.fetch_add(len, std::sync::atomic::Ordering::Relaxed);
    }

    pub(super) fn count_spared(&self, len: u64) {
        self.totals.spared.fetch_add(len, std::sync::atomic::Ordering::Relaxed);
    }
}
