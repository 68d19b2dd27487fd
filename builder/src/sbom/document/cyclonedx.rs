//! *CycloneDX* 1.6 (<https://cyclonedx.org/docs/1.6/json/>).

use serde::Serialize;

use super::identifier::document_uuid;
use super::{DocumentSubject, TOOL, TOOL_VERSION};
use crate::sbom::inventory::{Inventory, Package};
use crate::sbom::license::is_expression;
use crate::sbom::purl::package_url;

/// A document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CycloneDxDocument {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: [Dependency; 1],
}

#[derive(Debug, Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    tools: Tools,
    component: Component,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Debug, Serialize)]
struct Tools {
    components: [Component; 1],
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenseChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpe: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum LicenseChoice {
    License { name: String },
    Expression(String),
}

#[derive(Debug, Serialize)]
struct Property {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    reference: String,
    depends_on: Vec<String>,
}

/// Returns the document of an inventory.
pub(super) fn document(inventory: &Inventory, subject: &DocumentSubject<'_>) -> CycloneDxDocument {
    let uuid = document_uuid(inventory, subject);
    let system = system_component(inventory);
    let packages = inventory.packages.iter().map(|package| describe_package(inventory, package));
    let components: Vec<Component> = std::iter::once(system).chain(packages).collect();
    let depends_on = components.iter().filter_map(|it| it.reference.clone()).collect();
    let notes = inventory.notes.iter().map(|note| property("note", note));
    CycloneDxDocument {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: format!("urn:uuid:{uuid}"),
        version: 1,
        metadata: Metadata {
            timestamp: subject.created.map(|time| time.to_string()),
            tools: Tools {
                components: [Component {
                    kind: "application",
                    name: TOOL.into(),
                    version: Some(TOOL_VERSION.into()),
                    ..Component::default()
                }],
            },
            component: Component {
                kind: "container",
                reference: Some(uuid.clone()),
                name: subject.full_name(),
                version: subject.version.map(str::to_owned),
                ..Component::default()
            },
            properties: notes.collect(),
        },
        components,
        dependencies: [Dependency { reference: uuid, depends_on }],
    }
}

/// Returns the operating system: scanners look up vulnerabilities by its name and version.
fn system_component(inventory: &Inventory) -> Component {
    let system = &inventory.system;
    Component {
        kind: "operating-system",
        reference: Some(format!("os:{}", system.id)),
        name: system.id.clone(),
        version: system.version.clone(),
        description: Some(system.name.clone()),
        cpe: system.cpe.clone(),
        ..Component::default()
    }
}

fn describe_package(inventory: &Inventory, package: &Package) -> Component {
    let url = package_url(package, &inventory.system);
    let license = package.license.iter().map(|license| {
        if is_expression(license) {
            return LicenseChoice::Expression(license.clone());
        }
        LicenseChoice::License { name: license.clone() }
    });
    let mut properties = vec![property("package-manager", package.kind.manager())];
    if let Some(source) = &package.source {
        properties.push(property("source-package", &source.name));
        let version = source.version.as_ref();
        properties.extend(version.map(|it| property("source-package-version", it)));
    }
    Component {
        kind: "library",
        reference: Some(url.clone()),
        name: package.name.clone(),
        version: Some(package.full_version()),
        licenses: license.collect(),
        purl: Some(url),
        properties,
        ..Component::default()
    }
}

fn property(name: &str, value: &str) -> Property {
    Property { name: format!("{TOOL}:{name}"), value: value.to_owned() }
}
