//! **Content**: requests for blobs, manifests and tags.

use std::fmt::Write as _;
use std::io::{self, Read};

use serde_json::json;

use super::Shared;
use super::answer::RegistryAnswer;
use super::body::Body;
use super::fault::FaultStage;
use super::profile::{BlobAccess, DeletionPolicy};
use super::route::{RegistryPort, Request};
use super::store::{RegistryStore, StoredManifest};

/// Maximum length of a manifest in bytes, as in distribution.
const MANIFEST_LIMIT: u64 = 4 << 20;

const OCTETS: &str = "application/octet-stream";

impl Shared {
    pub(super) fn blob(&self, name: &str, digest: &str, request: &Request<'_>) -> RegistryAnswer {
        let store = self.store.lock().unwrap();
        let Some(blob) = store.blob(name, digest) else {
            return RegistryAnswer::error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        };
        if request.head.method == "HEAD" {
            return RegistryAnswer::length(blob.len, OCTETS).with("Docker-Content-Digest", digest);
        }
        if request.head.method != "GET" {
            return RegistryAnswer::error(405, "UNSUPPORTED", "no such method");
        }
        if self.profile.blobs == BlobAccess::Redirected {
            let side = self.address(RegistryPort::Side);
            let url = format!("http://{side}/storage/{digest}?X-Amz-Signature=5ec2e7");
            return RegistryAnswer::new(307).with("Location", url);
        }
        self.bytes(digest, request, &store)
    }

    /// Answers as a storage service: it refuses requests that have credentials besides the signed URL.
    pub(super) fn stored(&self, digest: &str, request: &Request<'_>) -> RegistryAnswer {
        if request.door != RegistryPort::Side || request.head.query("X-Amz-Signature").is_none() {
            return RegistryAnswer::new(403);
        }
        if request.head.header("authorization").is_some() {
            return RegistryAnswer::new(400)
                .body("application/xml", "<Code>InvalidArgument</Code>");
        }
        self.bytes(digest, request, &self.store.lock().unwrap())
    }

    fn bytes(&self, digest: &str, request: &Request<'_>, store: &RegistryStore) -> RegistryAnswer {
        let parts = store.parts.get(digest).filter(|_| request.head.header("range").is_some());
        match store.blobs.get(digest).map(|blob| parts.or(blob.bytes.as_ref())) {
            Some(Some(bytes)) => RegistryAnswer::content(request.head, OCTETS, bytes)
                .with("Docker-Content-Digest", digest)
                .with("Accept-Ranges", "bytes"),
            Some(None) => {
                let name = self.profile.name;
                RegistryAnswer::error(500, "UNKNOWN", &format!("{name} keeps only digests here"))
            }
            None => RegistryAnswer::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        }
    }

