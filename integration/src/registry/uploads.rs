//! **Uploads**: sessions, and the bodies that come in them.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Shared;
use super::answer::RegistryAnswer;
use super::body::Body;
use super::fault::FaultStage;
use super::profile::{
    BlobStorage, LocationForm, MountPolicy, RangePolicy, ReportedRange, RepositoryPolicy,
    ResumePolicy,
};
use super::route::{RegistryPort, Request};
use super::session::UploadSession;
use super::store::StoredBlob;
use super::wire::BodyLength;

/// A session that was found by its path.
struct FoundSession<'a> {
    name: &'a str,
    id: &'a str,
    session: Arc<Mutex<UploadSession>>,
}

/// Returns the state in `Location`, which is opaque to clients, as distribution's.
fn state(id: &str, offset: u64) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{id}:{offset}"))
}

/// Returns the offset in a state of this session.
fn offset(id: &str, state: &str) -> Option<u64> {
    let state = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(state).ok()?).ok()?;
    state.strip_prefix(id)?.strip_prefix(':')?.parse().ok()
}

/// Returns the digest of the bytes that were hashed.
fn digest(sha256: &Sha256) -> String {
    let digest = sha256.clone().finalize();
    digest.iter().fold("sha256:".to_owned(), |digits, byte| format!("{digits}{byte:02x}"))
}

fn invalid() -> RegistryAnswer {
    RegistryAnswer::error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid")
}

