//! What a server *claims* of a content in headers. Servers call disks web pages, and say of files
//! that are compressed that the transfer is; so the bytes and the checksum decide, and a claim
//! explains what is wrong with them.

use super::download::DownloadError;
use crate::compression::CompressionFormat;
use crate::net::http::ResponseHead;
use crate::recipe::SourceRole;

/// Number of bytes at the start of a content that are looked at.
pub(super) const START_LEN: u64 = 512;

/// What is known of the content of a download before it comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpectedContent {
    pub(super) role: SourceRole,
    pub(super) compression: Option<CompressionFormat>,
    /// Whether its checksum is known.
    pub(super) has_checksum: bool,
}

/// What headers say of a content that is not what was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HeaderClaim {
    /// It was compressed for the transfer, which was not requested.
    Encoded(String),
    /// It is a web page.
    WebPage,
}

impl HeaderClaim {
    /// Returns what the headers claim.
    pub(super) fn find(head: &ResponseHead) -> Option<Self> {
        let is_identity =
            |value: &&str| value.trim().is_empty() || value.eq_ignore_ascii_case("identity");
        if let Some(encoding) = head.header("content-encoding").filter(|it| !is_identity(it)) {
            return Some(Self::Encoded(encoding.into()));
        }
        head.is_web_page().then_some(Self::WebPage)
    }

    /// Fails if the claim holds for the first bytes of a content; returns the claim if only a
    /// checksum will tell. `name` is that of the file on the server.
    pub(super) fn judge(
        self,
        start: &[u8],
        name: &str,
        expected: ExpectedContent,
    ) -> Result<Option<Self>, DownloadError> {
        let holds = match &self {
            Self::Encoded(_) if expected.has_checksum => return Ok(Some(self)),
            Self::Encoded(encoding) => {
                let is_file = |found| {
                    expected.compression == Some(found)
                        || CompressionFormat::from_name(name) == Some(found)
                };
                match (encoding_format(encoding), CompressionFormat::detect(start)) {
                    // The file itself is compressed.
                    (Some(format), Some(found)) if found == format => !is_file(found),
                    // The bytes are not what the header says.
                    (Some(_), _) => false,
                    (None, _) => true,
                }
            }
            Self::WebPage => expected.role == SourceRole::Disk && is_web_page(start),
        };
        if holds { Err(self.into()) } else { Ok(None) }
    }
}

impl From<HeaderClaim> for DownloadError {
    fn from(claim: HeaderClaim) -> Self {
        match claim {
            HeaderClaim::Encoded(encoding) => Self::Encoded(encoding),
            HeaderClaim::WebPage => Self::WebPage,
        }
    }
}

/// Returns the format of a content coding, if it is one that has a signature.
fn encoding_format(encoding: &str) -> Option<CompressionFormat> {
    Some(match encoding.trim().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => CompressionFormat::Gzip,
        "bzip2" | "x-bzip2" => CompressionFormat::Bzip2,
        "xz" | "x-xz" => CompressionFormat::Xz,
        "zstd" => CompressionFormat::Zstd,
        _ => return None,
    })
}

/// Returns whether a content begins as markup does, after a byte order mark and white space. An
/// empty one is as the server says.
fn is_web_page(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    matches!(start.trim_ascii_start().first(), None | Some(b'<'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GZIP: &[u8] = b"\x1f\x8b\x08\0";
    const QCOW2: &[u8] = b"QFI\xfb\0\0\0\x03";

    #[test]
    fn bytes_and_checksums_decide() {
        let check = |head: &str, start: &[u8], name: &str, has_checksum: bool, expected: &str| {
            let text = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
            let (head, _) = ResponseHead::parse(text.as_bytes()).unwrap().unwrap();
            let (role, compression) = (SourceRole::Disk, CompressionFormat::from_name(name));
            let known = ExpectedContent { role, compression, has_checksum };
            let shown = match HeaderClaim::find(&head).map(|it| it.judge(start, name, known)) {
                None | Some(Ok(None)) => "taken".to_owned(),
                Some(Ok(Some(_))) => "taken, if the checksum is right".to_owned(),
                Some(Err(error)) => error.to_string(),
            };
            assert_eq!(shown, expected, "{text} {start:?} {name} {has_checksum}");
        };
        let packed = |how: &str| {
            format!("the server sent the content compressed with {how}, which was not requested")
        };
        let maybe = "taken, if the checksum is right";
        // Apache's `AddEncoding x-gzip .gz`.
        check("Content-Encoding: x-gzip", GZIP, "/d.qcow2.gz", true, maybe);
        check("Content-Encoding: x-gzip", GZIP, "/d.qcow2.gz", false, "taken");
        check("Content-Encoding: gzip", GZIP, "/d.qcow2", true, maybe);
        check("Content-Encoding: gzip", GZIP, "/d.qcow2", false, &packed("gzip"));
        check("Content-Encoding: gzip", QCOW2, "/d.qcow2", false, "taken");
        check("Content-Encoding: x-xz", QCOW2, "/d.qcow2", false, "taken");
        check("Content-Encoding: br", QCOW2, "/d.qcow2", false, &packed("br"));
        check("Content-Encoding: br", QCOW2, "/d.qcow2", true, maybe);
        check("Content-Encoding: Identity", GZIP, "/d.qcow2", false, "taken");
        for has_checksum in [true, false] {
            check("Content-Type: text/html", QCOW2, "/d.qcow2", has_checksum, "taken");
            check("Content-Type: Text/HTML; x=y", GZIP, "/d.gz", has_checksum, "taken");
            let page = "the server sent a web page";
            check("Content-Type: text/html", b"\n<!DOCTYPE html>", "/d.raw", has_checksum, page);
            check("Content-Type: text/html", b"\xef\xbb\xbf<html>", "/d.raw", has_checksum, page);
            check("Content-Type: text/html", b"", "/d.raw", has_checksum, page);
        }
    }
}