    pub(super) fn manifest(
        &self,
        name: &str,
        reference: &str,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<RegistryAnswer> {
        match &request.head.method[..] {
            "GET" | "HEAD" => {}
            "PUT" => return self.put_manifest(name, reference, request, body),
            "DELETE" => return Ok(self.delete_manifest(name, reference)),
            _ => return Ok(RegistryAnswer::error(405, "UNSUPPORTED", "no such method")),
        }
        let store = self.store.lock().unwrap();
        let Some(manifest) = store.manifest(name, reference) else {
            return Ok(RegistryAnswer::error(404, "MANIFEST_UNKNOWN", "manifest unknown"));
        };
        Ok(RegistryAnswer::new(200)
            .body(&manifest.media_type, &manifest.bytes[..])
            .with("Docker-Content-Digest", &manifest.digest))
    }

    /// Deletes a tag, or a manifest with all its tags.
    fn delete_manifest(&self, name: &str, reference: &str) -> RegistryAnswer {
        let mut store = self.store.lock().unwrap();
        let repository = store.repository(name);
        let mut reference = reference.to_owned();
        match self.profile.deletion {
            DeletionPolicy::Digests if !reference.contains(':') => {
                return RegistryAnswer::error(
                    400,
                    "DIGEST_INVALID",
                    "invalid checksum digest format",
                );
            }
            DeletionPolicy::Nothing => {
                return RegistryAnswer::error(405, "UNSUPPORTED", "The operation is unsupported.");
            }
            DeletionPolicy::TagsWithImages => {
                reference = repository.tags.get(&reference).cloned().unwrap_or(reference);
            }
            DeletionPolicy::Digests | DeletionPolicy::Tags => {}
        }
        let is_there = if reference.contains(':') {
            repository.tags.retain(|_, digest| *digest != reference);
            repository.manifests.remove(&reference).is_some()
        } else {
            repository.tags.remove(&reference).is_some()
        };
        if is_there {
            return RegistryAnswer::new(202);
        }
        RegistryAnswer::error(404, "MANIFEST_UNKNOWN", "manifest unknown")
    }

    fn put_manifest(
        &self,
        name: &str,
        reference: &str,
        request: &Request<'_>,
        body: &mut Body<'_>,
    ) -> io::Result<RegistryAnswer> {
        let mut bytes = Vec::new();
        body.take(MANIFEST_LIMIT + 1).read_to_end(&mut bytes)?;
        if let Some(fault) = self.faults.next_fault(request, FaultStage::Late) {
            return Ok(self.faulty(request, &fault));
        }
        let invalid = |message: &str| Ok(RegistryAnswer::error(400, "MANIFEST_INVALID", message));
        if bytes.len() as u64 > MANIFEST_LIMIT {
            return invalid("the manifest is too long");
        }
        let media_type = request.head.header("content-type").unwrap_or_default();
        let manifest = StoredManifest::new(media_type, bytes);
        let json = manifest.json();
        if json["schemaVersion"] != 2 {
            return invalid("this is no manifest");
        }
        if json.get("mediaType").is_some_and(|inner| inner != media_type) {
            return invalid("Content-Type and mediaType differ");
        }
        if reference.contains(':') && reference != manifest.digest {
            return Ok(RegistryAnswer::error(
                400,
                "DIGEST_INVALID",
                "the manifest has another digest",
            ));
        }
        let mut store = self.store.lock().unwrap();
        if let Some(missing) = store.missing(name, &manifest) {
            return Ok(RegistryAnswer::error(404, "MANIFEST_BLOB_UNKNOWN", &missing));
        }
        let digest = manifest.digest.clone();
        let answer = self.with_subject(RegistryAnswer::new(201), &manifest);
        let repository = store.repository(name);
        if !reference.contains(':') {
            repository.tags.insert(reference.to_owned(), digest.clone());
        }
        repository.manifests.insert(digest.clone(), manifest);
        Ok(answer
            .with("Location", format!("/v2/{name}/manifests/{digest}"))
            .with("Docker-Content-Digest", digest))
    }

    /// Lists tags, page by page.
    pub(super) fn tags(&self, name: &str, request: &Request<'_>) -> RegistryAnswer {
        let store = self.store.lock().unwrap();
        let Some(repository) = store.repositories.get(name) else {
            return RegistryAnswer::error(
                404,
                "NAME_UNKNOWN",
                "repository name not known to registry",
            );
        };
        let last = request.head.query("last").unwrap_or_default();
        let asked = request.head.query("n").and_then(|most| most.parse().ok());
        let most = asked.unwrap_or(usize::MAX).min(self.profile.page_size);
        let mut after = repository.tags.keys().filter(|tag| tag.as_str() > last);
        let page: Vec<_> = after.by_ref().take(most).collect();
        let answer = RegistryAnswer::new(200);
        let answer = match (page.last(), after.next()) {
            (Some(last), Some(_)) => {
                let mut link = format!("</v2/{name}/tags/list?last={last}");
                write!(link, "&n={most}>; rel=\"next\"").unwrap();
                answer.with("Link", link)
            }
            _ => answer,
        };
        answer.body("application/json", json!({ "name": name, "tags": page }).to_string())
    }
}
