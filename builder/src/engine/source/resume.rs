//! What a response says of the file that a download is a part of, so that it can be *resumed*.

use crate::net::http::ResponseHead;

/// Returns the length of the whole file in bytes, if the response is the rest of it from `at` on.
pub(super) fn partial_len(head: &ResponseHead, at: u64) -> Option<u64> {
    let range = head.header("content-range")?.strip_prefix("bytes ")?;
    let (range, len) = range.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, len): (u64, u64, u64) =
        (first.parse().ok()?, last.parse().ok()?, len.parse().ok()?);
    (first == at && last.checked_add(1) == Some(len)).then_some(len)
}

/// Returns the validator for `If-Range` (RFC 9110, section 13.1.5), which must not be weak.
pub(super) fn validator(head: &ResponseHead) -> Option<String> {
    let strong = head.header("etag").filter(|etag| etag.starts_with('"'));
    strong.or(head.header("last-modified")).map(str::to_owned)
}