impl Shared {
    /// Opens a session, mounts a blob, or receives one in the same request.
    pub(super) fn open(
        &self,
        name: &str,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<RegistryAnswer> {
        let head = request.head;
        let is_made = self.store.lock().unwrap().repositories.contains_key(name);
        if self.profile.repositories == RepositoryPolicy::Made && !is_made {
            return Ok(RegistryAnswer::error(404, "NAME_UNKNOWN", "the repository does not exist"));
        }
        if let Some(digest) = head.query("mount") {
            let from = head.query("from");
            if self.profile.mount == MountPolicy::From && from.is_none() {
                return Ok(RegistryAnswer::error(400, "UNSUPPORTED", "mount without from"));
            }
            let may = self.profile.mount != MountPolicy::Never;
            if may && self.store.lock().unwrap().mount(name, digest, from) {
                return Ok(self.created(name, digest));
            }
        }
        let id = {
            let mut store = self.store.lock().unwrap();
            store.opened += 1;
            let id = format!("session-{}", store.opened);
            store.sessions.insert(id.clone(), Arc::default());
            id
        };
        if head.query("digest").is_some() {
            let session = self.session(&id);
            return self.take_and_commit(&FoundSession { name, id: &id, session }, request, body);
        }
        let answer = match self.profile.ranges {
            RangePolicy::MultipleOf(min) => {
                RegistryAnswer::new(202).with("OCI-Chunk-Min-Length", min.to_string())
            }
            _ => RegistryAnswer::new(202),
        };
        Ok(answer
            .with("Location", self.location(name, &id, 0))
            .with("Docker-Upload-UUID", id)
            .with("Range", "0-0"))
    }

    fn session(&self, id: &str) -> Arc<Mutex<UploadSession>> {
        Arc::clone(&self.store.lock().unwrap().sessions[id])
    }

    /// Answers a request for an upload session.
    pub(super) fn upload(
        &self,
        name: &str,
        id: &str,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<RegistryAnswer> {
        let session = self.store.lock().unwrap().sessions.get(id).cloned();
        let Some(session) = session else {
            return Ok(RegistryAnswer::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown"));
        };
        let len = session.lock().unwrap_or_else(PoisonError::into_inner).len;
        let Some(offset) = request.head.query("_state").and_then(|state| offset(id, state)) else {
            return Ok(invalid());
        };
        if self.profile.resume == ResumePolicy::Lost && offset != len {
            return Ok(invalid());
        }
        let found = FoundSession { name, id, session };
        match &request.head.method[..] {
            "GET" => Ok(self.progress(&found, 204)),
            "PATCH" => self.patch(&found, request, body),
            "PUT" => self.take_and_commit(&found, request, body),
            "DELETE" => {
                self.store.lock().unwrap().sessions.remove(id);
                Ok(RegistryAnswer::new(204))
            }
            _ => Ok(RegistryAnswer::error(405, "UNSUPPORTED", "no such method")),
        }
    }

    fn location(&self, name: &str, id: &str, offset: u64) -> String {
        let path = format!("/v2/{name}/blobs/uploads/{id}?_state={}", state(id, offset));
        match self.profile.location {
            LocationForm::Absolute => format!("http://{}{path}", self.address(RegistryPort::Front)),
            LocationForm::Relative => path,
        }
    }

    /// Returns an answer that reports how much a session has received.
    fn progress(&self, found: &FoundSession<'_>, status: u16) -> RegistryAnswer {
        let session = found.session.lock().unwrap();
        let last = match self.profile.reported_range {
            ReportedRange::Truth => session.len.saturating_sub(1),
            ReportedRange::First => session.first.unwrap_or(0).saturating_sub(1),
            ReportedRange::TooMuch => session.len,
        };
        RegistryAnswer::new(status)
            .with("Location", self.location(found.name, found.id, session.len))
            .with("Docker-Upload-UUID", found.id)
            .with("Range", format!("0-{last}"))
    }

    fn patch(
        &self,
        found: &FoundSession<'_>,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<RegistryAnswer> {
        if let Some(answer) = self.wrong_range(found, request) {
            return Ok(answer);
        }
        let refused = self.append(found, body)?;
        Ok(refused.unwrap_or_else(|| self.progress(found, self.profile.patch_status)))
    }

    /// Returns the response to a wrong `Content-Range`.
    fn wrong_range(
        &self,
        found: &FoundSession<'_>,
        request: &Request<'_>,
    ) -> Option<RegistryAnswer> {
        let (start, end) = request.head.header("content-range")?.split_once('-')?;
        let (start, end) = (start.parse::<u64>().ok()?, end.parse::<u64>().ok()?);
        let len = found.session.lock().unwrap().len;
        let is_honest = request.head.length() == BodyLength::Bytes((end + 1).saturating_sub(start))
            || request.head.length() == BodyLength::Chunked;
        let is_right = start == len && is_honest;
        match self.profile.ranges {
            RangePolicy::Ignored => None,
            RangePolicy::Checked if is_right => None,
            RangePolicy::Capped(cap) if is_right && end - start < cap => None,
            RangePolicy::MultipleOf(min) if is_right && len.is_multiple_of(min) => None,
            RangePolicy::Checked | RangePolicy::Capped(_) | RangePolicy::MultipleOf(_) => {
                Some(self.progress(found, 416))
            }
            RangePolicy::Refused => {
                Some(RegistryAnswer::error(400, "UNSUPPORTED", "no chunks here"))
            }
        }
    }

    /// Appends a body to a session. What was received before an interruption stays.
    fn append(
        &self,
        found: &FoundSession<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<Option<RegistryAnswer>> {
        let before = body.received();
        let mut space = vec![0; 128 << 10];
        let mut session = found.session.lock().unwrap();
        let result = loop {
            let len = match body.read(&mut space) {
                Ok(0) => break Ok(None),
                Ok(len) => len,
                Err(error) => break Err(error),
            };
            session.len += len as u64;
            session.sha256.update(&space[..len]);
            match self.profile.keep {
                BlobStorage::Bytes(most) if session.len > most => {
                    break Ok(Some(RegistryAnswer::error(
                        413,
                        "SIZE_INVALID",
                        "the blob is too long",
                    )));
                }
                BlobStorage::Bytes(_) => session.bytes.extend_from_slice(&space[..len]),
                BlobStorage::Digest => {}
            }
        };
        let received = body.received() - before;
        session.unnamed += received;
        session.first.get_or_insert(received);
        result
    }

    fn take_and_commit(
        &self,
        found: &FoundSession<'_>,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<RegistryAnswer> {
        let Some(expected) = request.head.query("digest") else {
            return Ok(RegistryAnswer::error(400, "DIGEST_INVALID", "there is no digest"));
        };
        if let Some(answer) = self.wrong_range(found, request) {
            return Ok(answer);
        }
        let result = self.append(found, body);
        let unnamed = std::mem::take(&mut found.session.lock().unwrap().unnamed);
        *self.store.lock().unwrap().received.entry(expected.to_owned()).or_default() += unnamed;
        if let Some(answer) = result? {
            return Ok(answer);
        }
        if let Some(fault) = self.faults.next_fault(request, FaultStage::Late) {
            return Ok(self.faulty(request, &fault));
        }
        std::thread::sleep(self.profile.commit_time);
        Ok(self.commit(found, expected))
    }

    fn commit(&self, found: &FoundSession<'_>, expected: &str) -> RegistryAnswer {
        let mut session = found.session.lock().unwrap();
        let mut store = self.store.lock().unwrap();
        store.sessions.remove(found.id);
        if digest(&session.sha256) != expected {
            return RegistryAnswer::error(400, "DIGEST_INVALID", "the content has another digest");
        }
        let bytes = std::mem::take(&mut session.bytes).into();
        let bytes = matches!(self.profile.keep, BlobStorage::Bytes(_)).then_some(bytes);
        store.put_blob(found.name, expected, StoredBlob { len: session.len, bytes });
        drop(store);
        self.created(found.name, expected)
    }

    fn created(&self, name: &str, digest: &str) -> RegistryAnswer {
        let path = format!("/v2/{name}/blobs/{digest}");
        let location = match self.profile.location {
            LocationForm::Absolute => format!("http://{}{path}", self.address(RegistryPort::Front)),
            LocationForm::Relative => path,
        };
        RegistryAnswer::new(201).with("Location", location).with("Docker-Content-Digest", digest)
    }
}
