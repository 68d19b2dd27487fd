//! *Reads* an SPDX document again. It comes from a registry, and is not trusted: what is in it is bounded, and a document that
//! this program has not written is not read, since other tools list other things.

use serde::Deserialize;
use serde_json::Value;

use super::TOOL;
use crate::sbom::changes::GuestPackages;
use crate::sbom::inventory::{PACKAGES_MAX, PackageKind};

/// The longest name and the longest version of a package in bytes.
const TEXT_MAX: usize = 256;

/// The fields of a document that are used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentFields {
    creation_info: CreationFields,
    packages: Vec<PackageFields>,
}

#[derive(Deserialize)]
struct CreationFields {
    creators: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackageFields {
    name: String,
    version_info: Option<String>,
    primary_package_purpose: Option<String>,
    #[serde(default)]
    external_refs: Vec<ReferenceFields>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReferenceFields {
    reference_type: String,
    reference_locator: String,
}

/// Returns the packages in a document that this program has written; `None` for any other.
pub(crate) fn read_spdx(document: &Value) -> Option<GuestPackages> {
    let fields = DocumentFields::deserialize(document).ok()?;
    let prefix = format!("Tool: {TOOL}-");
    let is_own = fields.creation_info.creators.iter().any(|it| it.starts_with(&prefix));
    let (system, packages) = fields.packages.split_first()?;
    if !is_own || packages.len() > PACKAGES_MAX {
        return None;
    }
    let version = system.version_info.as_ref().map(|version| format!(" {version}"));
    let name = format!("{}{}", system.name, version.unwrap_or_default());
    let is_system = system.primary_package_purpose.as_deref() == Some("OPERATING-SYSTEM");
    if !is_system || name.len() > TEXT_MAX {
        return None;
    }
    let mut guest = GuestPackages::new(name);
    for package in packages {
        let version = package.version_info.as_ref()?;
        let (kind, architecture) = read_url(package)?;
        let texts = [Some(&package.name), Some(version), architecture.as_ref()];
        if texts.into_iter().flatten().any(|text| text.len() > TEXT_MAX) {
            return None;
        }
        guest.add(package.name.clone(), architecture, kind, version.clone());
    }
    Some(guest)
}

/// Returns what a package's URL says of its package manager and its architecture.
fn read_url(package: &PackageFields) -> Option<(PackageKind, Option<String>)> {
    let url = package.external_refs.iter().find(|it| it.reference_type == "purl")?;
    let url = url.reference_locator.strip_prefix("pkg:")?;
    let (kind, rest) = url.split_once('/')?;
    let kind = match kind {
        "apk" => PackageKind::Apk,
        "deb" => PackageKind::Deb,
        "rpm" => PackageKind::Rpm,
        _ => return None,
    };
    let qualifiers = rest.split_once('?').map(|(_, qualifiers)| qualifiers).unwrap_or_default();
    let architecture = qualifiers.split('&').find_map(|it| it.strip_prefix("arch="));
    Some((kind, architecture.map(str::to_owned)))
}
