//! Lists of *checksums*, in the three forms there are: `SHA256 (NAME) = HEX` (BSD), `HEX  NAME` or
//! `HEX *NAME` (GNU), and a digest alone, for the file whose name the list's own begins with.

use std::collections::BTreeMap;

use url::Url;

use super::UpstreamError;
use super::candidate::{Candidate, Digits};
use super::json::file_name;
use super::listing::Listings;

const FORM: &str = "a list of checksums";

pub(super) fn read(listings: &Listings<'_>, url: &Url) -> Result<Vec<Candidate>, UpstreamError> {
    let text = listings.text(url, FORM)?;
    parse(&text, file_name(url.path())).map_err(|why| UpstreamError::Form {
        url: url.to_string(),
        form: FORM,
        why,
    })
}

/// Reads a list; `name` is its own. Lines that are no checksums are passed over: real lists have
/// comments, and what a broken script left in them. One file with two checksums is an error.
pub(super) fn parse(text: &str, name: &str) -> Result<Vec<Candidate>, String> {
    let mut sizes = BTreeMap::new();
    let mut found: Vec<Candidate> = Vec::new();
    let mut places = BTreeMap::new();
    for line in text.lines().map(str::trim_end) {
        if let Some((name, size)) = size(line) {
            sizes.insert(name, size);
            continue;
        }
        let Some((file, digits)) = bsd(line).or_else(|| gnu(line)).or_else(|| alone(line, name))
        else {
            continue;
        };
        let candidate = Candidate {
            name: file_name(file).to_owned(),
            place: Some(file.to_owned()),
            checksum: Some(digits),
            ..Candidate::default()
        };
        match places.insert(file.to_owned(), found.len()).and_then(|at| found.get(at)) {
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

/// `# NAME: N bytes`, as Fedora and CentOS write above a checksum.
fn size(line: &str) -> Option<(&str, u64)> {
    let (name, size) = line.strip_prefix("# ")?.split_once(": ")?;
    Some((name, size.strip_suffix(" bytes")?.parse().ok()?))
}

/// An empty digest is one that cannot be used, not a line to pass over.
fn bsd(line: &str) -> Option<(&str, Digits)> {
    let (algorithm, rest) = line.split_once('(')?;
    let (name, digits) = rest.rsplit_once(')')?;
    let digits = digits.trim_start().strip_prefix('=')?.trim().to_owned();
    match algorithm.trim_end() {
        "SHA256" => Some((name, Digits::Sha256(digits))),
        "SHA512" => Some((name, Digits::Sha512(digits))),
        _ => None,
    }
}

fn gnu(line: &str) -> Option<(&str, Digits)> {
    let (digits, name) = line.split_once(' ')?;
    let name = name.trim_start_matches(' ');
    let name = name.strip_prefix('*').unwrap_or(name);
    let name = name.strip_prefix("./").unwrap_or(name);
    let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
    (is_name && is_digest(digits)).then(|| (name, Digits::Hexadecimal(digits.to_owned())))
}

fn alone<'a>(line: &str, list: &'a str) -> Option<(&'a str, Digits)> {
    let (name, _) = list.rsplit_once('.')?;
    is_digest(line).then(|| (name, Digits::Hexadecimal(line.to_owned())))
}

/// Other lengths are those of algorithms that nobody should rely on.
fn is_digest(text: &str) -> bool {
    matches!(text.len(), 64 | 128) && text.bytes().all(|b| b.is_ascii_hexdigit())
}
