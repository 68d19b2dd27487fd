//! *Manifests* and indexes in a registry: small documents that refer to everything else. They are
//! bounded in size, and used only if they match their digest.

use super::Repository;
use super::answer::web_page_error;
use super::call::RegistryCall;
use super::error::{RegistryError, RegistryErrorCause};
use super::scope::TokenScope;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::{DOCUMENT_LEN_MAX, Document};
use crate::oci::image::referrer::AttachedDocument;
use crate::oci::image::tag::ManifestName;
use crate::oci::progress::ProgressEvent;

/// All media types of manifests; registries convert a manifest whose type is not accepted.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

impl Repository<'_> {
    pub(super) fn manifest_call<'a>(
        &self,
        act: &'static str,
        method: &'static str,
        reference: &str,
        scope: TokenScope,
    ) -> Result<RegistryCall<'a>, RegistryError> {
        // What is not a name could lead to another repository.
        let name = reference.parse::<ManifestName>();
        let name = name.map_err(|error| RegistryErrorCause::InvalidContent(error.to_string()));
        let url = name.and_then(|name| self.resource_url(&format!("manifests/{}", name.as_str())));
        let url = url.map_err(|cause| self.reference_error(reference, act, cause))?;
        let headers = vec![("Accept", ACCEPT.to_owned())];
        Ok(RegistryCall { act, method, url, headers, body: &[], scope, timeout: None })
    }

    pub(super) fn reference_error(
        &self,
        reference: &str,
        act: &'static str,
        cause: RegistryErrorCause,
    ) -> RegistryError {
        let separator = if reference.contains(':') { '@' } else { ':' };
        RegistryError { act, location: format!("{}{separator}{reference}", self.location), cause }
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
        let page = web_page_error(&bytes, "a manifest");
        let document = Document::parse_received(&media_type, bytes)
            .map_err(|why| fail(page.unwrap_or(RegistryErrorCause::InvalidContent(why))))?;
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

    /// Writes a document under its digest, unless it exists. One with a subject is listed as a referrer of it.
    pub(super) fn put_manifest(&self, document: &Document) -> Result<(), RegistryError> {
        let reference = document.digest.to_string();
        let mut listing = SubjectListing::Unknown;
        if self.probe_manifest(&reference)? != Some(document.digest) {
            listing = self.write_manifest(document, &reference)?;
        }
        match AttachedDocument::of_document(document) {
            Some(referrer) if listing == SubjectListing::Unknown => self.ensure_listed(&referrer),
            _ => Ok(()),
        }
    }

    /// Points a tag at a document, and verifies that it does. A digest is only verified.
    pub(super) fn publish_name(&self, document: &Document, tag: &str) -> Result<(), RegistryError> {
        if self.probe_manifest(tag)? == Some(document.digest) {
            return Ok(());
        }
        if let Err(error) = self.write_manifest(document, tag) {
            // A tag that must not be written again may name the document already.
            let is_refused = matches!(error.cause, RegistryErrorCause::Status { .. });
            let found = if is_refused { self.read_manifest(tag).ok().flatten() } else { None };
            let is_there = found.is_some_and(|found| found.digest == document.digest);
            return if is_there { Ok(()) } else { Err(error) };
        }
        if self.probe_manifest(tag)? == Some(document.digest) {
            return Ok(());
        }
        self.verify_tag(document, tag)
    }

    /// Reads a tag that was written, and verifies that it names the document. Where the registry
    /// lets the credential write only, its response to the write has to do.
    fn verify_tag(&self, document: &Document, tag: &str) -> Result<(), RegistryError> {
        let found = match self.read_manifest(tag) {
            Ok(found) => found.map(|found| found.digest),
            Err(RegistryError {
                cause:
                    cause @ (RegistryErrorCause::Status { status: 403 | 405, .. }
                    | RegistryErrorCause::Unauthorized(_)),
                ..
            }) => {
                let separator = if tag.contains(':') { '@' } else { ':' };
                let location = format!("{}{separator}{tag}", self.location);
                let note = format!("{location} was written, but cannot be read back: {cause}");
                self.registry.options.progress.report(ProgressEvent::Note(&note));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if found == Some(document.digest) {
            return Ok(());
        }
        let found = found.map_or_else(|| "nothing (404)".to_owned(), |digest| digest.to_string());
        let why = format!("the tag points at {found} now, not at {}", document.digest);
        Err(self.reference_error(tag, "publish", RegistryErrorCause::InvalidContent(why)))
    }

    /// Writes a document, and repeats it where distribution mixes it up with what another client
    /// writes under the same digest at the same time.
    pub(super) fn write_manifest(
        &self,
        document: &Document,
        reference: &str,
    ) -> Result<SubjectListing, RegistryError> {
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
    ) -> Result<SubjectListing, RegistryError> {
        let act = "publish";
        let mut call = self.manifest_call(act, "PUT", reference, self.push_scope())?;
        call.headers = vec![("Content-Type", document.media_type.to_string())];
        call.body = &document.bytes;
        let response = self.send_call(&call, |status| matches!(status, 200..=204));
        let response =
            response.map_err(|error| self.reference_error(reference, act, error.cause))?;
        let declared = response.head.header("docker-content-digest").map(str::parse::<Digest>);
        let listing = SubjectListing::of_response(response.head.header("oci-subject"));
        response.discard();
        match declared {
            Some(Ok(digest)) if digest != document.digest => {
                let why = format!("the registry took it for {digest}, not {}", document.digest);
                Err(self.reference_error(reference, act, RegistryErrorCause::InvalidContent(why)))
            }
            _ => Ok(listing),
        }
    }
}

/// Whether a registry lists a document that it was sent as a referrer of its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubjectListing {
    /// It says that it does.
    Done,
    /// It does not say so.
    Unknown,
}

impl SubjectListing {
    /// Returns what the header `OCI-Subject` of a response says
    /// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests-with-subject>).
    fn of_response(header: Option<&str>) -> Self {
        if header.is_some() { Self::Done } else { Self::Unknown }
    }
}

/// Returns whether a registry mixed up what it was sent with something else.
fn is_digest_confusion(cause: &RegistryErrorCause) -> bool {
    matches!(cause, RegistryErrorCause::Status { status: 400, detail: Some(detail), .. } if detail.starts_with("DIGEST_INVALID"))
}
