//! What documents say. `cli/tests/sbom` holds them against the schemas of the formats.

use serde_json::Value;

use super::*;
use crate::sbom::inventory::{OperatingSystem, Package, PackageKind, PackageSource};

fn inventory() -> Inventory {
    let package = |name: &str, license: Option<&str>| Package {
        name: name.into(),
        version: "1-2".into(),
        epoch: Some(3),
        architecture: Some("x86_64".into()),
        kind: PackageKind::Rpm,
        source: Some(PackageSource { name: "src".into(), version: None }),
        license: license.map(str::to_owned),
    };
    Inventory {
        system: OperatingSystem {
            id: "rhel".into(),
            version: Some("9.4".into()),
            name: "RHEL 9.4".into(),
            cpe: Some("cpe:/o:redhat:enterprise_linux:9".into()),
        },
        architecture: Some("amd64"),
        volume: "partition 1 (xfs)".into(),
        databases: Vec::new(),
        packages: vec![package("a", Some("GPLv2+")), package("b", Some("MIT")), package("c", None)],
        notes: vec!["a note".into()],
    }
}

fn write(inventory: &Inventory, format: DocumentFormat, name: &str) -> Value {
    let subject = DocumentSubject { name, version: None, created: None };
    serde_json::from_slice(&write_document(inventory, format, &subject).unwrap()).unwrap()
}

#[test]
fn spdx_has_what_tools_look_for() {
    let found = write(&inventory(), DocumentFormat::Spdx, "disk.qcow2");
    let check = |pointer: &str, expected: &str| {
        assert_eq!(found.pointer(pointer).and_then(Value::as_str), Some(expected), "{pointer}");
    };
    check("/name", "disk.qcow2");
    check("/comment", "a note");
    check("/creationInfo/created", "1970-01-01T00:00:00Z");
    check("/packages/0/primaryPackagePurpose", "OPERATING-SYSTEM");
    check("/packages/0/externalRefs/0/referenceType", "cpe22Type");
    check("/packages/1/versionInfo", "3:1-2");
    check("/packages/1/sourceInfo", "built package from: src 3:1-2");
    let url = "pkg:rpm/redhat/a@1-2?arch=x86_64&distro=rhel-9.4&epoch=3&upstream=src";
    check("/packages/1/externalRefs/0/referenceLocator", url);
    check("/packages/2/licenseDeclared", "MIT");
    check("/packages/3/licenseDeclared", "NOASSERTION");
    check("/hasExtractedLicensingInfos/0/extractedText", "GPLv2+");
    let id = found.pointer("/packages/1/licenseDeclared").unwrap();
    assert_eq!(Some(id), found.pointer("/hasExtractedLicensingInfos/0/licenseId"));
}

#[test]
fn cyclonedx_has_what_tools_look_for() {
    let found = write(&inventory(), DocumentFormat::CycloneDx, "disk.qcow2");
    let check = |pointer: &str, expected: &str| {
        assert_eq!(found.pointer(pointer).and_then(Value::as_str), Some(expected), "{pointer}");
    };
    check("/components/0/type", "operating-system");
    check("/components/0/version", "9.4");
    check("/components/1/licenses/0/license/name", "GPLv2+");
    check("/components/2/licenses/0/expression", "MIT");
    check("/metadata/properties/0/value", "a note");
    assert!(found.pointer("/metadata/timestamp").is_none());
}

#[test]
fn identifiers_are_those_of_the_content() {
    let id = |inventory: &Inventory, name: &str| {
        let spdx = write(inventory, DocumentFormat::Spdx, name);
        let cyclonedx = write(inventory, DocumentFormat::CycloneDx, name);
        let namespace = spdx["documentNamespace"].as_str().unwrap();
        let uuid = namespace.strip_prefix("https://spdx.org/spdxdocs/diskette-").unwrap();
        assert_eq!(cyclonedx["serialNumber"], format!("urn:uuid:{uuid}"));
        uuid.to_owned()
    };
    let (one, mut other) = (inventory(), inventory());
    other.packages.pop();
    assert_eq!(id(&one, "a"), id(&one, "a"));
    assert_ne!(id(&one, "a"), id(&one, "b"));
    assert_ne!(id(&one, "a"), id(&other, "a"));
}
