//! What a response says of the file that a download is a part of, so that it can be *resumed*.

use crate::net::http::{ContentRange, ResponseHead};

/// Returns the length of the whole file in bytes, if the response is the rest of it from `at` on.
pub(super) fn partial_len(head: &ResponseHead, at: u64) -> Option<u64> {
    let range = ContentRange::of_response(head).filter(|range| range.first == at)?;
    range.len.filter(|len| range.last + 1 == *len)
}

/// Returns the validator for `If-Range` (RFC 9110, section 13.1.5), which must not be weak.
pub(super) fn validator(head: &ResponseHead) -> Option<String> {
    let strong = head.header("etag").filter(|etag| etag.starts_with('"'));
    strong.or(head.header("last-modified")).map(str::to_owned)
}
