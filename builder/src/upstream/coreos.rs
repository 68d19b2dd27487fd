//! Fedora *CoreOS* streams: the artifacts of each architecture and platform, in each format.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::UpstreamError;
use super::candidate::{Candidate, ListedDigest};
use super::json::{self, file_name};
use super::listing::Listings;
use super::template::machine_name;

#[derive(Deserialize)]
struct Stream {
    architectures: BTreeMap<String, Architecture>,
}

#[derive(Deserialize)]
struct Architecture {
    artifacts: BTreeMap<String, Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    release: String,
    formats: BTreeMap<String, Format>,
}

#[derive(Deserialize)]
struct Format {
    disk: Option<DiskFile>,
}

#[derive(Deserialize)]
struct DiskFile {
    location: String,
    sha256: Option<String>,
    #[serde(rename = "uncompressed-sha256")]
    uncompressed_sha256: Option<String>,
}

pub(super) fn read_candidates(
    listings: &Listings<'_>,
    url: &Url,
) -> Result<Vec<Candidate>, UpstreamError> {
    let mut stream: Stream = json::read_json(listings, url, "a CoreOS stream")?;
    let architecture = stream.architectures.remove(machine_name(listings.platform));
    let artifacts = architecture.into_iter().flat_map(|it| it.artifacts.into_values());
    Ok(artifacts
        .flat_map(|artifact| {
            let files = artifact.formats.into_values().filter_map(|format| format.disk);
            files.map(move |file| Candidate {
                name: file_name(&file.location).to_owned(),
                checksum: file.sha256.map(ListedDigest::Sha256),
                uncompressed_checksum: file.uncompressed_sha256.map(ListedDigest::Sha256),
                version: Some(artifact.release.clone()),
                location: Some(file.location),
                ..Candidate::default()
            })
        })
        .collect())
}
