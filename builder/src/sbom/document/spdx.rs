//! *SPDX* 2.3 (<https://spdx.github.io/spdx-spec/v2.3/>).

use std::collections::BTreeMap;

use serde::Serialize;

use super::identifier::{document_uuid, part_identifier};
use super::{DocumentSubject, TOOL, TOOL_VERSION};
use crate::sbom::inventory::{Inventory, Package};
use crate::sbom::license::is_expression;
use crate::sbom::purl::package_url;

const NO_ASSERTION: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const SYSTEM: &str = "SPDXRef-OperatingSystem";

/// A document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpdxDocument {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    creation_info: CreationInfo,
    packages: Vec<SpdxPackage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<ExtractedLicense>,
    relationships: Vec<Relationship>,
}

#[derive(Debug, Serialize)]
struct CreationInfo {
    created: String,
    creators: [String; 1],
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxPackage {
    name: String,
    #[serde(rename = "SPDXID")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_package_purpose: Option<&'static str>,
    download_location: &'static str,
    files_analyzed: bool,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalReference>,
}

#[derive(Debug, Serialize)]
struct ExternalReference {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceType")]
    kind: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicense {
    license_id: String,
    extracted_text: String,
    name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: &'static str,
    #[serde(rename = "relationshipType")]
    kind: &'static str,
    related_spdx_element: String,
}

/// Returns the document of an inventory.
pub(super) fn document(inventory: &Inventory, subject: &DocumentSubject<'_>) -> SpdxDocument {
    let mut licenses = BTreeMap::new();
    let mut packages = vec![system_package(inventory)];
    let mut relationships = vec![Relationship {
        spdx_element_id: DOCUMENT,
        kind: "DESCRIBES",
        related_spdx_element: SYSTEM.into(),
    }];
    for package in &inventory.packages {
        let described = describe_package(inventory, package, &mut licenses);
        relationships.push(Relationship {
            spdx_element_id: SYSTEM,
            kind: "CONTAINS",
            related_spdx_element: described.id.clone(),
        });
        packages.push(described);
    }
    let extracted = licenses.into_iter().map(|(license_id, text)| ExtractedLicense {
        license_id,
        extracted_text: text.clone(),
        name: text,
    });
    let notes = inventory.notes.join("; ");
    SpdxDocument {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: subject.full_name(),
        document_namespace: format!(
            "https://spdx.org/spdxdocs/{TOOL}-{}",
            document_uuid(inventory, subject)
        ),
        comment: (!notes.is_empty()).then_some(notes),
        creation_info: CreationInfo {
            created: subject.created.unwrap_or_default().to_string(),
            creators: [format!("Tool: {TOOL}-{TOOL_VERSION}")],
        },
        packages,
        has_extracted_licensing_infos: extracted.collect(),
        relationships,
    }
}

/// Returns the operating system, which has the packages.
fn system_package(inventory: &Inventory) -> SpdxPackage {
    let system = &inventory.system;
    let cpe = system.cpe.as_ref().map(|cpe| ExternalReference {
        category: "SECURITY",
        // Names of CPE 2.2 begin with `cpe:/`.
        kind: if cpe.starts_with("cpe:/") { "cpe22Type" } else { "cpe23Type" },
        locator: cpe.clone(),
    });
    SpdxPackage {
        name: system.id.clone(),
        id: SYSTEM.into(),
        version_info: system.version.clone(),
        primary_package_purpose: Some("OPERATING-SYSTEM"),
        external_refs: cpe.into_iter().collect(),
        ..bare_package()
    }
}

/// Returns a package, and adds its license if that has to be quoted.
fn describe_package(
    inventory: &Inventory,
    package: &Package,
    licenses: &mut BTreeMap<String, String>,
) -> SpdxPackage {
    let url = package_url(package, &inventory.system);
    let license = package.license.as_ref().map(|license| {
        if is_expression(license) {
            return license.clone();
        }
        let id = part_identifier("LicenseRef", license);
        licenses.insert(id.clone(), license.clone());
        id
    });
    let source = package.source.as_ref().map(|source| {
        let version = source.version.clone().unwrap_or_else(|| package.full_version());
        format!("built package from: {} {version}", source.name)
    });
    let name = format!("SPDXRef-Package-{}-{}", package.kind.manager(), package.name);
    SpdxPackage {
        name: package.name.clone(),
        id: part_identifier(&name, &url),
        version_info: Some(package.full_version()),
        license_declared: license.unwrap_or_else(|| NO_ASSERTION.into()),
        source_info: source,
        external_refs: vec![ExternalReference {
            category: "PACKAGE-MANAGER",
            kind: "purl",
            locator: url,
        }],
        ..bare_package()
    }
}

/// Returns a package of which nothing is known.
fn bare_package() -> SpdxPackage {
    SpdxPackage {
        download_location: NO_ASSERTION,
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION.into(),
        copyright_text: NO_ASSERTION,
        ..SpdxPackage::default()
    }
}
