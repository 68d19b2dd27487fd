//! The index of *virt-builder*: a section for each disk, with keys as in an INI file
//! (`man virt-builder`, "Creating and signing the index file").

use url::Url;

use super::UpstreamError;
use super::candidate::{Candidate, ListedDigest};
use super::json::file_name;
use super::listing::Listings;
use super::template::machine_name;

const FORM: &str = "an index of virt-builder";

/// A section of the index: one disk.
#[derive(Default)]
struct Section<'a> {
    name: &'a str,
    arch: Option<&'a str>,
    file: Option<&'a str>,
    sha512: Option<&'a str>,
    compressed_size: Option<&'a str>,
    revision: Option<&'a str>,
}

/// Reads the disks of an index. Sections are named after releases, for example `fedora-40`: the
/// version to request.
pub(super) fn read_candidates(
    listings: &Listings<'_>,
    url: &Url,
) -> Result<Vec<Candidate>, UpstreamError> {
    let text = listings.read_text(url, FORM)?;
    let arch = machine_name(listings.platform);
    let wanted = listings.source.version.as_deref();
    let is_wanted = |section: &Section<'_>| {
        section.arch.unwrap_or("x86_64") == arch && wanted.is_none_or(|name| name == section.name)
    };
    let sections = parse_sections(&text).map_err(|why| UpstreamError::Form {
        url: url.to_string(),
        form: FORM,
        why,
    })?;
    let sections = sections.into_iter().filter(is_wanted);
    let candidates = sections.filter_map(|section| {
        let file = section.file?;
        Some(Candidate {
            name: file_name(file).to_owned(),
            location: Some(file.to_owned()),
            checksum: section.sha512.map(|digits| ListedDigest::Sha512(digits.to_owned())),
            size: section.compressed_size.and_then(|size| size.parse().ok()),
            version: section.revision.map(str::to_owned),
            ..Candidate::default()
        })
    });
    Ok(candidates.collect())
}

/// Parses an index. A line that begins with a space continues the one before; none of the keys that
/// are read here has such lines.
fn parse_sections(text: &str) -> Result<Vec<Section<'_>>, String> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let is_skipped = line.trim().is_empty() || line.starts_with(['#', ' ', '\t']);
        if is_skipped {
            continue;
        }
        if let Some(name) =
            line.strip_prefix('[').and_then(|line| line.trim_end().strip_suffix(']'))
        {
            sections.push(Section { name, ..Section::default() });
            continue;
        }
        let wrong = || format!("line {} is neither a section nor a key", number + 1);
        let (key, value) = line.split_once('=').ok_or_else(wrong)?;
        let section = sections.last_mut().ok_or_else(wrong)?;
        let value = Some(value.trim());
        match key.trim() {
            "arch" => section.arch = value,
            "file" => section.file = value,
            "checksum" | "checksum[sha512]" => section.sha512 = value,
            "compressed_size" => section.compressed_size = value,
            "revision" => section.revision = value,
            _ => {}
        }
    }
    Ok(sections)
}
