//! The result of `inspect` as text.

use std::collections::BTreeMap;

use diskette_builder::compression::CompressionFormat;
use diskette_builder::disk::DiskInfo;
use diskette_builder::inspect::overview::{LAYER_START_LEN, SeenCompression, SeenDisk};
use diskette_builder::inspect::vm::SeenMachine;
use diskette_builder::oci::attachments::Attachment;
use diskette_builder::oci::image_documents::PlatformImage;
use diskette_builder::sbom::inventory::Inventory;
use indicatif::HumanBytes;
use serde_json::Value;

use super::{InspectedImages, SeenImage};
use crate::ui::visible::visible_line;

/// Prefix of annotations about the base image; below, the prefix of those about the image's origin.
pub(super) const BASE: &str = "org.opencontainers.image.base.";
const PROVENANCE: &str = "org.opencontainers.image.";

/// Width of the column of names, in characters.
const NAMES: usize = 12;

/// Rows of names and values.
#[derive(Default)]
struct Table(String);

impl Table {
    fn heading(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(&visible_line(text));
        self.0.push('\n');
    }

    fn row(&mut self, name: &str, value: &str) {
        self.0.extend([&format!("  {name:NAMES$}"), &visible_line(value), "\n"]);
    }
}

/// Returns an image as text.
pub(super) fn image_text(seen: &InspectedImages) -> String {
    let root = &seen.documents.root;
    let mut table = Table::default();
    table.heading(&seen.name);
    table.row("digest", &root.digest.to_string());
    table.row("type", root.media_type.as_ref());
    if seen.documents.images.first().is_none_or(|image| image.manifest.digest != root.digest) {
        annotation_rows(&seen.documents.annotations, &mut table);
    }
    match seen.attestations() {
        0 => {}
        count => table.row("attested", &format!("{count} entries say something of others")),
    }
    for attachment in &seen.attachments {
        let Attachment { subject, digest, tag, artifact_type } = attachment;
        let kind = tag.as_ref().map_or(&artifact_type[..], |tag| tag.as_str());
        let kind = tag.as_ref().and_then(|_| kind.rsplit_once('.')).map_or(kind, |(_, it)| it);
        let kind = if kind.is_empty() { "artifact" } else { kind };
        table.row("attached", &format!("{kind} of {subject}  {digest}"));
    }
    for (image, seen) in seen.images() {
        platform_rows(image, seen, &mut table);
    }
    table.0
}

/// Returns a disk as text.
pub(super) fn disk_text(name: &str, info: &DiskInfo, inventory: Option<&Inventory>) -> String {
    let mut table = Table::default();
    table.heading(name);
    info_rows(info, &mut table);
    system_row(inventory, &mut table);
    for flaw in &info.flaws {
        table.row("flaw", &flaw.to_string());
    }
    table.0
}

fn platform_rows(image: &PlatformImage, seen: &SeenImage, table: &mut Table) {
    let SeenImage { overview, inventory } = seen;
    let name = image.platform().map_or_else(|| "no platform".to_owned(), |name| name.to_string());
    table.heading(&name);
    table.row("manifest", &image.manifest.digest.to_string());
    let created = image.config_fields.get("created").and_then(Value::as_str);
    let created = created.map_or_else(String::new, |time| format!("  created {time}"));
    table.row("config", &format!("{}{created}", image.config_descriptor.digest));
    match (&overview.disk, &overview.machine) {
        (_, Some(machine)) => machine_rows(machine, table),
        (Some(disk), None) => disk_rows(disk, table),
        (None, None) => {
            table.row(
                "disk",
                &format!("not seen in the first {} of its layers", HumanBytes(LAYER_START_LEN)),
            );
        }
    }
    system_row(inventory.as_ref(), table);
    for (number, layer) in image.layers.iter().enumerate() {
        let compressed = overview.compressions.get(number).copied();
        let compressed = match compressed.unwrap_or(SeenCompression::NotRead) {
            SeenCompression::NotRead => "not looked into",
            SeenCompression::None => "not compressed",
            seen @ SeenCompression::Format(_) => compression_word(seen).unwrap_or_default(),
        };
        let size = HumanBytes(layer.size).to_string();
        let ratio = ratio(overview.disk.as_ref().filter(|disk| disk.layer == number), layer.size);
        table.row("layer", &format!("{}  {size:>10}  {compressed}{ratio}", layer.digest));
    }
    for (key, value) in &overview.labels {
        table.row("label", &format!("{key}={value}"));
    }
    annotation_rows(&image.annotations, table);
    for problem in &overview.problems {
        table.row("problem", problem);
    }
    for finding in &overview.findings {
        let severity = finding.rule.severity.to_string();
        table.row(&severity, &format!("{}: {finding}", finding.rule.id));
    }
}

