//! A *candidate* is a file of a list, of which one is chosen.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use url::Url;

use super::listing::Listings;
use super::{UpstreamDisk, UpstreamError, version};
use crate::compression::CompressionFormat;
use crate::recipe::Checksum;

/// How many names an error shows.
const SHOWN_MAX: usize = 5;

/// A file of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The last part of its path.
    pub(super) name: String,
    /// Where it is, relative to the list; its name if nothing is said.
    pub(super) place: Option<String>,
    /// As the list has it: algorithm and digits are not checked yet.
    pub(super) checksum: Option<Digits>,
    pub(super) unpacked: Option<Digits>,
    /// In bytes.
    pub(super) size: Option<u64>,
    /// What the list calls the release.
    pub(super) version: Option<String>,
    pub(super) groups: BTreeMap<String, String>,
}

/// A digest as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Digits {
    Sha256(String),
    Sha512(String),
    /// What algorithm it is by is seen from its length.
    Hexadecimal(String),
}

impl Digits {
    fn check(&self) -> Result<Checksum, String> {
        let (digits, len) = match self {
            Self::Sha256(digits) => (digits, 64),
            Self::Sha512(digits) => (digits, 128),
            Self::Hexadecimal(digits) => (digits, if digits.len() == 128 { 128 } else { 64 }),
        };
        if digits.is_empty() {
            return Err("it is empty".into());
        }
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("it is not hexadecimal".into());
        }
        if digits.len() != len {
            return Err(format!("it has {} digits, not {len}", digits.len()));
        }
        let digits = digits.to_ascii_lowercase();
        Ok(if len == 64 { Checksum::Sha256(digits) } else { Checksum::Sha512(digits) })
    }
}

/// Chooses the newest of the files that are meant. There must be one that is newer than all others.
pub(super) fn choose(
    listings: &Listings<'_>,
    url: &Url,
    candidates: Vec<Candidate>,
) -> Result<Candidate, UpstreamError> {
    let pattern = listings.pattern()?;
    let wanted = match (&pattern, &listings.source.version) {
        (Some(pattern), version) => {
            let text = pattern.as_str();
            let text = text.strip_prefix("^(?:").and_then(|text| text.strip_suffix(")$"));
            let release = version.as_ref().map(|it| format!("is of the release `{it}` and "));
            format!("{}matches `{}`", release.unwrap_or_default(), text.unwrap_or_default())
        }
        (None, Some(version)) => format!("is of the release `{version}`"),
        (None, None) => "is for this platform".to_owned(),
    };
    let names: Vec<String> = candidates.iter().map(|candidate| candidate.name.clone()).collect();
    let mut best: Vec<Candidate> = Vec::new();
    for mut candidate in candidates {
        if !pattern.as_ref().is_none_or(|pattern| candidate.matches(pattern)) {
            continue;
        }
        let order = best
            .first()
            .map_or(Ordering::Equal, |best| version::compare(candidate.order(), best.order()));
        match order {
            Ordering::Less => continue,
            Ordering::Greater => best.clear(),
            Ordering::Equal => {}
        }
        best.push(candidate);
    }
    // A list may say the same twice.
    best.dedup();
    match best.len() {
        1 => best.pop().ok_or_else(|| nothing(url, wanted, &names)),
        0 => Err(nothing(url, wanted, &names)),
        _ => {
            let files = best.iter().map(|candidate| candidate.name.clone()).collect::<Vec<_>>();
            Err(UpstreamError::Several { url: url.to_string(), wanted, files: shown(&files) })
        }
    }
}

fn nothing(url: &Url, wanted: String, names: &[String]) -> UpstreamError {
    let near = if names.is_empty() {
        "; it lists no file for this platform".to_owned()
    } else {
        format!("; it has {}", shown(names))
    };
    UpstreamError::Nothing { url: url.to_string(), wanted, near }
}

fn shown(names: &[String]) -> String {
    let text = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

impl Candidate {
    /// Matches the name, and keeps what the groups matched.
    fn matches(&mut self, pattern: &regex::Regex) -> bool {
        let Some(captures) = pattern.captures(&self.name) else { return false };
        let names = pattern.capture_names().flatten();
        let groups = names
            .filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().to_owned())));
        self.groups = groups.collect();
        true
    }

    /// What the newest is chosen by.
    fn order(&self) -> &str {
        let group = self.groups.get("version").map(String::as_str);
        group.or(self.version.as_deref()).unwrap_or_default()
    }

    /// Returns the disk, if its checksum can be used.
    pub(super) fn disk(
        self,
        listings: &Listings<'_>,
        url: &Url,
    ) -> Result<UpstreamDisk, UpstreamError> {
        let unusable = |why: String| UpstreamError::Checksum {
            url: url.to_string(),
            file: self.name.clone(),
            why,
        };
        let checksum = self.checksum.as_ref().ok_or_else(|| unusable("there is none".into()))?;
        let checksum = checksum.check().map_err(unusable)?;
        let unpacked = self.unpacked.as_ref().map(Digits::check).transpose();
        let unpacked = unpacked.map_err(|why| unusable(format!("of the unpacked disk, {why}")))?;
        let place = self.place.as_deref().unwrap_or(&self.name);
        let at = url.join(place).map_err(|_| unusable("its place is no URL".into()))?;
        Ok(UpstreamDisk {
            mirrors: listings.mirrors(url, &at)?,
            url: at.to_string(),
            checksum,
            unpacked,
            size: self.size,
            packing: CompressionFormat::of_name(&self.name),
            version: self.order().to_owned(),
            groups: self.groups,
        })
    }
}
