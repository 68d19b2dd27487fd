//! Debian's JSON beside each *cloud image*: the builds and uploads, with digests in base64.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Deserialize;
use url::Url;

use super::UpstreamError;
use super::candidate::{Candidate, ListedDigest};
use super::json::{self, file_name};
use super::listing::Listings;
use crate::oci::image::digest::encode_hex;

#[derive(Deserialize)]
struct Build {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    kind: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

const FORM: &str = "the list beside a Debian cloud image";

/// Reads the disks of a list. They are named after it: the qcow2 disk of `x.json` is `x.qcow2`.
pub(super) fn read_candidates(
    listings: &Listings<'_>,
    url: &Url,
) -> Result<Vec<Candidate>, UpstreamError> {
    let build: Build = json::read_json(listings, url, FORM)?;
    let list = file_name(url.path());
    let stem = list.strip_suffix(".json").unwrap_or(list);
    let uploads = build.items.into_iter().filter(|item| item.kind == "Upload");
    let candidates = uploads.filter_map(|item| {
        let Metadata { labels, annotations } = item.metadata;
        let format = labels.get("upload.cloud.debian.org/image-format")?;
        // The others are a tar of a raw disk, and files for Debian's own use.
        if listings.source.file.is_none() && format != "qcow2" {
            return None;
        }
        Some(Candidate {
            name: format!("{stem}.{format}"),
            checksum: annotations
                .get("cloud.debian.org/digest")
                .map(|digest| decode_digest(digest)),
            version: labels.get("cloud.debian.org/version").cloned(),
            ..Candidate::default()
        })
    });
    Ok(candidates.collect())
}

/// Decodes a base64 digest. An invalid one is kept as it is, and refused when its file is chosen.
fn decode_digest(digest: &str) -> ListedDigest {
    let (algorithm, encoded) = digest.split_once(':').unwrap_or(("", digest));
    let bytes = STANDARD_NO_PAD.decode(encoded.trim_end_matches('='));
    let digits = bytes.map_or_else(|_| encoded.to_owned(), |bytes| encode_hex(&bytes));
    match algorithm {
        "sha256" => ListedDigest::Sha256(digits),
        "sha512" => ListedDigest::Sha512(digits),
        _ => ListedDigest::Sha512(digest.to_owned()),
    }
}
