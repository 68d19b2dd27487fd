//! Parts of the library that only its own modules use, for the targets in `builder/fuzz`. No program uses them.

use std::io::{self, Read};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::compression::{decode, detect_and_decompress_members};
use crate::disk::{self, DiskFiles, Fault, ReadAt, examine_disk, guest};
use crate::net::http::fuzzing::{exchange_on, server_url};
use crate::net::http::{
    ContentRange, HttpClient, HttpRequest, ResponseHead, retry_after, server_words, web_page_words,
};
use crate::oci::image::digest::Digest;
use crate::oci::reuse::frames_of_toc;
use crate::registry::client::TokenScope;
use crate::sbom::document::read::read_spdx;
use crate::sbom::fuzzing::count_rpm_packages;
use crate::signature::bundle::parse_bundle;
use crate::signature::envelope::{Envelope, STATEMENT_MEDIA_TYPE};
use crate::signature::key::PublicKey;
use crate::signature::statement::StatementFields;

/// A response as a program sees it.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The length that the head declares, in bytes.
    pub len: Option<u64>,
    /// The body, or why it cannot be read.
    pub body: Result<Vec<u8>, String>,
}

/// Sends a request on a connection and reads no more than `limit` bytes of the response. A request with a
/// body sends it in chunks.
pub fn exchange(
    client: &HttpClient,
    tcp: TcpStream,
    method: &'static str,
    body: &[u8],
    limit: u64,
) -> Result<Answer, String> {
    let url = server_url().map_err(|error| error.to_string())?;
    let request = HttpRequest::new(method, &url);
    let response = exchange_on(client, tcp, &request, body).map_err(|error| error.to_string())?;
    let (status, len) = (response.head.status, response.head.content_length());
    // The answers may be anything; only a panic is wrong.
    let (_pause, _range) = (retry_after(&response.head), ContentRange::of_response(&response.head));
    let body = response.read_body(limit).map_err(|error| error.to_string());
    let body = body.inspect(|bytes| drop((server_words(bytes), web_page_words(bytes))));
    Ok(Answer { status, len, body })
}

/// Parses the head of a response, and returns its length in bytes; nothing if it is incomplete.
pub fn parse_head(bytes: &[u8]) -> Result<Option<usize>, String> {
    let parsed = ResponseHead::parse(bytes).map_err(|error| error.to_string())?;
    Ok(parsed.map(|(_, len)| len))
}

/// Parses the value of a `Content-Range` header: first and last byte, and the length if it is known.
pub fn parse_content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    ContentRange::parse(value).map(|range| (range.first, range.last, range.len))
}

/// Returns the scopes of a token that has those of two texts.
pub fn join_scopes(one: &str, other: &str) -> Vec<String> {
    TokenScope::parse(one).union(&TokenScope::parse(other)).resource_scopes().collect()
}

/// Returns the frames that a table of contents of zstd:chunked lists, which begins at `end` in its blob.
pub fn parse_toc(text: &[u8], end: u64) -> Option<Vec<Range<u64>>> {
    frames_of_toc(text, end)
}

/// Returns what is read of a disk that is made larger, so that it has `len` bytes: its file, or the disk in it if
/// that is written anew. Returns nothing for a disk that cannot be opened.
pub fn resize_disk(file: &Arc<dyn ReadAt>, len: u64) -> Result<Option<Arc<dyn ReadAt>>, String> {
    let info = examine_disk(&**file).map_err(|error| error.to_string())?;
    let guest = guest::open(Arc::clone(file), info.format);
    let Ok(guest) = guest.map(Arc::from) else { return Ok(None) };
    let resized = disk::resize_disk(file, &guest, &info, len, None);
    resized.map(|resized| Some(resized.bytes)).map_err(|error| error.to_string())
}

/// Returns a raw disk whose free space is read as zeros, or why it cannot be known.
pub fn discard_free_space(disk: &Arc<dyn ReadAt>) -> Result<Arc<dyn ReadAt>, String> {
    disk::discard_free_space(disk).map_err(|error| error.to_string())
}

/// The only extent of a disk, whatever its name.
struct OneExtent<'a>(Arc<dyn ReadAt + 'a>);

impl<'a> DiskFiles<'a> for OneExtent<'a> {
    fn open(&mut self, _: &str) -> Result<Arc<dyn ReadAt + 'a>, Fault> {
        Ok(Arc::clone(&self.0))
    }
}

/// Opens the disk that a descriptor of a VMDK describes, with all of its extents in one file. Returns nothing for
/// one that cannot be opened.
pub fn open_split_vmdk<'a>(
    descriptor: &[u8],
    extent: Arc<dyn ReadAt + 'a>,
) -> Option<Arc<dyn ReadAt + 'a>> {
    guest::open_split(&descriptor.to_vec(), &mut OneExtent(extent)).ok()
}

/// Returns a reader of the decompressed bytes of a stream whose members are decompressed several at a time.
pub fn decompress_members(bytes: &[u8]) -> io::Result<Box<dyn Read + Send + '_>> {
    Ok(Box::new(detect_and_decompress_members(bytes)?.1))
}

/// Returns a reader of the decompressed bytes of a stream.
pub fn decompress_stream(bytes: &[u8]) -> io::Result<Box<dyn Read + Send + '_>> {
    Ok(decode::detect_and_decompress(bytes)?.1)
}

/// Returns how many packages a database of rpm has: with a log, which can be empty, it is one of `SQLite`, else of
/// openSUSE.
pub fn read_rpm_database(file: &[u8], log: Option<&[u8]>) -> Result<usize, String> {
    count_rpm_packages(&file, log.as_ref().map(|log| log as &dyn ReadAt))
}

/// Where a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementForm {
    /// It is there as it is.
    Plain,
    /// In an envelope (DSSE).
    Envelope,
    /// In an envelope in a bundle of sigstore.
    Bundle,
}

/// Returns a statement, and whether one of the keys has signed it; the error says what is wrong.
pub fn open_statement(
    bytes: &[u8],
    form: StatementForm,
    keys: &[PublicKey],
) -> Result<(Vec<u8>, bool), String> {
    match form {
        StatementForm::Plain => Ok((bytes.to_vec(), false)),
        StatementForm::Envelope => Envelope::parse(bytes)?.open(keys),
        StatementForm::Bundle => parse_bundle(bytes)?.open(keys),
    }
}

/// Returns a statement in this form, without a signature.
pub fn wrap_statement(statement: &[u8], form: StatementForm) -> Vec<u8> {
    let envelope = json!({
        "payload": STANDARD.encode(statement),
        "payloadType": STATEMENT_MEDIA_TYPE,
        "signatures": [],
    });
    match form {
        StatementForm::Plain => statement.to_vec(),
        StatementForm::Envelope => envelope.to_string().into_bytes(),
        StatementForm::Bundle => json!({ "dsseEnvelope": envelope }).to_string().into_bytes(),
    }
}

/// Returns the number of packages that a statement lists in SPDX; `None` if it is not such a statement.
pub fn count_listed_packages(statement: &[u8]) -> Option<usize> {
    let fields = StatementFields::parse(statement).ok()?;
    // It is about some images or none; only a panic is wrong.
    let _is_about = fields.is_about(Digest::of_bytes(statement));
    read_spdx(&fields.predicate).map(|packages| packages.count())
}
