//! What documents say. `cli/tests/sbom` holds them against the schemas of the formats.

use serde_json::{Value, json};

use super::read::read_spdx;
use super::*;
use crate::sbom::changes::{GuestPackages, PackageChanges};
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
    let subject = DocumentSubject { name, disk: None, version: None, created: None };
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

/// A document that was read again has the packages of the inventory; the system is called by its identifier.
#[test]
fn documents_are_read_again() {
    let document = write(&inventory(), DocumentFormat::Spdx, "disk.qcow2");
    let found = read_spdx(&document).unwrap();
    let changes = PackageChanges::between(&GuestPackages::from(&inventory()), &found);
    assert_eq!((found.count(), changes.added.len(), changes.changed.len()), (3, 0, 0));
    assert_eq!(changes.system.unwrap().to, "rhel 9.4");
}

/// What others list, and what nobody can have written, is not compared.
#[test]
fn documents_of_others_are_not_read() {
    let document = write(&inventory(), DocumentFormat::Spdx, "disk.qcow2");
    let check = |pointer: &str, value: Value| {
        let mut changed = document.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert!(read_spdx(&changed).is_none(), "{pointer}");
    };
    check("", Value::Null);
    check("/creationInfo/creators", json!(["Tool: syft-1.0", "Organization: diskette-1"]));
    check("/packages", json!([]));
    check("/packages", json!(vec![document["packages"][1].clone(); 3]));
    check("/packages/0/primaryPackagePurpose", Value::Null);
    check("/packages/0/name", "n".repeat(257).into());
    check("/packages/1/name", "n".repeat(257).into());
    check("/packages/1/versionInfo", "1".repeat(257).into());
    check("/packages/1/versionInfo", Value::Null);
    check("/packages/1/externalRefs", json!([]));
    check("/packages/1/externalRefs/0/referenceLocator", "pkg:npm/a@1".into());
    check("/packages/1/externalRefs/0/referenceLocator", "https://a".into());
    let mut many = vec![document["packages"][1].clone(); 50_001];
    many.insert(0, document["packages"][0].clone());
    check("/packages", many.into());
}
