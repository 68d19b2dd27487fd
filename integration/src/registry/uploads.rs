//! **Uploads**: sessions, and the bodies that come in them.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Shared;
use super::answer::Answer;
use super::body::Body;
use super::fault::Stage;
use super::profile::{Keep, Location, Mount, Ranges, Repositories, Resume, Told};
use super::route::{Door, Request};
use super::session::Session;
use super::store::Blob;
use super::wire::Length;

/// A session that was found by its path.
struct Found<'a> {
    name: &'a str,
    id: &'a str,
    session: Arc<Mutex<Session>>,
}

/// What `Location` carries, as distribution's do: nobody can make it up.
fn state(id: &str, offset: u64) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{id}:{offset}"))
}

/// Returns the offset that a state of this session is for.
fn offset(id: &str, state: &str) -> Option<u64> {
    let state = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(state).ok()?).ok()?;
    state.strip_prefix(id)?.strip_prefix(':')?.parse().ok()
}

/// Makes a digest of the bytes that were hashed.
fn digest(sha256: &Sha256) -> String {
    let digest = sha256.clone().finalize();
    digest.iter().fold("sha256:".to_owned(), |digits, byte| format!("{digits}{byte:02x}"))
}

fn invalid() -> Answer {
    Answer::error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid")
}

impl Shared {
    /// Opens a session, mounts a blob, or takes one that comes at once.
    pub(super) fn open(
        &self,
        name: &str,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<Answer> {
        let head = request.head;
        let is_made = self.store.lock().unwrap().repositories.contains_key(name);
        if self.profile.repositories == Repositories::Made && !is_made {
            return Ok(Answer::error(404, "NAME_UNKNOWN", "the repository does not exist"));
        }
        if let Some(digest) = head.query("mount") {
            let from = head.query("from");
            if self.profile.mount == Mount::From && from.is_none() {
                return Ok(Answer::error(400, "UNSUPPORTED", "mount without from"));
            }
            let may = self.profile.mount != Mount::Never;
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
            return self.take_and_commit(&Found { name, id: &id, session }, request, body);
        }
        Ok(Answer::new(202)
            .with("Location", self.location(name, &id, 0))
            .with("Docker-Upload-UUID", id)
            .with("Range", "0-0"))
    }

    fn session(&self, id: &str) -> Arc<Mutex<Session>> {
        Arc::clone(&self.store.lock().unwrap().sessions[id])
    }

    /// Does what is asked in an upload session.
    pub(super) fn upload(
        &self,
        name: &str,
        id: &str,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<Answer> {
        let session = self.store.lock().unwrap().sessions.get(id).cloned();
        let Some(session) = session else {
            return Ok(Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown"));
        };
        let len = session.lock().unwrap_or_else(PoisonError::into_inner).len;
        let Some(offset) = request.head.query("_state").and_then(|state| offset(id, state)) else {
            return Ok(invalid());
        };
        if self.profile.resume == Resume::Lost && offset != len {
            return Ok(invalid());
        }
        let found = Found { name, id, session };
        match &request.head.method[..] {
            "GET" => Ok(self.progress(&found, 204)),
            "PATCH" => self.patch(&found, request, body),
            "PUT" => self.take_and_commit(&found, request, body),
            "DELETE" => {
                self.store.lock().unwrap().sessions.remove(id);
                Ok(Answer::new(204))
            }
            _ => Ok(Answer::error(405, "UNSUPPORTED", "no such method")),
        }
    }

    fn location(&self, name: &str, id: &str, offset: u64) -> String {
        let path = format!("/v2/{name}/blobs/uploads/{id}?_state={}", state(id, offset));
        match self.profile.location {
            Location::Absolute => format!("http://{}{path}", self.address(Door::Front)),
            Location::Relative => path,
        }
    }

    /// Says how far a session is.
    fn progress(&self, found: &Found<'_>, status: u16) -> Answer {
        let session = found.session.lock().unwrap();
        let told = match self.profile.told {
            Told::Truth => session.len.saturating_sub(1),
            Told::First => session.first.unwrap_or(0).saturating_sub(1),
            Told::TooMuch => session.len,
        };
        Answer::new(status)
            .with("Location", self.location(found.name, found.id, session.len))
            .with("Docker-Upload-UUID", found.id)
            .with("Range", format!("0-{told}"))
    }

    fn patch(
        &self,
        found: &Found<'_>,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<Answer> {
        if let Some(answer) = self.wrong_range(found, request) {
            return Ok(answer);
        }
        let refused = self.append(found, body)?;
        Ok(refused.unwrap_or_else(|| self.progress(found, self.profile.patched)))
    }

    /// Tells what is wrong with `Content-Range`.
    fn wrong_range(&self, found: &Found<'_>, request: &Request<'_>) -> Option<Answer> {
        let (start, end) = request.head.header("content-range")?.split_once('-')?;
        let (start, end) = (start.parse::<u64>().ok()?, end.parse::<u64>().ok()?);
        let len = found.session.lock().unwrap().len;
        let is_honest = request.head.length() == Length::Bytes((end + 1).saturating_sub(start))
            || request.head.length() == Length::Chunked;
        let is_right = start == len && is_honest;
        match self.profile.ranges {
            Ranges::Ignored => None,
            Ranges::Checked if is_right => None,
            Ranges::Capped(cap) if is_right && end - start < cap => None,
            Ranges::Checked | Ranges::Capped(_) => Some(self.progress(found, 416)),
            Ranges::Refused => Some(Answer::error(400, "UNSUPPORTED", "no chunks here")),
        }
    }

    /// Reads a body to the end of a session. What came before it broke off stays.
    fn append(&self, found: &Found<'_>, body: &mut Body<'_>) -> io::Result<Option<Answer>> {
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
                Keep::Bytes(most) if session.len > most => {
                    break Ok(Some(Answer::error(413, "SIZE_INVALID", "the blob is too long")));
                }
                Keep::Bytes(_) => session.bytes.extend_from_slice(&space[..len]),
                Keep::Digest => {}
            }
        };
        let received = body.received() - before;
        session.unnamed += received;
        session.first.get_or_insert(received);
        result
    }

    fn take_and_commit(
        &self,
        found: &Found<'_>,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<Answer> {
        let Some(expected) = request.head.query("digest") else {
            return Ok(Answer::error(400, "DIGEST_INVALID", "there is no digest"));
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
        if let Some(fault) = self.faults.fire(request, Stage::Late) {
            return Ok(self.faulty(request, &fault));
        }
        std::thread::sleep(self.profile.commit);
        Ok(self.commit(found, expected))
    }

    fn commit(&self, found: &Found<'_>, expected: &str) -> Answer {
        let mut session = found.session.lock().unwrap();
        let mut store = self.store.lock().unwrap();
        store.sessions.remove(found.id);
        if digest(&session.sha256) != expected {
            return Answer::error(400, "DIGEST_INVALID", "the content has another digest");
        }
        let bytes = std::mem::take(&mut session.bytes).into();
        let bytes = matches!(self.profile.keep, Keep::Bytes(_)).then_some(bytes);
        store.put_blob(found.name, expected, Blob { len: session.len, bytes });
        drop(store);
        self.created(found.name, expected)
    }

    fn created(&self, name: &str, digest: &str) -> Answer {
        let path = format!("/v2/{name}/blobs/{digest}");
        let location = match self.profile.location {
            Location::Absolute => format!("http://{}{path}", self.address(Door::Front)),
            Location::Relative => path,
        };
        Answer::new(201).with("Location", location).with("Docker-Content-Digest", digest)
    }
}
