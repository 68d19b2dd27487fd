//! A *listing* is a list that was fetched, and whose signature was checked if one is required.

use std::cell::RefCell;
use std::sync::Arc;

use regex::Regex;
use url::Url;

use super::{
    FetchErrorKind, FetchList, ListSignature, SignedText, UpstreamError, UpstreamSource,
    VerifySignature,
};
use crate::net::http::redact_url;
use crate::oci::image::digest::Digest;
use crate::oci::image::platform::Platform;
use crate::recipe::ReadList;

/// Maximum length of a list in bytes: Ubuntu's products are 20 MB.
const LIST_MAX: u64 = 64 << 20;

/// Maximum length of a signature in bytes.
const SIGNATURE_MAX: u64 = 1 << 20;

/// Suffixes of the names of detached signatures, in the order in which they are tried.
const SIGNATURE_SUFFIXES: [&str; 4] = [".asc", ".gpg", ".sig", ".sign"];

/// Beginning of a text with a cleartext signature (RFC 9580, 7).
const CLEARTEXT_HEADER: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

/// The lists of a source, for one platform.
pub(super) struct Listings<'a> {
    pub(super) source: &'a UpstreamSource,
    pub(super) platform: &'a Platform,
    pub(super) fetch: &'a dyn FetchList,
    pub(super) verify: &'a dyn VerifySignature,
    /// The lists that were read.
    pub(super) read: RefCell<Vec<ReadList>>,
}

impl Listings<'_> {
    /// Returns the URL of the list.
    pub(super) fn list_url(&self) -> Result<Url, UpstreamError> {
        let text = self.source.url.fill(self.platform)?;
        parse_list_url(&text)
    }

    /// Returns the regular expression that the name of a file has to match.
    pub(super) fn file_pattern(&self) -> Result<Option<Regex>, UpstreamError> {
        let file = self.source.file.as_ref();
        Ok(file.map(|file| file.to_regex(self.platform)).transpose()?)
    }

    /// Returns the URL that a list names, relative to the list, if a list may send there.
    pub(super) fn named_url(&self, list: &Url, named: &str) -> Result<Url, UpstreamError> {
        let url = list.join(named).map_err(|_| UpstreamError::Form {
            url: list.to_string(),
            form: "a list of files",
            why: format!("`{named}` is no URL"),
        })?;
        self.fetch.check_reach(list.as_str(), url.as_str())?;
        Ok(url)
    }

    /// Returns the URLs of a file on the mirrors; none for a file outside the list's directory.
    pub(super) fn mirror_urls(&self, list: &Url, file: &Url) -> Result<Vec<String>, UpstreamError> {
        let directory = list.join(".").map_or_else(|_| list.to_string(), |url| url.to_string());
        let Some(below) = file.as_str().strip_prefix(&directory) else { return Ok(Vec::new()) };
        let mirrors = self.source.mirrors.iter().map(|mirror| {
            let mirror = mirror.fill(self.platform)?;
            Ok(format!("{}/{below}", mirror.trim_end_matches('/')))
        });
        mirrors.collect()
    }

    /// Returns a list, after checking its signature if the source requires one.
    pub(super) fn read_list(&self, url: &Url) -> Result<Arc<[u8]>, UpstreamError> {
        let bytes = self.fetch.fetch(url.as_str(), LIST_MAX)?;
        let record = |signed_by: Option<String>| {
            let (url, digest) = (redact_url(url), Digest::of_bytes(&bytes));
            self.read.borrow_mut().push(ReadList { url, digest, signed_by });
        };
        let Some(signed) = &self.source.signature else {
            record(None);
            return Ok(if bytes.starts_with(CLEARTEXT_HEADER) {
                strip_cleartext_signature(&bytes)
            } else {
                bytes
            });
        };
        if let Some(why) = self.verify.missing_program() {
            return Err(UpstreamError::Unchecked { url: redact_url(url), why });
        }
        let detached = match &signed.url {
            None if bytes.starts_with(CLEARTEXT_HEADER) => None,
            _ => Some(self.fetch_signature(url, signed)?),
        };
        let text = self.verify.verify(&signed.keyring, &bytes, detached.as_deref());
        let SignedText { text, key } =
            text.map_err(|why| UpstreamError::Signature { url: url.to_string(), why })?;
        record(Some(key));
        Ok(text.into())
    }

    /// Returns a list as text; `form` names its format in the error.
    pub(super) fn read_text(&self, url: &Url, form: &'static str) -> Result<String, UpstreamError> {
        let bytes = self.read_list(url)?;
        let text = String::from_utf8(bytes.to_vec());
        text.map_err(|_| UpstreamError::Form { url: url.to_string(), form, why: "not text".into() })
    }

    fn fetch_signature(
        &self,
        url: &Url,
        signed: &ListSignature,
    ) -> Result<Arc<[u8]>, UpstreamError> {
        if let Some(signature) = &signed.url {
            let at = signature.fill(self.platform)?;
            let at = url.join(&at).map_err(|_| not_a_url(&at))?;
            return Ok(self.fetch.fetch(at.as_str(), SIGNATURE_MAX)?);
        }
        for end in SIGNATURE_SUFFIXES {
            let mut at = url.clone();
            at.set_path(&format!("{}{end}", url.path()));
            match self.fetch.fetch(at.as_str(), SIGNATURE_MAX) {
                Err(error) if error.kind == FetchErrorKind::Missing => {}
                answer => return Ok(answer?),
            }
        }
        let why = format!(
            "there is none, neither in it nor beside it ({})",
            SIGNATURE_SUFFIXES.join(", ")
        );
        Err(UpstreamError::Signature { url: url.to_string(), why })
    }
}

/// Parses the URL of a list: `http` or `https`.
pub(super) fn parse_list_url(text: &str) -> Result<Url, UpstreamError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| not_a_url(text))
}

fn not_a_url(text: &str) -> UpstreamError {
    let why = "write it as `https://…`".into();
    UpstreamError::Form { url: format!("`{text}`"), form: "a URL", why }
}

/// Returns the text inside a cleartext signature, which is not checked.
fn strip_cleartext_signature(bytes: &[u8]) -> Arc<[u8]> {
    let text = String::from_utf8_lossy(bytes).replace('\r', "");
    let body = text.split_once("\n\n").map_or("", |(_, body)| body);
    let body = body.split("\n-----BEGIN PGP SIGNATURE-----").next().unwrap_or_default();
    let lines = body.lines().map(|line| line.strip_prefix("- ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n").into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleartext_is_unwrapped() {
        let signed = b"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- --- a\nb\n\
            -----BEGIN PGP SIGNATURE-----\n\nxyz\n";
        assert_eq!(&*strip_cleartext_signature(signed), b"--- a\nb");
        assert_eq!(&*strip_cleartext_signature(CLEARTEXT_HEADER), b"");
    }
}
