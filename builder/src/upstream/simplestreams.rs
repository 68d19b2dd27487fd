//! *Simplestreams*, as published by Ubuntu and Incus: an index refers to lists of products, and each
//! product has versions, which have items.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::UpstreamError;
use super::candidate::{Candidate, ListedDigest};
use super::json::{self, file_name};
use super::listing::Listings;

#[derive(Deserialize)]
struct Stream {
    /// Lists of products, in an index.
    #[serde(default)]
    index: BTreeMap<String, StreamReference>,
    /// Products, in a list of them.
    #[serde(default)]
    products: BTreeMap<String, Product>,
}

#[derive(Deserialize)]
struct StreamReference {
    path: String,
    #[serde(default)]
    datatype: String,
}

#[derive(Deserialize)]
struct Product {
    arch: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    aliases: String,
    #[serde(default)]
    versions: BTreeMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    items: BTreeMap<String, Item>,
}

#[derive(Deserialize)]
struct Item {
    path: Option<String>,
    sha256: Option<String>,
    sha512: Option<String>,
    size: Option<u64>,
}

const FORM: &str = "a simplestreams list";

/// The most lists of products that an index may name; Ubuntu's has four.
const NAMED_LISTS_MAX: usize = 32;

/// Reads the disks of an index or of a list of products. Paths in both are relative to the directory
/// that holds `streams/`.
pub(super) fn read_candidates(
    listings: &Listings<'_>,
    url: &Url,
) -> Result<Vec<Candidate>, UpstreamError> {
    let first: Stream = json::read_json(listings, url, FORM)?;
    let mut candidates = product_candidates(listings, url, first.products);
    let named = first.index.into_values().filter(|named| named.datatype == "image-downloads");
    for (number, named) in named.enumerate() {
        if number >= NAMED_LISTS_MAX {
            let why = format!("it names more than {NAMED_LISTS_MAX} lists");
            return Err(UpstreamError::Form { url: url.to_string(), form: FORM, why });
        }
        let at = listings.named_url(url, &format!("{}{}", root_url(url), named.path))?;
        let stream: Stream = json::read_json(listings, &at, FORM)?;
        candidates.extend(product_candidates(listings, &at, stream.products));
    }
    Ok(candidates)
}

fn root_url(url: &Url) -> String {
    match url.as_str().rsplit_once("/streams/") {
        Some((root, _)) => format!("{root}/"),
        None => url.join(".").map_or_else(|_| url.to_string(), |url| url.to_string()),
    }
}

fn product_candidates(
    listings: &Listings<'_>,
    url: &Url,
    products: BTreeMap<String, Product>,
) -> Vec<Candidate> {
    let wanted = listings.source.version.as_deref();
    let is_wanted = |product: &Product| {
        let is_release = |wanted| {
            product.version == wanted
                || product.release == wanted
                || product.aliases.split(',').any(|alias| alias == wanted)
        };
        product.arch == listings.platform.architecture && wanted.is_none_or(is_release)
    };
    let root = &root_url(url);
    let products = products.into_values().filter(is_wanted);
    let versions = products.flat_map(|product| product.versions);
    versions
        .flat_map(|(serial, version)| {
            let items = version.items.into_values();
            items.filter_map(move |item| {
                let path = item.path?;
                let sha512 = item.sha512.map(ListedDigest::Sha512);
                Some(Candidate {
                    name: file_name(&path).to_owned(),
                    location: Some(format!("{root}{path}")),
                    checksum: sha512.or(item.sha256.map(ListedDigest::Sha256)),
                    size: item.size,
                    version: Some(serial.clone()),
                    ..Candidate::default()
                })
            })
        })
        .collect()
}
