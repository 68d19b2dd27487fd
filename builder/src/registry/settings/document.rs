//! The *document* of a registries.conf: TOML of version 2, or of version 1.

use std::ops::Range;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::entry::RegistryAccess;
use super::version_1::RawVersion1;
use super::{CONFIG_FILE_MAX, RegistryTransport};
use crate::net::http::PrivateRedirects;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

const MANUAL: &str = "`man 5 containers-registries.conf` describes the file";

/// The document. Unknown keys are ignored, as podman does.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RegistriesConf {
    #[serde(default)]
    pub(super) registry: Vec<Spanned<RawRegistry>>,
    pub(super) unqualified_search_registries: Option<IgnoredAny>,
    /// The tables of version 1.
    pub(super) registries: Option<Spanned<RawVersion1>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct RawRegistry {
    pub(super) prefix: Option<Spanned<String>>,
    pub(super) location: Option<Spanned<String>>,
    #[serde(deserialize_with = "deserialize_transport")]
    pub(super) insecure: RegistryTransport,
    #[serde(deserialize_with = "deserialize_access")]
    pub(super) blocked: RegistryAccess,
    pub(super) mirror_by_digest_only: bool,
    /// A key of this program, which podman ignores.
    #[serde(deserialize_with = "deserialize_redirects")]
    pub(super) allow_private_redirects: PrivateRedirects,
    pub(super) mirror: Vec<Spanned<RawMirror>>,
    pub(super) pull_from_mirror: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct RawMirror {
    pub(super) location: Option<Spanned<String>>,
    #[serde(deserialize_with = "deserialize_transport")]
    pub(super) insecure: RegistryTransport,
    #[serde(deserialize_with = "deserialize_redirects")]
    pub(super) allow_private_redirects: PrivateRedirects,
    pub(super) pull_from_mirror: Option<Spanned<String>>,
}

fn deserialize_transport<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<RegistryTransport, D::Error> {
    bool::deserialize(value).map(transport)
}

pub(super) fn transport(insecure: bool) -> RegistryTransport {
    if insecure { RegistryTransport::Insecure } else { RegistryTransport::Verify }
}

fn deserialize_redirects<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<PrivateRedirects, D::Error> {
    Ok(if bool::deserialize(value)? { PrivateRedirects::Follow } else { PrivateRedirects::Refuse })
}

fn deserialize_access<'de, D: Deserializer<'de>>(value: D) -> Result<RegistryAccess, D::Error> {
    bool::deserialize(value).map(access)
}

pub(super) fn access(blocked: bool) -> RegistryAccess {
    if blocked { RegistryAccess::Blocked } else { RegistryAccess::Open }
}

pub(super) fn read_document(source: &Arc<SourceText>) -> Result<RegistriesConf, Diagnostic> {
    if source.text.len() > CONFIG_FILE_MAX {
        return Err(Diagnostic::new(format!("`{}` is larger than 1 MiB", source.name))
            .help("is this the right file?"));
    }
    let file: RegistriesConf = toml::from_str(&source.text).map_err(|error| {
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        let span = error.span().map(|range| Span::new(source, range));
        Diagnostic::new(format!("this is not a registries.conf: {message}")).at(span).help(MANUAL)
    })?;
    let has_version_2 = !file.registry.is_empty() || file.unqualified_search_registries.is_some();
    match &file.registries {
        Some(old) if has_version_2 && !old.get_ref().is_empty() => {
            Err(Diagnostic::new("versions 1 and 2 of registries.conf are mixed in one file")
                .at(first_line(source, old.span()))
                .help("write a `[[registry]]` for each registry, with `insecure` or `blocked`")
                .help(MANUAL))
        }
        _ => Ok(file),
    }
}

/// Returns the first line of a table: its header.
pub(super) fn first_line(source: &Arc<SourceText>, range: Range<usize>) -> Span {
    let span = Span::new(source, range);
    let len = source.text[span.range.clone()].find('\n').unwrap_or(span.range.len());
    Span::new(source, span.range.start..span.range.start + len)
}