fn machine_rows(machine: &SeenMachine, table: &mut Table) {
    table.row("machine", &machine.to_string());
    for disk in &machine.disks {
        let size =
            disk.size.map_or_else(|| "unknown size".into(), |size| HumanBytes(size).to_string());
        table.row("disk", &format!("{}, {size}", disk.label()));
    }
}

fn disk_rows(disk: &SeenDisk, table: &mut Table) {
    table.row(
        "disk",
        &match &disk.entry {
            Some(entry) => {
                format!("/{}  {:04o} {}:{}", disk.path, entry.mode, entry.uid, entry.gid)
            }
            None => disk.path.clone(),
        },
    );
    info_rows(&disk.info, table);
}

/// Adds the operating system and the number of packages.
fn system_row(inventory: Option<&Inventory>, table: &mut Table) {
    if let Some(inventory) = inventory {
        table.row("system", &inventory.summary());
    }
}

fn info_rows(info: &DiskInfo, table: &mut Table) {
    table.row("format", &format(info));
    let allocated = info.allocated.map(|len| format!(", {} of it with data", HumanBytes(len)));
    let size = HumanBytes(info.virtual_size);
    table.row("size", &format!("{size}{}", allocated.unwrap_or_default()));
    table.row("file", &HumanBytes(info.file_size).to_string());
    if let Some(partitions) = info.partitions {
        table.row("partitions", partitions);
    }
    if !info.boot.is_empty() {
        table.row("boots", &info.boot.join(", "));
    }
}

fn format(info: &DiskInfo) -> String {
    match info.cluster_compression {
        Some(compression) => format!("{}, {compression}", info.format),
        None => info.format.to_string(),
    }
}

/// Returns the size of the layer in relation to the disk's file.
fn ratio(disk: Option<&SeenDisk>, layer: u64) -> String {
    let Some(file) = disk.map(|disk| disk.info.file_size).filter(|size| *size > 0) else {
        return String::new();
    };
    let percent = u128::from(layer) * 1000 / u128::from(file);
    format!("  {}.{} % of the disk's file", percent / 10, percent % 10)
}

fn annotation_rows(all: &BTreeMap<String, String>, table: &mut Table) {
    for (key, text) in all {
        match (key.strip_prefix(BASE), key.strip_prefix(PROVENANCE)) {
            (Some(_), _) => table.row("base", text),
            (None, Some(name)) => table.row("annotation", &format!("{name}: {text}")),
            _ => table.row("annotation", &format!("{key}: {text}")),
        }
    }
}

/// Returns the word for a layer's compression, if it was detected.
pub(super) fn compression_word(compressed: SeenCompression) -> Option<&'static str> {
    match compressed {
        SeenCompression::NotRead => None,
        SeenCompression::None => Some("none"),
        SeenCompression::Format(CompressionFormat::Gzip) => Some("gzip"),
        SeenCompression::Format(CompressionFormat::Xz) => Some("xz"),
        SeenCompression::Format(CompressionFormat::Zstd) => Some("zstd"),
        SeenCompression::Format(CompressionFormat::Bzip2) => Some("bzip2"),
    }
}
