//! Lists of *checksums*, in three formats: `SHA256 (NAME) = HEX` (BSD), `HEX  NAME` or `HEX *NAME`
//! (GNU), and a digest alone, for the file that the list is named after.

use std::collections::BTreeMap;

use url::Url;

use super::UpstreamError;
use super::candidate::{Candidate, ListedDigest};
use super::json::file_name;
use super::listing::Listings;

const FORM: &str = "a list of checksums";

pub(super) fn read_candidates(
    listings: &Listings<'_>,
    url: &Url,
) -> Result<Vec<Candidate>, UpstreamError> {
    let text = listings.read_text(url, FORM)?;
    parse_checksums(&text, file_name(url.path())).map_err(|why| UpstreamError::Form {
        url: url.to_string(),
        form: FORM,
        why,
    })
}

/// Parses a list that is called `name`. Lines that are not checksums are skipped: real lists have
/// comments, and remains of broken scripts. Two different checksums of one file are an error.
pub(super) fn parse_checksums(text: &str, name: &str) -> Result<Vec<Candidate>, String> {
    let mut sizes = BTreeMap::new();
    let mut found: Vec<Candidate> = Vec::new();
    let mut positions = BTreeMap::new();
    for line in text.lines().map(str::trim_end) {
        if let Some((name, size)) = parse_size(line) {
            sizes.insert(name, size);
            continue;
        }
        let Some((file, digits)) = parse_bsd_line(line)
            .or_else(|| parse_gnu_line(line))
            .or_else(|| parse_digest_line(line, name))
        else {
            continue;
        };
        let candidate = Candidate {
            name: file_name(file).to_owned(),
            location: Some(file.to_owned()),
            checksum: Some(digits),
            ..Candidate::default()
        };
        match positions.insert(file.to_owned(), found.len()).and_then(|at| found.get(at)) {
            Some(other) if *other != candidate => {
                return Err(format!("it has two checksums for {file}"));
            }
            _ => found.push(candidate),
        }
    }
    if found.is_empty() {
        return Err("it has no checksum".into());
    }
    for candidate in &mut found {
        candidate.size = sizes.get(candidate.name.as_str()).copied();
    }
    Ok(found)
}

/// Parses `# NAME: N bytes`, as Fedora and CentOS write above a checksum.
fn parse_size(line: &str) -> Option<(&str, u64)> {
    let (name, size) = line.strip_prefix("# ")?.split_once(": ")?;
    Some((name, size.strip_suffix(" bytes")?.parse().ok()?))
}

/// Parses `SHA256 (NAME) = HEX`. An empty digest is a checksum that cannot be used, not a line to skip.
fn parse_bsd_line(line: &str) -> Option<(&str, ListedDigest)> {
    let (algorithm, rest) = line.split_once('(')?;
    let (name, digits) = rest.rsplit_once(')')?;
    let digits = digits.trim_start().strip_prefix('=')?.trim().to_owned();
    match algorithm.trim_end() {
        "SHA256" => Some((name, ListedDigest::Sha256(digits))),
        "SHA512" => Some((name, ListedDigest::Sha512(digits))),
        _ => None,
    }
}

fn parse_gnu_line(line: &str) -> Option<(&str, ListedDigest)> {
    let (digits, name) = line.split_once(' ')?;
    let name = name.trim_start_matches(' ');
    let name = name.strip_prefix('*').unwrap_or(name);
    let name = name.strip_prefix("./").unwrap_or(name);
    let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
    (is_name && is_digest(digits)).then(|| (name, ListedDigest::Hexadecimal(digits.to_owned())))
}

fn parse_digest_line<'a>(line: &str, list: &'a str) -> Option<(&'a str, ListedDigest)> {
    let (name, _) = list.rsplit_once('.')?;
    is_digest(line).then(|| (name, ListedDigest::Hexadecimal(line.to_owned())))
}

/// Returns whether a text is a SHA-256 or SHA-512. Other lengths are those of weak algorithms.
fn is_digest(text: &str) -> bool {
    matches!(text.len(), 64 | 128) && text.bytes().all(|b| b.is_ascii_hexdigit())
}
