//! The result of `inspect` as JSON. Fields may be added, and are not renamed.

use diskette_builder::cluster::contract::Finding;
use diskette_builder::disk::DiskInfo;
use diskette_builder::inspect::overview::SeenDisk;
use diskette_builder::inspect::vm::{SeenMachine, SeenMachineDisk};
use diskette_builder::oci::attachments::Attachment;
use diskette_builder::oci::image::tag::Tag;
use diskette_builder::oci::image_documents::PlatformImage;
use diskette_builder::sbom::inventory::Inventory;
use serde_json::{Map, Value, json};

use super::{InspectedImages, SeenImage, text};

/// Returns an image as JSON.
pub(super) fn image_json(seen: &InspectedImages) -> String {
    let root = &seen.documents.root;
    let platforms: Vec<Value> =
        seen.images().map(|(image, seen)| platform_json(image, seen)).collect();
    let value = json!({ "image": seen.name, "digest": root.digest.to_string(), "media_type": root.media_type.to_string(), "annotations": seen.documents.annotations, "attestations": seen.attestations(), "attachments": seen.attachments.iter().map(attachment_json).collect::<Vec<_>>(), "platforms": platforms, });
    format!("{value:#}\n")
}

fn attachment_json(attachment: &Attachment) -> Value {
    let Attachment { subject, digest, tag, artifact_type } = attachment;
    json!({ "subject": subject.digest.to_string(), "platform": subject.platform.as_ref().map(ToString::to_string), "digest": digest.to_string(), "tag": tag.as_ref().map(Tag::as_str), "artifact_type": artifact_type })
}

/// Returns a disk as JSON.
pub(super) fn disk_json(name: &str, info: &DiskInfo, inventory: Option<&Inventory>) -> String {
    let mut value = json!({ "file": name, "disk": info });
    add_system(&mut value, inventory);
    format!("{value:#}\n")
}

/// Adds the operating system and the number of packages.
fn add_system(value: &mut Value, inventory: Option<&Inventory>) {
    if let Some(inventory) = inventory {
        let mut system = json!(inventory.system);
        system["architecture"] = json!(inventory.architecture);
        system["packages"] = json!(inventory.packages.len());
        value["system"] = system;
    }
}

fn platform_json(image: &PlatformImage, seen: &SeenImage) -> Value {
    let SeenImage { overview, inventory } = seen;
    let layers = image.layers.iter().zip(&overview.compressions).map(|(layer, compressed)| { json!({ "digest": layer.digest.to_string(), "size": layer.size, "media_type": layer.media_type, "compression": text::compression_word(*compressed), }) });
    let labels: Map<String, Value> =
        overview.labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let base = |name: &str| {
        let name = format!("{}{name}", text::BASE);
        image.annotations.get(&name)
    };
    let mut value = json!({ "platform": image.platform().map(|platform| platform.to_string()), "digest": image.manifest.digest.to_string(), "media_type": image.manifest.media_type.to_string(), "config": image.config_descriptor.digest.to_string(), "created": image.config_fields.get("created"), "annotations": image.annotations, "base": { "name": base("name"), "digest": base("digest") }, "labels": labels, "layers": layers.collect::<Vec<_>>(), "disk": overview.disk.as_ref().map(disk_seen_json), "problems": overview.problems, "findings": overview.findings.iter().map(finding_json).collect::<Vec<_>>(), });
    if let Some(artifact_type) = &image.artifact_type {
        value["artifact_type"] = json!(artifact_type);
    }
    add_system(&mut value, inventory.as_ref());
    if let Some(machine) = &overview.machine {
        value["machine"] = machine_json(machine);
    }
    value
}

fn disk_seen_json(seen: &SeenDisk) -> Value {
    let mut disk = json!({ "path": format!("/{}", seen.path), "layer": seen.layer });
    if let Some(entry) = &seen.entry {
        disk["mode"] = json!(format!("{:04o}", entry.mode));
        disk["uid"] = json!(entry.uid);
        disk["gid"] = json!(entry.gid);
    }
    if let (Value::Object(disk), Value::Object(info)) = (&mut disk, json!(seen.info)) {
        disk.extend(info);
    }
    disk
}

fn machine_json(machine: &SeenMachine) -> Value {
    let disk = |disk: &SeenMachineDisk| json!({ "name": disk.name, "size": disk.size });
    let disks: Vec<Value> = machine.disks.iter().map(disk).collect();
    json!({ "kind": machine.kind, "name": machine.name, "disks": disks })
}

fn finding_json(finding: &Finding) -> Value {
    json!({ "rule": finding.rule.id, "severity": finding.rule.severity, "subject": finding.subject, "detail": finding.detail, })
}
