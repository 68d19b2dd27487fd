//! Options that say what is said of images in *attestations*.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use diskette_builder::attestation::attach::AttestationForm;
use diskette_builder::recipe::AttestationKind;
use diskette_builder::recipe::diagnostic::Diagnostic;

/// What is said of the images that a command writes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signature options")]
pub(crate) struct AttestArguments {
    /// Attach attestations to the images, in addition to those that the spec asks for: provenance (what the image was built
    /// from, with which options, and by what) and sbom (the packages in its disk, as SPDX). With `--sign-key` they are signed
    #[arg(long, value_name = "LIST", value_parser = parse_kinds)]
    attest: Vec<BTreeSet<AttestationKind>>,

    /// State in provenance when the build began and when it was done. Without it the same build has the same provenance
    #[arg(long)]
    attest_times: bool,
}

impl AttestArguments {
    /// Returns whether provenance has times.
    pub(crate) fn has_times(&self) -> bool {
        self.attest_times
    }

    /// Returns a warning if provenance would have times, and there is none. `all` are attestations of the images, without those
    /// of the command line.
    pub(crate) fn unused_times<'a>(
        &self,
        all: impl IntoIterator<Item = &'a BTreeSet<AttestationKind>>,
    ) -> Option<Diagnostic> {
        let has_provenance = |kinds: &BTreeSet<_>| kinds.contains(&AttestationKind::Provenance);
        let is_used = has_provenance(&self.kinds()) || all.into_iter().any(has_provenance);
        let unused = Diagnostic::new("`--attest-times` does nothing without provenance");
        (self.attest_times && !is_used).then(|| unused.help("add `--attest provenance`"))
    }

    /// Returns what is said of the images.
    pub(crate) fn kinds(&self) -> BTreeSet<AttestationKind> {
        self.attest.iter().flatten().copied().collect()
    }
}

/// Where attestations are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AttestFormat {
    /// Referrers of the image; signed ones have a tag, as `cosign attest` writes it
    Referrer,
    /// Manifests in the index, not signed, as BuildKit writes them
    Buildkit,
}

impl From<AttestFormat> for AttestationForm {
    fn from(format: AttestFormat) -> Self {
        match format {
            AttestFormat::Referrer => Self::Attached,
            AttestFormat::Buildkit => Self::Index,
        }
    }
}

/// Parses a list of attestations: `provenance`, or `type=provenance` as buildx writes it.
fn parse_kinds(text: &str) -> Result<BTreeSet<AttestationKind>, String> {
    let (names, fields) = match text.strip_prefix("type=") {
        Some(rest) => rest.split_once(',').unwrap_or((rest, "")),
        None => (text, ""),
    };
    // There is one form of each attestation, whatever mode buildx would choose.
    let is_known = |field: &str| ["mode=min", "mode=max", "version=v1"].contains(&field);
    if let Some(field) = fields.split(',').find(|field| !field.is_empty() && !is_known(field)) {
        return Err(format!("`{field}` is not supported"));
    }
    let find = |name: &str| {
        let known = AttestationKind::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, kind)| *kind).ok_or_else(|| {
            let names: Vec<&str> = AttestationKind::ALL.iter().map(|(name, _)| *name).collect();
            format!("unknown attestation `{name}`; known are {}", names.join(", "))
        })
    };
    names.split(',').map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attestations_parse() {
        let check = |text: &str, expected: Result<usize, &str>| {
            let found = parse_kinds(text).map(|kinds| kinds.len());
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        };
        check("provenance", Ok(1));
        check("provenance,sbom", Ok(2));
        check("type=provenance", Ok(1));
        check("type=provenance,mode=max", Ok(1));
        check("type=provenance,version=v1,mode=min", Ok(1));
        check("type=provenance,version=v0.2", Err("`version=v0.2` is not supported"));
        check("type=provenance,disabled=true", Err("`disabled=true` is not supported"));
        check("", Err("unknown attestation ``; known are provenance, sbom"));
        check("sbon", Err("unknown attestation `sbon`; known are provenance, sbom"));
    }
}
